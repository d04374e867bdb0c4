package dev.outlast.activities.provider.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.detect.ErrorWording.Meaning;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LimitPatterns;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.UsageLimit;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads Claude Code's output in all three formats. Only error channels can make a limit: the failed
 * {@code result}, the CLI's own {@code assistant} records (model {@code <synthetic>}), and, where
 * there is no result, standard error and the plain text of a failed end. What the model or a tool
 * says counts as progress and nothing else.
 */
final class ClaudeReader implements OutputReader {

  private static final int MAX_TAIL = 64 * 1024;
  private static final int MAX_ERROR = 8_000;

  /** A plain line longer than this is prose, not an error message of the CLI. */
  private static final int MAX_MESSAGE_LINE = 600;

  private static final int MAX_TOOL_NAME = 80;

  private final LimitPatterns patterns;
  private final ZoneId zone;
  private final LineTail stderr = new LineTail(MAX_TAIL);
  private final LineTail plain = new LineTail(MAX_TAIL);

  private SessionId session;
  private String agentVersion;
  private boolean taken;
  private boolean progressed;
  private String lastTool;
  private boolean json;
  private RateLimit rateLimit;
  private String answer = "";
  private String tokensOf = "";
  private TokenUsage earlierTokens = TokenUsage.NONE;
  private TokenUsage currentTokens = TokenUsage.NONE;
  private TokenUsage totalTokens;
  private double costUsd;
  private ErrorRecord assistantError;
  private Result result;

  /** What a record says about an error. */
  private record ErrorRecord(
      String text, String error, String apiError, int status, RateLimit limit, Instant readAt) {}

  /** The last result. */
  private record Result(
      boolean failed, String subtype, String stopReason, String text, ErrorRecord error) {}

  ClaudeReader(LimitPatterns patterns, ZoneId zone) {
    this.patterns = patterns;
    this.zone = zone;
  }

  @Override
  public void stdout(OutputLine line, Instant readAt) {
    JsonNode node = Json.read(line);
    if (node.isMissingNode()) {
      json |= line.cut() && Json.beginsAsJson(line.bytes());
      if (!Json.beginsAsJson(line.bytes())) {
        plain.add(line, readAt);
      }
    } else if (node.isArray()) {
      // The format "json" with --verbose is all records in one array.
      node.forEach(element -> record(element, readAt));
    } else {
      record(node, readAt);
    }
  }

  @Override
  public void stderr(OutputLine line, Instant readAt) {
    stderr.add(line, readAt);
  }

  private void record(JsonNode node, Instant readAt) {
    json = true;
    // A subagent's records name the tool call that they belong to.
    boolean own = !node.path("parent_tool_use_id").isTextual();
    if (own) {
      Json.session(node, "session_id").ifPresent(id -> session = id);
    }
    switch (Json.text(node, "type")) {
      case "system" -> system(node);
      case "assistant" -> assistant(node, own, readAt);
      case "user" -> {
        taken = true;
        progressed |= hasContent(node, "tool_result");
      }
      case "stream_event" -> taken = true;
      case "rate_limit_event" -> {
        taken = true;
        rateLimit = new RateLimit(node.path("rate_limit_info"));
      }
      case "result" -> result(node, readAt);
      default -> {
        // Records of newer versions, and those that say nothing that is needed here.
      }
    }
  }

  private void system(JsonNode node) {
    switch (Json.text(node, "subtype")) {
      case "init" -> {
        String version = Json.text(node, "claude_code_version");
        if (!version.isBlank()) {
          agentVersion = PlainText.head(PlainText.clean(version), MAX_TOOL_NAME);
        }
      }
      case "api_retry", "compact_boundary" -> taken = true;
      default -> {
        // Hooks, status and the like.
      }
    }
  }

