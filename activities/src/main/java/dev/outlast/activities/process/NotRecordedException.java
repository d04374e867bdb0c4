package dev.outlast.activities.process;

import java.io.IOException;

/**
 * An agent could not be recorded, so that nobody would end it if its worker died; nothing of it has
 * run.
 */
public final class NotRecordedException extends IOException {

  private static final long serialVersionUID = 1L;

  NotRecordedException(String message, Throwable cause) {
    super(message, cause);
  }
}
