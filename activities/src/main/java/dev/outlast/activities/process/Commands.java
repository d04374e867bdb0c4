package dev.outlast.activities.process;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Programs that are asked for something and end soon. Unlike agents they are not on record: one
 * that is ended has no work to lose. Thread-safe.
 */
public final class Commands {

  /** How much is kept of what one says on standard error, in bytes. */
  static final int MAX_COMPLAINT = 4 * 1024;

  /** How long the pipes of one that has ended may stay open in other hands. */
  static final Duration EOF_GRACE = Duration.ofSeconds(1);

  /** How long a program of the system may take. */
  static final Duration MAX_TIME = Duration.ofSeconds(5);

  /** The most that one may print: all processes of a large system with their environments. */
  static final int MAX_OUTPUT = 32 * 1024 * 1024;

  /** The environment of programs of the system. */
  static final Map<String, String> OF_THE_SYSTEM =
      Map.of("PATH", "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL", "C", "TZ", "UTC0");

  private static final File NOTHING = new File("/dev/null");
  private static final Logger log = LoggerFactory.getLogger(Commands.class);

  private Commands() {}

  /** How an answer has come to its end. */
  public enum End {
    EXITED,
    /**
     * It has exited, but what it has started held its output: that may not be whole. Not seen if
     * nobody was about to read, as Java then takes what is there and closes; that is whole.
     */
    LEFT_OPEN,
    /** It was ended at the deadline. */
    TOO_LONG,
    /** It was ended, as it printed more than it may. */
    TOO_MUCH
  }

  /**
   * What a program has said.
   *
   * @param exitCode 127 or 126 also if the program could not be executed; -1 if it was ended
   * @param complaint the beginning of standard error
   */
  public record Answer(End end, int exitCode, byte[] out, byte[] complaint) {}

  /**
   * Runs a program, with nothing to read and in a session of its own, to its end or to the
   * deadline, when it is ended with all that is in its group.
   *
   * @param command the program, and what is in its arguments
   * @param environment all of it
   * @param maxOutput how much it may print on standard output, in bytes
   * @throws IOException if it cannot be started
   * @throws InterruptedException if it was ended since this thread was interrupted
   */
  public static Answer ask(
      List<String> command,
      Path directory,
      Map<String, String> environment,
      int maxOutput,
      Deadline deadline)
      throws IOException, InterruptedException {
    List<String> line = new ArrayList<>(Prelude.sessionLeader());
    line.addAll(command);
    ProcessBuilder builder =
        new ProcessBuilder(line).directory(directory.toFile()).redirectInput(NOTHING);
    builder.environment().clear();
    builder.environment().putAll(environment);
    Process process = builder.start();
    Pump out = new Pump(process, process.getInputStream(), maxOutput, true);
    Pump err = new Pump(process, process.getErrorStream(), MAX_COMPLAINT, false);
    boolean exited = false;
    try {
      exited = process.waitFor(deadline.left().toNanos(), TimeUnit.NANOSECONDS);
    } finally {
      if (!exited) {
        end(process);
      }
    }
    long ended = now();
    boolean whole = false;
    try {
      whole = out.ended() & err.ended();
    } finally {
      if (exited && !whole) {
        endLeftovers(process.pid(), ended);
      }
    }
    End end = !exited ? End.TOO_LONG : whole ? End.EXITED : End.LEFT_OPEN;
    return new Answer(
        out.full ? End.TOO_MUCH : end, exited ? process.exitValue() : -1, out.bytes(), err.bytes());
  }

  /** Ends one that this process has not seen the end of: until then its id is its own. */
  private static void end(Process process) {
    signalGroup("KILL", process.pid());
    // It may not have made the group yet.
    process.destroyForcibly();
  }

  private static long now() {
    try {
      return ProcessTable.OF_THIS_SYSTEM.now();
    } catch (UncheckedIOException unseen) {
      log.debug("What programs leave behind is left alone", unseen);
      return -1;
    }
  }

  /**
   * Ends what one has left in its group.
   *
   * @param ended until when the group's id was its own: what has started since may be a stranger's
   */
  private static void endLeftovers(long group, long ended) {
    try {
      if (ProcessTable.OF_THIS_SYSTEM.all().stream()
          .anyMatch(process -> process.group() == group && process.started() <= ended)) {
        signalGroup("KILL", group);
      }
    } catch (UncheckedIOException unseen) {
      log.warn("Cannot see what program {} has left behind; it is left alone", group, unseen);
    }
  }

  /**
   * What a program of the system prints, without the space around it; empty if it fails, prints
   * nothing, prints more than {@link #MAX_OUTPUT}, or takes longer than {@link #MAX_TIME}. An
   * interrupt is kept for later, and the program is asked again.
   */
  static Optional<String> output(List<String> command) {
    boolean interrupted = Thread.interrupted();
    try {
      while (true) {
        try {
          return output(
              command.get(0),
              ask(command, Path.of("/"), OF_THE_SYSTEM, MAX_OUTPUT, Deadline.in(MAX_TIME)));
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (IOException notStarted) {
      log.error("{} does not start", command.get(0), notStarted);
      return Optional.empty();
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static Optional<String> output(String program, Answer answer) {
    if (answer.end() != End.EXITED) {
      log.error("{} gives no answer: {}", program, answer.end());
      return Optional.empty();
    }
    String text = new String(answer.out(), StandardCharsets.UTF_8).strip();
    return answer.exitCode() == 0 && !text.isEmpty() ? Optional.of(text) : Optional.empty();
  }

  /** Sends a signal to a process group. Java can signal single processes only. */
  static void signalGroup(String name, long group) {
    String kill = "kill -s \"$1\" -- \"-$2\"";
    boolean interrupted = Thread.interrupted();
    try {
      Process shell =
          new ProcessBuilder("/bin/sh", "-c", kill, "sh", name, Long.toString(group))
              .redirectInput(NOTHING)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      Deadline deadline = Deadline.in(MAX_TIME);
      while (shell.isAlive() && !deadline.passed()) {
        try {
          shell.waitFor(deadline.left().toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      shell.destroyForcibly();
    } catch (IOException notStarted) {
      log.error("Group {} is not sent SIG{}: no shell starts", group, name, notStarted);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Reads a stream to its end, keeps its beginning, and may end the process that prints more. */
  private static final class Pump implements Runnable {
    private final Process process;
    private final InputStream stream;
    private final int most;
    private final boolean endsAtMost;
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private final Thread thread;
    private volatile boolean full;

    Pump(Process process, InputStream stream, int most, boolean endsAtMost) {
      this.process = process;
      this.stream = stream;
      this.most = most;
      this.endsAtMost = endsAtMost;
      thread = new Thread(this, "output-" + process.pid());
      thread.setDaemon(true);
      thread.start();
    }

    @Override
    public void run() {
      byte[] chunk = new byte[8 * 1024];
      try (stream) {
        for (int count; (count = stream.read(chunk)) >= 0; ) {
          int room;
          synchronized (kept) {
            room = most - kept.size();
            kept.write(chunk, 0, Math.min(count, room));
          }
          if (count > room && endsAtMost) {
            full = true;
            if (process.isAlive()) {
              end(process);
            }
            return;
          }
        }
      } catch (IOException closedUnderUs) {
        log.debug("The output of process {} ended", process.pid(), closedUnderUs);
      }
    }

    /** Waits for the end, which comes with that of the process; says whether it has come. */
    boolean ended() throws InterruptedException {
      thread.join(EOF_GRACE.toMillis());
      return !thread.isAlive();
    }

    byte[] bytes() {
      synchronized (kept) {
        return kept.toByteArray();
      }
    }
  }
}