  private void assistant(JsonNode node, boolean own, Instant readAt) {
    taken = true;
    JsonNode message = node.path("message");
    StringBuilder text = new StringBuilder();
    for (JsonNode part : message.path("content")) {
      if (Json.text(part, "type").equals("text") && text.length() < MAX_TAIL) {
        text.append(Json.text(part, "text"));
      } else if (Json.text(part, "type").equals("tool_use")) {
        lastTool = PlainText.head(PlainText.clean(Json.text(part, "name")), MAX_TOOL_NAME);
      }
    }
    boolean synthetic =
        Json.text(message, "model").equals("<synthetic>")
            || node.path("is_api_error_message").asBoolean(false)
            || !Json.text(node, "error").isEmpty();
    if (synthetic) {
      if (own) {
        assistantError = errorRecord(node, text.toString(), readAt);
      }
      return;
    }
    progressed = true;
    if (own) {
      assistantError = null;
      if (!text.isEmpty()) {
        answer = PlainText.head(text.toString(), MAX_TAIL);
      }
    }
    countTokens(Json.text(message, "id"), tokens(message.path("usage")));
  }

  /** One message of the model may come in several records, each with its usage so far. */
  private void countTokens(String message, TokenUsage usage) {
    if (!message.equals(tokensOf)) {
      earlierTokens = earlierTokens.plus(currentTokens);
      tokensOf = message;
    }
    currentTokens = usage;
  }

  private void result(JsonNode node, Instant readAt) {
    List<String> errors = new ArrayList<>();
    node.path("errors").forEach(error -> errors.add(error.asText()));
    String text = Json.text(node, "result");
    String subtype = Json.text(node, "subtype");
    boolean failed = node.path("is_error").asBoolean(false) || subtype.startsWith("error");
    String errorText = String.join("\n", errors);
    ErrorRecord error =
        errorRecord(node, text.isBlank() ? errorText : text + "\n" + errorText, readAt);
    result = new Result(failed, subtype, Json.text(node, "stop_reason"), text, error);
    taken |= !errorText.contains("No conversation found");
    if (node.path("usage").isObject()) {
      totalTokens = tokens(node.path("usage"));
    }
    double cost = node.path("total_cost_usd").asDouble(0);
    if (Double.isFinite(cost) && cost > 0) {
      costUsd = Math.max(costUsd, cost);
    }
  }

  private static ErrorRecord errorRecord(JsonNode node, String text, Instant readAt) {
    JsonNode limit = node.path("api_error_params").path("rate_limit_info");
    return new ErrorRecord(
        PlainText.head(text, MAX_ERROR).strip(),
        Json.text(node, "error"),
        Json.text(node, "api_error"),
        (int) Math.min(Json.count(node, "api_error_status"), 999),
        limit.isObject() ? new RateLimit(limit) : null,
        readAt);
  }

  private static boolean hasContent(JsonNode node, String type) {
    for (JsonNode part : node.path("message").path("content")) {
      if (Json.text(part, "type").equals(type)) {
        return true;
      }
    }
    return false;
  }

  private static TokenUsage tokens(JsonNode usage) {
    return new TokenUsage(
        Json.count(usage, "input_tokens"),
        Json.count(usage, "output_tokens"),
        Json.count(usage.path("output_tokens_details"), "thinking_tokens"),
        Json.count(usage, "cache_read_input_tokens"),
        Json.count(usage, "cache_creation_input_tokens"));
  }

  @Override
  public CallFacts facts() {
    return new CallFacts(
        session,
        agentVersion,
        taken,
        progressed,
        lastTool,
        totalTokens == null ? earlierTokens.plus(currentTokens) : totalTokens,
        costUsd,
        rateLimit != null && rateLimit.usingOverage());
  }

  @Override
  public Conclusion conclude(int exitCode, Instant now) {
    if (result != null) {
      if (result.failed()) {
        return failedResult();
      }
      Optional<Conclusion> told = limitThatCallsItselfSuccess();
      if (told.isPresent()) {
        return told.get();
      }
      return result.stopReason().equals("refusal")
          ? new Conclusion.Stopped(
              new Basis("claude/refusal", result.text(), "stdout result"), StopReason.REFUSED)
          : new Conclusion.Completed(
              new Basis("claude/result", "subtype " + result.subtype(), "stdout result"),
              result.text().isEmpty() ? answer : result.text());
    }
    if (exitCode == 0 && !json) {
      return new Conclusion.Completed(new Basis("exit-0", "", "exit code"), plain.text());
    }
    if (exitCode == 0 && assistantError == null && !answer.isEmpty()) {
      return new Conclusion.Completed(
          new Basis("claude/answer", "the result could not be read", "stdout assistant"), answer);
    }
    return failedWithoutResult(exitCode);
  }

