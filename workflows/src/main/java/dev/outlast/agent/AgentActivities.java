package dev.outlast.agent;

import dev.outlast.operator.Names;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;

/**
 * The port through which workflows use agents. Implemented by {@code outlast-activities} and
 * registered by the plugin.
 */
@ActivityInterface
public interface AgentActivities {

  /**
   * Looks up an agent in the worker's configuration, checks the workspace, also whether there can
   * be a worktree of it, and binds the run to a host.
   *
   * @throws io.temporal.failure.ApplicationFailure non-retryable, with a code of {@link
   *     dev.outlast.operator.ErrorCode} as its type, when the agent, account or workspace cannot be
   *     used; the message says what is allowed
   */
  @ActivityMethod(name = "resolveAgent")
  ResolvedAgent resolveAgent(AgentSelection selection);

  /**
   * Makes a worktree for the run, or finds the one that an earlier attempt has made. Only the run's
   * host can. Takes about {@link Worktree#MAX_TIME} at most, and heartbeats meanwhile.
   *
   * @param workspace the real path of a folder in the repository
   * @throws io.temporal.failure.ApplicationFailure when there can be none; retryable where another
   *     try may succeed
   */
  @ActivityMethod(name = "makeWorktree")
  Worktree makeWorktree(String workspace);

  /**
   * Invokes the agent and reports how that ended. Heartbeats {@link InvocationProgress}. When it is
   * cancelled it ends the agent's process group and returns {@link AgentOutcome.Stopped} with
   * {@link StopReason#INTERRUPTED}. A retried attempt resumes the session of the attempt before.
   *
   * @throws io.temporal.failure.ApplicationFailure retryable, when the agent crashed, was
   *     throttled, or the worker is going away
   */
  @ActivityMethod(name = Names.ACTIVITY_INVOKE_AGENT)
  AgentOutcome invokeAgent(AgentInvocation invocation);

  /**
   * Reads what was done in a session that is not gone on with. Only the host that keeps its
   * transcript can.
   *
   * @throws io.temporal.failure.ApplicationFailure retryable, when it cannot be read now
   */
  @ActivityMethod(name = "handOff")
  HandoffNotes handOff(HandoffRequest request);

  /**
   * Asks the server when a worker of a host was last heard of. Any worker can say.
   *
   * @throws io.temporal.failure.ApplicationFailure retryable, when the server cannot be asked
   */
  @ActivityMethod(name = "seeHost")
  HostSighting seeHost(String host);

  /**
   * Takes a run's worktree away if it has no changes, after the run has ended. Only its host can.
   * Does nothing, and says so, if it is gone already. Takes about {@link Worktree#MAX_TIME} at
   * most, and heartbeats meanwhile.
   *
   * @throws io.temporal.failure.ApplicationFailure when git fails; the worktree then stays
   */
  @ActivityMethod(name = "releaseWorktree")
  WorktreeEnd releaseWorktree(Worktree worktree);
}
