package dev.outlast.activities;

import dev.outlast.activities.secret.KnownSecrets;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.operator.ErrorCode;
import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;
import java.nio.file.Path;
import java.time.Duration;

/**
 * The failures that these activities throw, each with its code as type and in its message, which
 * has no known secret.
 */
final class Failures {

  /** The pause after the first attempt that fails. */
  static final Duration FIRST_PAUSE = Duration.ofSeconds(2);

  /** What the pauses grow to, doubling. */
  static final Duration MAX_PAUSE = Duration.ofMinutes(5);

  private Failures() {}

  /** Another try would fail in the same way. */
  static ApplicationFailure permanent(ErrorCode code, String message) {
    return ApplicationFailure.newBuilder()
        .setType(code.code())
        .setMessage(words(code, message))
        .setNonRetryable(true)
        .build();
  }

  /**
   * Worth another try, when the caller's retry policy says.
   *
   * @param progress how far this try was, so that the session is known when no other follows
   */
  static ApplicationFailure transientFailure(
      ErrorCode code, String message, InvocationProgress progress) {
    return ApplicationFailure.newBuilder()
        .setType(code.code())
        .setMessage(words(code, message))
        .setDetails(progress)
        .build();
  }

  /**
   * The agent was not started, for a reason that passes. The run waits, and invokes it anew.
   *
   * @param stateFolder where the worker must be able to write
   * @param before what is known of attempts before this one; null if there was none
   */
  static ApplicationFailure notStarted(String why, Path stateFolder, InvocationProgress before) {
    return notStarted(
        why
            + "; see that worker.state-dir ("
            + stateFolder
            + ") is on a local disk with room on it, that the worker's user may write there, and"
            + " that the host has memory, processes and files to spare",
        before);
  }

  /**
   * Nothing was started, for a reason that passes. The run waits, and tries anew.
   *
   * @param why what is missing, where, and what to do
   * @param before what is known of attempts before this one; null if there was none
   */
  static ApplicationFailure notStarted(String why, InvocationProgress before) {
    return transientFailure(ErrorCode.NOT_STARTED, why, before);
  }

  /** Worth another try after this delay. */
  static ApplicationFailure after(
      ErrorCode code, String message, InvocationProgress progress, Duration delay) {
    return ApplicationFailure.newBuilder()
        .setType(code.code())
        .setMessage(words(code, message))
        .setDetails(progress)
        .setNextRetryDelay(delay)
        .setCategory(ApplicationErrorCategory.BENIGN)
        .build();
  }

  /**
   * The same failure with a pause before the next attempt that grows with their number. The run's
   * own pauses are short: with them it waits for workers that are lost, and cannot say so.
   *
   * @param attempt which one has failed, from 1
   */
  static ApplicationFailure paced(ApplicationFailure failure, int attempt) {
    if (failure.getNextRetryDelay() == null && !failure.isNonRetryable()) {
      long doubled = FIRST_PAUSE.toMillis() << Math.min(Math.max(attempt - 1, 0), 10);
      failure.setNextRetryDelay(Duration.ofMillis(Math.min(doubled, MAX_PAUSE.toMillis())));
    }
    return failure;
  }

  /** Nothing is wrong with the agent; the run invokes it anew, which is no retry of this. */
  static ApplicationFailure benign(ErrorCode code, String message, InvocationProgress progress) {
    return ApplicationFailure.newBuilder()
        .setType(code.code())
        .setMessage(words(code, message))
        .setDetails(progress)
        .setCategory(ApplicationErrorCategory.BENIGN)
        .build();
  }

  private static String words(ErrorCode code, String message) {
    return code.message(KnownSecrets.redact(message));
  }
}
