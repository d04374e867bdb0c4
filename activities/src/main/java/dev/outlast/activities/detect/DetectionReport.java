package dev.outlast.activities.detect;

import dev.outlast.agent.SessionId;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;

/**
 * What was concluded from an agent's output, and why. Absent facts are null.
 *
 * @param outcome {@code completed}, {@code limited}, {@code throttled}, {@code stopped} or {@code
 *     failed}
 * @param scope of the limit, where used-up credit is one too; null when not limited
 * @param reset of the limit; null when not limited or not known
 * @param setBy whether a window of the allowance or paid overage set the reset; null when not
 *     limited
 * @param usingOverage whether the agent said that it works on paid overage
 * @param session the session that the agent named
 * @param reason for {@code stopped}, a word of {@link dev.outlast.agent.StopReason}
 * @param rule the name of the rule that decided
 * @param evidence the agent's own words or record that it was decided on, bounded
 * @param channel where the evidence was read
 * @param agentVersion the version that the agent's program gave of itself
 */
public record DetectionReport(
    String outcome,
    LimitScope scope,
    ResetTime reset,
    UsageLimit.SetBy setBy,
    boolean usingOverage,
    SessionId session,
    String reason,
    String rule,
    String evidence,
    String channel,
    String agentVersion) {

  /** Whether a usage limit ended the invocation, also one for which waiting alone will not help. */
  public boolean limited() {
    return scope != null;
  }
}
