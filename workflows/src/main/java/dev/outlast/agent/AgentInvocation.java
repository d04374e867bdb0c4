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
 * @param spending what it may spend before its agent is ended
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
    AccountTurn accountTurn,
    Spending spending) {

  public AgentInvocation {
    Objects.requireNonNull(agent, "agent");
    Objects.requireNonNull(start, "start");
    Objects.requireNonNull(message, "message");
    Objects.requireNonNull(resumeMessage, "resumeMessage");
    Objects.requireNonNull(invocationTimeout, "invocationTimeout");
    Objects.requireNonNull(silenceTimeout, "silenceTimeout");
    accountTurn = accountTurn == null ? AccountTurn.DEFAULT : accountTurn;
    spending = spending == null ? Spending.UNBOUNDED : spending;
    if (start == SessionStart.RESUME && session == null) {
      throw new IllegalArgumentException("session: needed to resume");
    }
  }

  /**
   * An invocation with all that must be said of it.
   *
   * @param turn which prompt of the run this belongs to, from 1
   * @param number which invocation of the run this is, from 1
   * @param message what is said to the agent
   */
  public static Builder newBuilder(
      int turn, int number, String agent, SessionStart start, String message) {
    return new Builder(turn, number, agent, start, message);
  }

  /** Builds an invocation. Not thread-safe. */
  public static final class Builder {

    private final int turn;
    private final int number;
    private final String agent;
    private final SessionStart start;
    private final String message;
    private String account;
    private String model;
    private String workspace;
    private SessionId session;
    private Duration invocationTimeout;
    private Duration silenceTimeout;
    private String resumeMessage;
    private Checkpoint checkpoint;
    private boolean stopsIfBusy;
    private AccountTurn accountTurn;
    private Spending spending;

    private Builder(int turn, int number, String agent, SessionStart start, String message) {
      this.turn = turn;
      this.number = number;
      this.agent = agent;
      this.start = start;
      this.message = message;
    }

    /** Whose allowance is used; the agent's own unless set. */
    public Builder setAccount(String value) {
      account = value;
      return this;
    }

    /** The agent's own unless set. */
    public Builder setModel(String value) {
      model = value;
      return this;
    }

    /** The folder that the agent works in; the worker's default unless set. */
    public Builder setWorkspace(String value) {
      workspace = value;
      return this;
    }

    /** The session to resume, or the id for a fresh one. */
    public Builder setSession(SessionId value) {
      session = value;
      return this;
    }

    /** After this the agent is ended. Must be set. */
    public Builder setInvocationTimeout(Duration value) {
      invocationTimeout = value;
      return this;
    }

    /** After this long without any output the agent is ended. Must be set. */
    public Builder setSilenceTimeout(Duration value) {
      silenceTimeout = value;
      return this;
    }

    /** What a retried attempt says. Must be set. */
    public Builder setResumeMessage(String value) {
      resumeMessage = value;
      return this;
    }

    /** How session and workspace were left; nothing is compared unless set. */
    public Builder setCheckpoint(Checkpoint value) {
      checkpoint = value;
      return this;
    }

    /** Whether the run waits for nothing that is another run's; false unless set. */
    public Builder setStopsIfBusy(boolean value) {
      stopsIfBusy = value;
      return this;
    }

    /** {@link AccountTurn#DEFAULT} unless set. */
    public Builder setAccountTurn(AccountTurn value) {
      accountTurn = value;
      return this;
    }

    /** {@link Spending#UNBOUNDED} unless set. */
    public Builder setSpending(Spending value) {
      spending = value;
      return this;
    }

    /**
     * The invocation.
     *
     * @throws RuntimeException if something is missing or wrong; the message names it
     */
    public AgentInvocation build() {
      return new AgentInvocation(
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
          stopsIfBusy,
          accountTurn,
          spending);
    }
  }
}
