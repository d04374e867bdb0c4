package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.time.Duration;
import java.util.Objects;

/**
 * One call of an agent within a turn.
 *
 * @param turn which prompt of the run this belongs to, from 1
 * @param number which invocation of the run this is, from 1
 * @param agent the agent's name in the worker's configuration
 * @param account whose allowance is used
 * @param model the model, or null for the agent's own
 * @param workspace the folder that the agent works in
 * @param start how the session is found
 * @param session the session to resume or the id for a fresh one; null where it is not known yet
 * @param message what is said to the agent: the user's prompt, or after a limit the resume message
 * @param resumeMessage what a retried attempt says instead of {@code message}, once the agent is
 *     known to have taken the message
 * @param invocationTimeout after this the agent is ended and the invocation retried
 * @param silenceTimeout after this long without any output the agent is ended and retried
 * @param checkpoint how the session and the workspace were left; null if there is nothing to
 *     compare with
 * @param stopsIfBusy whether the run stops, and so waits for nothing, when another run's agent
 *     works on the session or in the workspace
 * @param accountTurn the run's place among those that want the same account
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record AgentInvocation(
    int turn,
    int number,
    String agent,
    String account,
    String model,
    String workspace,
    SessionStart start,
    SessionId session,
    String message,
    String resumeMessage,
    Duration invocationTimeout,
    Duration silenceTimeout,
    Checkpoint checkpoint,
    boolean stopsIfBusy,
    AccountTurn accountTurn) {

  /** An invocation of a run that waits for what is another run's, like all others. */
  public AgentInvocation(
      int turn,
      int number,
      String agent,
      String account,
      String model,
      String workspace,
      SessionStart start,
      SessionId session,
      String message,
      String resumeMessage,
      Duration invocationTimeout,
      Duration silenceTimeout,
      Checkpoint checkpoint) {
    this(
        turn,
        number,
        agent,
        account,
        model,
        workspace,
        start,
        session,
        message,
        resumeMessage,
        invocationTimeout,
        silenceTimeout,
        checkpoint,
        false,
        null);
  }

  public AgentInvocation {
    Objects.requireNonNull(agent, "agent");
    Objects.requireNonNull(start, "start");
    Objects.requireNonNull(message, "message");
    Objects.requireNonNull(resumeMessage, "resumeMessage");
    Objects.requireNonNull(invocationTimeout, "invocationTimeout");
    Objects.requireNonNull(silenceTimeout, "silenceTimeout");
    accountTurn = accountTurn == null ? AccountTurn.DEFAULT : accountTurn;
    if (start == SessionStart.RESUME && session == null) {
      throw new IllegalArgumentException("session: needed to resume");
    }
  }
}
