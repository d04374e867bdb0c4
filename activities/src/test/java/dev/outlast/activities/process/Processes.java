package dev.outlast.activities.process;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/** What the tests of this package ask of processes that they or their agents have started. */
final class Processes {

  private Processes() {}

  /** Waits until something holds. */
  static void await(String what, Duration atMost, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + atMost.toNanos();
    while (!condition.call()) {
      assertTrue(System.nanoTime() - deadline < 0, what + ": not within " + atMost);
      Thread.sleep(20);
    }
  }

  /** The process id that somebody writes into a file, with a line end. */
  static long pidIn(Path file) throws Exception {
    await(
        file + " has a process id",
        Duration.ofMinutes(1),
        () -> Files.exists(file) && Files.readString(file).endsWith("\n"));
    return Long.parseLong(Files.readString(file).strip());
  }

  /** A zombie that nobody waits for does not run. */
  static boolean runs(long pid) {
    return ProcessIdentity.of(pid).isPresent();
  }

  static void send(String signal, long pid) throws IOException, InterruptedException {
    Process kill = new ProcessBuilder("kill", "-s", signal, "--", Long.toString(pid)).start();
    assertTrue(kill.waitFor() == 0, "kill " + signal + " " + pid);
  }

  /** The dead man's switches that a process has started. */
  static List<Long> switchesOf(ProcessHandle worker) {
    return worker
        .children()
        .filter(child -> runs(child.pid()))
        .filter(child -> child.info().commandLine().orElse("").contains("outlast-dead-mans-switch"))
        .map(ProcessHandle::pid)
        .toList();
  }

  /** Each must hold by itself; Linux has both. */
  static Stream<ProcessTable> tables() {
    return ProcessTable.HAS_PROC
        ? Stream.of(new ProcTable(), new PsTable("axeww"))
        : Stream.of(ProcessTable.OF_THIS_SYSTEM);
  }

  /** Control groups are used where they can be; each way must hold by itself. */
  static Stream<Path> waysToFindWhatLeftTheGroup() {
    return Stream.concat(Stream.of(Path.of("")), Cgroup.parent().stream());
  }
}
