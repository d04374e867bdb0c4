package dev.outlast.worker.e2e;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** Waits for something that other processes do. */
final class Await {

  private static final long PERIOD_MILLIS = 200;

  private Await() {}

  /** Returns when the condition holds; a condition that throws does not hold yet. */
  static void until(Duration patience, Callable<Boolean> condition, Supplier<String> otherwise)
      throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    Exception last = null;
    while (System.nanoTime() < deadline) {
      try {
        if (condition.call()) {
          return;
        }
        last = null;
      } catch (InterruptedException e) {
        throw e;
      } catch (Exception notYet) {
        last = notYet;
      }
      Thread.sleep(PERIOD_MILLIS);
    }
    throw new AssertionError(otherwise.get(), last);
  }
}
