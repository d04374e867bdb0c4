package dev.outlast.worker.e2e;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A program that a test runs in a process of its own; its output goes to a file. */
final class Program implements AutoCloseable {

  private static final long END_SECONDS = 120;

  /** What every agent has in its environment, so that a worker knows it again. */
  private static final String AGENT_MARK = "OUTLAST_INVOCATION=";

  private final Process process;
  private final Path log;

  private Program(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /**
   * Starts a program.
   *
   * @param environment all variables that it gets
   */
  static Program start(Path log, Map<String, String> environment, List<String> command)
      throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(log.getParent().toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.environment().clear();
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    return new Program(process, log);
  }

  /** Ends it as {@code kill -9} does, and waits until it has ended. */
  void kill() {
    process.destroyForcibly();
    awaitEnd();
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Sends it a signal such as {@code STOP}. */
  void signal(String name) {
    Signal.send(name, process.pid());
  }

  boolean endedWith(int code) {
    return !process.isAlive() && process.exitValue() == code;
  }

  /** Waits for its end. */
  int exitCode() throws InterruptedException {
    if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("still running after " + END_SECONDS + " s: " + output());
    }
    return process.exitValue();
  }

  /**
   * Says that it still runs.
   *
   * @throws AssertionError when it has ended, with all that it said
   */
  boolean runs() {
    if (!process.isAlive()) {
      throw new AssertionError("it ended with " + process.exitValue() + ": " + output());
    }
    return true;
  }

  /** The agents that it runs, if it is a worker: processes of its own that carry their mark. */
  List<String> agents() {
    return process
        .children()
        .filter(Program::isAgent)
        .map(child -> child.pid() + " " + child.info().commandLine().orElse("?"))
        .toList();
  }

  private static boolean isAgent(ProcessHandle child) {
    try {
      return Files.readString(
              Path.of("/proc", Long.toString(child.pid()), "environ"), StandardCharsets.ISO_8859_1)
          .contains(AGENT_MARK);
    } catch (IOException ended) {
      return false;
    }
  }

  String output() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return "no output: " + e;
    }
  }

  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        kill();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }

  private void awaitEnd() {
    try {
      process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a program ended", e);
    }
  }
}
