package dev.outlast.limit;

import java.time.Duration;

/** What {@link ResumePolicy} makes of a usage limit. */
public sealed interface ResumeDecision {

  /**
   * Wait, then go on with the session.
   *
   * @param delay how long to wait, from the moment of the decision
   * @param fromReset whether the agent's reset set the wait, rather than the fallback
   */
  record ResumeAfter(Duration delay, boolean fromReset) implements ResumeDecision {}

  /**
   * Waiting is against the policy.
   *
   * @param why one line that names the bound that was reached
   */
  record GiveUp(String why) implements ResumeDecision {}
}
