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

  private static final Logger log = LoggerFactory.getLogger(DeadMansSwitch.class);
  private static final String SCRIPT = script();

  /** What it has to know of each agent, by the agent's name. */
  private final Map<String, String> agents = new LinkedHashMap<>();

  /** Null before the first agent, and after the end. */
  private volatile Process process;

  private boolean closed;

  private static String script() {
    try (InputStream script = DeadMansSwitch.class.getResourceAsStream("dead-mans-switch.sh")) {
      return new String(script.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Makes an agent end with this worker.
   *
   * @throws IOException if no such process can be started
   */
  synchronized void watch(AgentRecord agent) throws IOException {
    if (closed) {
      throw new IOException("the worker is going away");
    }
    String name = AgentRegistry.name(agent);
    agents.put(
        name,
        String.join(
            " ",
            "+",
            name,
            Long.toString(agent.agent().pid()),
            ProcessTable.HAS_PROC ? agent.agent().start() : "-",
            agent.mark(),
            agent.cgroup() == null ? "-" : agent.cgroup()));
    try {
      if (process == null) {
        start();
        Thread watcher = new Thread(this::watchOver, "dead-mans-switch");
        watcher.setDaemon(true);
        watcher.start();
      } else {
        tell(agents.get(name));
      }
    } catch (IOException e) {
      if (process == null) {
        agents.remove(name);
        throw e;
      }
      replace(e);
    }
  }

  /** Tells it that an agent has ended. */
  synchronized void forget(AgentRecord agent) {
    String name = AgentRegistry.name(agent);
    if (agents.remove(name) != null && process != null) {
      try {
        tell("- " + name);
      } catch (IOException ended) {
        log.debug("The dead man's switch was not told of an end; it is replaced soon", ended);
      }
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
    command.addAll(List.of("/bin/sh", "-c", SCRIPT, "outlast-dead-mans-switch"));
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(Path.of("/").toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().clear();
    builder.environment().put("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    builder.environment().put("LC_ALL", "C");
    process = builder.start();
    for (String agent : agents.values()) {
      tell(agent);
    }
  }

  private synchronized void replace(Exception reason) throws IOException {
    if (closed) {
      return;
    }
    log.warn("The dead man's switch (process {}) is replaced", process.pid(), reason);
    discard(process);
    start();
  }

  private static void discard(Process old) {
    // A frozen one must not end, at some later time, agents that it was not told of.
    old.destroyForcibly();
    try {
      old.getOutputStream().close();
      old.getInputStream().close();
    } catch (IOException endedBefore) {
      log.debug("The pipe to process {} was closed already", old.pid(), endedBefore);
    }
  }

  private void watchOver() {
    long asked = System.nanoTime();
    while (true) {
      try {
        Thread.sleep(LOOK.toMillis());
        Process watched = process;
        synchronized (this) {
          if (closed) {
            return;
          }
          if (agents.isEmpty() && watched.isAlive()) {
            continue;
          }
        }
        if (!watched.isAlive()) {
          replace(new IOException("it ended with " + watched.exitValue()));
        } else if (System.nanoTime() - asked >= ASK.toNanos()) {
          asked = System.nanoTime();
          if (!answers(watched)) {
            // Whoever waits to write to it lets go then.
            watched.destroyForcibly();
            replace(new IOException("it did not answer within " + ANSWER.toSeconds() + " s"));
          }
        }
      } catch (IOException e) {
        log.error("Agents outlive this worker should it be killed now: no dead man's switch", e);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private boolean answers(Process asked) throws InterruptedException {
    long deadline = System.nanoTime() + ANSWER.toNanos();
    try {
      synchronized (this) {
        if (closed) {
          return true;
        }
        tell("?");
      }
      InputStream answers = asked.getInputStream();
      while (answers.available() == 0) {
        if (System.nanoTime() - deadline >= 0) {
          return false;
        }
        Thread.sleep(LOOK.toMillis() / 10);
      }
      answers.skipNBytes(answers.available());
      return true;
    } catch (IOException ended) {
      log.debug("The dead man's switch cannot be asked", ended);
      return false;
    }
  }

  /** Ends it, and whatever agents it still knows. */
  @Override
  public synchronized void close() {
    closed = true;
    if (process != null) {
      try {
        process.getOutputStream().close();
      } catch (IOException endedBefore) {
        log.debug("The dead man's switch had ended", endedBefore);
      }
    }
  }
}
