package dev.outlast.activities.provider.opencode;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.PlainErrors;
import dev.outlast.activities.provider.Records;
import dev.outlast.activities.provider.ToolNames;
import dev.outlast.activities.provider.opencode.OpenCodeLog.Refused;
import dev.outlast.activities.provider.opencode.Refusals.Refusal;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Reads OpenCode's events (version 1.18.33) and its log. Only {@code error} events and the log's
 * errors of the session's own requests can make a limit; what comes after one, and is no error,
 * shows that it was none.
 */
final class OpenCodeReader implements OutputReader {

  private static final int MAX_TAIL = 64 * 1024;
  private static final String ERROR = "stdout error";
  private static final String STDERR = "stderr";
  private static final String OWN_ERROR = "Error: ";

  /** The exit code of "timeout", for a program that it had to end. */
  private static final int TIMED_OUT = 124;

  private final Refusals refusals;
  private final Records records = new Records(this::settled, this::record);
  private final OpenCodeLog log = new OpenCodeLog();

  private SessionId session;
  private boolean taken;
  private boolean progressed;
  private String lastTool;
  private ItemKind lastItem;
  private String answer = "";
  private boolean newAnswer = true;
  private boolean finished;
  private TokenUsage tokens = TokenUsage.NONE;
  private double costUsd;
  private Long contextTokens;
  private Refusal error;
  private Refusal overcome;
  private String errorReference = "";
  private Judged judged;

  /** What a refusal means; found out once, as it is asked for many times a second. */
  private record Judged(Refusal refusal, boolean limited, boolean limitsRequests) {}

  OpenCodeReader(Refusals refusals) {
    this.refusals = refusals;
  }

  @Override
  public void stdout(OutputLine line, Instant readAt) {
    records.line(line, readAt);
  }

  @Override
  public void stderr(OutputLine line, Instant readAt) {
    log.line(line, readAt);
  }

  /** More of what the model thinks. */
  private boolean settled(String type) {
    return type.equals("reasoning")
        && session != null
        && taken
        && progressed
        && lastItem == ItemKind.REASONING
        && error == null
        && log.refused() == null;
  }

  private void record(JsonNode node, Instant readAt) {
    String type = Json.text(node, "type");
    if (settled(type)) {
      return;
    }
    Optional<SessionId> id = Json.session(node, "sessionID");
    if (id.isPresent()) {
      session = id.get();
      taken = true;
    }
    JsonNode part = node.path("part");
    switch (type) {
      case "step_start" -> {
        taken = true;
        newAnswer = true;
        finished = false;
      }
      case "text" -> text(part);
      case "reasoning" -> {
        answered();
        lastItem = ItemKind.REASONING;
      }
      case "tool_use" -> {
        answered();
        lastTool = ToolNames.shown(Json.text(part, "tool"));
        lastItem = ToolNames.kind(lastTool);
      }
      case "step_finish" -> {
        answered();
        finished = !Json.text(part, "reason").startsWith("tool");
        count(part);
      }
      case "error" -> error(node.path("error"), readAt);
      default -> {
        // Events of newer versions.
      }
    }
  }

  /** A limit stays why it ended where an error that says nothing follows without an answer. */
  private void error(JsonNode record, Instant readAt) {
    Refusal next = Refusals.of(record, readAt, ERROR);
    finished = false;
    if (error == null
        || !(refusals.conclude(error) instanceof Conclusion.Limited)
        || !(refusals.conclude(next) instanceof Conclusion.Failed)) {
      error = next;
      errorReference = Json.text(record.path("data"), "ref");
    }
  }

  private void answered() {
    taken = true;
    progressed = true;
    overcome = error == null ? overcome : error;
    error = null;
    log.answered();
  }

  private void text(JsonNode part) {
    if (part.path("synthetic").asBoolean(false)) {
      // OpenCode bids the model go on, after the model has shortened the conversation for it: what
      // made that necessary is not overcome by it.
      error = overcome;
      finished = false;
      return;
    }
    answered();
    lastItem = ItemKind.MESSAGE;
    String text = PlainText.head(Json.text(part, "text"), MAX_TAIL);
    answer = newAnswer || answer.isEmpty() ? text : PlainText.head(answer + "\n" + text, MAX_TAIL);
    newAnswer = false;
  }

  private void count(JsonNode part) {
    JsonNode spent = part.path("tokens");
    TokenUsage step =
        new TokenUsage(
            Json.count(spent, "input"),
            Json.count(spent, "output"),
            Json.count(spent, "reasoning"),
            Json.count(spent.path("cache"), "read"),
            Json.count(spent.path("cache"), "write"));
    tokens = tokens.plus(step);
    contextTokens = step.total() == 0 ? contextTokens : Long.valueOf(step.total());
    double cost = part.path("cost").asDouble(0);
    if (Double.isFinite(cost) && cost > 0) {
      costUsd = Math.min(Json.MAX_COUNT, costUsd + cost);
    }
  }

