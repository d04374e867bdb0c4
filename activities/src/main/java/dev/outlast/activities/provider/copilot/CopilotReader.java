package dev.outlast.activities.provider.copilot;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.AccountFacts;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.PlainErrors;
import dev.outlast.activities.provider.RecordedError;
import dev.outlast.activities.provider.Records;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.activities.provider.ToolNames;
import dev.outlast.activities.provider.copilot.CopilotErrors.Reported;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Reads the events of Copilot CLI (version 1.0.102 and issues of 1.0.x). Only {@code
 * session.error}, together with the {@code model.call_failure} before it, can make a limit, and in
 * text mode what the CLI itself prints on standard error: {@code session.info} and {@code
 * session.warning} tell of what it goes on after.
 */
final class CopilotReader implements OutputReader {

  private static final int MAX_TAIL = 64 * 1024;
  private static final int MAX_HINT = 1_000;
  private static final int MAX_STATUS = 999;
  private static final String SESSION_ERROR = "stdout session.error";
  private static final String CALL_FAILURE = "stdout model.call_failure";
  private static final String STDERR = "stderr";

  private static final Pattern RESUME_HINT =
      Pattern.compile("\\bcopilot --resume[= ]([A-Za-z0-9][A-Za-z0-9-]{7,})");

  /** In text mode the service's words come alone or after a mark and "Execution failed: ". */
  private static final Pattern OWN_LINE =
      Pattern.compile(
          "^\\W{0,4}(?:(?:Error|Execution failed|Model call failed): ){0,3}"
              + "((?:4\\d\\d |(?:Sorry, )?[Yy]ou(?:['\u2019]ve)? )\\S.*)");

  private final CopilotErrors errors;
  private final Surroundings host;
  private final SessionId calledWith;
  private final Records records = new Records(this::settled, this::record);
  private final LineTail stderr = new LineTail(MAX_TAIL);

  private SessionId session;
  private String agentVersion;
  private boolean taken;
  private boolean progressed;
  private String lastTool;
  private ItemKind lastItem;
  private String answer = "";
  private TokenUsage usageTokens = TokenUsage.NONE;
  private TokenUsage messageTokens = TokenUsage.NONE;
  private Reported failure;
  private Conclusion error;
  private boolean wentOn;
  private boolean aborted;
  private Integer resultExit;
  private Long contextTokens;
  private AccountFacts account = AccountFacts.NONE;

  /**
   * @param session that the call is made with, as the output names it only at its end; null if that
   *     is not known
   */
  CopilotReader(CopilotErrors errors, Surroundings host, SessionId session) {
    this.errors = errors;
    this.host = host;
    this.calledWith = session;
  }

  @Override
  public void stdout(OutputLine line, Instant readAt) {
    records.line(line, readAt);
  }

  @Override
  public void stderr(OutputLine line, Instant readAt) {
    stderr.add(line, readAt);
    // A character has four bytes at most.
    Matcher hint = RESUME_HINT.matcher(PlainText.head(line.head(4 * MAX_HINT), MAX_HINT));
    if (hint.find() && SessionId.valid(hint.group(1))) {
      session = new SessionId(hint.group(1));
    }
  }

  /** The pieces of answers, and what tools print, are most of the output. */
  private boolean settled(String type) {
    return switch (type) {
      case "assistant.message_delta" -> taken && progressed;
      case "assistant.reasoning_delta" -> taken && progressed && lastItem == ItemKind.REASONING;
      case "tool.execution_complete", "tool.execution_partial_result" -> true;
      default -> false;
    };
  }

  private void record(JsonNode node, Instant readAt) {
    JsonNode data = node.path("data");
    String type = Json.text(node, "type");
    // A subagent's events name the tool call that they belong to.
    boolean own =
        Json.text(data, "parentToolCallId").isEmpty() && Json.text(node, "agentId").isEmpty();
    taken |=
        type.equals("user.message") || type.startsWith("assistant.") || type.startsWith("model.");
    switch (type) {
      case "session.start", "session.resume" ->
          Json.session(data, "sessionId").ifPresent(id -> session = id);
      case "user.message", "assistant.turn_start", "model.call_start" ->
          wentOn |= own && error != null;
      case "assistant.message" -> message(data, own);
      case "assistant.message_delta" -> progressed = true;
      case "assistant.reasoning", "assistant.reasoning_delta" -> {
        progressed = true;
        lastItem = ItemKind.REASONING;
      }
      // Ended from outside, it exits as after a good end.
      case "abort" -> aborted |= own;
      case "assistant.usage" -> usageTokens = usageTokens.plus(SessionEvents.usage(data));
      case "session.quota_observation" ->
          account = QuotaState.read(data.path("observation")).addedTo(account);
      case "tool.execution_start" -> {
        progressed = true;
        lastTool = ToolNames.shown(Json.text(data, "toolName"));
        lastItem = ToolNames.kind(lastTool);
      }
      case "model.call_failure" -> {
        if (own) {
          failure = failure(data, readAt);
        }
      }
      case "session.error" -> {
        if (own) {
          error(errors.conclude(sessionError(data, readAt)));
        }
      }
      case "result" -> {
        Json.session(node, "sessionId").ifPresent(id -> session = id);
        resultExit = node.path("exitCode").asInt(1);
      }
      default -> {
        // Events of newer versions, and those that say nothing that is needed here.
      }
    }
  }

  /** A limit stays why the turn ended where an error that says nothing follows at once. */
  private void error(Conclusion next) {
    boolean aftermath =
        next instanceof Conclusion.Failed && error instanceof Conclusion.Limited && !wentOn;
    error = aftermath ? error : next;
  }

