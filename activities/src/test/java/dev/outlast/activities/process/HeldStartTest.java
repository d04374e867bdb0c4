package dev.outlast.activities.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** An agent finds all as if nobody had held it. */
@Timeout(180)
class HeldStartTest {

  private static final Duration LONG = Duration.ofMinutes(1);

  @TempDir Path folder;

  private final List<String> stdout = new CopyOnWriteArrayList<>();
  private final List<String> stderr = new CopyOnWriteArrayList<>();
  private AgentRegistry registry;

  @BeforeEach
  void open() {
    registry = AgentRegistry.open(folder);
  }

  @AfterEach
  void close() {
    registry.close();
  }

  private AgentProcess ended(Map<String, String> environment, byte[] stdin, String... argv)
      throws IOException, InterruptedException {
    AgentProcess agent =
        registry.start(
            new ProcessSpec(List.of(argv), folder, environment, stdin),
            new AgentOwner("run", "run-id", "7", 1),
            null,
            folder.toString(),
            line -> stdout.add(line.text()),
            line -> stderr.add(line.text()));
    agent.release();
    assertTrue(agent.awaitExit(LONG));
    return agent;
  }

  private AgentProcess sh(String script) throws IOException, InterruptedException {
    return ended(Map.of("PATH", System.getenv("PATH")), null, "/bin/sh", "-c", script);
  }

  private Path script(String content) throws IOException {
    Path file = Files.writeString(folder.resolve("agent"), content);
    assertTrue(file.toFile().setExecutable(true));
    return file;
  }

  private String notExecuted(Path program, boolean passing)
      throws IOException, InterruptedException {
    AgentProcess agent = ended(Map.of("PATH", System.getenv("PATH")), null, program.toString());
    agent.finish();
    NotExecutedException reason = agent.notExecuted().orElseThrow();
    assertEquals(passing, reason.passing(), reason.getMessage());
    assertTrue(reason.getMessage().startsWith(program.toString()), reason.getMessage());
    assertTrue(stdout.isEmpty(), stdout.toString());
    assertTrue(stderr.stream().noneMatch(line -> line.matches("[0-9a-f]{16}")), "no line of ours");
    return reason.getMessage();
  }

  @Test
  void a_program_that_cannot_be_executed_is_told_from_one_that_fails() throws Exception {
    assertTrue(notExecuted(folder.resolve("none"), false).contains("does not exist"));
    assertTrue(notExecuted(folder, false).contains("is not a file"));
    Path plain = Files.writeString(folder.resolve("plain"), "#!/bin/sh\n");
    assertTrue(notExecuted(plain, false).contains("is not executable"));
    Path lost = script("#!/no/such/interpreter -x\n");
    assertTrue(notExecuted(lost, false).contains("needs /no/such/interpreter"));
    Path hostile = script("#!/no/such\0interpreter\n");
    assertTrue(notExecuted(hostile, true).contains("could not be executed"));

    for (int code : new int[] {126, 127}) {
      AgentProcess fails = sh("echo 'sh: 1: exec: /bin/x: not found' >&2; exit " + code);
      assertEquals(code, fails.finish());
      assertTrue(fails.notExecuted().isEmpty());
    }
  }

  @Test
  void a_program_that_is_being_written_may_be_executable_a_moment_later() throws Exception {
    Path busy = folder.resolve("busy");
    Files.copy(Path.of("/bin/sleep").toRealPath(), busy);
    assertTrue(busy.toFile().setExecutable(true));
    try (OutputStream open = Files.newOutputStream(busy, StandardOpenOption.APPEND)) {
      String message = notExecuted(busy, true);
      assertTrue(message.contains("could not be executed: "), message);
      open.flush();
    }
  }

  @Test
  void a_script_without_a_first_line_for_the_kernel_runs_as_ever() throws Exception {
    AgentProcess agent = ended(Map.of(), null, script("echo ran; exit 5\n").toString());
    assertEquals(5, agent.finish());
    assertEquals(List.of("ran"), stdout);
  }

