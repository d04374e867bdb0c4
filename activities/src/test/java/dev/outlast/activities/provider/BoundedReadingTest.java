package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.LineSplitter;
import dev.outlast.activities.process.OutputLine;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** However much an agent prints, and in whatever lines, little of it is kept. */
class BoundedReadingTest {

  private static final Instant NOW = Instant.parse("2026-11-21T00:00:00Z");

  @Test
  void one_gigabyte_in_one_line_fits_into_64_megabytes_for_every_provider()
      throws IOException, InterruptedException {
    Process jvm =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m",
                "-cp",
                System.getProperty("java.class.path"),
                Gigabytes.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(jvm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, jvm.waitFor(), output);
    String expected =
        Arrays.stream(Wire.values())
            .filter(Wire::known)
            .map(wire -> wire + " has answered")
            .collect(Collectors.joining("\n"));
    assertTrue(output.strip().endsWith(expected), output);
  }

  /** Started in a small JVM of its own. */
  static final class Gigabytes {
    private static final int CHUNK = 64 * 1024;
    private static final int CHUNKS = 1_000_000_000 / CHUNK + 1;

    public static void main(String[] args) {
      for (Wire wire : Wire.values()) {
        if (wire.known()) {
          System.out.println(wire + " has answered" + read(wire));
        }
      }
    }

    private static String read(Wire wire) {
      OutputReader reader = wire.driver().reader(Surroundings.recorded(ZoneOffset.UTC));
      LineSplitter stdout = new LineSplitter(line -> reader.stdout(line, NOW));
      LineSplitter stderr = new LineSplitter(line -> reader.stderr(line, NOW));
      feed(stdout, wire.hour(1));
      longLine(stdout, "{\"type\":\"assistant\",\"text\":\"");
      longLine(stdout, "plain");
      longLine(stderr, "Error: ");
      // Lines that are just not too long to be parsed.
      String text = "x\\n\u00e4".repeat(LineSplitter.MAX_LINE / 8);
      for (int i = 0; i < 20; i++) {
        feed(
            stdout,
            (wire.message(i, text) + wire.tool(i, text, text)).getBytes(StandardCharsets.UTF_8));
        feed(stderr, (text + "\n").getBytes(StandardCharsets.UTF_8));
      }
      feed(stdout, wire.end("done").getBytes(StandardCharsets.UTF_8));
      Conclusion conclusion = reader.conclude(0, NOW);
      return conclusion instanceof Conclusion.Completed ? "" : " " + conclusion;
    }

    private static void longLine(LineSplitter lines, String start) {
      byte[] chunk = new byte[CHUNK];
      Arrays.fill(chunk, (byte) 'a');
      feed(lines, start.getBytes(StandardCharsets.UTF_8));
      for (int i = 0; i < CHUNKS; i++) {
        lines.feed(chunk, chunk.length);
      }
      feed(lines, "\n".getBytes(StandardCharsets.UTF_8));
    }

    private static void feed(LineSplitter lines, byte[] bytes) {
      lines.feed(bytes, bytes.length);
    }
  }

  private static OutputLine line(String text) {
    return new OutputLine(text.getBytes(StandardCharsets.UTF_8), false);
  }

  private static List<String> texts(LineTail tail) {
    return tail.lastFirst().stream().map(LineTail.Line::text).toList();
  }

  @Test
  void a_tail_keeps_the_last_lines_clean_and_no_more_than_it_may() {
    LineTail tail = new LineTail(1_000);
    IntStream.range(0, 1_000).forEach(i -> tail.add(line("line " + i), NOW));
    assertTrue(tail.text().length() <= 1_200 && tail.text().length() > 900, tail.text());
    assertEquals("line 999", texts(tail).get(0));

    LineTail many = new LineTail(1_000_000);
    IntStream.range(0, 1_000).forEach(i -> many.add(line("line " + i), NOW));
    assertEquals(LineTail.MAX_LINES, many.lastFirst().size());

    LineTail coloured = new LineTail(10_000);
    coloured.add(line("10 %\r50 %\r\u001b[31m100 %\u001b[0m"), NOW);
    coloured.add(line("   "), NOW);
    assertEquals(List.of("100 %", "50 %", "10 %"), texts(coloured));

    LineTail ofNothing = new LineTail(100);
    IntStream.range(0, 10_000).forEach(i -> ofNothing.add(line("\u001b[0m".repeat(100)), NOW));
    ofNothing.add(line("Error: it broke"), NOW);
    assertEquals("Error: it broke", ofNothing.text());
  }

  @Test
  void a_line_longer_than_a_whole_tail_keeps_its_beginning() {
    LineTail tail = new LineTail(20);
    tail.add(line("Error: " + "x".repeat(100_000)), NOW);
    assertEquals("Error: xxxxxxxxxxxxx", tail.text());
    assertEquals(1, tail.lastFirst().size());
  }
}
