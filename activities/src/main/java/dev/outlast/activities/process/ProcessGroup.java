package dev.outlast.activities.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A process group by its id, which is the process id of its leader. Java can signal single
 * processes only, so signals go through the shell's built-in {@code kill}, and life is read from
 * {@code /proc} where there is one: there a zombie that nobody reaps does not count as alive.
 */
record ProcessGroup(long id) {

  private static final Logger log = LoggerFactory.getLogger(ProcessGroup.class);
  private static final Path PROC = Path.of("/proc");
  private static final boolean HAS_PROC = Files.isReadable(PROC.resolve("self/stat"));

  /** How long the shell may take to send a signal. */
  private static final long KILL_SECONDS = 5;

  /** Sends a signal such as {@code INT}; says whether the group had anybody to receive it. */
  boolean signal(String name) {
    try {
      Process kill =
          new ProcessBuilder(
                  "/bin/sh", "-c", "kill -s \"$1\" -- \"-$2\"", "sh", name, Long.toString(id))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return waitFor(kill) && kill.exitValue() == 0;
    } catch (IOException noShell) {
      log.error("Cannot signal process group {}: /bin/sh does not start", id, noShell);
      return false;
    }
  }

  private static boolean waitFor(Process kill) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return kill.waitFor(KILL_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Whether any process of the group still runs. */
  boolean alive() {
    return HAS_PROC ? anyMember() : signal("0");
  }

  private boolean anyMember() {
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : processes) {
        if (isLiveMember(process)) {
          return true;
        }
      }
      return false;
    } catch (IOException | DirectoryIteratorException unreadable) {
      log.warn("Cannot list {}", PROC, unreadable);
      return signal("0");
    }
  }

  /** Reads {@code state ppid pgrp}, which follow the command's name in parentheses. */
  private boolean isLiveMember(Path process) {
    String stat;
    try {
      stat = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
    } catch (IOException ended) {
      return false;
    }
    List<String> fields = List.of(stat.substring(stat.lastIndexOf(')') + 1).strip().split(" "));
    return fields.size() > 2
        && !fields.get(0).equals("Z")
        && !fields.get(0).equals("X")
        && fields.get(2).equals(Long.toString(id));
  }

  /**
   * Whether the leader runs and was started with this in its environment. False where that cannot
   * be read, so that a process id that was given to somebody else is never taken for ours.
   */
  boolean leaderHas(String variable, String value) {
    try {
      String environment =
          Files.readString(PROC.resolve(id + "/environ"), StandardCharsets.ISO_8859_1);
      return List.of(environment.split("\0")).contains(variable + "=" + value);
    } catch (IOException goneOrNotOurs) {
      return false;
    }
  }
}
