package dev.outlast.run;

import dev.outlast.operator.ErrorCode;
import io.temporal.failure.ApplicationFailure;

/** What an update fails with that asks for what cannot be. */
final class Refusal {

  private Refusal() {}

  static ApplicationFailure of(String why) {
    return ApplicationFailure.newNonRetryableFailure(
        ErrorCode.INVALID_REQUEST.message(why), ErrorCode.INVALID_REQUEST.code());
  }
}
