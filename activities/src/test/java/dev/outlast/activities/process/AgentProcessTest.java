package dev.outlast.activities.process;

import static dev.outlast.activities.process.Processes.await;
import static dev.outlast.activities.process.Processes.pidIn;
import static dev.outlast.activities.process.Processes.runs;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class AgentProcessTest {

  private static final Duration LONG = Duration.ofMinutes(1);

  @TempDir Path folder;

  private static final AgentOwner OWNER = new AgentOwner("run", "id", "1", 1);

  private AgentRegistry registry;
  private final List<String> stdout = new CopyOnWriteArrayList<>();
  private final List<String> stderr = new CopyOnWriteArrayList<>();

  private AgentProcess sh(String script, byte[] stdin) throws IOException {
    AgentProcess process =
        registry.start(
            new ProcessSpec(
                List.of("/bin/sh", "-c", script),
                folder,
                Map.of("PATH", System.getenv("PATH")),
                stdin),
            OWNER,
            null,
            folder.toString(),
            line -> stdout.add(line.text()),
            line -> stderr.add(line.text()));
    process.release();
    return process;
  }

  @BeforeEach
  void open() {
    registry = AgentRegistry.open(folder);
  }

  @AfterEach
  void close() {
    registry.close();
  }

  @Test
  void lines_come_from_both_streams_and_the_exit_code_is_told()
      throws IOException, InterruptedException {
    AgentProcess process = sh("echo one; echo two >&2; printf three; exit 7", null);
    assertTrue(process.awaitExit(LONG));
    assertEquals(7, process.finish());
    assertEquals(List.of("one", "three"), stdout);
    assertEquals(List.of("two"), stderr);
  }

  @Test
  void nothing_on_standard_input_ends_a_read_at_once() throws IOException, InterruptedException {
    AgentProcess process = sh("cat; echo done", null);
    assertTrue(process.awaitExit(LONG));
    process.finish();
    assertEquals(List.of("done"), stdout);
  }

  @Test
  void standard_input_is_given_whole_and_an_agent_that_does_not_read_it_hangs_nobody()
      throws IOException, InterruptedException {
    byte[] input = "x".repeat(1_000_000).getBytes(StandardCharsets.US_ASCII);
    AgentProcess reads = sh("wc -c", input);
    assertTrue(reads.awaitExit(LONG));
    reads.finish();
    assertEquals("1000000", stdout.get(0).strip());
    AgentProcess ignores = sh("exit 0", input);
    assertTrue(ignores.awaitExit(LONG));
    assertEquals(0, ignores.finish());
  }

  @Test
  void the_agent_leads_a_session_and_a_group_of_its_own() throws IOException, InterruptedException {
    AgentProcess process = sh("cut -d' ' -f1,5,6 /proc/self/stat; echo $$", null);
    assertTrue(process.awaitExit(LONG));
    process.finish();
    String[] fields = stdout.get(0).split(" ");
    assertEquals(Long.toString(process.pid()), fields[1], "process group");
    assertEquals(Long.toString(process.pid()), fields[2], "session");
    assertEquals(Long.toString(process.pid()), stdout.get(1), "leader");
  }

  @Test
  void ending_reaches_children_that_ignore_polite_signals() throws Exception {
    AgentProcess process =
        sh(
            // The child is nobody's descendant any more, and only its group leads to it.
            "trap '' INT TERM; (sh -c 'echo $$ > child; while :; do sleep 1; done' &);"
                + " while :; do sleep 1; done",
            null);
    long child = pidIn(folder.resolve("child"));
    assertTrue(runs(child));
    long began = System.nanoTime();
    process.end();
    assertTrue(Duration.ofNanos(System.nanoTime() - began).compareTo(LONG) < 0);
    assertFalse(runs(process.pid()));
    assertFalse(runs(child));
  }

  @Test
  void ending_reaches_children_in_groups_of_their_own() throws Exception {
    AgentProcess process =
        sh("setsid sh -c 'echo $$ > child; exec sleep 600' & wait; sleep 600", null);
    long child = pidIn(folder.resolve("child"));
    process.end();
    assertFalse(runs(child));
  }

  @Test
  void a_child_that_holds_the_output_open_hangs_nobody_and_ends() throws Exception {
    AgentProcess process = sh("sleep 600 & echo $! > child; echo answer; exit 0", null);
    assertTrue(process.awaitExit(LONG));
    long began = System.nanoTime();
    assertEquals(0, process.finish());
    assertTrue(Duration.ofNanos(System.nanoTime() - began).compareTo(LONG) < 0);
    assertEquals(List.of("answer"), stdout);
    assertFalse(runs(pidIn(folder.resolve("child"))));
  }

  @Test
  void silence_is_measured_from_the_last_output() throws Exception {
    AgentProcess process =
        sh("echo x; until [ -e go ]; do sleep 0.05; done; echo y; sleep 600", null);
    try {
      await("the first line", LONG, () -> stdout.contains("x"));
      await("silence grows", LONG, () -> process.silence().toMillis() >= 500);
      long told = System.nanoTime();
      Files.createFile(folder.resolve("go"));
      await("the second line", LONG, () -> stdout.contains("y"));
      Duration silence = process.silence();
      Duration sinceTold = Duration.ofNanos(System.nanoTime() - told);
      assertTrue(silence.compareTo(sinceTold) < 0, silence + ", though told " + sinceTold + " ago");
    } finally {
      process.end();
    }
  }

  @Test
  void one_gigabyte_in_one_line_fits_into_64_megabytes() throws IOException, InterruptedException {
    Process jvm =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m",
                "-cp",
                System.getProperty("java.class.path"),
                OneGigabyte.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .start();
    String output = new String(jvm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, jvm.waitFor(), output);
    assertTrue(output.contains("1048576 true, 4 false"), output);
  }

  /** Started in a small JVM of its own. */
  static final class OneGigabyte {
    public static void main(String[] args) throws IOException, InterruptedException {
      StringBuffer lines = new StringBuffer();
      AgentProcess process =
          AgentRegistry.open(Path.of(args[0]))
              .start(
                  new ProcessSpec(
                      List.of(
                          "/bin/sh",
                          "-c",
                          "head -c 1000000000 /dev/zero; echo; echo last; sleep 0.1"),
                      Path.of("/"),
                      Map.of("PATH", System.getenv("PATH")),
                      null),
                  OWNER,
                  null,
                  "/",
                  line ->
                      lines
                          .append(lines.isEmpty() ? "" : ", ")
                          .append(line.bytes().length)
                          .append(' ')
                          .append(line.cut()),
                  line -> {});
      process.release();
      process.awaitExit(Duration.ofMinutes(2));
      process.finish();
      System.out.println(lines);
    }
  }

  @Test
  void lines_do_not_depend_on_how_the_bytes_are_chunked() {
    byte[] text = "a\r\n\nb\u0000\u20ac\nlast".getBytes(StandardCharsets.UTF_8);
    for (int size = 1; size <= text.length; size++) {
      List<byte[]> lines = new CopyOnWriteArrayList<>();
      LineSplitter splitter = new LineSplitter(line -> lines.add(line.bytes()));
      for (int from = 0; from < text.length; from += size) {
        byte[] chunk = Arrays.copyOfRange(text, from, Math.min(text.length, from + size));
        splitter.feed(chunk, chunk.length);
      }
      splitter.end();
      assertEquals(4, lines.size());
      assertEquals("a", new String(lines.get(0), StandardCharsets.UTF_8));
      assertEquals(0, lines.get(1).length);
      assertArrayEquals("b\u0000\u20ac".getBytes(StandardCharsets.UTF_8), lines.get(2));
    }
  }

  @Test
  void clean_text_has_no_control_and_no_bidirectional_characters() {
    assertEquals(
        "red and plain\nnext\ttab",
        PlainText.clean(
            "\u001b[31mred\u001b[0m \u202eand\u202c \u0000plain\u0007\r\nnext\ttab\u009b\u001b]0;t\u0007"));
  }
}
