package dev.outlast.run;

import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.CancellationScope;

/** Whether somebody has asked for the run to be cancelled. */
final class Cancellation {

  private Cancellation() {}

  static boolean isRequested() {
    return CancellationScope.current().isCancelRequested();
  }

  static void throwIfRequested() {
    if (isRequested()) {
      throw new CanceledFailure("the run was cancelled");
    }
  }
}