  private void message(JsonNode data, boolean own) {
    String text = Json.text(data, "content");
    if (text.isBlank() && data.path("toolRequests").isEmpty()) {
      return;
    }
    progressed = true;
    messageTokens =
        messageTokens.plus(new TokenUsage(0, Json.count(data, "outputTokens"), 0, 0, 0));
    if (own) {
      lastItem = ItemKind.MESSAGE;
      answer = text.isBlank() ? answer : PlainText.head(text, MAX_TAIL);
      failure = null;
      error = null;
      wentOn = false;
      aborted = false;
    }
  }

  /** A request that failed, with the service's own answer in JSON or in words. */
  private static Reported failure(JsonNode data, Instant readAt) {
    String raw = PlainText.head(Json.text(data, "errorMessage"), CopilotErrors.MAX_TEXT);
    JsonNode body = Json.read(raw);
    String words =
        body.isMissingNode()
            ? raw
            : RecordedError.of(Json.read("{\"error\":" + body + "}")).orElse(raw);
    return new Reported(
        "",
        words,
        "",
        Stream.of(
                Json.text(data, "errorCode"),
                Json.text(body, "code"),
                Json.text(data, "errorType"),
                Json.text(body, "type"))
            .toList(),
        status(data),
        readAt,
        CALL_FAILURE);
  }

  private Reported sessionError(JsonNode data, Instant readAt) {
    int status = status(data);
    boolean same = failure != null && (status == 0 || status == failure.status());
    List<String> codes =
        new ArrayList<>(List.of(Json.text(data, "errorCode"), Json.text(data, "code")));
    if (same) {
      codes.addAll(failure.codes());
    }
    return new Reported(
        Json.text(data, "errorType"),
        PlainText.head(Json.text(data, "message"), CopilotErrors.MAX_TEXT),
        same ? failure.text() : "",
        codes,
        status,
        readAt,
        SESSION_ERROR);
  }

  private static int status(JsonNode data) {
    return (int) Math.min(MAX_STATUS, Json.count(data, "statusCode"));
  }

  /** Whether it has begun anew after an error that says that it cannot go on. */
  @Override
  public boolean sitsOutLimit(Instant now) {
    return wentOn && error instanceof Conclusion.Limited;
  }

  @Override
  public boolean mayBeLimited(Instant now) {
    return error instanceof Conclusion.Limited;
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
        usageTokens.equals(TokenUsage.NONE) ? messageTokens : usageTokens,
        0,
        false,
        contextTokens);
  }

  @Override
  public AccountFacts account() {
    return account;
  }

  /** Reads the session's file too, as the output tells neither tokens nor the version. */
  @Override
  public Conclusion conclude(int exitCode, Instant now) {
    SessionId used = session == null ? calledWith : session;
    if (taken && used != null) {
      SessionEvents.of(host, used).ifPresent(this::told);
    }
    return concludeFromOutput(exitCode);
  }

  private void told(SessionEvents events) {
    usageTokens = events.tokens().equals(TokenUsage.NONE) ? usageTokens : events.tokens();
    agentVersion = events.agentVersion().orElse(null);
    contextTokens = events.contextTokens().orElse(null);
  }

  private Conclusion concludeFromOutput(int exitCode) {
    if (!aborted && resultExit != null && resultExit == 0 && (exitCode == 0 || error == null)) {
      return new Conclusion.Completed(
          new Basis("copilot/result", "exitCode 0", "stdout result"), answer);
    }
    if (exitCode == 0 && resultExit == null && error == null) {
      String text = records.any() ? answer : records.plain().text();
      if (!text.isBlank()) {
        return new Conclusion.Completed(new Basis("exit-0", "", "exit code"), text);
      }
    }
    if (error != null) {
      return error;
    }
    boolean byItself = exitCode < PlainErrors.SIGNALLED;
    return unfinished()
        .or(() -> fromStderr())
        .or(() -> byItself && !records.any() ? fromPlain() : Optional.empty())
        .orElseGet(() -> PlainErrors.failed(exitCode, stderr, records.plain()));
  }

  /** The limit of a request that failed, where the process was ended before it told of it. */
  private Optional<Conclusion> unfinished() {
    return Optional.ofNullable(failure)
        .filter(refused -> resultExit == null || aborted)
        .map(errors::conclude)
        .filter(Conclusion.Limited.class::isInstance);
  }

  private Optional<Conclusion> fromStderr() {
    PlainErrors plain = new PlainErrors(errors.patterns(), errors.zone());
    return plain
        .pattern(stderr, PlainErrors.LINES, STDERR)
        .or(() -> ownLine())
        .or(() -> plain.words(stderr, PlainErrors.LINES, STDERR));
  }

  /** What the service said, in text mode, which may be a limit in words that only it uses. */
  private Optional<Conclusion> ownLine() {
    return stderr.lastFirst().stream()
        .limit(PlainErrors.LINES)
        .map(line -> own(line))
        .flatMap(Optional::stream)
        .map(errors::conclude)
        .filter(said -> !(said instanceof Conclusion.Failed))
        .findFirst();
  }

  private static Optional<Reported> own(LineTail.Line line) {
    return Optional.of(OWN_LINE.matcher(line.text()))
        .filter(Matcher::matches)
        .map(own -> new Reported("", own.group(1), "", List.of(), 0, line.readAt(), STDERR));
  }

  private Optional<Conclusion> fromPlain() {
    PlainErrors plain = new PlainErrors(errors.patterns(), errors.zone());
    return plain.patternOrWords(records.plain(), 1, "stdout");
  }
}
