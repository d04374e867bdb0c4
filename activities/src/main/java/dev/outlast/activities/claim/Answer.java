package dev.outlast.activities.claim;

import dev.outlast.activities.process.AgentOwner;

/** What somebody who claims is told. */
public sealed interface Answer {

  /**
   * The agent may be started, once more {@link HeldClaim#isOurs()} is asked before it is let go.
   *
   * @param claim to be closed when the agent has ended
   */
  record Granted(HeldClaim claim) implements Answer {}

  /** Another run's agent is there, or is about to be: that run has waited longer. */
  record Busy(What what, String run) implements Answer {

    /** What is not free. */
    public enum What {
      SESSION,
      WORKSPACE
    }
  }

  /**
   * The server has given up this attempt, since a newer one of the same run has claimed.
   *
   * @param newer the newest one that is known
   */
  record Outdated(AgentOwner newer) implements Answer {}
}
