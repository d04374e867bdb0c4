package dev.outlast.activities.workspace;

import dev.outlast.activities.process.Deadline;
import java.io.IOException;

/** Why git has given no answer. */
final class GitException extends IOException {

  private static final long serialVersionUID = 1;

  enum Cause {
    /** It exited with an error, and the message is what it said. */
    REFUSED,
    /** It was ended at the deadline, or with the worker. */
    TOO_LONG,
    /** It was ended, as it printed more than is read of it. */
    TOO_MUCH,
    /** It cannot be started, or not be run safely. */
    NOT_RUN
  }

  private final Cause why;

  GitException(Cause why, String message) {
    super(message);
    this.why = why;
  }

  /**
   * @param cannot what is not done in time
   * @throws GitException if it is too late
   */
  static void check(Deadline deadline, String cannot) throws GitException {
    if (deadline.passed()) {
      throw new GitException(Cause.TOO_LONG, cannot + " in time");
    }
  }

  Cause why() {
    return why;
  }
}
