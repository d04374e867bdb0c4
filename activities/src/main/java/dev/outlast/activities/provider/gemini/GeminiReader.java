package dev.outlast.activities.provider.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
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
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Reads Gemini CLI's output in all three formats. Only its error channels can make a limit: the
 * failed {@code result}, an {@code error} of that severity, the error object of the format {@code
 * json}, and the CLI's own forms of standard error. What the model or a tool says counts as
 * progress and nothing else.
 */
final class GeminiReader implements OutputReader {

  private static final int MAX_TAIL = 64 * 1024;
  private static final String RESULT = "stdout result";
  private static final String STDOUT = "stdout";
  private static final String STDERR = "stderr";

  /** The types of the records of the format {@code stream-json}. */
  private static final Set<String> EVENTS =
      Set.of("init", "message", "tool_use", "tool_result", "error", "result");

  /** What the CLI's own errors say, by their class and by their exit code (version 0.61). */
  private static final Map<String, StopReason> FATAL_ERRORS =
      Map.of(
          "FatalAuthenticationError", StopReason.AUTH,
          "FatalInputError", StopReason.CONFIG,
          "FatalSandboxError", StopReason.CONFIG,
          "FatalConfigError", StopReason.CONFIG,
          "FatalTurnLimitedError", StopReason.MAX_TURNS,
          "FatalUntrustedWorkspaceError", StopReason.CONFIG);

  private static final Map<Integer, StopReason> EXIT_CODES =
      Map.of(
          41, StopReason.AUTH,
          42, StopReason.CONFIG,
          44, StopReason.CONFIG,
          52, StopReason.CONFIG,
          53, StopReason.MAX_TURNS,
          55, StopReason.CONFIG);

  private static final Pattern TURNS = Pattern.compile("(?i)\\bmax(?:imum)? session turns\\b");

  /** The HTTP statuses of errors, of which the exit code keeps the remainder of 256. */
  private static final int FIRST_STATUS = 400;

  private static final int LAST_STATUS = 511;
  private static final int BYTE = 256;

  private final LimitPatterns patterns;
  private final ZoneId zone;
  private final Optional<ChatFiles> chats;
  private final OwnLog log = new OwnLog((node, readAt) -> document(node, readAt, STDERR));
  private final PrettyJson pretty =
      new PrettyJson((node, readAt) -> document(node, readAt, STDOUT));
  private final LineTail plain = new LineTail(MAX_TAIL);
  private final StringBuilder answer = new StringBuilder();

  private SessionId session;
  private boolean events;
  private boolean progressed;
  private String lastTool;
  private ItemKind lastItem;
  private TokenUsage tokens = TokenUsage.NONE;
  private boolean succeeded;
  private Fault fault;
  private String documentAnswer;
  private Fault documentFault;
  private Long contextTokens;

  /**
   * An error that ended the call, or may have.
   *
   * @param type the CLI's name for the error; empty if it gives none
   */
  private record Fault(String type, String message, int status, Instant readAt, String channel) {}

  /**
   * @param chats where the CLI keeps its conversations; empty if that is not known
   */
  GeminiReader(LimitPatterns patterns, ZoneId zone, Optional<ChatFiles> chats) {
    this.patterns = patterns;
    this.zone = zone;
    this.chats = chats;
  }

  @Override
  public void stdout(OutputLine line, Instant readAt) {
    if (events && Records.settled(line, this::settled)) {
      return;
    }
    JsonNode node = Json.read(line);
    if (node.isObject() && EVENTS.contains(Json.text(node, "type"))) {
      events = true;
      event(node, readAt);
    } else if (node.isObject()) {
      document(node, readAt, STDOUT);
    } else if (!pretty.line(line, readAt) && !(line.cut() && Json.beginsAsJson(line.bytes()))) {
      plain.add(line, readAt);
    }
  }

  @Override
  public void stderr(OutputLine line, Instant readAt) {
    log.line(line, readAt);
  }

