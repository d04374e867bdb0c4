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

  /**
   * A line and when it was read.
   *
   * @param text safe to show
   */
  public record Line(String text, Instant readAt) {}

  private final int maxChars;
  private final Deque<Line> lines = new ArrayDeque<>();
  private int chars;

  /**
   * @param maxChars how much is kept of all lines together
   */
  public LineTail(int maxChars) {
    this.maxChars = maxChars;
  }

  /**
   * Adds a line; of a long one the beginning is kept. What carriage returns overwrite on a terminal
   * counts as lines of its own.
   */
  public void add(OutputLine line, Instant readAt) {
    byte[] bytes = line.bytes();
    String all =
        new OutputLine(
                bytes.length > MAX_LINE_BYTES ? Arrays.copyOf(bytes, MAX_LINE_BYTES) : bytes, true)
            .text();
    for (String part : all.split("\r")) {
      add(PlainText.clean(part), readAt);
    }
  }

  private void add(String text, Instant readAt) {
    lines.addLast(new Line(PlainText.head(text, maxChars), readAt));
    chars += lines.getLast().text().length();
    while (lines.size() > MAX_LINES || chars > maxChars) {
      chars -= lines.removeFirst().text().length();
    }
  }

  /** The lines that are not blank, the last one first. */
  public List<Line> lastFirst() {
    List<Line> kept = new ArrayList<>(lines);
    kept.removeIf(line -> line.text().isBlank());
    Collections.reverse(kept);
    return kept;
  }

  /** All that is kept, as one text. */
  public String text() {
    return lines.stream().map(Line::text).collect(Collectors.joining("\n")).strip();
  }
}
