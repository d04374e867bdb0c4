package dev.outlast.worker.e2e;

import dev.outlast.worker.e2e.AgentProcesses.Found;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Watches for agents that have outlived their worker, or the end of their run, for longer than they
 * may: processes whose parent is neither a worker nor one of the agents' own. Those of a worker
 * that is frozen are nobody's fault; their time begins when it goes on. Thread-safe.
 */
final class Orphans implements AutoCloseable {

  private static final Duration PERIOD = Duration.ofSeconds(1);

  private final CrashStage stage;
  private final Map<Found, Long> since = new HashMap<>();
  private final Set<Found> found = new HashSet<>();
  private final Thread thread = new Thread(this::watch, "orphans");

  private Orphans(CrashStage stage) {
    this.stage = stage;
  }

  /** Watches a stage until it is closed. */
  static Orphans of(CrashStage stage) {
    Orphans orphans = new Orphans(stage);
    orphans.thread.setDaemon(true);
    orphans.thread.start();
    return orphans;
  }

  /** Watches nothing; only {@link #look} does. */
  static Orphans unwatched() {
    return new Orphans(null);
  }

  private void watch() {
    while (!Thread.currentThread().isInterrupted()) {
      // In this order: one that is let go in between has its time begin a little later.
      Set<String> frozen = stage.frozenMarks();
      List<Found> alive = stage.processes().alive();
      look(System.nanoTime(), alive, stage.workerPids(), frozen);
      try {
        Thread.sleep(PERIOD.toMillis());
      } catch (InterruptedException closed) {
        return;
      }
    }
  }

  /**
   * Looks once.
   *
   * @param now as {@link System#nanoTime}
   * @param alive the agents' processes, with all that they have started
   * @param workers the living workers, frozen ones too
   * @param frozen how the agents of the workers that are frozen are known
   */
  synchronized void look(long now, List<Found> alive, Set<Long> workers, Set<String> frozen) {
    Set<Long> parents = new HashSet<>(workers);
    alive.forEach(process -> parents.add(process.pid()));
    List<Found> alone =
        alive.stream()
            .filter(process -> !parents.contains(process.parent()))
            .filter(process -> !frozen.contains(process.worker()))
            .toList();
    since.keySet().retainAll(alone);
    for (Found one : alone) {
      long first = since.computeIfAbsent(one, whom -> now);
      if (now - first > CrashStage.ORPHAN_GRACE.toNanos()) {
        found.add(one);
      }
    }
  }

  synchronized List<Found> found() {
    return List.copyOf(found);
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
