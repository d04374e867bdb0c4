package dev.outlast.activities.process;

import static dev.outlast.activities.process.Processes.await;
import static dev.outlast.activities.process.Processes.pidIn;
import static dev.outlast.activities.process.Processes.runs;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class CommandsTest {

  private static final Duration LONG = Duration.ofMinutes(1);
  private static final int MOST = 10_000;

  @TempDir Path folder;

  private Commands.Answer sh(String script, Duration atMost)
      throws IOException, InterruptedException {
    return Commands.ask(
        List.of("/bin/sh", "-c", script),
        folder,
        Map.of("PATH", "/usr/bin:/bin", "WHO", "me"),
        MOST,
        Deadline.in(atMost));
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Test
  void a_program_has_what_it_is_given_and_its_words_and_exit_code_are_told() throws Exception {
    Commands.Answer answer = sh("echo $WHO $HOME; pwd -P; cat; echo no >&2; exit 3", LONG);
    assertEquals(Commands.End.EXITED, answer.end());
    assertEquals(3, answer.exitCode());
    assertEquals("me\n" + folder.toRealPath() + "\n", text(answer.out()));
    assertEquals("no\n", text(answer.complaint()));
  }

  @Test
  void a_program_that_takes_too_long_ends_with_all_of_its_group() throws Exception {
    Commands.Answer answer =
        sh(
            "trap '' TERM; echo some; (sh -c 'echo $$ > child; exec sleep 600' &); sleep 600",
            // On a busy host it gets as far as its child by then too.
            Duration.ofSeconds(8));
    assertEquals(Commands.End.TOO_LONG, answer.end());
    long child = pidIn(folder.resolve("child"));
    await("the child ends", LONG, () -> !runs(child));
  }

  @Test
  void what_a_program_leaves_behind_with_its_output_hangs_nobody_and_ends() throws Exception {
    long began = System.nanoTime();
    Commands.Answer answer =
        sh("sleep 600 & echo $! > child; echo said; sleep 2", Duration.ofMinutes(2));
    assertEquals(Commands.End.LEFT_OPEN, answer.end());
    assertEquals(0, answer.exitCode());
    assertEquals("said\n", text(answer.out()));
    assertTrue(System.nanoTime() - began < LONG.toNanos());
    long child = pidIn(folder.resolve("child"));
    await("the child ends", LONG, () -> !runs(child));
  }

  @Test
  void a_program_that_prints_without_end_is_ended_and_complaints_are_cut() throws Exception {
    assertEquals(Commands.End.TOO_MUCH, sh("cat /dev/zero", LONG).end());
    Commands.Answer complains = sh("head -c 1000000 /dev/zero >&2; echo said", LONG);
    assertEquals(Commands.End.EXITED, complains.end());
    assertEquals("said\n", text(complains.out()));
    assertEquals(Commands.MAX_COMPLAINT, complains.complaint().length);
  }

  @Test
  void an_interrupt_ends_a_program() throws Exception {
    Thread asking = Thread.currentThread();
    Thread interrupting =
        new Thread(
            () -> {
              try {
                pidIn(folder.resolve("leader"));
                asking.interrupt();
              } catch (Exception e) {
                throw new AssertionError(e);
              }
            });
    interrupting.start();
    assertThrows(InterruptedException.class, () -> sh("echo $$ > leader; exec sleep 600", LONG));
    long leader = pidIn(folder.resolve("leader"));
    await("it ends", LONG, () -> !runs(leader));
  }

  @Test
  void what_a_program_of_the_system_prints_is_its_output_only_if_it_ends_well() {
    assertEquals(
        Optional.of("a\nb"), Commands.output(List.of("/bin/sh", "-c", "echo ' a'; echo b")));
    assertEquals(Optional.empty(), Commands.output(List.of("/bin/sh", "-c", "echo a; exit 1")));
    assertEquals(Optional.empty(), Commands.output(List.of("/bin/sh", "-c", "echo")));
    assertEquals(Optional.empty(), Commands.output(List.of("/none/such")));
    assertEquals(
        Optional.empty(), Commands.output(List.of("/bin/sh", "-c", "echo a; exec sleep 60")));
    assertEquals(Optional.empty(), Commands.output(List.of("cat", "/dev/zero")));
  }

  @Test
  void an_interrupt_keeps_nobody_from_asking_the_system() {
    Thread.currentThread().interrupt();
    assertEquals(Optional.of("a"), Commands.output(List.of("echo", "a")));
    assertTrue(Thread.interrupted(), "it is kept for later");
  }

  @Test
  void a_program_is_found_on_the_path_or_where_it_is_said_to_be() throws IOException {
    Path first = Files.createDirectories(folder.resolve("first/tool"));
    Path second = Files.createDirectories(folder.resolve("second"));
    Path tool = Files.createFile(second.resolve("tool"));
    String path = first.getParent() + "::" + second;
    assertEquals(Optional.empty(), SearchPath.find("tool", path), "it is not executable");
    assertTrue(tool.toFile().setExecutable(true));
    assertEquals(Optional.of(tool), SearchPath.find("tool", path), "a folder is no program");
    assertEquals(Optional.of(tool), SearchPath.find(tool.toString(), null));
    assertEquals(Optional.empty(), SearchPath.find(first.toString(), path));
    assertEquals(Optional.empty(), SearchPath.find("tool", null));
    assertFalse(SearchPath.find("tool", "").isPresent());
  }
}
