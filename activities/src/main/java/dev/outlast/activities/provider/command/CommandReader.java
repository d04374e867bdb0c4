package dev.outlast.activities.provider.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.outlast.activities.AgentDefinition.Output;
import dev.outlast.activities.detect.ErrorWording;
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
import dev.outlast.activities.provider.RecordedError;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;

/**
 * Reads the output of a command about which only its exit code is certain: 0 is an answer, unless
 * the last record of JSON calls itself an error and tells of a limit. After any other end the
 * newest record that calls itself an error decides; without one the last lines of standard error
 * do, and then the last plain line of standard output, as long as the command ended by itself.
 */
final class CommandReader implements OutputReader {

  private static final int MAX_TAIL = 64 * 1024;
  private static final String STDERR = "stderr";
  private static final String STDOUT = "stdout";
  private static final String ERROR = "stdout error";

  /** Plain text on standard output is an agent's prose, of which at most the end is an error. */
  private static final int PLAIN_LINES = 1;

  private static final List<String> SESSION_FIELDS =
      List.of("session_id", "sessionId", "sessionID", "thread_id", "session");
  static final List<String> ANSWER_FIELDS = List.of("result", "text", "message");

  private final Output output;
  private final LimitPatterns patterns;
  private final ZoneId zone;
  private final LineTail stdout = new LineTail(MAX_TAIL);
  private final LineTail stderr = new LineTail(MAX_TAIL);

  private SessionId session;
  private String answer = "";
  private boolean printed;
  private boolean recorded;
  private LineTail.Line error;
  private boolean errorIsLast;

  CommandReader(Output output, LimitPatterns patterns, ZoneId zone) {
    this.output = output;
    this.patterns = patterns;
    this.zone = zone;
  }

  @Override
  public void stdout(OutputLine line, Instant readAt) {
    printed = true;
    JsonNode node = output == Output.JSON ? Json.read(line) : MissingNode.getInstance();
    if (node.isMissingNode()) {
      stdout.add(line, readAt);
    } else {
      records(node, readAt);
    }
  }

  private void records(JsonNode node, Instant readAt) {
    recorded = true;
    if (node.isArray()) {
      node.forEach(element -> record(element, readAt));
    } else {
      record(node, readAt);
    }
  }

  private void record(JsonNode node, Instant readAt) {
    for (String field : SESSION_FIELDS) {
      Optional<SessionId> id = Json.session(node, field);
      if (id.isPresent()) {
        session = id.get();
        break;
      }
    }
    Optional<String> told = RecordedError.of(node);
    if (told.isPresent()) {
      error = new LineTail.Line(PlainText.head(PlainText.clean(told.get()), MAX_TAIL), readAt);
      errorIsLast = true;
      return;
    }
    for (String field : ANSWER_FIELDS) {
      String text = Json.text(node, field);
      if (!text.isEmpty()) {
        answer = PlainText.head(text, MAX_TAIL);
        errorIsLast = false;
        break;
      }
    }
  }

  @Override
  public void stderr(OutputLine line, Instant readAt) {
    stderr.add(line, readAt);
  }

  @Override
  public CallFacts facts() {
    return new CallFacts(
        session, null, null, printed, printed, null, null, TokenUsage.NONE, 0, false);
  }

  @Override
  public boolean mayBeLimited(Instant now) {
    return errorIsLast;
  }

  @Override
  public Conclusion conclude(int exitCode, Instant now) {
    if (output == Output.JSON && !recorded) {
      // Some print one object over many lines.
      JsonNode whole = Json.read(stdout.text());
      if (!whole.isMissingNode()) {
        records(whole, now);
      }
    }
    if (exitCode == 0) {
      return limitInSpiteOfSuccess()
          .orElseGet(
              () ->
                  new Conclusion.Completed(
                      new Basis("exit-0", "", "exit code"),
                      output == Output.JSON ? answer : stdout.text()));
    }
    PlainErrors plain = new PlainErrors(patterns, zone);
    boolean byItself = exitCode < PlainErrors.SIGNALLED;
    Optional<Conclusion> pattern =
        fromErrorByPattern()
            .or(() -> plain.pattern(stderr, PlainErrors.LINES, STDERR))
            .or(() -> byItself ? plain.pattern(stdout, PLAIN_LINES, STDOUT) : Optional.empty());
    if (pattern.isPresent()) {
      return pattern.get();
    }
    if (error != null) {
      return fromErrorByWords();
    }
    return plain
        .words(stderr, PlainErrors.LINES, STDERR)
        .or(() -> byItself ? plain.words(stdout, PLAIN_LINES, STDOUT) : Optional.empty())
        .orElseGet(() -> PlainErrors.failed(exitCode, stderr, stdout));
  }

  /** Not every command that was limited exits with an error. */
  private Optional<Conclusion> limitInSpiteOfSuccess() {
    if (!errorIsLast) {
      return Optional.empty();
    }
    return fromErrorByPattern()
        .or(() -> Optional.of(fromErrorByWords()))
        .filter(conclusion -> conclusion instanceof Conclusion.Limited)
        .filter(conclusion -> !conclusion.unrecognised());
  }

  private Optional<Conclusion> fromErrorByPattern() {
    return error == null ? Optional.empty() : patterns.find(List.of(error), zone, ERROR);
  }

  private Conclusion fromErrorByWords() {
    return Conclusion.ofWords(
        ErrorWording.read(error.text(), error.readAt(), zone), error.text(), ERROR);
  }
}
