package dev.outlast.run;

import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.Worktree;
import dev.outlast.operator.ErrorCode;
import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityOptions;
import io.temporal.common.Priority;
import io.temporal.common.RetryOptions;
import io.temporal.workflow.Workflow;
import java.time.Duration;

/** How a run's activities are scheduled: on which queue, how long each may take, how it retries. */
final class AgentCalls {

  /** How often an invocation is tried when the agent crashes or its worker dies. */
  static final int MAX_INVOCATION_ATTEMPTS = 20;

  /**
   * How often a worktree is tried to be made when its worker dies, or something unforeseen fails.
   */
  static final int MAX_WORKTREE_ATTEMPTS = 20;

  /** An invocation whose worker was not heard of for this long is taken by another. */
  static final Duration HEARTBEAT_TIMEOUT = Duration.ofSeconds(30);

  /** What an invocation may take beyond its timeout: its session settles, the agent is ended. */
  static final Duration ENDING_GRACE = Duration.ofMinutes(5);

  /** How long it may take to ask the server for a host, all tries together. */
  static final Duration SEEING = Duration.ofMinutes(1);

  /**
   * The longest that a host may take to begin with a worktree of a run that has ended: a busy one
   * takes it when an invocation has ended.
   */
  static final Duration RELEASE_TAKEN_WITHIN = Duration.ofMinutes(5);

  /** How long the release of a worktree may take in all. */
  static final Duration RELEASE =
      RELEASE_TAKEN_WITHIN.plus(Worktree.MAX_ATTEMPT).plus(Duration.ofMinutes(5));

  /** How often a worktree is tried to be released. */
  static final int MAX_RELEASE_ATTEMPTS = 3;

  /**
   * The longest pause before an attempt whose worker was lost is made again. An attempt that fails
   * says itself how long the pause is; a lost worker cannot.
   */
  static final Duration LOST_WORKER_PAUSE = Duration.ofSeconds(30);

  private AgentCalls() {}

  /** How often it is tried to find another agent on a host. */
  static final int MAX_RESOLVE_ATTEMPTS = 5;

  /** How long it may take to read what was done in a session, all tries together. */
  static final Duration HAND_OFF = Duration.ofMinutes(5);

  /** How often that is tried. */
  static final int MAX_HAND_OFF_ATTEMPTS = 3;

  /** Any host may find an agent. */
  static AgentActivities resolver() {
    return Workflow.newActivityStub(
        AgentActivities.class,
        ActivityOptions.newBuilder()
            .setStartToCloseTimeout(Duration.ofMinutes(1))
            .setSummary("finds the agent and checks the workspace")
            .setRetryOptions(
                RetryOptions.newBuilder().setMaximumInterval(Duration.ofMinutes(1)).build())
            .build());
  }

  /**
   * Only the run's host can say whether another agent can work there.
   *
   * @param takenWithin how long the host may take to begin
   */
  static AgentActivities resolverAt(ResolvedAgent agent, Duration takenWithin) {
    return Workflow.newActivityStub(
        AgentActivities.class,
        ActivityOptions.newBuilder()
            .setTaskQueue(agent.taskQueue())
            .setScheduleToStartTimeout(takenWithin)
            .setStartToCloseTimeout(Duration.ofMinutes(1))
            .setSummary("finds another agent of the run")
            .setRetryOptions(
                RetryOptions.newBuilder()
                    .setMaximumInterval(Duration.ofMinutes(1))
                    .setMaximumAttempts(MAX_RESOLVE_ATTEMPTS)
                    .build())
            .build());
  }

  /**
   * Only the host that keeps a session's transcript can say what was done in it.
   *
   * @param takenWithin how long it may take to begin; counts up to {@link #HAND_OFF}
   */
  static AgentActivities noteTaker(ResolvedAgent agent, Duration takenWithin) {
    return Workflow.newActivityStub(
        AgentActivities.class,
        ActivityOptions.newBuilder()
            .setTaskQueue(agent.taskQueue())
            .setScheduleToStartTimeout(takenWithin.compareTo(HAND_OFF) > 0 ? HAND_OFF : takenWithin)
            .setStartToCloseTimeout(Duration.ofMinutes(1))
            .setScheduleToCloseTimeout(HAND_OFF)
            .setSummary("reads what was done in the session before")
            .setRetryOptions(
                RetryOptions.newBuilder().setMaximumAttempts(MAX_HAND_OFF_ATTEMPTS).build())
            .build());
  }

