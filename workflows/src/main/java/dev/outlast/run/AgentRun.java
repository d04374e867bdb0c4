package dev.outlast.run;

import dev.outlast.agent.Budget;
import dev.outlast.limit.AccountOpened;
import dev.outlast.operator.Names;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.UpdateValidatorMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.util.List;

/**
 * One task of a coding agent, carried to its end.
 *
 * <p>The run invokes the agent; when a usage limit stops it, the run waits on a durable timer for
 * the reset and resumes the same session. To end a run, cancel the workflow: the agent is ended
 * gracefully, and the session id stays in the search attribute {@code AgentSession} and in the memo
 * field {@code AgentRunStatus}, so that a new run can go on with it.
 */
@WorkflowInterface
public interface AgentRun {

  /**
   * Runs the task.
   *
   * @throws io.temporal.failure.ApplicationFailure with a code of {@link
   *     dev.outlast.operator.ErrorCode} as its type and a {@link RunStatus} as its details, when
   *     the run stopped
   * @throws io.temporal.failure.CanceledFailure when the run was cancelled; Temporal closes a
   *     cancelled workflow without details, so its {@link RunStatus} is in the memo, see {@link
   *     Names#MEMO_CANCELLED_STATUS}
   */
  @WorkflowMethod(name = Names.AGENT_RUN)
  AgentRunResult run(AgentRunRequest request);

  /** Ends the wait that is going on now; without effect when there is none. */
  @SignalMethod(
      name = Names.SIGNAL_RESUME_NOW,
      description =
          "End the present wait and resume the session at once. Takes a reason (text, may be left"
              + " out). Without effect when the run is not waiting.")
  void resumeNow(String reason);

  /** Lets a run go on that waits for its account; without effect on any other. */
  @SignalMethod(
      name = Names.SIGNAL_ACCOUNT_OPENED,
      description = "The account is open again, or the run is to try first. From its gate.")
  void accountOpened(AccountOpened opened);

  /**
   * Pauses the run. An agent that is working is ended gracefully; its session is kept and resumed
   * after {@link #unpause}. A wait goes on, but the run does not resume until it is unpaused.
   */
  @SignalMethod(
      name = Names.SIGNAL_PAUSE,
      description =
          "Pause the run: a working agent is ended gracefully and its session kept; nothing is"
              + " started until unpause. Takes a reason (text, may be left out).")
  void pause(String reason);

  /** Lets a paused run go on. */
  @SignalMethod(
      name = Names.SIGNAL_UNPAUSE,
      description = "Let a paused run go on. Takes a reason (text, may be left out).")
  void unpause(String reason);

  /**
   * Queues another prompt; it becomes the next turn of the same session.
   *
   * @return how many prompts are queued now
   */
  @UpdateMethod(
      name = Names.UPDATE_SEND,
      description =
          "Queue another prompt (text). It becomes the next turn of the same session. Answers how"
              + " many prompts are queued.")
  int send(String prompt);

  @UpdateValidatorMethod(updateName = Names.UPDATE_SEND)
  void validateSend(String prompt);

  /**
   * Lets a run that waits for its host go on on another one: in a fresh session that is told of the
   * task so far. Without effect if the host comes back first, or if no other host can take the run;
   * its events tell.
   *
   * @return {@code moving}
   */
  @UpdateMethod(
      name = Names.UPDATE_MOVE,
      description =
          "Go on on another host, in a fresh session with a handoff message. Takes a reason (text,"
              + " may be left out). Refused unless the run waits for its host.")
  String move(String reason);

  @UpdateValidatorMethod(updateName = Names.UPDATE_MOVE)
  void validateMove(String reason);

  /**
   * Goes on with another agent, which is preferred from then on. An agent that is working is ended
   * gracefully, and a wait for the one before ends. The other one takes over its session where both
   * keep their sessions in one place; else it goes on with its own session in this run, or begins
   * one, and is told what was done. A paused run stays paused.
   *
   * @param agent its name on the worker; null for the present agent with another account
   * @param account whose allowance is used; null for the agent's own
   * @return the agent that goes on, and its account: {@code codex/work}
   */
  @UpdateMethod(
      name = Names.UPDATE_SWITCH_AGENT,
      description =
          "Go on with another agent (text, may be null for the present one) and account (text, may"
              + " be null for the agent's own). Answers which agent goes on.")
  String switchAgent(String agent, String account);

  @UpdateValidatorMethod(updateName = Names.UPDATE_SWITCH_AGENT)
  void validateSwitchAgent(String agent, String account);

  /**
   * Changes when the present wait ends. At a moment before its own the run goes on though its
   * account is closed, as with {@link #resumeNow}; at a later one it asks whether it is open.
   *
   * @param when an instant ({@code 2026-11-21T15:00:00Z}) or a duration from now ({@code 90m}), at
   *     most the longest wait that the run's policy allows
   * @return the new instant, RFC 3339 in UTC
   */
  @UpdateMethod(
      name = Names.UPDATE_CHANGE_RESUME,
      description =
          "Change when the present wait ends: an instant (2026-11-21T15:00:00Z) or a duration from"
              + " now (90m). Answers the new instant. Refused when the run is not waiting.")
  String changeResume(String when);

  @UpdateValidatorMethod(updateName = Names.UPDATE_CHANGE_RESUME)
  void validateChangeResume(String when);

  /**
   * Gives the run another budget, in place of the one that it has: a kind that is left out has no
   * bound any more. A run that is paused for its budget goes on. The agent that is at work keeps
   * the rest that it was given; when that is used it is ended, and resumed with the new one.
   *
   * @param budget more than was used; costs over 0 and at most a million US dollars
   * @return the new budget
   */
  @UpdateMethod(
      name = Names.UPDATE_CHANGE_BUDGET,
      description =
          "Change what the run may use before it pauses: {\"costUsd\": 5, \"tokens\": 2000000},"
              + " either or both, more than was used. A run that is paused for its budget goes on."
              + " Answers the new budget.")
  Budget changeBudget(Budget budget);

  @UpdateValidatorMethod(updateName = Names.UPDATE_CHANGE_BUDGET)
  void validateChangeBudget(Budget budget);

  @QueryMethod(
      name = Names.QUERY_STATUS,
      description = "Where the run stands: state, session, resume time, limits, tokens.")
  RunStatus status();

  /**
   * What has happened since an event.
   *
   * @param sinceSeq the sequence number of the last event that the caller has seen; 0 for all
   * @return later events in order, as far as they are kept: the newest {@link RunEvent#MAX_KEPT}
   */
  @QueryMethod(
      name = Names.QUERY_EVENTS,
      description =
          "The run's events after a sequence number (number, 0 for all), oldest first; the newest"
              + " 200 are kept.")
  List<RunEvent> events(long sinceSeq);

  @QueryMethod(
      name = Names.QUERY_INCIDENTS,
      description =
          "The run's usage limits with their evidence, oldest first; the newest 20 are kept.")
  List<Incident> incidents();
}
