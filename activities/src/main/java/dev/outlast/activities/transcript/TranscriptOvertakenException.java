package dev.outlast.activities.transcript;

import java.io.IOException;

/** A newer attempt stores to the same session, so that this one must not any more. */
public final class TranscriptOvertakenException extends IOException {

  private static final long serialVersionUID = 1L;

  public TranscriptOvertakenException(String message) {
    super(message);
  }
}