  /**
   * Only the agent's host may invoke it. A worker that goes away gives the invocation back at once,
   * and so does one that cannot start an agent; neither is a failed attempt.
   *
   * @param timeout after this the agent is ended
   * @param takenWithin how long the host may take to begin
   * @param priority its place among the invocations that the host has yet to begin
   */
  static AgentActivities invoker(
      ResolvedAgent agent,
      Duration timeout,
      Duration takenWithin,
      Priority priority,
      String summary) {
    return Workflow.newActivityStub(
        AgentActivities.class,
        ActivityOptions.newBuilder()
            .setTaskQueue(agent.taskQueue())
            .setScheduleToStartTimeout(takenWithin)
            .setStartToCloseTimeout(timeout.plus(ENDING_GRACE))
            .setHeartbeatTimeout(HEARTBEAT_TIMEOUT)
            .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
            .setRetryOptions(
                RetryOptions.newBuilder()
                    .setInitialInterval(Duration.ofSeconds(2))
                    .setMaximumInterval(LOST_WORKER_PAUSE)
                    .setMaximumAttempts(MAX_INVOCATION_ATTEMPTS)
                    .setDoNotRetry(ErrorCode.DRAINED.code(), ErrorCode.NOT_STARTED.code())
                    .build())
            .setPriority(priority)
            .setSummary(summary)
            .build());
  }

  /**
   * Only the run's host can make a worktree for it. One that is made although the run is cancelled
   * meanwhile is the run's, which then gives it back. One that cannot be made for a reason that
   * passes is no failed attempt: the run waits where operators see it.
   *
   * @param takenWithin how long the host may take to begin
   */
  static AgentActivities worktreeMaker(ResolvedAgent agent, Duration takenWithin) {
    return Workflow.newActivityStub(
        AgentActivities.class,
        ActivityOptions.newBuilder()
            .setTaskQueue(agent.taskQueue())
            .setScheduleToStartTimeout(takenWithin)
            .setStartToCloseTimeout(Worktree.MAX_ATTEMPT)
            .setHeartbeatTimeout(HEARTBEAT_TIMEOUT)
            .setCancellationType(ActivityCancellationType.WAIT_CANCELLATION_COMPLETED)
            .setRetryOptions(
                RetryOptions.newBuilder()
                    .setMaximumInterval(Duration.ofMinutes(1))
                    .setMaximumAttempts(MAX_WORKTREE_ATTEMPTS)
                    .setDoNotRetry(ErrorCode.NOT_STARTED.code())
                    .build())
            .setSummary("makes a worktree for the run")
            .build());
  }

  /** Any host may ask the server for another. */
  static AgentActivities seer() {
    return Workflow.newActivityStub(
        AgentActivities.class,
        ActivityOptions.newBuilder()
            .setStartToCloseTimeout(Duration.ofSeconds(20))
            .setScheduleToCloseTimeout(SEEING)
            .setSummary("asks when the host was last heard of")
            .build());
  }

  /**
   * Only the host that has a worktree may take it away.
   *
   * @param takenWithin how long it may take to begin; counts up to {@link #RELEASE_TAKEN_WITHIN}
   */
  static AgentActivities releaser(ResolvedAgent agent, Duration takenWithin) {
    boolean patient = takenWithin.compareTo(RELEASE_TAKEN_WITHIN) > 0;
    return Workflow.newActivityStub(
        AgentActivities.class,
        ActivityOptions.newBuilder()
            .setTaskQueue(agent.taskQueue())
            .setScheduleToStartTimeout(patient ? RELEASE_TAKEN_WITHIN : takenWithin)
            .setStartToCloseTimeout(Worktree.MAX_ATTEMPT)
            .setScheduleToCloseTimeout(RELEASE)
            .setHeartbeatTimeout(HEARTBEAT_TIMEOUT)
            .setRetryOptions(
                RetryOptions.newBuilder().setMaximumAttempts(MAX_RELEASE_ATTEMPTS).build())
            .setSummary("takes the worktree away if it has no changes")
            .build());
  }
}