  /** What tools print is most of the output. */
  private boolean settled(String type) {
    return type.equals("tool_result") && progressed && fault == null && log.quiet();
  }

  private void event(JsonNode node, Instant readAt) {
    switch (Json.text(node, "type")) {
      case "init" -> Json.session(node, "session_id").ifPresent(id -> session = id);
      case "message" -> {
        if (!Json.text(node, "role").equals("user")) {
          message(node, readAt);
        }
      }
      case "tool_use" -> {
        lastTool = ToolNames.shown(Json.text(node, "tool_name"));
        lastItem = ToolNames.kind(lastTool);
        working(node, readAt);
        // What was said before a tool is no answer.
        answer.setLength(0);
      }
      case "tool_result" -> working(node, readAt);
      case "error" -> {
        if (!Json.text(node, "severity").equals("warning")) {
          fault = new Fault("", Json.text(node, "message"), 0, readAt, "stdout error");
        }
      }
      case "result" -> result(node, readAt);
      default -> {
        // Records of newer versions.
      }
    }
  }

  private void message(JsonNode node, Instant readAt) {
    working(node, readAt);
    lastItem = ItemKind.MESSAGE;
    if (!node.path("delta").asBoolean(false)) {
      answer.setLength(0);
    }
    if (answer.length() < MAX_TAIL) {
      answer.append(PlainText.head(Json.text(node, "content"), MAX_TAIL - answer.length()));
    }
  }

  private void working(JsonNode node, Instant readAt) {
    progressed = true;
    fault = null;
    log.answered(writtenAt(node, readAt));
  }

  /** When the CLI wrote an event, by its own clock, which is this host's. */
  private static Instant writtenAt(JsonNode node, Instant readAt) {
    try {
      return Instant.parse(Json.text(node, "timestamp"));
    } catch (DateTimeParseException without) {
      return readAt;
    }
  }

  private void result(JsonNode node, Instant readAt) {
    JsonNode stats = node.path("stats");
    if (stats.isObject()) {
      tokens = tokens(stats);
    }
    succeeded = Json.text(node, "status").equals("success");
    if (!succeeded) {
      JsonNode error = node.path("error");
      String words = error.isTextual() ? error.textValue() : Json.text(error, "message");
      if (!words.isEmpty() || fault == null) {
        fault = new Fault(Json.text(error, "type"), words, 0, readAt, RESULT);
      }
    }
  }

  /** The one object of the format {@code json}: an answer, or an error. */
  private void document(JsonNode node, Instant readAt, String channel) {
    boolean own = channel.equals(STDERR) || node.has("session_id") || node.has("stats");
    if (events || !own || !(node.has("response") || node.has("error"))) {
      // Some other program's, or what a model prints in the format "text".
      return;
    }
    Json.session(node, "session_id").ifPresent(id -> session = id);
    JsonNode error = node.path("error");
    if (error.isObject()) {
      documentFault =
          new Fault(
              Json.text(error, "type"),
              Json.text(error, "message"),
              httpStatus(error.path("code").asInt(0)),
              readAt,
              channel);
      return;
    }
    documentAnswer = PlainText.head(Json.text(node, "response"), MAX_TAIL);
    for (JsonNode model : node.path("stats").path("models")) {
      tokens = tokens.plus(tokensOfModel(model.path("tokens")));
    }
  }

  private static TokenUsage tokens(JsonNode stats) {
    long read = Json.count(stats, "input_tokens");
    long cached = Math.min(read, Json.count(stats, "cached"));
    long written = Json.count(stats, "output_tokens");
    // The events name no tokens of thoughts; they are in the total only.
    long thoughts = Math.max(0, Json.count(stats, "total_tokens") - read - written);
    return new TokenUsage(read - cached, written, thoughts, cached, 0);
  }

