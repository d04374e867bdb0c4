package dev.outlast.activities.provider.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.AgentDefinition.Output;
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
import dev.outlast.agent.TokenUsage;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads the output of a command about which only its exit code is certain: 0 is an answer. After
 * any other end the user's patterns are looked for in the last lines of standard error and standard
 * output; then the built-in rules read the last lines of standard error, records of JSON that call
 * themselves errors, and the last plain line.
 */
final class CommandReader implements OutputReader {

  private static final int MAX_TAIL = 64 * 1024;
  private static final int MAX_MESSAGE_LINE = 600;
  private static final int MESSAGE_LINES = 5;
  private static final List<String> SESSION_FIELDS =
      List.of("session_id", "sessionId", "sessionID", "thread_id", "session");
  private static final List<String> ANSWER_FIELDS = List.of("result", "text", "message");

  private final Output output;
  private final LimitPatterns patterns;
  private final ZoneId zone;
  private final LineTail stdout = new LineTail(MAX_TAIL);
  private final LineTail stderr = new LineTail(MAX_TAIL);
  private final LineTail errors = new LineTail(MAX_TAIL);

  private SessionId session;
  private String answer = "";
  private boolean printed;

  CommandReader(Output output, LimitPatterns patterns, ZoneId zone) {
    this.output = output;
    this.patterns = patterns;
    this.zone = zone;
  }

  @Override
  public void stdout(OutputLine line, Instant readAt) {
    printed = true;
    stdout.add(line, readAt);
    if (output == Output.JSON) {
      JsonNode node = Json.read(line);
      if (node.isObject()) {
        record(node, readAt);
      }
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
    JsonNode error = node.path("error");
    boolean saysError =
        Json.text(node, "type").contains("error")
            || node.path("is_error").asBoolean(false)
            || error.isTextual()
            || error.isObject();
    if (saysError) {
      String words =
          error.isTextual()
              ? error.textValue()
              : Json.text(error.isObject() ? error : node, "message");
      String told = words.isEmpty() ? node.toString() : words;
      errors.add(
          new OutputLine(told.getBytes(java.nio.charset.StandardCharsets.UTF_8), false), readAt);
      return;
    }
    for (String field : ANSWER_FIELDS) {
      String text = Json.text(node, field);
      if (!text.isEmpty()) {
        answer = PlainText.head(text, MAX_TAIL);
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
    return new CallFacts(session, null, printed, printed, null, TokenUsage.NONE, 0, false);
  }

  @Override
  public Conclusion conclude(int exitCode, Instant now) {
    if (exitCode == 0) {
      return new Conclusion.Completed(
          new Basis("exit-0", "", "exit code"), output == Output.JSON ? answer : stdout.text());
    }
    Optional<Conclusion> pattern =
        patterns
            .find(stderr.lastFirst(), zone, "stderr")
            .or(() -> patterns.find(stdout.lastFirst(), zone, "stdout"));
    if (pattern.isPresent()) {
      return pattern.get();
    }
    List<Message> messages = new ArrayList<>();
    last(errors, MESSAGE_LINES, "stdout error", messages);
    last(stderr, MESSAGE_LINES, "stderr", messages);
    if (output == Output.TEXT) {
      last(stdout, 1, "stdout", messages);
    }
    for (Message message : messages) {
      LineTail.Line line = message.line();
      ErrorWording.Reading reading = ErrorWording.read(line.text(), line.readAt(), zone);
      if (reading.meaning() != Meaning.OTHER) {
        return Conclusion.ofWords(reading, line.text(), message.channel());
      }
    }
    String words = stderr.text().isEmpty() ? stdout.text() : stderr.text();
    return new Conclusion.Failed(
        new Basis(
            "exit-code",
            "exit code " + exitCode + (words.isEmpty() ? "" : "; " + PlainText.tail(words, 1_000)),
            "exit code"));
  }

  private record Message(LineTail.Line line, String channel) {}

  private static void last(LineTail tail, int count, String channel, List<Message> into) {
    tail.lastFirst().stream()
        .limit(count)
        .filter(line -> line.text().length() <= MAX_MESSAGE_LINE)
        .forEach(line -> into.add(new Message(line, channel)));
  }
}
