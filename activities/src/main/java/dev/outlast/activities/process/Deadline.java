package dev.outlast.activities.process;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/**
 * When something has to be over, on the clock that never jumps. Immutable.
 *
 * @param nanoTime as {@link System#nanoTime} counts
 */
public record Deadline(long nanoTime) {

  private static final Duration POLL = Duration.ofMillis(50);

  /** So long from now. */
  public static Deadline in(Duration duration) {
    return new Deadline(System.nanoTime() + duration.toNanos());
  }

  public Deadline plus(Duration later) {
    return new Deadline(nanoTime + later.toNanos());
  }

  /** Zero when it has passed. */
  public Duration left() {
    return Duration.ofNanos(Math.max(0, nanoTime - System.nanoTime()));
  }

  public boolean passed() {
    return nanoTime - System.nanoTime() <= 0;
  }

  /**
   * Waits until something holds; says whether it did in time. An interrupt does not cut this short;
   * it is kept for later.
   */
  boolean await(BooleanSupplier condition) {
    boolean interrupted = false;
    try {
      while (!condition.getAsBoolean()) {
        if (passed()) {
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
