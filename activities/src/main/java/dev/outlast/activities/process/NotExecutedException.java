package dev.outlast.activities.process;

import java.io.IOException;

/** A program that could not be executed; nothing of it has run. */
public final class NotExecutedException extends IOException {

  private static final long serialVersionUID = 1L;

  private final boolean passing;

  NotExecutedException(String message, boolean passing) {
    super(message);
    this.passing = passing;
  }

  /** Whether it may be possible a moment later. */
  public boolean passing() {
    return passing;
  }
}
