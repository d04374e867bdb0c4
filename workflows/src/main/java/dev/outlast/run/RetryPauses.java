package dev.outlast.run;

import dev.outlast.operator.DurationText;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.OperatorTexts;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.workflow.TimerOptions;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.time.Instant;

/**
 * The pauses before the host is asked again to do what it has given back, or could not begin. They
 * grow, so that a host that never can is no reason to spin.
 */
final class RetryPauses {

  /** The least time between two invocations that are given back. */
  static final Duration GIVEN_BACK_PAUSE = Duration.ofSeconds(1);

  /** What it grows to, doubling, while invocations in a row are given back with nothing done. */
  static final Duration MAX_GIVEN_BACK_PAUSE = Duration.ofSeconds(60);

  /** After this many in a row it is no worker that goes away by chance, and operators are told. */
  static final int GIVEN_BACK_TOLD = 3;

  /** From version 1 on the grown pause counts also for invocations that took a while. */
  private static final String GIVEN_BACK_CHANGE = "given-back-pause-grows";

  private final RunMemory memory;
  private final HostWait host;
  private final RunWaits waits;
  private final RunEnd runEnd;

  /** How many invocations came last that were given back with nothing done. */
  private int givenBack;

  RetryPauses(RunMemory memory, HostWait host, RunWaits waits, RunEnd runEnd) {
    this.memory = memory;
    this.host = host;
    this.waits = waits;
    this.runEnd = runEnd;
  }

  /** An invocation was given back with nothing done. */
  void givenBack() {
    givenBack++;
  }

  /** Anything else has come of an invocation. */
  void notGivenBack() {
    givenBack = 0;
  }

  /**
   * Waits for the worker to be able to start an agent again; fails a run that has waited for it for
   * too long.
   */
  void awaitStartable(ActivityFailure failure) {
    host.isBack(HostWait.TAKEN);
    Instant now = RunClock.now();
    String message = said(failure);
    NotStarted last = NotStarted.of(memory.notStarted(), now, message);
    if (last.tooLong(now)) {
      String tried = DurationText.of(NotStarted.PATIENCE) + ", in " + last.tries() + " tries";
      throw runEnd.stopped(
          ErrorCode.AGENT_FAILED,
          "no agent could be started for " + tried + "; the last one failed with: " + message,
          failure);
    }
    if (memory.notStarted() == null) {
      memory.record(RunClock.now(), RunEvent.Type.NOT_STARTED, null, last.why());
    }
    memory.notStarted(last);
    String where = String.valueOf(memory.agent().host());
    waits.await(new ResumeTimer(last.next(now), at -> OperatorTexts.notStartedSummary(where, at)));
  }

  private static String said(ActivityFailure failure) {
    return failure.getCause() instanceof ApplicationFailure cause
        ? String.valueOf(cause.getOriginalMessage())
        : "";
  }

  /**
   * Waits before an invocation is made again that was given back.
   *
   * @param began when it was made
   */
  void awaitGivenBack(Instant began) {
    if (givenBack == GIVEN_BACK_TOLD) {
      memory.record(
          RunClock.now(), RunEvent.Type.DEFERRED, null, OperatorTexts.givenBack(givenBack));
    }
    Duration pause = givenBackPause(givenBack);
    Instant now = RunClock.now();
    // A history that began before pauses grew has none here after an invocation that took longer.
    if (now.isBefore(began.plus(GIVEN_BACK_PAUSE))
        || (now.isBefore(began.plus(pause))
            && Workflow.getVersion(GIVEN_BACK_CHANGE, Workflow.DEFAULT_VERSION, 1) >= 1)) {
      String summary = OperatorTexts.givenBackSummary(givenBack, now.plus(pause));
      Workflow.newTimer(pause, TimerOptions.newBuilder().setSummary(summary).build()).get();
    }
  }

  /**
   * The pause after an invocation that was given back.
   *
   * @param inARow how many came last with nothing done; 0 if this one has done something
   */
  static Duration givenBackPause(int inARow) {
    long doubled = GIVEN_BACK_PAUSE.toMillis() << Math.min(Math.max(inARow - 1, 0), 10);
    return Duration.ofMillis(Math.min(doubled, MAX_GIVEN_BACK_PAUSE.toMillis()));
  }
}
