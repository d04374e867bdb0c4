package dev.outlast.activities.process;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Objects;
import java.util.regex.Pattern;

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

  private static final Pattern MARK = Pattern.compile("[A-Za-z0-9._/-]*[A-Za-z0-9._-]");

  /**
   * @throws IllegalArgumentException if a path is none, the mark could be no agent's, or the agent
   *     is the first process of the system
   */
  public AgentRecord {
    Objects.requireNonNull(agent, "agent");
    Objects.requireNonNull(worker, "worker");
    Objects.requireNonNull(owner, "owner");
    Objects.requireNonNull(startedAt, "startedAt");
    Objects.requireNonNull(mark, "mark");
    if (agent.pid() == 1) {
      // As a group, which signals are sent to, it would mean everybody.
      throw new IllegalArgumentException("no agent is process 1");
    }
    if (!MARK.matcher(mark).matches()) {
      throw new IllegalArgumentException("the mark is not made of words and slashes");
    }
    if (workspace != null) {
      Path.of(workspace);
    }
    if (cgroup != null) {
      Path.of(cgroup);
    }
  }
}
