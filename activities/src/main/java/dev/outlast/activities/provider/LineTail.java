package dev.outlast.activities.provider;

import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.stream.Collectors;

/** The last lines of a stream, cleaned, in bounded memory. Not thread-safe. */
public final class LineTail {

  /** How many lines are kept at most. */
  public static final int MAX_LINES = 200;

  private static final int MAX_LINE_BYTES = 16 * 1024;
  private static final int MAX_BYTES_PER_CHAR = 4;

  /**
   * A line and when it was read.
   *
   * @param text safe to show
   */
  public record Line(String text, Instant readAt) {}

  /**
   * A line as it was read.
   *
   * @param bytes its beginning
   */
  private record RawLine(byte[] bytes, Instant readAt) {}

  private final int maxChars;
  private final int maxBytes;
  private final Deque<RawLine> lines = new ArrayDeque<>();
  private int bytes;

  /**
   * @param maxChars how much is kept of all lines together, at most half a gigabyte; four times as
   *     many bytes are kept until somebody asks, as cleaning leaves less of them
   */
  public LineTail(int maxChars) {
    this.maxChars = maxChars;
    this.maxBytes = Math.multiplyExact(MAX_BYTES_PER_CHAR, maxChars);
  }

  /**
   * Adds a line; of a long one the beginning is kept. What carriage returns overwrite on a terminal
   * counts as lines of its own.
   */
  public void add(OutputLine line, Instant readAt) {
    int kept = Math.min(MAX_LINE_BYTES, maxBytes);
    byte[] head = line.bytes().length > kept ? Arrays.copyOf(line.bytes(), kept) : line.bytes();
    lines.addLast(new RawLine(head, readAt));
    bytes += head.length;
    while (lines.size() > MAX_LINES || bytes > maxBytes) {
      bytes -= lines.removeFirst().bytes().length;
    }
  }

  /** The lines, cleaned. Done when somebody asks, as hardly anybody asks for what is noise. */
  private Deque<Line> cleaned() {
    Deque<Line> kept = new ArrayDeque<>();
    int chars = 0;
    for (RawLine raw : lines) {
      for (String part : new OutputLine(raw.bytes(), true).text().split("\r")) {
        String text = PlainText.head(PlainText.clean(part), maxChars);
        kept.addLast(new Line(text, raw.readAt()));
        chars += text.length();
        while (kept.size() > MAX_LINES || chars > maxChars) {
          chars -= kept.removeFirst().text().length();
        }
      }
    }
    return kept;
  }

  /** The lines that are not blank, the last one first. */
  public List<Line> lastFirst() {
    List<Line> kept = new ArrayList<>(cleaned());
    kept.removeIf(line -> line.text().isBlank());
    Collections.reverse(kept);
    return kept;
  }

  /** All that is kept, as one text. */
  public String text() {
    return cleaned().stream().map(Line::text).collect(Collectors.joining("\n")).strip();
  }
}
