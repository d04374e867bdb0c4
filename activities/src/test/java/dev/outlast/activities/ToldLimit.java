package dev.outlast.activities;

import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.time.Instant;

/** What a first attempt has told of whose agent had met a limit, and that was lost then. */
final class ToldLimit {

  private ToldLimit() {}

  /**
   * @param taken whether the agent is known to have the message
   */
  static InvocationProgress until(Instant reset, SessionId session, boolean taken) {
    UsageLimit limit =
        new UsageLimit(
            "claude",
            "work",
            LimitScope.SESSION,
            ResetTime.exactly(reset),
            UsageLimit.SetBy.WINDOW,
            Instant.EPOCH,
            new LimitEvidence("rule", null, "stderr", null, "UTC"),
            null);
    return new InvocationProgress(
        InvocationProgress.Phase.WORKING,
        session,
        taken,
        null,
        null,
        null,
        "host-1",
        7,
        1,
        limit,
        null);
  }
}
