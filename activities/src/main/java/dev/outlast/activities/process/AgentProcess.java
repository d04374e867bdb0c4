package dev.outlast.activities.process;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running agent: the leader of a process group and session of its own. Standard output and
 * standard error are read on two threads, which hand over one line at a time, never both at once.
 * Thread-safe.
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
  private static final Duration POLL = Duration.ofMillis(50);
  private static final int CHUNK = 64 * 1024;
  private static final String PERL_SETSID =
      "use POSIX; POSIX::setsid() != -1 or die \"setsid: $!\"; exec {$ARGV[0]} @ARGV or die"
          + " \"$ARGV[0]: $!\"";

  private final Process process;
  private final ProcessGroup group;
  private final List<Thread> readers = new ArrayList<>();
  private final Object delivery = new Object();
  private boolean closed;
  private volatile long lastOutput = System.nanoTime();

  private AgentProcess(Process process) {
    this.process = process;
    this.group = new ProcessGroup(process.pid());
  }

  /**
   * Starts a process.
   *
   * @param stdout is given each line of standard output
   * @param stderr is given each line of standard error
   * @throws IOException if it cannot be started; the message names the remedy where we know one
   */
  public static AgentProcess start(
      ProcessSpec spec, Consumer<OutputLine> stdout, Consumer<OutputLine> stderr)
      throws IOException {
    List<String> argv = new ArrayList<>(sessionLeader());
    argv.addAll(spec.argv());
    ProcessBuilder builder = new ProcessBuilder(argv).directory(spec.directory().toFile());
    builder.environment().clear();
    builder.environment().putAll(spec.environment());
    if (spec.stdin() == null) {
      builder.redirectInput(new File("/dev/null"));
    }
    AgentProcess agent = new AgentProcess(builder.start());
    agent.read("stdout", agent.process.getInputStream(), stdout);
    agent.read("stderr", agent.process.getErrorStream(), stderr);
    if (spec.stdin() != null) {
      agent.daemon("stdin", () -> agent.write(spec.stdin()));
    }
    return agent;
  }

  /** The program that makes what follows the leader of a new session, and so of a new group. */
  private static List<String> sessionLeader() throws IOException {
    Optional<Path> setsid = find("setsid");
    if (setsid.isPresent()) {
      return List.of(setsid.get().toString());
    }
    Optional<Path> perl = find("perl");
    if (perl.isPresent()) {
      return List.of(perl.get().toString(), "-e", PERL_SETSID);
    }
    throw new IOException(
        "neither setsid nor perl is in /usr/bin, /bin, /usr/local/bin or /opt/homebrew/bin; one of"
            + " them is needed to start an agent in a process group of its own. Install util-linux"
            + " or perl");
  }

  private static Optional<Path> find(String program) {
    return List.of("/usr/bin", "/bin", "/usr/local/bin", "/opt/homebrew/bin").stream()
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /**
   * Ends a group that an earlier worker on this host has started and left behind, if it is still
   * there and carries this mark in its leader's environment.
   *
   * @return whether there was one
   */
  public static boolean endLeftBehind(long pid, String variable, String value) {
    ProcessGroup group = new ProcessGroup(pid);
    if (!group.leaderHas(variable, value)) {
      return false;
    }
    group.signal("TERM");
    if (!await(() -> !group.alive(), TERMINATE_GRACE)) {
      group.signal("KILL");
      await(() -> !group.alive(), KILL_GRACE);
    }
    return true;
  }

  private void read(String name, InputStream stream, Consumer<OutputLine> sink) {
    readers.add(
        daemon(
            name,
            () -> {
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
            }));
  }

  private void deliver(OutputLine line, Consumer<OutputLine> sink) {
    synchronized (delivery) {
      if (!closed) {
        try {
          sink.accept(line);
        } catch (RuntimeException bug) {
          // The rest must still be read: an agent whose pipe is full hangs.
          log.error("A line of agent {} could not be handled", pid(), bug);
        }
      }
    }
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
   * behind in its group, and closes. No line is delivered after this. Takes no longer than the sum
   * of {@link #EOF_GRACE}, {@link #LEFTOVER_GRACE} and {@link #KILL_GRACE}, and once more {@link
   * #EOF_GRACE}.
   *
   * @return the exit code; 128 plus the number of the signal if one ended it
   */
  public int finish() {
    if (!await(this::atEof, EOF_GRACE) || group.alive()) {
      group.signal("TERM");
      if (!await(() -> !group.alive(), LEFTOVER_GRACE)) {
        group.signal("KILL");
        await(() -> !group.alive(), KILL_GRACE);
      }
      await(this::atEof, EOF_GRACE);
    }
    return close();
  }

  /**
   * Ends the agent with all that it has started: SIGINT, SIGTERM and SIGKILL to its group, each
   * with its grace, then closes. Children that have moved to groups of their own are ended too,
   * where they are still the agent's descendants. An interrupt does not cut this short.
   *
   * @return the exit code
   */
  public int end() {
    Set<ProcessHandle> descendants = new LinkedHashSet<>();
    BooleanSupplier gone =
        () ->
            !process.isAlive()
                && !group.alive()
                && descendants.stream().noneMatch(ProcessHandle::isAlive);
    process.descendants().forEach(descendants::add);
    group.signal("INT");
    if (!await(gone, INTERRUPT_GRACE)) {
      process.descendants().forEach(descendants::add);
      group.signal("TERM");
      descendants.forEach(ProcessHandle::destroy);
      if (!await(gone, TERMINATE_GRACE)) {
        process.descendants().forEach(descendants::add);
        group.signal("KILL");
        descendants.forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        if (!await(gone, KILL_GRACE)) {
          log.error("Process group {} of an agent has survived SIGKILL", pid());
        }
      }
    }
    await(this::atEof, EOF_GRACE);
    return close();
  }

  private int close() {
    synchronized (delivery) {
      closed = true;
    }
    return process.isAlive() ? -1 : process.exitValue();
  }

  private boolean atEof() {
    return readers.stream().noneMatch(Thread::isAlive);
  }

  private static boolean await(BooleanSupplier condition, Duration atMost) {
    long deadline = System.nanoTime() + atMost.toNanos();
    boolean interrupted = false;
    try {
      while (!condition.getAsBoolean()) {
        if (System.nanoTime() - deadline >= 0) {
          return false;
        }
        try {
          Thread.sleep(POLL.toMillis());
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      return true;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
