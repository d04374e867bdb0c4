package dev.outlast.run;

import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.TimerOptions;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Function;

/**
 * A durable wait that an operator sees in the Web UI, and can move or end. One timer at a time: the
 * wait costs a bounded number of history events for each move.
 */
final class ResumeTimer {

  private final Function<Instant, String> summary;
  private Instant until;
  private boolean ended;
  private Promise<Void> timer;

  /**
   * @param summary the timer's label for the moment at which it ends
   */
  ResumeTimer(Instant until, Function<Instant, String> summary) {
    this.until = until;
    this.summary = summary;
  }

  Instant until() {
    return until;
  }

  void moveTo(Instant when) {
    until = when;
  }

  /** Ends the wait at once. */
  void end() {
    ended = true;
  }

  /**
   * Waits.
   *
   * @return true if it was ended before its time
   * @throws CanceledFailure when the run is cancelled
   */
  boolean await() {
    while (!ended && RunClock.now().isBefore(until)) {
      awaitUntil(until);
    }
    return ended;
  }

  private void awaitUntil(Instant target) {
    CancellationScope scope = Workflow.newCancellationScope(() -> timer = newTimer(target));
    scope.run();
    Workflow.await(() -> timer.isCompleted() || ended || !until.equals(target));
    if (!timer.isCompleted()) {
      scope.cancel();
    } else if (timer.getFailure() instanceof CanceledFailure cancelled) {
      throw cancelled;
    }
  }

  private Promise<Void> newTimer(Instant target) {
    Promise<Void> started =
        Workflow.newTimer(
            Duration.between(RunClock.now(), target),
            TimerOptions.newBuilder().setSummary(summary.apply(target)).build());
    // A cancelled timer's failure is expected; touching it here keeps the SDK from warning of it.
    started.handle((done, failure) -> null);
    return started;
  }
}