  /** The CLI's own record of a limit, repeated by a result that does not say that it failed. */
  private Optional<Conclusion> limitThatCallsItselfSuccess() {
    return Optional.ofNullable(assistantError)
        .filter(error -> !error.text().isBlank() && error.text().equals(result.text().strip()))
        .map(error -> fromError(error, "stdout assistant"))
        .filter(Conclusion.Limited.class::isInstance);
  }

  private Conclusion failedResult() {
    if (result.subtype().equals("error_max_turns")) {
      return stopped("claude/error_max_turns", StopReason.MAX_TURNS);
    }
    if (result.subtype().startsWith("error_max_budget")) {
      return stopped("claude/" + result.subtype(), StopReason.CREDIT);
    }
    ErrorRecord error = result.error();
    if (assistantError != null) {
      ErrorRecord told = assistantError;
      error =
          new ErrorRecord(
              error.text().isBlank() ? told.text() : error.text(),
              error.error().isEmpty() ? told.error() : error.error(),
              error.apiError().isEmpty() ? told.apiError() : error.apiError(),
              error.status() == 0 ? told.status() : error.status(),
              error.limit() == null ? told.limit() : error.limit(),
              told.text().isBlank() ? error.readAt() : told.readAt());
    }
    if (error.text().isBlank()) {
      Conclusion fromStderr = fromLines(stderr, "stderr");
      if (!(fromStderr instanceof Conclusion.Failed)) {
        return fromStderr;
      }
    }
    return fromError(error, "stdout result");
  }

  private Conclusion stopped(String rule, StopReason reason) {
    return new Conclusion.Stopped(new Basis(rule, result.error().text(), "stdout result"), reason);
  }

  private Conclusion failedWithoutResult(int exitCode) {
    if (assistantError != null) {
      return fromError(assistantError, "stdout assistant");
    }
    List<LineTail> channels = json ? List.of(stderr) : List.of(plain, stderr);
    for (LineTail lines : channels) {
      Conclusion conclusion = fromLines(lines, lines == stderr ? "stderr" : "stdout");
      if (!(conclusion instanceof Conclusion.Failed)) {
        return conclusion;
      }
    }
    String words = stderr.text().isEmpty() ? plain.text() : stderr.text();
    return new Conclusion.Failed(
        new Basis(
            "exit-code",
            "exit code " + exitCode + (words.isEmpty() ? "" : "; " + PlainText.tail(words, 1_000)),
            "exit code"));
  }

  /** What the last lines of plain text say, the very last first. */
  private Conclusion fromLines(LineTail tail, String channel) {
    List<LineTail.Line> lines =
        tail.lastFirst().stream()
            .filter(line -> line.text().length() <= MAX_MESSAGE_LINE)
            .limit(tail == plain ? 1 : 5)
            .toList();
    Optional<Conclusion> pattern = patterns.find(lines, zone, channel);
    if (pattern.isPresent()) {
      return pattern.get();
    }
    for (LineTail.Line line : lines) {
      ErrorWording.Reading reading = ErrorWording.read(line.text(), line.readAt(), zone);
      if (reading.meaning() != Meaning.OTHER) {
        return Conclusion.ofWords(reading, line.text(), channel);
      }
    }
    return new Conclusion.Failed(new Basis("exit-code", tail.text(), channel));
  }

