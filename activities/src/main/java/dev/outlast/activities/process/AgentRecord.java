package dev.outlast.activities.process;

import java.time.Instant;
import java.util.Objects;

/**
 * What is kept on disk of an agent from before it runs until it has ended, so that whoever comes
 * later can end it, and nobody else in its place.
 *
 * @param agent the leader of its process group
 * @param worker the worker that started it
 * @param owner for whom it runs
 * @param session the agent's session; null while it is not known
 * @param workspace the folder that it works in
 * @param startedAt by the worker's clock
 * @param mark the value of {@link AgentRegistry#MARK} in the environment of the agent and of all
 *     that it starts; no other agent has the same
 * @param cgroup the control group that holds the agent and all that it starts; null without one
 */
public record AgentRecord(
    ProcessIdentity agent,
    ProcessIdentity worker,
    AgentOwner owner,
    String session,
    String workspace,
    Instant startedAt,
    String mark,
    String cgroup) {

  public AgentRecord {
    Objects.requireNonNull(agent, "agent");
    Objects.requireNonNull(worker, "worker");
    Objects.requireNonNull(owner, "owner");
    Objects.requireNonNull(startedAt, "startedAt");
    Objects.requireNonNull(mark, "mark");
  }
}
