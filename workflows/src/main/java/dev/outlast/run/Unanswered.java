package dev.outlast.run;

import dev.outlast.agent.InvocationProgress;
import dev.outlast.operator.ErrorCode;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.common.converter.DataConverterException;
import io.temporal.common.converter.Values;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TimeoutFailure;

/**
 * An invocation that ended without an outcome.
 *
 * @param why what became of it
 * @param progress how far its last attempt was known to be; null if nothing is known of any
 */
record Unanswered(Why why, InvocationProgress progress) {

  /** What became of an invocation. */
  enum Why {
    /** It was cancelled while no worker had it. */
    CANCELLED,
    /** No worker has taken it in time, or has taken it up again. */
    NOT_TAKEN,
    /** A worker that is going away has given it back. */
    GIVEN_BACK,
    /** Its worker could not start an agent, for a reason that passes. */
    NOT_STARTED,
    /** Its worker was not heard of any more, as often as an invocation is tried. */
    WORKER_LOST,
    /** It failed, and another try would not help or has been made often enough. */
    FAILED
  }

  /**
   * What a failure says.
   *
   * @param hostMissed whether the invocation was to wait for its host
   */
  static Unanswered of(ActivityFailure failure, boolean hostMissed) {
    Unanswered unanswered = of(failure);
    // The server does not say whether there was an attempt before; there a host would have had to
    // come back for it.
    return unanswered.why == Why.CANCELLED && hostMissed
        ? new Unanswered(Why.NOT_TAKEN, null)
        : unanswered;
  }

  private static Unanswered of(ActivityFailure failure) {
    Throwable cause = failure.getCause();
    if (cause instanceof TimeoutFailure timeout) {
      return new Unanswered(why(timeout), progress(timeout.getLastHeartbeatDetails()));
    }
    if (cause instanceof ApplicationFailure application) {
      return new Unanswered(why(application), progress(application.getDetails()));
    }
    return new Unanswered(cause instanceof CanceledFailure ? Why.CANCELLED : Why.FAILED, null);
  }

  private static Why why(ApplicationFailure failure) {
    if (ErrorCode.DRAINED.code().equals(failure.getType())) {
      return Why.GIVEN_BACK;
    }
    return ErrorCode.NOT_STARTED.code().equals(failure.getType()) ? Why.NOT_STARTED : Why.FAILED;
  }

  private static Why why(TimeoutFailure timeout) {
    if (timeout.getTimeoutType() == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START) {
      return Why.NOT_TAKEN;
    }
    return timeout.getTimeoutType() == TimeoutType.TIMEOUT_TYPE_HEARTBEAT
        ? Why.WORKER_LOST
        : Why.FAILED;
  }

  private static InvocationProgress progress(Values details) {
    if (details == null || details.getSize() == 0) {
      return null;
    }
    try {
      return details.get(InvocationProgress.class);
    } catch (DataConverterException ofAnotherVersion) {
      return null;
    }
  }

  /** Whether it is certain that no agent was started. */
  boolean neverStarted() {
    return progress == null
        && (why == Why.NOT_TAKEN || why == Why.GIVEN_BACK || why == Why.NOT_STARTED);
  }

  /** Whether no agent has been at work, and not for want of a host. */
  boolean startedNothing() {
    return !progressed() && (why == Why.NOT_STARTED || why == Why.GIVEN_BACK);
  }

  /** Whether the agent is known to have done anything for the task. */
  boolean progressed() {
    return progress != null && progress.progressed();
  }
}
