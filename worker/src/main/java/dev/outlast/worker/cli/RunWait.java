package dev.outlast.worker.cli;

import dev.outlast.operator.AgentState;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.run.RunStatus;
import dev.outlast.run.WaitsFor;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** What the commands say of a run that waits. */
final class RunWait {

  private RunWait() {}

  /** What it waits for: {@code the session limit}; empty if it does not wait. */
  static Optional<String> what(RunStatus status) {
    if (status.waitsFor() == null) {
      return Optional.empty();
    }
    return Optional.of(
        switch (status.waitsFor()) {
          case LIMIT -> "the " + limit(status.scope()) + " limit";
          case ACCOUNT -> OperatorTexts.account(status.waitsWhy());
          case START -> {
            String why = OperatorTexts.reason(status.waitsWhy());
            yield "its start" + (why == null ? "" : ": " + why);
          }
          case WORKSPACE, SESSION -> OperatorTexts.busy(status.waitsFor().word(), status.holder());
          case HOST -> "its host, of which no worker is heard";
          case WORKER -> "its host, where no agent can be started";
          case OTHER -> "what only a newer version knows";
        });
  }

  private static String limit(String scope) {
    return scope == null || scope.equals("unknown") ? "usage" : scope;
  }

  /**
   * Whether its time has come, and it now waits for the word of its account's gate: another run
   * tries first, or the account was closed for longer since.
   */
  static boolean atGate(RunStatus status, Instant now) {
    return status.state() == AgentState.WAITING
        && status.resumeAt() != null
        && !status.resumeAt().isAfter(now)
        && (status.waitsFor() == WaitsFor.LIMIT || status.waitsFor() == WaitsFor.ACCOUNT);
  }

  /** When a waiting run goes on, as far as it knows itself. */
  static String until(RunStatus status, Instant now) {
    String at = OperatorTexts.moment(status.resumeAt());
    return atGate(status, now)
        ? "when its account lets it (since "
            + at
            + "); how that stands: outlast accounts "
            + new AccountName(status.provider(), status.account())
        : at + " (in " + DurationText.of(Duration.between(now, status.resumeAt())) + ")";
  }
}
