package dev.outlast.activities.provider;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.detect.ErrorWording.Meaning;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Conclusion.Basis;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Finds in the last lines of plain text why a call has failed. Such lines may be anyone's: another
 * program's, or an agent's prose. So a limit counts only in a line that begins with it, and only in
 * words that are known.
 */
public record PlainErrors(LimitPatterns patterns, ZoneId zone) {

  /** How many of the last lines may hold the error, where others may be printed after it. */
  public static final int LINES = 10;

  /** The exit codes from here on say that the process was ended while it may have been talking. */
  public static final int SIGNALLED = 128;

  /** A line longer than this is prose, not an error message. */
  private static final int MAX_MESSAGE_LINE = 600;

  /** How far from its beginning a line may quote a service's error in JSON. */
  private static final int MAX_BEFORE_JSON = 40;

  private static final int MAX_QUOTE = 1_000;

  /** The limit that a user's pattern finds in the last lines, the very last first. */
  public Optional<Conclusion> pattern(LineTail tail, int lines, String channel) {
    return patterns.find(tail.lastFirst().stream().limit(lines).toList(), zone, channel);
  }

  /** What the last lines say by their words, the very last first; empty if nothing is known. */
  public Optional<Conclusion> words(LineTail tail, int lines, String channel) {
    return tail.lastFirst().stream()
        .limit(lines)
        .filter(line -> line.text().length() <= MAX_MESSAGE_LINE)
        .map(line -> read(line, channel))
        .flatMap(Optional::stream)
        .findFirst();
  }

  /** The limit that a user's pattern finds, or else what the lines say by their words. */
  public Optional<Conclusion> patternOrWords(LineTail tail, int lines, String channel) {
    return pattern(tail, lines, channel).or(() -> words(tail, lines, channel));
  }

  private Optional<Conclusion> read(LineTail.Line line, String channel) {
    int brace = line.text().indexOf('{');
    JsonNode json = Json.read(brace < 0 ? "" : line.text().substring(brace));
    if (json.isObject() && brace <= MAX_BEFORE_JSON) {
      return RecordedError.of(json).map(words -> record(words, line, channel));
    }
    return known(ErrorWording.readLine(line.text(), line.readAt(), zone), line.text(), channel);
  }

  private Conclusion record(String words, LineTail.Line line, String channel) {
    return Conclusion.ofWords(ErrorWording.read(words, line.readAt(), zone), words, channel);
  }

  private static Optional<Conclusion> known(
      ErrorWording.Reading reading, String evidence, String channel) {
    return reading.meaning() == Meaning.OTHER
        ? Optional.empty()
        : Optional.of(Conclusion.ofWords(reading, evidence, channel));
  }

  /** The conclusion where nothing says more than the exit code. */
  public static Conclusion failed(int exitCode, LineTail stderr, LineTail stdout) {
    String words = stderr.text().isEmpty() ? stdout.text() : stderr.text();
    List<String> evidence = new ArrayList<>(List.of("exit code " + exitCode));
    if (!words.isEmpty()) {
      evidence.add(PlainText.tail(words, MAX_QUOTE));
    }
    return new Conclusion.Failed(new Basis("exit-code", String.join("; ", evidence), "exit code"));
  }
}
