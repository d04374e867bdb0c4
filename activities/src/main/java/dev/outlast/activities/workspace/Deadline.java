package dev.outlast.activities.workspace;

import java.time.Duration;

/**
 * When something has to be over, on the clock that never jumps.
 *
 * @param nanoTime as {@link System#nanoTime} counts
 */
record Deadline(long nanoTime) {

  static Deadline in(Duration duration) {
    return new Deadline(System.nanoTime() + duration.toNanos());
  }

  Deadline plus(Duration later) {
    return new Deadline(nanoTime + later.toNanos());
  }

  /** Zero when it has passed. */
  Duration left() {
    return Duration.ofNanos(Math.max(0, nanoTime - System.nanoTime()));
  }

  boolean passed() {
    return nanoTime - System.nanoTime() <= 0;
  }

  /**
   * @throws GitException if it has passed
   */
  void check(String what) throws GitException {
    if (passed()) {
      throw new GitException(GitException.Cause.TOO_LONG, what + " in time");
    }
  }
}
