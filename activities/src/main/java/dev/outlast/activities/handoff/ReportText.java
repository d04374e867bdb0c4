package dev.outlast.activities.handoff;

import dev.outlast.activities.process.PlainText;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** The text of a report: lines of its own, and parts that quote within a bound. */
final class ReportText {

  static final String QUOTE = "| ";

  /** The longest that one entry of several may be, as a share of its part. */
  private static final int SHARE = 2;

  /** Less of an entry is not worth to be quoted. */
  private static final int LEAST = 60;

  /** How many bytes it takes to say how many entries are left out. */
  private static final int MORE = 40;

  private static final String GAP = "[…]";

  /** All that some program takes for the end of a line. */
  private static final Pattern LINE_END = Pattern.compile("\r\n|[\n\r\u000b\f\u0085\u2028\u2029]");

  private final StringBuilder text = new StringBuilder();

  /** A line of the report's own words. */
  void line(String own) {
    text.append(own).append('\n');
  }

  /**
   * A heading and what is quoted below it; nothing if there is nothing to quote.
   *
   * @param entries the most important first; each may have several lines
   * @param max how many bytes of UTF-8 heading and quotations may take
   */
  void part(String heading, List<String> entries, int max) {
    StringBuilder part = new StringBuilder();
    int left = max - bytes(heading) - 2 - MORE;
    int whole = left / (entries.size() > 1 ? SHARE : 1);
    int quoted = 0;
    for (String entry : entries) {
      Optional<String> quotation = quoted(entry, Math.min(whole, left));
      if (quotation.isEmpty()) {
        break;
      }
      part.append(quotation.get());
      left -= bytes(quotation.get());
      quoted++;
    }
    if (part.isEmpty()) {
      return;
    }
    line(heading + ":");
    text.append(part);
    if (quoted < entries.size()) {
      line("(and " + (entries.size() - quoted) + " more)");
    }
  }

  /**
   * An entry as quoted lines, of a long one the beginning and the end; empty if it does not fit.
   */
  private static Optional<String> quoted(String entry, int max) {
    List<String> lines =
        LINE_END
            .splitAsStream(entry)
            .map(line -> PlainText.clean(line).stripTrailing())
            .filter(line -> !line.isEmpty())
            .map(line -> QUOTE + line + "\n")
            .toList();
    String all = String.join("", lines);
    if (bytes(all) <= max) {
      return Optional.of(all);
    }
    int room = max - bytes(QUOTE + GAP + "\n\n\n");
    if (room < LEAST) {
      return Optional.empty();
    }
    // The end says what came of it, and the beginning what it is about.
    int ofEnd = room / 3;
    String end = tailBytes(all, ofEnd - bytes(QUOTE));
    String begin = PlainText.headBytes(all, room - ofEnd);
    String quotation =
        begin.stripTrailing()
            + "\n"
            + QUOTE
            + GAP
            + "\n"
            + (end.startsWith(QUOTE) ? "" : QUOTE)
            + end;
    return Optional.of(quotation);
  }

  /** The end of a text, cut between two code points, from the beginning of a line if it has one. */
  private static String tailBytes(String text, int max) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    int from = bytes.length - max;
    while (from < bytes.length && (bytes[from] & 0xC0) == 0x80) {
      from++;
    }
    String end = new String(bytes, from, bytes.length - from, StandardCharsets.UTF_8);
    int line = end.indexOf('\n');
    return line >= 0 && line < end.length() - 1 ? end.substring(line + 1) : end;
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
