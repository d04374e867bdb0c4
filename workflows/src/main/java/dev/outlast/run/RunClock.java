package dev.outlast.run;

import io.temporal.workflow.Workflow;
import java.time.Instant;

/** The only clock that a run reads: the workflow's own, which is the same again in a replay. */
final class RunClock {

  private RunClock() {}

  static Instant now() {
    return Instant.ofEpochMilli(Workflow.currentTimeMillis());
  }
}
