package dev.outlast.activities.claim;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import dev.outlast.activities.process.AgentOwner;
import java.util.Objects;

/**
 * Who claims: one attempt of one invocation of a run. Of two attempts of one run the server has
 * given up the earlier one, so they can be told apart without asking it.
 *
 * @param namespace the id of the namespace in which the run's workflow id is unique, which no other
 *     server's has, or its name where that is not known; empty if there is none
 * @param owner the attempt
 * @param invocation which invocation of the run it is, from 1
 * @param scheduledAt when the server scheduled the attempt, by the server's clock, in milliseconds
 *     since 1970
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Claimant(String namespace, AgentOwner owner, int invocation, long scheduledAt) {

  public Claimant {
    namespace = Objects.requireNonNullElse(namespace, "");
    Objects.requireNonNull(owner, "owner");
    Objects.requireNonNull(owner.workflowId(), "owner.workflowId");
  }

  boolean sameRun(Claimant other) {
    return namespace.equals(other.namespace) && owner.workflowId().equals(other.owner.workflowId());
  }

  boolean sameExecution(Claimant other) {
    return Objects.equals(owner.workflowRunId(), other.owner.workflowRunId());
  }

  /**
   * Whether the server has given up this attempt for the other one, which is of the same run.
   * Within one execution invocations follow each other by number, and so do the attempts of one
   * activity, whatever the server's clock says. Where that does not decide, as after a reset of the
   * workflow, the later one to be scheduled counts. After a reset of the activity, which counts its
   * attempts anew, they are refused until they are as many as before.
   */
  boolean isOlderThan(Claimant other) {
    boolean sameExecution = sameExecution(other);
    if (sameExecution && invocation != other.invocation) {
      return invocation < other.invocation;
    }
    boolean sameActivity =
        sameExecution && Objects.equals(owner.activityId(), other.owner.activityId());
    if (sameActivity && owner.attempt() != other.owner.attempt()) {
      return owner.attempt() < other.owner.attempt();
    }
    return scheduledAt < other.scheduledAt;
  }
}
