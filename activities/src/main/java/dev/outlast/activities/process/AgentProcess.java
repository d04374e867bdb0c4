package dev.outlast.activities.process;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running agent: the leader of a process group and session of its own, held until it is released.
 * Standard output and standard error are read on two threads, which hand over one line at a time,
 * never both at once. Thread-safe.
 */
public final class AgentProcess {

  /** The most that can be given on standard input: 8 MiB. */
  public static final int MAX_STDIN = 8 * 1024 * 1024;

  /** How long a group has to end by itself after SIGINT. */
  public static final Duration INTERRUPT_GRACE = Duration.ofSeconds(5);

  /** How long it then has after SIGTERM. */
  public static final Duration TERMINATE_GRACE = Duration.ofSeconds(5);

  /** How long it is then waited for after SIGKILL. */
  public static final Duration KILL_GRACE = Duration.ofSeconds(5);

  /** How long, after the leader has exited, its output may stay open in other hands. */
  public static final Duration EOF_GRACE = Duration.ofSeconds(2);

  /** How long children that the leader has left behind have after SIGTERM. */
  public static final Duration LEFTOVER_GRACE = Duration.ofSeconds(2);

  private static final Logger log = LoggerFactory.getLogger(AgentProcess.class);
  private static final int CHUNK = 64 * 1024;

  /** How much is kept of what the shell says when it cannot execute a program. */
  private static final int MAX_ERROR = 512;

  private final Process process;
  private final AgentTree tree;
  private final Path program;
  private final Path directory;
  private final byte[] stdin;
  private final String goLine = Prelude.goLine();
  private final Runnable ended;
  private final List<Thread> readers = new ArrayList<>();
  private final Object delivery = new Object();
  private boolean closed;
  private boolean released;
  private String lastError = "";
  private NotExecutedException notExecuted;
  private volatile Error unread;
  private volatile long lastOutput = System.nanoTime();

  /**
   * @param process the held prelude
   * @param tree of this child
   * @param spec what it becomes
   * @param ended is called once, when nothing of the agent runs any more
   */
  AgentProcess(
      Process process,
      AgentTree tree,
      ProcessSpec spec,
      Consumer<OutputLine> stdout,
      Consumer<OutputLine> stderr,
      Runnable ended) {
    this.process = process;
    this.tree = tree;
    process.onExit().thenRun(tree::leaderEnded);
    this.program = Path.of(spec.argv().get(0));
    this.directory = spec.directory();
    this.stdin = spec.stdin();
    this.ended = ended;
    read("stdout", process.getInputStream(), stdout);
    read("stderr", process.getErrorStream(), line -> error(line, stderr));
  }

  /**
   * Lets the agent run.
   *
   * @throws IOException if it was ended meanwhile; nothing of it has run then. It still has to be
   *     ended
   */
  public synchronized void release() throws IOException {
    released = true;
    lastOutput = System.nanoTime();
    OutputStream pipe = process.getOutputStream();
    pipe.write((goLine + "\n").getBytes(StandardCharsets.US_ASCII));
    pipe.flush();
    if (stdin == null) {
      pipe.close();
    } else {
      daemon("stdin", () -> write(stdin));
    }
  }

  /** Why the program could not be executed; empty if it could, as far as is known. */
  public Optional<NotExecutedException> notExecuted() {
    synchronized (delivery) {
      return Optional.ofNullable(notExecuted);
    }
  }

  /** Called with one line at a time. */
  private void error(OutputLine line, Consumer<OutputLine> sink) {
    if (line.bytes().length == goLine.length() && line.text().equals(goLine)) {
      notExecuted = Prelude.notExecuted(program, lastError);
    } else {
      lastError = line.head(MAX_ERROR);
      sink.accept(line);
    }
  }

  private void read(String name, InputStream stream, Consumer<OutputLine> sink) {
    readers.add(
        daemon(
            name,
            () -> {
              try {
                lines(name, stream, sink);
              } catch (Error bug) {
                // First of all: what follows may fail in the same way.
                unread = bug;
                log.error("{} of agent {} is not read on: {}", name, pid(), position(bug));
              }
            }));
  }

  private void lines(String name, InputStream stream, Consumer<OutputLine> sink) {
    LineSplitter lines = new LineSplitter(line -> deliver(line, sink));
    byte[] chunk = new byte[CHUNK];
    try (stream) {
      for (int count; (count = stream.read(chunk)) >= 0; ) {
        lastOutput = System.nanoTime();
        lines.feed(chunk, count);
      }
    } catch (IOException closedUnderUs) {
      log.debug("{} of agent {} ended", name, pid(), closedUnderUs);
    }
    lines.end();
  }

