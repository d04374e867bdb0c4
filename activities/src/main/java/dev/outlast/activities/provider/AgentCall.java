package dev.outlast.activities.provider;

import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import java.util.Objects;

/**
 * One call of an agent.
 *
 * @param session the session to resume, or the id chosen for a fresh one; null if neither
 * @param model null for the agent's own
 * @param workspace the real path of the folder that it works in
 * @param costUsdLeft what it may cost, for programs that end themselves when it is spent; over 0,
 *     null for no bound
 */
public record AgentCall(
    SessionStart start,
    SessionId session,
    String message,
    String model,
    String workspace,
    Double costUsdLeft) {

  /** A call that may cost what it takes. */
  public AgentCall(
      SessionStart start, SessionId session, String message, String model, String workspace) {
    this(start, session, message, model, workspace, null);
  }

  public AgentCall {
    Objects.requireNonNull(start, "start");
    Objects.requireNonNull(message, "message");
    Objects.requireNonNull(workspace, "workspace");
    if (start == SessionStart.RESUME && session == null) {
      throw new IllegalArgumentException("session: needed to resume");
    }
  }
}