  private static TokenUsage tokensOfModel(JsonNode tokens) {
    long read = Json.count(tokens, "prompt");
    long cached = Math.min(read, Json.count(tokens, "cached"));
    return new TokenUsage(
        read - cached, Json.count(tokens, "candidates"), Json.count(tokens, "thoughts"), cached, 0);
  }

  @Override
  public boolean sitsOutLimit(Instant now) {
    return sleeping().filter(sleep -> now.isBefore(sleep.until())).isPresent();
  }

  /** A long sleep after which nothing has come. */
  private Optional<OwnLog.Sleep> sleeping() {
    return Optional.ofNullable(log.sleep())
        .filter(sleep -> sleep.isLong() && !succeeded && fault == null && documentFault == null);
  }

  @Override
  public boolean mayBeLimited(Instant now) {
    return fault != null || documentFault != null || sitsOutLimit(now);
  }

  @Override
  public CallFacts facts() {
    return new CallFacts(
        session,
        null,
        null,
        progressed || succeeded || documentAnswer != null,
        progressed || documentAnswer != null,
        lastTool,
        lastItem,
        tokens,
        0,
        false,
        contextTokens);
  }

  /** Reads the session's file too, as the output tells no more than sums over many requests. */
  @Override
  public Conclusion conclude(int exitCode, Instant now) {
    if (session != null) {
      contextTokens = chats.flatMap(files -> files.contextTokens(session)).orElse(null);
    }
    return concludeFromOutput(exitCode, now);
  }

  private Conclusion concludeFromOutput(int exitCode, Instant now) {
    if (succeeded) {
      if (fault != null && TURNS.matcher(fault.message()).find()) {
        return stopped("fatal", fault.message(), fault.channel(), StopReason.MAX_TURNS);
      }
      return new Conclusion.Completed(
          new Basis("gemini/result", "status success", RESULT), answer.toString());
    }
    // The CLI exits with 0 also when it is ended from outside, so with events only the record
    // counts.
    if (exitCode == 0 && !events && documentFault == null) {
      String text = documentAnswer == null ? plain.text() : documentAnswer;
      if (documentAnswer != null || !text.isBlank()) {
        return new Conclusion.Completed(new Basis("exit-0", "", "exit code"), text);
      }
    }
    if (log.sessionError() != null && !events) {
      return stopped("session", log.sessionError(), STDERR, StopReason.SESSION_UNKNOWN);
    }
    return sleeping()
        .map(this::sleptOut)
        .or(() -> fromFault(exitCode, now))
        .or(() -> fromReport(exitCode))
        .or(this::fromFatal)
        .or(this::fromRetry)
        .or(this::fromPlainErrors)
        .or(() -> fromExitCode(exitCode, now))
        .orElseGet(() -> PlainErrors.failed(exitCode, log.tail(), plain));
  }

  /** The quota's own reset, where the CLI tells it; else the end of its sleep. */
  private Conclusion sleptOut(OwnLog.Sleep sleep) {
    String message = ReportedFault.of(sleep.message(), 0).text();
    Optional<Conclusion> pattern =
        patterns.find(List.of(new LineTail.Line(message, sleep.readAt())), zone, STDERR);
    ResetTime reset =
        ResetReader.read(message, sleep.readAt(), zone)
            .filter(told -> told.latest().isAfter(sleep.readAt()))
            .orElseGet(() -> ResetTime.exactly(sleep.until()));
    LimitScope scope = FaultVerdict.scope(message);
    return pattern.orElseGet(
        () ->
            new Conclusion.Limited(
                new Basis("gemini/sleeps", message, STDERR),
                scope,
                reset,
                UsageLimit.SetBy.WINDOW));
  }

  private Optional<Conclusion> fromFault(int exitCode, Instant now) {
    return Optional.ofNullable(events ? fault : documentFault)
        .filter(last -> !last.message().isBlank())
        .map(last -> verdict(last, exitCode, now));
  }