  private void deliver(OutputLine line, Consumer<OutputLine> sink) {
    synchronized (delivery) {
      if (!closed) {
        try {
          sink.accept(line);
        } catch (RuntimeException bug) {
          // The rest must still be read: an agent whose pipe is full hangs.
          log.error("A line of agent {} could not be handled: {}", pid(), position(bug));
        }
      }
    }
  }

  /** What went wrong and where, without the message: that may quote the agent. */
  private static String position(Throwable bug) {
    StackTraceElement[] frames = bug.getStackTrace();
    return bug.getClass().getName() + (frames.length == 0 ? "" : " at " + frames[0]);
  }

  /**
   * Why its output is not read any more, although it has not ended; empty as long as it is read.
   * The agent must be ended then: nobody knows what it does.
   */
  public Optional<String> unread() {
    return Optional.ofNullable(unread).map(AgentProcess::position);
  }

  private void write(byte[] stdin) {
    try (OutputStream stream = process.getOutputStream()) {
      stream.write(stdin);
    } catch (IOException notRead) {
      log.debug("Agent {} did not read all of its standard input", pid(), notRead);
    }
  }

  private Thread daemon(String name, Runnable work) {
    Thread thread = new Thread(work, "agent-" + process.pid() + "-" + name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  /** The leader's process id, which is the process group's id too. */
  public long pid() {
    return process.pid();
  }

  /**
   * Where the leader is, with all links followed. It was started by path, a part of which may have
   * been replaced by a link just before: Linux says where a process is; on macOS only the path can
   * be followed again.
   *
   * @throws IOException if that is gone
   */
  public Path directory() throws IOException {
    Path cwd = Path.of("/proc", Long.toString(pid()), "cwd");
    return (Files.isSymbolicLink(cwd) ? cwd : directory).toRealPath();
  }

  /** How long ago the agent last printed anything, or started. */
  public Duration silence() {
    return Duration.ofNanos(System.nanoTime() - lastOutput);
  }

  /** Waits for the leader to exit; says whether it has. */
  public boolean awaitExit(Duration atMost) throws InterruptedException {
    return process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS);
  }

  /**
   * After the leader has exited by itself: reads what is left of its output, ends what it has left
   * behind, in its group or outside of it, and closes. No line is delivered after this. Takes no
   * longer than the sum of {@link #EOF_GRACE}, {@link #LEFTOVER_GRACE} and {@link #KILL_GRACE}, and
   * once more {@link #EOF_GRACE}.
   *
   * @return the exit code; 128 plus the number of the signal if one ended it
   */
  public int finish() {
    boolean alone = tree.gone();
    if (!Deadline.in(EOF_GRACE).await(this::atEof) || !alone) {
      tree.terminate();
      if (!Deadline.in(LEFTOVER_GRACE).await(tree::gone)) {
        kill();
      }
      Deadline.in(EOF_GRACE).await(this::atEof);
    }
    return close();
  }

  /**
   * Ends the agent with all that it has started: SIGINT to its group, then SIGTERM and SIGKILL also
   * to what has left the group, each with its grace; then closes. One that was not released never
   * runs. An interrupt does not cut this short.
   *
   * @return the exit code
   */
  public int end() {
    BooleanSupplier gone = () -> !process.isAlive() && tree.gone();
    hold();
    tree.interrupt();
    if (!Deadline.in(INTERRUPT_GRACE).await(gone)) {
      tree.terminate();
      if (!Deadline.in(TERMINATE_GRACE).await(gone)) {
        kill();
      }
    }
    Deadline.in(EOF_GRACE).await(this::atEof);
    return close();
  }

  /** One that was not released never will be. */
  private synchronized void hold() {
    if (!released) {
      released = true;
      try {
        process.getOutputStream().close();
      } catch (IOException ended) {
        log.debug("Agent {} had ended before it was released", pid(), ended);
      }
    }
  }

  private void kill() {
    boolean gone =
        Deadline.in(KILL_GRACE)
            .await(
                () -> {
                  // Again and again: what is killed may have started something meanwhile.
                  tree.kill();
                  return tree.gone();
                });
    if (!gone) {
      log.error("Agent {} has survived SIGKILL", pid());
    }
  }

  private int close() {
    synchronized (delivery) {
      closed = true;
    }
    if (tree.gone()) {
      ended.run();
    }
    return process.isAlive() ? -1 : process.exitValue();
  }

  private boolean atEof() {
    return readers.stream().noneMatch(Thread::isAlive);
  }
}
