package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** What a waiting run waits for. */
public enum WaitsFor {
  /** For a usage limit to be over. */
  LIMIT,
  /** For the account, which another run has found closed. */
  ACCOUNT,
  /** For the workspace, in which another run's agent works. */
  WORKSPACE,
  /** For the session, on which another run's agent works. */
  SESSION,
  /** For the run's host, which has not taken an invocation in time. */
  HOST,
  /** For its worker, which cannot start an agent at the moment, such as with a full disk. */
  WORKER,
  /** For the moment at which it was asked to begin. */
  START,
  /** For what only a newer version knows. */
  @JsonEnumDefaultValue
  OTHER;

  /** The word used on the wire and for operators. */
  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
