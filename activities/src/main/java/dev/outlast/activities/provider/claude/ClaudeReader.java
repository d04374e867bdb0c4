package dev.outlast.activities.provider.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.AccountFacts;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LimitPatterns;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.PlainErrors;
import dev.outlast.activities.provider.Records;
import dev.outlast.activities.provider.ToolNames;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
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
  private static final String RESULT = "stdout result";

  private final LimitPatterns patterns;
  private final ZoneId zone;
  private final boolean runsBudget;
  private final SessionCost sessionCost;
  private final LineTail stderr = new LineTail(MAX_TAIL);
  private final Records records = new Records(this::settled, this::record);

  private SessionId session;
  private String agentVersion;
  private boolean taken;
  private boolean progressed;
  private String lastTool;
  private ItemKind lastItem;
  private RateLimit rateLimit;
  private AccountFacts account = AccountFacts.NONE;
  private boolean answeredSinceEvent;
  private RateLimit overage;
  private String answer = "";
  private String tokensOf = "";
  private TokenUsage earlierTokens = TokenUsage.NONE;
  private TokenUsage currentTokens = TokenUsage.NONE;
  private TokenUsage totalTokens;
  private double costUsd;
  private Long contextTokens;
  private ErrorRecord assistantError;
  private Result result;

  /** How the last turn ended. */
  private record Result(boolean failed, String subtype, String text, ErrorRecord error) {}

  ClaudeReader(LimitPatterns patterns, ZoneId zone) {
    this(patterns, zone, false, SessionCost.UNKNOWN);
  }

  /**
   * @param runsBudget whether the budget that the program was given is the run's
   * @param sessionCost what the session had cost before
   */
  ClaudeReader(LimitPatterns patterns, ZoneId zone, boolean runsBudget, SessionCost sessionCost) {
    this.patterns = patterns;
    this.zone = zone;
    this.runsBudget = runsBudget;
    this.sessionCost = sessionCost;
  }

  @Override
  public void stdout(OutputLine line, Instant readAt) {
    records.line(line, readAt);
  }

  @Override
  public void stderr(OutputLine line, Instant readAt) {
    stderr.add(line, readAt);
  }

  /** What tools print, and the pieces of answers, are most of the output. */
  private boolean settled(String type) {
    return session != null
        && taken
        && switch (type) {
          case "user" -> progressed;
          case "stream_event" -> result == null;
          default -> false;
        };
  }

  private void record(JsonNode node, Instant readAt) {
    // A subagent's records name the tool call that they belong to.
    boolean own = !node.path("parent_tool_use_id").isTextual();
    String type = Json.text(node, "type");
    if (own && !settled(type)) {
      Json.session(node, "session_id").ifPresent(id -> session = id);
    }
    switch (type) {
      case "system" -> system(node, own);
      case "assistant" -> assistant(node, own, readAt);
      case "user" -> {
        taken = true;
        progressed |= hasContent(node, "tool_result");
      }
      case "stream_event" -> {
        taken = true;
        if (own && result != null) {
          newTurn();
        }
      }
      case "rate_limit_event" -> {
        taken = true;
        rateLimit(new RateLimit(node.path("rate_limit_info")), readAt);
      }
      case "result" -> result(node, readAt);
      default -> {
        // Records of newer versions, and those that say nothing that is needed here.
      }
    }
  }

  @Override
  public AccountFacts account() {
    return account;
  }

  private void rateLimit(RateLimit event, Instant readAt) {
    if (event.known()) {
      rateLimit = event;
      account = event.account(readAt);
      answeredSinceEvent = false;
      overage = event.usingOverage() ? event : overage;
    }
  }

  /** Forgets how the turn before has ended: one process may take several turns. */
  private void newTurn() {
    result = null;
    assistantError = null;
  }

  private void system(JsonNode node, boolean own) {
    switch (Json.text(node, "subtype")) {
      case "init" -> {
        if (own) {
          newTurn();
        }
        String version = Json.text(node, "claude_code_version");
        if (!version.isBlank()) {
          agentVersion = ToolNames.shown(version);
        }
      }
      case "api_retry" -> taken = true;
      case "compact_boundary" -> {
        taken = true;
        if (own) {
          // What it was before is not known any more to be true, whether or not it is told anew.
          long left = Json.count(node.path("compact_metadata"), "post_tokens");
          contextTokens = left == 0 ? null : left;
        }
      }
      default -> {
        // Hooks, status and the like.
      }
    }
  }

  private void assistant(JsonNode node, boolean own, Instant readAt) {
    taken = true;
    JsonNode message = node.path("message");
    StringBuilder text = new StringBuilder();
    text.append(PlainText.head(Json.text(message, "content"), MAX_TAIL));
    for (JsonNode part : message.path("content")) {
      switch (Json.text(part, "type")) {
        case "text" -> {
          lastItem = ItemKind.MESSAGE;
          if (text.length() < MAX_TAIL) {
            text.append(Json.text(part, "text"));
          }
        }
        case "thinking" -> lastItem = ItemKind.REASONING;
        case "tool_use" -> {
          lastTool = ToolNames.shown(Json.text(part, "name"));
          lastItem = ToolNames.kind(lastTool);
        }
        default -> {
          // Parts of newer versions.
        }
      }
    }
    boolean synthetic =
        Json.text(message, "model").equals("<synthetic>")
            || node.path("is_api_error_message").asBoolean(false)
            || !Json.text(node, "error").isEmpty();
    if (synthetic) {
      if (own) {
        newTurn();
        assistantError =
            ErrorRecord.of(node, Json.text(message, "stop_reason"), text.toString(), readAt);
      }
      return;
    }
    progressed = true;
    answeredSinceEvent = true;
    if (own) {
      newTurn();
      if (!text.isEmpty()) {
        answer = PlainText.head(text.toString(), MAX_TAIL);
      }
      context(tokens(message.path("usage")));
    }
    countTokens(Json.text(message, "id"), tokens(message.path("usage")));
  }

  /** What the model has read and written for its last message; that counts its thoughts too. */
  private void context(TokenUsage usage) {
    long all = usage.total() - usage.reasoning();
    contextTokens = all == 0 ? contextTokens : Long.valueOf(all);
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
    if (onlyNotifies(node)) {
      return;
    }
    List<String> errors = new ArrayList<>();
    node.path("errors")
        .forEach(
            error -> errors.add(error.isObject() ? Json.text(error, "message") : error.asText()));
    String text = Json.text(node, "result");
    String subtype = Json.text(node, "subtype");
    boolean failed = node.path("is_error").asBoolean(false) || subtype.startsWith("error");
    String errorText = String.join("\n", errors);
    ErrorRecord error =
        ErrorRecord.of(
            node,
            Json.text(node, "stop_reason"),
            text.isBlank() ? errorText : text + "\n" + errorText,
            readAt);
    result = new Result(failed, subtype, text, error);
    taken |=
        ErrorWording.read(errorText, readAt, zone).meaning()
            != ErrorWording.Meaning.SESSION_UNKNOWN;
    TokenUsage told = tokens(node.path("usage"));
    // An interrupted turn, and one whose budget is spent, is told as nothing.
    boolean nothing = told.total() == 0 && earlierTokens.plus(currentTokens).total() > 0;
    if (node.path("usage").isObject() && !nothing) {
      totalTokens = told;
    }
    double cost = node.path("total_cost_usd").asDouble(0);
    if (Double.isFinite(cost) && cost > 0) {
      costUsd = Math.max(costUsd, sessionCost.ofCall(cost));
    }
  }

  /** A resumed session first ends, without a turn, what its last process had left running. */
  private static boolean onlyNotifies(JsonNode result) {
    return Json.text(result.path("origin"), "kind").equals("task-notification")
        && Json.count(result, "num_turns") == 0;
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
        null,
        agentVersion,
        taken,
        progressed,
        lastTool,
        lastItem,
        totalTokens == null ? earlierTokens.plus(currentTokens) : totalTokens,
        costUsd,
        overage != null,
        contextTokens);
  }

  @Override
  public Optional<Conclusion.Limited> overage() {
    return Optional.ofNullable(overage)
        .map(
            event ->
                new Conclusion.Limited(
                    new Basis("claude/overage", event.info().toString(), "stdout rate_limit_event"),
                    event
                        .allowanceReset()
                        .map(RateLimit.Reset::scope)
                        .orElse(event.allowanceScope()),
                    event.allowanceReset().map(RateLimit.Reset::time).orElse(null),
                    UsageLimit.SetBy.WINDOW));
  }

  @Override
  public boolean mayBeLimited(Instant now) {
    boolean shut = rateLimit != null && rateLimit.shut() && !answeredSinceEvent;
    return result != null || assistantError != null || shut;
  }

  @Override
  public Conclusion conclude(int exitCode, Instant now) {
    ErrorVerdict verdict = new ErrorVerdict(patterns, zone, rateLimit, answeredSinceEvent);
    if (costUsd == 0) {
      costUsd = sessionCost.left(session);
    }
    if (result == null) {
      return withoutResult(verdict, exitCode);
    }
    if (result.failed() || (exitCode != 0 && result.error().usageLimit())) {
      return failedResult(verdict);
    }
    Optional<Conclusion> told = limitThatCallsItselfSuccess(verdict);
    if (told.isPresent()) {
      return told.get();
    }
    return result.error().refusal()
        ? verdict.of(result.error(), RESULT)
        : new Conclusion.Completed(
            new Basis("claude/result", "subtype " + result.subtype(), RESULT),
            result.text().isEmpty() ? answer : result.text());
  }

  /** The CLI's own record of a limit, repeated by a result that does not say that it failed. */
  private Optional<Conclusion> limitThatCallsItselfSuccess(ErrorVerdict verdict) {
    return Optional.ofNullable(assistantError)
        .filter(error -> !error.text().isBlank() && error.text().equals(result.text().strip()))
        .map(error -> verdict.of(error, "stdout assistant"))
        .filter(Conclusion.Limited.class::isInstance);
  }

  private Conclusion failedResult(ErrorVerdict verdict) {
    if (result.subtype().equals("error_max_turns")) {
      return stopped("claude/error_max_turns", StopReason.MAX_TURNS);
    }
    if (result.subtype().startsWith("error_max_budget")) {
      return stopped(
          "claude/" + result.subtype(), runsBudget ? StopReason.BUDGET : StopReason.CREDIT);
    }
    ErrorRecord error =
        assistantError == null ? result.error() : result.error().orElse(assistantError);
    if (error.text().isBlank()) {
      Optional<Conclusion> fromStderr = fromStderr();
      if (fromStderr.isPresent()) {
        return fromStderr.get();
      }
    }
    boolean prose = !answer.isBlank() && answer.strip().equals(result.text().strip());
    if (prose && assistantError == null && error.status() == 0 && !error.usageLimit()) {
      return new Conclusion.Failed(
          new Basis("claude/" + result.subtype(), "ended after the model's own words", RESULT));
    }
    return verdict.of(error, RESULT);
  }

  private Conclusion stopped(String rule, StopReason reason) {
    return new Conclusion.Stopped(new Basis(rule, result.error().text(), RESULT), reason);
  }

  private Conclusion withoutResult(ErrorVerdict verdict, int exitCode) {
    // The CLI exits with 0 also when it was interrupted; so only an answer is one.
    if (exitCode == 0 && !records.any() && !records.plain().text().isBlank()) {
      return new Conclusion.Completed(new Basis("exit-0", "", "exit code"), records.plain().text());
    }
    if (exitCode == 0 && records.cut() && assistantError == null && !answer.isEmpty()) {
      return new Conclusion.Completed(
          new Basis("claude/answer", "the result was too long to read", "stdout assistant"),
          answer);
    }
    if (assistantError != null) {
      return verdict.of(assistantError, "stdout assistant");
    }
    return verdict
        .withoutWords()
        .or(this::fromStderr)
        .or(
            () ->
                records.any() || exitCode >= PlainErrors.SIGNALLED ? Optional.empty() : fromPlain())
        .orElseGet(() -> PlainErrors.failed(exitCode, stderr, records.plain()));
  }

  /** After the model has spoken, standard error is as likely some other program's. */
  private Optional<Conclusion> fromStderr() {
    PlainErrors errors = new PlainErrors(patterns, zone);
    return errors
        .pattern(stderr, PlainErrors.LINES, "stderr")
        .or(
            () ->
                progressed ? Optional.empty() : errors.words(stderr, PlainErrors.LINES, "stderr"));
  }

  /** In the format "text" nothing but the answer, or the error, is printed. */
  private Optional<Conclusion> fromPlain() {
    return new PlainErrors(patterns, zone)
        .patternOrWords(records.plain(), PlainErrors.LINES, "stdout");
  }
}