  private Conclusion verdict(Fault fault, int exitCode, Instant now) {
    StopReason fatal =
        TURNS.matcher(fault.message()).find()
            ? StopReason.MAX_TURNS
            : FATAL_ERRORS.get(fault.type());
    if (fatal != null) {
      return stopped("fatal", fault.message(), fault.channel(), fatal);
    }
    if (fault.message().startsWith("Error executing tool ")) {
      // The words of a tool, not those of the service.
      return new Conclusion.Failed(new Basis("gemini/tool", fault.message(), fault.channel()));
    }
    OwnLog.Report report = log.report();
    boolean same = report != null && fault.message().contains(firstLine(report.message()));
    Duration delay = same ? report.delay() : null;
    int status = fault.status();
    if (status == 0) {
      status = same && report.status() != 0 ? report.status() : status(exitCode);
    }
    Conclusion verdict =
        new FaultVerdict(patterns, zone)
            .of(fault.message(), status, delay, fault.readAt(), fault.channel());
    return verdict instanceof Conclusion.Failed
        ? fromExitCode(exitCode, now).orElse(verdict)
        : verdict;
  }

  private Optional<Conclusion> fromReport(int exitCode) {
    OwnLog.Report report = log.report();
    if (report == null) {
      return Optional.empty();
    }
    int status = report.status() == 0 ? status(exitCode) : report.status();
    return Optional.of(
        new FaultVerdict(patterns, zone)
            .of(report.message(), status, report.delay(), report.readAt(), STDERR));
  }

  /** The limit with which it was still refused when it ended, or was ended, without a word. */
  private Optional<Conclusion> fromRetry() {
    // Of recorded output it is not known whether an answer came before or after.
    return Optional.ofNullable(log.retry())
        .filter(last -> !progressed)
        .map(
            last ->
                new FaultVerdict(patterns, zone)
                    .of(last.message(), last.status(), null, last.readAt(), STDERR))
        .filter(Conclusion.Limited.class::isInstance);
  }

  private Optional<Conclusion> fromFatal() {
    return Optional.ofNullable(log.fatal())
        .filter(fatal -> FATAL_ERRORS.containsKey(fatal.name()))
        .map(fatal -> stopped("fatal", fatal.message(), STDERR, FATAL_ERRORS.get(fatal.name())));
  }

  private static String firstLine(String text) {
    return text.lines().findFirst().orElse(text);
  }

  /** Before the first event; later, standard error is as likely some other program's. */
  private Optional<Conclusion> fromPlainErrors() {
    PlainErrors errors = new PlainErrors(patterns, zone);
    return errors
        .pattern(log.tail(), PlainErrors.LINES, STDERR)
        .or(() -> events ? Optional.empty() : errors.words(log.tail(), PlainErrors.LINES, STDERR));
  }

  private Optional<Conclusion> fromExitCode(int exitCode, Instant now) {
    StopReason reason = EXIT_CODES.get(exitCode);
    if (reason != null) {
      return Optional.of(
          new Conclusion.Stopped(PlainErrors.failed(exitCode, log.tail(), plain).basis(), reason));
    }
    int status = status(exitCode);
    return status == 0
        ? Optional.empty()
        : Optional.of(
            new FaultVerdict(patterns, zone)
                .of(
                    "exit code " + exitCode + ": HTTP status " + status,
                    status,
                    null,
                    now,
                    "exit code"));
  }

  /** The code of an error; where the CLI knows no HTTP status, it writes its own exit code. */
  private static int httpStatus(int code) {
    return code >= FIRST_STATUS ? code : 0;
  }

  /** The HTTP status that an exit code stands for; 0 if none. */
  private static int status(int exitCode) {
    int status = exitCode + BYTE;
    return exitCode < BYTE && status >= FIRST_STATUS && status <= LAST_STATUS ? status : 0;
  }

  private static Conclusion stopped(
      String rule, String evidence, String channel, StopReason reason) {
    return new Conclusion.Stopped(new Basis("gemini/" + rule, evidence, channel), reason);
  }
}
