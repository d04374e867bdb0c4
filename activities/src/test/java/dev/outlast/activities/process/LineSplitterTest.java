package dev.outlast.activities.process;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LineSplitterTest {

  private static final int CASES = 10_000;

  @Test
  void any_bytes_in_any_chunks_become_the_same_lines() {
    for (int seed = 0; seed < CASES; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      byte[] bytes = new byte[random.nextInt(400)];
      // The neighbours of the line feed, with and without the highest bit, are where tricks fail.
      byte[] likely = {'\n', '\n', '\r', '\t', 0x0b, 0, 1, (byte) 0x8a, (byte) 0x8b, (byte) 0xff};
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = random.nextInt(4) == 0 ? likely[random.nextInt(likely.length)] : (byte) 'x';
      }
      List<String> lines = new ArrayList<>();
      LineSplitter splitter = new LineSplitter(line -> lines.add(latin(line.bytes(), line.cut())));
      for (int from = 0; from < bytes.length; ) {
        int count = Math.min(bytes.length - from, 1 + random.nextInt(100));
        // What stands behind the count does not count.
        byte[] chunk = Arrays.copyOfRange(bytes, from, from + count + random.nextInt(20));
        Arrays.fill(chunk, count, chunk.length, (byte) '\n');
        splitter.feed(chunk, count);
        from += count;
      }
      splitter.end();
      assertEquals(expected(latin(bytes, false)), lines, "seed " + seed);
    }
  }

  private static List<String> expected(String text) {
    List<String> lines = new ArrayList<>(List.of(text.split("\n", -1)));
    if (lines.get(lines.size() - 1).isEmpty()) {
      lines.remove(lines.size() - 1);
    }
    lines.replaceAll(line -> line.endsWith("\r") ? line.substring(0, line.length() - 1) : line);
    return lines;
  }

  private static String latin(byte[] bytes, boolean cut) {
    return new String(bytes, StandardCharsets.ISO_8859_1) + (cut ? " cut" : "");
  }

  @Test
  void a_longer_line_is_cut_to_the_same_length_however_it_comes() {
    byte[] text =
        ("x".repeat(LineSplitter.MAX_LINE + 5) + "\r\nshort\r\n")
            .getBytes(StandardCharsets.US_ASCII);
    for (int size : List.of(1_000, 65_536, text.length)) {
      List<OutputLine> lines = new ArrayList<>();
      LineSplitter splitter = new LineSplitter(lines::add);
      for (int from = 0; from < text.length; from += size) {
        byte[] chunk = Arrays.copyOfRange(text, from, Math.min(text.length, from + size));
        splitter.feed(chunk, chunk.length);
      }
      splitter.end();
      assertEquals(2, lines.size());
      assertEquals(LineSplitter.MAX_LINE, lines.get(0).bytes().length);
      assertEquals(List.of(true, false), lines.stream().map(OutputLine::cut).toList());
      assertEquals("short", lines.get(1).text());
    }
  }

  @Test
  void a_line_of_exactly_the_longest_length_is_whole() {
    List<OutputLine> lines = new ArrayList<>();
    LineSplitter splitter = new LineSplitter(lines::add);
    byte[] text = ("x".repeat(LineSplitter.MAX_LINE) + "\n").getBytes(StandardCharsets.US_ASCII);
    splitter.feed(text, text.length);
    for (byte b : text) {
      splitter.feed(new byte[] {b}, 1);
    }
    assertEquals(2, lines.size());
    assertEquals(lines.get(0).text(), lines.get(1).text());
    assertEquals(List.of(false, false), lines.stream().map(OutputLine::cut).toList());
  }
}
