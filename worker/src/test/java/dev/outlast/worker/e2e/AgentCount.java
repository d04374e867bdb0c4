package dev.outlast.worker.e2e;

import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** Counts again and again how many agents a worker runs. */
final class AgentCount implements AutoCloseable {

  private static final long PERIOD_MILLIS = 50;

  private final ScheduledExecutorService counter = Executors.newSingleThreadScheduledExecutor();
  private final AtomicLong most = new AtomicLong();

  AgentCount(Program worker) {
    counter.scheduleWithFixedDelay(
        () -> most.accumulateAndGet(worker.agents(), Math::max),
        0,
        PERIOD_MILLIS,
        TimeUnit.MILLISECONDS);
  }

  /** The most at one time so far. */
  long most() {
    return most.get();
  }

  @Override
  public void close() {
    counter.shutdownNow();
  }
}
