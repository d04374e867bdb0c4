package dev.outlast.activities;

import dev.outlast.operator.ErrorCode;

/**
 * Something on the host that an agent cannot do without is not there: its program, or a secret of
 * its account. Either may be a mistake, or gone for a moment while somebody replaces it; the caller
 * knows which.
 */
final class MissingException extends RuntimeException {

  private static final long serialVersionUID = 1;

  private final ErrorCode code;

  /**
   * @param code what it means for a run that has not begun
   * @param message what is missing, where, and what to do; never a secret
   */
  MissingException(ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  ErrorCode code() {
    return code;
  }
}
