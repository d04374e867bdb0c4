package dev.outlast.activities.provider;

import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;

/**
 * What is known of a call.
 *
 * @param session that the agent named; null if it has not
 * @param loggedSession that only the program's log names, which is good enough to resume it; null
 *     if it does not
 * @param agentVersion that the agent's program gave of itself; null if it has not
 * @param taken whether the agent has shown that the message is in its session
 * @param progressed whether the model answered or a tool was used
 * @param lastTool name of the tool that was used last; null before the first
 * @param lastItem the kind of the last thing that the agent did; null before the first
 * @param usingOverage whether the agent has said that it works on paid overage
 * @param contextTokens how large the session's context was after the last answer of the model, in
 *     tokens; null if that is not known
 */
public record CallFacts(
    SessionId session,
    SessionId loggedSession,
    String agentVersion,
    boolean taken,
    boolean progressed,
    String lastTool,
    ItemKind lastItem,
    TokenUsage tokens,
    double costUsd,
    boolean usingOverage,
    Long contextTokens) {

  /** Facts of a call that has said nothing of its context. */
  public CallFacts(
      SessionId session,
      SessionId loggedSession,
      String agentVersion,
      boolean taken,
      boolean progressed,
      String lastTool,
      ItemKind lastItem,
      TokenUsage tokens,
      double costUsd,
      boolean usingOverage) {
    this(
        session,
        loggedSession,
        agentVersion,
        taken,
        progressed,
        lastTool,
        lastItem,
        tokens,
        costUsd,
        usingOverage,
        null);
  }

  /** The session to resume: the one that the agent named, or else the one that its log names. */
  public SessionId resumable() {
    return session == null ? loggedSession : session;
  }

  /** The same of a call that had no session, and so none that took the message. */
  public CallFacts withoutSession() {
    return new CallFacts(
        null,
        null,
        agentVersion,
        false,
        progressed,
        lastTool,
        lastItem,
        tokens,
        costUsd,
        usingOverage,
        contextTokens);
  }
}