  @Override
  public boolean sitsOutLimit(Instant now) {
    Refused refused = log.refused();
    if (refused == null) {
      return false;
    }
    Refusal last = refused.last();
    if (judged == null || judged.refusal() != last) {
      judged =
          new Judged(
              last,
              refusals.conclude(last) instanceof Conclusion.Limited,
              refusals.limitsRequests(last));
    }
    boolean limited = judged.limited();
    if (limited && last.reset() != null) {
      return last.reset().latest().isAfter(last.readAt().plus(ErrorWording.SHORT));
    }
    // A request follows a refused one at once, unless the service has named a time to wait.
    boolean sleeps =
        now.isAfter(last.readAt().plus(Refusals.LONGEST_OWN_PAUSE)) && last.reset() == null;
    return (limited && sleeps)
        || (judged.limitsRequests() && now.isAfter(refused.since().plus(ErrorWording.SHORT)));
  }

  @Override
  public boolean mayBeLimited(Instant now) {
    return error != null || sitsOutLimit(now);
  }

  @Override
  public CallFacts facts() {
    return new CallFacts(
        session,
        log.session(),
        null,
        taken || log.taken(),
        progressed,
        lastTool,
        lastItem,
        tokens,
        costUsd,
        false,
        contextTokens);
  }

  @Override
  public Conclusion conclude(int exitCode, Instant now) {
    boolean killed = exitCode >= PlainErrors.SIGNALLED || exitCode == TIMED_OUT;
    boolean good = exitCode == 0 && !(answer.isEmpty() && lastItem == null);
    if (error == null && (good || (killed && finished))) {
      return new Conclusion.Completed(
          new Basis("opencode/step_finish", "answered", "stdout step_finish"), answer);
    }
    if (error != null) {
      return refusals.conclude(log.error(errorReference).orElse(error));
    }
    String plain = records.plain().text();
    if (exitCode == 0 && !records.any() && !plain.isBlank()) {
      return new Conclusion.Completed(new Basis("exit-0", "", "exit code"), plain);
    }
    return inProcess(killed, now)
        .or(this::fromStderr)
        .or(() -> killed || records.any() ? Optional.empty() : fromPlain())
        .orElseGet(() -> PlainErrors.failed(exitCode, log.plain(), records.plain()));
  }

  /** The refusal after which it was ended, or has ended without a word. */
  private Optional<Conclusion> inProcess(boolean killed, Instant now) {
    Refused refused = log.refused();
    if (refused == null) {
      return Optional.empty();
    }
    Conclusion said = refusals.conclude(refused.last());
    boolean unclear =
        said instanceof Conclusion.Throttled
            && killed
            && refused.last().reset() == null
            && refusals.limitsRequests(refused.last())
            && !refusals.returnsSoon(refused.last());
    if (unclear && lasted(refused, now)) {
      said = Conclusion.unrecognisedLimit(refused.last().text(), refused.last().channel());
    }
    return Optional.of(said);
  }

  /** Of recorded output, which is read all at once, it is not known how long anything took. */
  private static boolean lasted(Refused refused, Instant now) {
    Duration time = Duration.between(refused.since(), now);
    return time.compareTo(ErrorWording.SHORT) >= 0 || time.isZero() || time.isNegative();
  }

  private Optional<Conclusion> fromStderr() {
    PlainErrors plain = new PlainErrors(refusals.patterns(), refusals.zone());
    return plain
        .pattern(log.plain(), PlainErrors.LINES, STDERR)
        .or(() -> ownError())
        .or(() -> plain.words(log.plain(), PlainErrors.LINES, STDERR));
  }

  /** The error that it prints last in the format "text", on as many lines as the service used. */
  private Optional<Conclusion> ownError() {
    StringBuilder message = new StringBuilder();
    for (LineTail.Line line : log.plain().lastFirst().stream().limit(PlainErrors.LINES).toList()) {
      message.insert(0, line.text() + "\n");
      if (line.text().startsWith(OWN_ERROR)) {
        Refusal said =
            Refusals.ofWords(message.substring(OWN_ERROR.length()).strip(), line.readAt(), STDERR);
        return Optional.of(refusals.conclude(said))
            .filter(told -> !(told instanceof Conclusion.Failed));
      }
    }
    return Optional.empty();
  }

  private Optional<Conclusion> fromPlain() {
    PlainErrors plain = new PlainErrors(refusals.patterns(), refusals.zone());
    return plain.patternOrWords(records.plain(), 1, "stdout");
  }
}
