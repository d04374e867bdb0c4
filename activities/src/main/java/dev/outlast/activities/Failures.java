package dev.outlast.activities;

import dev.outlast.activities.secret.KnownSecrets;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.operator.ErrorCode;
import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;

/**
 * The failures that these activities throw, each with its code as type and in its message, which
 * has no known secret.
 */
final class Failures {

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