  private Conclusion fromError(ErrorRecord error, String channel) {
    ErrorWording.Reading reading = ErrorWording.read(error.text(), error.readAt(), zone);
    Meaning meaning = reading.meaning();
    if (error.apiError().equals("usage_limit_reached")
        && meaning != Meaning.CREDIT
        && meaning != Meaning.PLAN) {
      return limited("claude/usage_limit_reached", error, reading, channel);
    }
    RateLimit limit = rateLimit == null ? error.limit() : rateLimit;
    boolean otherCause =
        meaning == Meaning.THROTTLE
            || meaning == Meaning.CONTEXT
            || meaning == Meaning.REFUSED
            || meaning == Meaning.AUTH
            || meaning == Meaning.SESSION_UNKNOWN
            || (error.status() != 0 && error.status() != 429)
            || error.error().equals("billing_error");
    if (limit != null
        && limit.rejected()
        && !otherCause
        && limit.reset().isPresent()
        && (error.status() == 429
            || error.error().equals("rate_limit")
            || error.apiError().equals("usage_limit_reached")
            || reading.meaning() != Meaning.OTHER)) {
      return limited("claude/rate_limit_event", error, reading, channel);
    }
    Optional<Conclusion> pattern =
        patterns.find(
            List.of(new LineTail.Line(PlainText.clean(error.text()), error.readAt())),
            zone,
            channel);
    if (pattern.isPresent()) {
      return pattern.get();
    }
    return switch (meaning) {
      case OTHER -> byStatus(error, channel);
      case LIMIT, PERHAPS_LIMIT ->
          reading.reset() == null && contradicted(error)
              ? byStatus(error, channel)
              : Conclusion.ofWords(reading, error.text(), channel);
      default -> Conclusion.ofWords(reading, error.text(), channel);
    };
  }

  /**
   * Whether the CLI's own fields say that an error was no limit, as its words do not tell when it
   * ends.
   */
  private static boolean contradicted(ErrorRecord error) {
    return (error.status() != 0
            && error.status() != 429
            && error.status() != 402
            && error.status() != 403)
        || error.error().equals("billing_error")
        || error.error().equals("authentication_failed")
        || error.error().equals("invalid_request");
  }

  private static Conclusion byStatus(ErrorRecord error, String channel) {
    Basis basis =
        new Basis(
            "claude/status-" + error.status(),
            (error.error() + " " + error.text()).strip(),
            channel);
    if (error.error().equals("authentication_failed")
        || error.status() == 401
        || error.status() == 403) {
      return new Conclusion.Stopped(basis, StopReason.AUTH);
    }
    if (error.error().equals("billing_error") || error.status() == 402) {
      return new Conclusion.Stopped(basis, StopReason.BILLING);
    }
    return error.status() == 429 || error.status() == 529 || error.status() == 503
        ? new Conclusion.Throttled(basis)
        : new Conclusion.Failed(basis);
  }

  /**
   * A limit that a typed fact has shown. Times come from the last record of the account's windows
   * if that is a rejection, and else from the words.
   */
  private Conclusion limited(
      String rule, ErrorRecord error, ErrorWording.Reading reading, String channel) {
    RateLimit limit = rateLimit == null ? error.limit() : rateLimit;
    LimitScope said = ErrorWording.scope(error.text());
    Optional<RateLimit.Reset> reset =
        Optional.ofNullable(limit).filter(RateLimit::rejected).flatMap(RateLimit::reset);
    Basis basis =
        new Basis(
            rule,
            error.text() + (reset.isPresent() ? " " + limit.info() : ""),
            reset.isPresent() ? channel + ", rate_limit_event" : channel);
    if (reset.isPresent()) {
      LimitScope scope = reset.get().scope();
      return new Conclusion.Limited(
          basis,
          scope == LimitScope.UNKNOWN ? said : scope,
          reset.get().time(),
          reset.get().setBy());
    }
    LimitScope scope = limit != null && limit.rejected() ? limit.scope() : LimitScope.UNKNOWN;
    return new Conclusion.Limited(
        basis,
        scope == LimitScope.UNKNOWN ? said : scope,
        dev.outlast.activities.detect.ResetReader.read(error.text(), error.readAt(), zone)
            .orElse(reading.reset()),
        UsageLimit.SetBy.WINDOW);
  }
}
