package dev.outlast.activities.process;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A small process that ends the agents of this worker when this worker has gone, however it went.
 * It reads a pipe that only this process can write to, and so learns of the end from the kernel; a
 * worker that is merely frozen does not set it off. It has a session of its own, so that no signal
 * to the worker's group or terminal reaches it. One that was killed or does not answer is replaced.
 * Thread-safe.
 */
final class DeadMansSwitch implements Closeable {

  /** How often it is looked whether it still runs: somebody may have killed it. */
  static final Duration LOOK = Duration.ofMillis(500);

  /** How often, while agents run, it is asked for an answer: somebody may have frozen it. */
  static final Duration ASK = Duration.ofSeconds(5);

  /** How long it may take to answer. */
  static final Duration ANSWER = Duration.ofSeconds(5);

  /**
   * How long it may take from the end of its worker until it has ended the agents: it looks ten
   * times, a second apart, and each look takes a while on a busy host.
   */
  static final Duration ENDING = Duration.ofSeconds(15);

  private static final Logger log = LoggerFactory.getLogger(DeadMansSwitch.class);
  private static final String SCRIPT = script();

  /** The process ids of those that this process has started, and not let go. */
  private static final Set<Long> RUNNING = ConcurrentHashMap.newKeySet();

  private final ProcessTable table;
  private final ReentrantLock lock = new ReentrantLock();

  /** What it has to know of each agent, by the agent's name. */
  private final Map<String, String> agents = new LinkedHashMap<>();

  /** Null before the first agent, and after the last one if this was closed. */
  private Process process;

  /** Runs while there is a process. */
  private Thread watcher;

  private boolean closed;

  DeadMansSwitch(ProcessTable table) {
    this.table = table;
  }

  private static String script() {
    try (InputStream script = DeadMansSwitch.class.getResourceAsStream("dead-mans-switch.sh")) {
      return new String(script.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Whether a process is one that this process has started. */
  static boolean is(ProcessHandle process) {
    return RUNNING.contains(process.pid());
  }

  /**
   * Makes an agent end with this worker.
   *
   * @throws IOException if no such process can be started; the agent is not known then
   */
  void watch(AgentRecord agent) throws IOException {
    String name = AgentRegistry.name(agent);
    String line =
        String.join(
            " ",
            "+",
            name,
            Long.toString(agent.agent().pid()),
            table.word(table.started(agent.agent().start())),
            agent.mark(),
            agent.cgroup() == null ? "-" : agent.cgroup());
    lock.lock();
    try {
      agents.put(name, line);
      if (process == null) {
        start();
      } else {
        try {
          tell(line);
        } catch (IOException ended) {
          replace(ended);
        }
      }
    } catch (IOException e) {
      agents.remove(name);
      throw e;
    } finally {
      lock.unlock();
    }
  }

  /** Tells it that an agent has ended. */
  void forget(AgentRecord agent) {
    String name = AgentRegistry.name(agent);
    lock.lock();
    try {
      if (agents.remove(name) != null && process != null) {
        tell("- " + name);
        endIfIdle();
      }
    } catch (IOException ended) {
      log.debug("The dead man's switch was not told of an end; it is replaced soon", ended);
    } finally {
      lock.unlock();
    }
  }

  /** One write of less than the kernel's {@code PIPE_BUF}: whole, or not at all. */
  private void tell(String line) throws IOException {
    OutputStream pipe = process.getOutputStream();
    pipe.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    pipe.flush();
  }

  private void start() throws IOException {
    List<String> command = new ArrayList<>(Prelude.sessionLeader());
    command.addAll(
        List.of("/bin/sh", "-c", SCRIPT, "outlast-dead-mans-switch", table.environments()));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(Path.of("/").toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().clear();
    builder.environment().putAll(Commands.OF_THE_SYSTEM);
    process = builder.start();
    RUNNING.add(process.pid());
    if (watcher == null) {
      watcher = new Thread(this::watchOver, "dead-mans-switch");
      watcher.setDaemon(true);
      watcher.start();
    }
    for (String agent : agents.values()) {
      tell(agent);
    }
  }

  private void replace(Exception reason) throws IOException {
    log.warn(
        "The dead man's switch, process {}, is replaced: {}", process.pid(), reason.getMessage());
    letGo();
    start();
  }

  private void letGo() {
    Process old = process;
    process = null;
    RUNNING.remove(old.pid());
    // A frozen one must not end, at some later time, agents that it was not told of.
    old.destroyForcibly();
    for (Closeable pipe : List.of(old.getOutputStream(), old.getInputStream())) {
      try {
        pipe.close();
      } catch (IOException endedBefore) {
        log.debug("A pipe to process {} was closed already", old.pid(), endedBefore);
      }
    }
  }

  private void endIfIdle() {
    if (closed && agents.isEmpty() && process != null) {
      letGo();
    }
  }

  private void watchOver() {
    long asked = System.nanoTime();
    boolean watching = true;
    while (watching) {
      try {
        Thread.sleep(LOOK.toMillis());
        boolean ask = System.nanoTime() - asked >= ASK.toNanos();
        if (ask) {
          asked = System.nanoTime();
        }
        watching = look(ask);
      } catch (IOException | RuntimeException e) {
        log.error("Agents outlive this worker should it be killed now: no dead man's switch", e);
      } catch (InterruptedException e) {
        log.error("Nobody watches over the dead man's switch any more", e);
        return;
      }
    }
  }

  /** Replaces it if need be; says whether there is anything left to watch over. */
  private boolean look(boolean ask) throws IOException, InterruptedException {
    Process watched;
    lock.lock();
    try {
      watched = process;
      if (agents.isEmpty() && (watched == null || !watched.isAlive())) {
        if (watched != null) {
          RUNNING.remove(watched.pid());
        }
        process = null;
        watcher = null;
        return false;
      }
      if (watched == null) {
        start();
        return true;
      }
      if (!watched.isAlive()) {
        replace(new IOException("it has ended with " + watched.exitValue()));
        return true;
      }
      if (!ask || agents.isEmpty()) {
        return true;
      }
    } finally {
      lock.unlock();
    }
    if (!answers(watched)) {
      // First of all, so that whoever holds the lock while he writes to it lets go.
      watched.destroyForcibly();
      lock.lock();
      try {
        if (process == watched) {
          replace(new IOException("it has not answered within " + ANSWER.toSeconds() + " s"));
        }
      } finally {
        lock.unlock();
      }
    }
    return true;
  }

  private boolean answers(Process asked) throws InterruptedException {
    long deadline = System.nanoTime() + ANSWER.toNanos();
    if (!lock.tryLock(ANSWER.toMillis(), TimeUnit.MILLISECONDS)) {
      return false;
    }
    try {
      if (process != asked) {
        return true;
      }
      tell("?");
    } catch (IOException ended) {
      return false;
    } finally {
      lock.unlock();
    }
    try {
      InputStream answers = asked.getInputStream();
      while (answers.available() == 0) {
        if (System.nanoTime() - deadline >= 0) {
          return false;
        }
        Thread.sleep(LOOK.toMillis() / 10);
      }
      answers.skipNBytes(answers.available());
      return true;
    } catch (IOException endedMeanwhile) {
      return true;
    }
  }

  /** Ends it as soon as there is no agent. Another agent brings it back until that has ended. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      endIfIdle();
    } finally {
      lock.unlock();
    }
  }
}
