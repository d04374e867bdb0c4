package dev.outlast.run;

import dev.outlast.operator.AgentState;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.Workflow;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * How a run ends: its worktree is given up, operators are shown the end, and a failure has a code,
 * says why, and carries the status, so that another run can go on with the session. Only one of
 * these ends is made of a run; the failures are for the caller to throw.
 */
final class RunEnd {

  private final RunMemory memory;
  private final HostWait host;
  private final OwnWorktree worktree;
  private final Supplier<RunStatus> show;
  private AgentState ended;

  /**
   * @param show shows operators where the run stands, and says it
   */
  RunEnd(RunMemory memory, HostWait host, OwnWorktree worktree, Supplier<RunStatus> show) {
    this.memory = memory;
    this.host = host;
    this.worktree = worktree;
    this.show = show;
  }

  /** An agent that did not get through. */
  ApplicationFailure failed(ActivityFailure failure) {
    return failed(failure, notThrough(failure, memory.fruitless()));
  }

  /**
   * An agent of the request that cannot be used.
   *
   * @param field its place in the request
   */
  ApplicationFailure unusable(String field, ActivityFailure failure) {
    if (failure.getCause() instanceof ApplicationFailure cause && cause.isNonRetryable()) {
      String said = cause.getOriginalMessage();
      String code = "[" + cause.getType() + "] ";
      String message = said.startsWith(code) ? said.substring(code.length()) : said;
      return end(cause.getType(), code + field + ": " + message, failure);
    }
    return failed(failure);
  }

  /** A worktree that could not be made. */
  ApplicationFailure noWorktree(ActivityFailure failure) {
    return failed(
        failure,
        "no worktree could be made in "
            + AgentCalls.MAX_WORKTREE_ATTEMPTS
            + " attempts; "
            + last(failure));
  }

  /**
   * @param otherwise why the run fails if the failure does not say so itself for good
   */
  private ApplicationFailure failed(ActivityFailure failure, String otherwise) {
    return failure.getCause() instanceof ApplicationFailure cause && cause.isNonRetryable()
        ? end(cause.getType(), cause.getOriginalMessage(), failure)
        : stopped(ErrorCode.AGENT_FAILED, otherwise, failure);
  }

  /**
   * How often an agent was tried that did not get through, and what came of the last attempt.
   *
   * @param lost how many invocations in a row ended with a lost worker and without progress
   */
  static String notThrough(ActivityFailure failure, int lost) {
    int each = AgentCalls.MAX_INVOCATION_ATTEMPTS;
    boolean lastLost = Unanswered.of(failure, false).why() == Unanswered.Why.WORKER_LOST;
    String invocations = lost + (lost == 1 ? " invocation" : " invocations");
    String attempts =
        lastLost
            ? lost * each
                + " attempts: "
                + invocations
                + " in a row, each tried "
                + each
                + " times, ended with a lost worker and without any progress"
            : each
                + " attempts"
                + (lost == 0
                    ? ""
                    : ", after "
                        + invocations
                        + " of "
                        + each
                        + " attempts that ended with a lost worker");
    return "the agent did not get through in " + attempts + "; " + last(failure);
  }

  private static String last(ActivityFailure failure) {
    if (failure.getCause() instanceof ApplicationFailure last) {
      return "the last one failed with: " + last.getOriginalMessage();
    }
    if (Unanswered.of(failure, false).why() == Unanswered.Why.WORKER_LOST) {
      return "the worker of the last one was not heard of for "
          + DurationText.of(AgentCalls.HEARTBEAT_TIMEOUT);
    }
    return "see the cause for the last one";
  }

  /** A run that is not to go on, for a reason that its code says. */
  ApplicationFailure stopped(ErrorCode code, String why) {
    return stopped(code, why, null);
  }

  /**
   * @param cause what was heard last; null if nothing was
   */
  ApplicationFailure stopped(ErrorCode code, String why, ActivityFailure cause) {
    return end(code.code(), code.message(why), cause);
  }

  /** The host has not taken in time what only it can do: stops the run where its policy says so. */
  void stopIfHostIsLost() {
    Optional<String> lost = host.look();
    if (lost.isPresent()) {
      throw stopped(ErrorCode.HOST_LOST, lost.get());
    }
  }

  private ApplicationFailure end(String type, String message, Throwable cause) {
    // A run whose cancellation was asked for ends as cancelled, whatever else has happened.
    Cancellation.throwIfRequested();
    RunStatus status = over(RunEvent.Type.STOPPED, type, AgentState.STOPPED);
    return ApplicationFailure.newBuilder()
        .setType(type)
        .setMessage(message)
        .setNonRetryable(true)
        .setDetails(status)
        .setCause(cause)
        .build();
  }

  /** Somebody has cancelled the run, and it has ended what it did. */
  CanceledFailure cancelled(CanceledFailure failure) {
    RunStatus status = over(RunEvent.Type.CANCELLED, "", AgentState.STOPPED);
    // The SDK closes a cancelled workflow without details, so the session is kept in the memo.
    Workflow.upsertMemo(Map.of(Names.MEMO_CANCELLED_STATUS, status));
    return failure;
  }

  /** The task is done, or left to somebody else. */
  void completed() {
    over(RunEvent.Type.COMPLETED, "", AgentState.COMPLETED);
  }

  private RunStatus over(RunEvent.Type how, String text, AgentState state) {
    worktree.release();
    memory.record(RunClock.now(), how, null, text);
    ended = state;
    return show.get();
  }

  /** In which state the run has ended; null while it has not. */
  AgentState state() {
    return ended;
  }

  /** Whether it has begun to end, and so takes nothing up any more. */
  boolean begun() {
    return ended != null || worktree.released();
  }
}
