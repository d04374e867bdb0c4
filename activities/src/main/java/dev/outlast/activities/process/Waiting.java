package dev.outlast.activities.process;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Waits that an interrupt does not cut short; it is kept for later. */
final class Waiting {

  private static final Duration POLL = Duration.ofMillis(50);

  private Waiting() {}

  /** Waits until something holds; says whether it did in time. */
  static boolean until(BooleanSupplier condition, Duration atMost) {
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
