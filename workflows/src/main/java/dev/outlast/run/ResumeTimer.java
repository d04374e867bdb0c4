package dev.outlast.run;

import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.TimerOptions;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.time.Instant;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * A durable wait that an operator sees in the Web UI, and can move or end. One timer at a time: the
 * wait costs a bounded number of history events for each move.
 */
final class ResumeTimer {

  /** How a wait ended. */
  enum End {
    /** Its time has come. */
    DUE,
    /** It was ended before its time. */
    ENDED,
    /** It is not over, but has to go on in a new history. */
    HISTORY_LONG
  }

  private final Function<Instant, String> summary;
  private final Instant ownUntil;
  private Instant until;
  private Duration grace;
  private boolean ended;
  private Promise<Void> timer;

  /**
   * @param summary the timer's label for the moment at which it ends
   */
  ResumeTimer(Instant until, Function<Instant, String> summary) {
    this(until, Duration.ZERO, summary);
  }

  /**
   * @param until when it is expected to end
   * @param grace how much longer it is waited for somebody to end it
   */
  ResumeTimer(Instant until, Duration grace, Function<Instant, String> summary) {
    this.ownUntil = until;
    this.until = until;
    this.grace = grace;
    this.summary = summary;
  }

  /** When it is expected to end. */
  Instant until() {
    return until;
  }

  /** When it ends if nobody has ended it. */
  private Instant latest() {
    return until.plus(grace);
  }

  /** Lets it end at a moment, whoever else might end it. */
  void moveTo(Instant when) {
    until = when;
    grace = Duration.ZERO;
  }

  /** Whether it ends earlier than it would have by itself, since somebody wants it to. */
  boolean isAhead() {
    return until.isBefore(ownUntil);
  }

  /** Ends the wait at once. */
  void end() {
    ended = true;
  }

  /**
   * Waits.
   *
   * @param historyLong whether the history has grown so long that the wait must go on in a new one
   * @throws CanceledFailure when the run is cancelled
   */
  End await(BooleanSupplier historyLong) {
    while (!ended && RunClock.now().isBefore(latest())) {
      if (historyLong.getAsBoolean()) {
        return End.HISTORY_LONG;
      }
      awaitUntil(latest(), historyLong);
    }
    return ended ? End.ENDED : End.DUE;
  }

  private void awaitUntil(Instant target, BooleanSupplier historyLong) {
    CancellationScope scope = Workflow.newCancellationScope(() -> timer = newTimer(target));
    scope.run();
    Workflow.await(
        () ->
            timer.isCompleted() || ended || !latest().equals(target) || historyLong.getAsBoolean());
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