  @Test
  void arguments_arrive_as_they_are() throws Exception {
    List<String> odd =
        List.of(
            "", " ", "-n", "--", "$(touch no)", "`touch no`", "a\nb", "'\"\\", "*", "\u20ac;&|");
    List<String> argv = new ArrayList<>(List.of("/usr/bin/printf", "<%s>"));
    argv.addAll(odd);
    AgentProcess agent = ended(Map.of("LC_ALL", "C.UTF-8"), null, argv.toArray(String[]::new));
    assertEquals(0, agent.finish());
    assertEquals("<" + String.join("><", odd) + ">", String.join("\n", stdout));
    assertFalse(Files.exists(folder.resolve("no")));
  }

  @Test
  void standard_input_is_the_agents_own_from_its_first_byte() throws Exception {
    byte[] input = "first\nsecond\0third".getBytes(StandardCharsets.UTF_8);
    AgentProcess agent = ended(Map.of(), input, "/bin/cat");
    assertEquals(0, agent.finish());
    assertEquals(List.of("first", "second\0third"), stdout);

    stdout.clear();
    AgentProcess empty = ended(Map.of(), new byte[0], "/bin/cat");
    assertEquals(0, empty.finish());
    AgentProcess none = ended(Map.of(), null, "/bin/readlink", "/proc/self/fd/0");
    assertEquals(0, none.finish());
    assertEquals(List.of("/dev/null"), stdout);
  }

  @Test
  void no_other_descriptor_and_no_other_variable_reaches_the_agent() throws Exception {
    ended(Map.of("A", "b c"), null, "/bin/ls", "/proc/self/fd").finish();
    // The last one is that of the folder which is being listed.
    assertEquals(List.of("0", "1", "2", "3"), stdout);

    stdout.clear();
    ended(Map.of("A", "b c", "OUTLAST_X", ""), null, "/usr/bin/env").finish();
    List<String> variables = new ArrayList<>(stdout);
    variables.removeIf(line -> line.matches("(PWD|SHLVL|_)=.*"));
    variables.sort(null);
    assertEquals(3, variables.size(), variables.toString());
    assertEquals("A=b c", variables.get(0));
    assertTrue(variables.get(1).matches("OUTLAST_INVOCATION=run-id/7/1/[0-9a-f]{16}"));
    assertEquals("OUTLAST_X=", variables.get(2));
  }

  @Test
  void a_signal_that_ends_the_agent_is_in_its_exit_code() throws Exception {
    assertEquals(128 + 15, sh("kill -TERM $$; sleep 9").finish());
    assertEquals(128 + 9, sh("kill -KILL $$; sleep 9").finish());
  }

  @Test
  void an_agent_of_a_worker_that_ignores_polite_signals_does_not() throws Exception {
    Process worker =
        new ProcessBuilder(
                "/bin/sh",
                "-c",
                "trap '' HUP INT QUIT; exec \"$@\"",
                "sh",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                IgnoringWorker.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .start();
    String output = new String(worker.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, worker.waitFor(), output);
    List<String> masks = output.lines().filter(line -> line.startsWith("SigIgn:")).toList();
    assertEquals(2, masks.size(), output);
    long polite = 1 | 1 << 1 | 1 << 2 | 1 << 14;
    assertTrue((mask(masks.get(0)) & polite) != 0, "the worker: " + output);
    assertEquals(0, mask(masks.get(1)) & polite, "the agent: " + output);
  }

  private static long mask(String line) {
    return Long.parseUnsignedLong(line.substring("SigIgn:".length()).strip(), 16);
  }

  /** Started in a JVM of its own. Prints which signals it ignores, and which its agent does. */
  static final class IgnoringWorker {
    public static void main(String[] args) throws IOException, InterruptedException {
      System.out.print(Files.readString(Path.of("/proc/self/status")));
      AgentProcess agent =
          AgentRegistry.open(Path.of(args[0]))
              .start(
                  new ProcessSpec(
                      List.of("/bin/cat", "/proc/self/status"), Path.of("/"), Map.of(), null),
                  new AgentOwner("run", "run-id", "7", 1),
                  null,
                  "/",
                  line -> System.out.println(line.text()),
                  line -> {});
      agent.release();
      agent.awaitExit(LONG);
      agent.finish();
    }
  }
}
