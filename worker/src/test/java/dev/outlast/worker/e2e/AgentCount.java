package dev.outlast.worker.e2e;

import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** Counts again and again how many agents a worker runs. */
final class AgentCount implements AutoCloseable {

  private static final long PERIOD_MILLIS = 50;

  private final ScheduledExecutorService counter = Executors.newSingleThreadScheduledExecutor();
  private final AtomicReference<List<String>> most = new AtomicReference<>(List.of());

  AgentCount(Program worker) {
    counter.scheduleWithFixedDelay(
        () -> most.accumulateAndGet(worker.agents(), (a, b) -> b.size() > a.size() ? b : a),
        0,
        PERIOD_MILLIS,
        TimeUnit.MILLISECONDS);
  }

  /** The most at one time so far. */
  List<String> most() {
    return most.get();
  }

  @Override
  public void close() {
    counter.shutdownNow();
  }
}
