package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TranscriptReference;
import io.temporal.workflow.Workflow;

/**
 * How a session was left when the run went on with another of its agents.
 *
 * @param id the session, or the id chosen for a fresh one; null if only the agent can name it
 * @param open whether the agent has named the session, so that it can be resumed
 * @param told the last turn whose prompt the session has; 0 if it has none
 * @param worked the last visit of the run in which something was done in the session, see {@link
 *     RunAgents#visit}; 0 if nothing was
 * @param contextTokens how large its context was when that was last known; null if it never was
 * @param apart whether it is another one than the run was to begin with
 * @param handedOff whether it begins with what was done in others
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_DEFAULT)
record AgentSession(
    SessionId id,
    boolean open,
    int told,
    int worked,
    Checkpoint checkpoint,
    boolean doubtful,
    boolean continued,
    TranscriptReference transcript,
    Long contextTokens,
    boolean apart,
    boolean handedOff) {

  /** One that has yet to begin, of an agent that the run has not used. */
  static AgentSession fresh(SessionId chosen) {
    return new AgentSession(chosen, false, 0, 0, null, false, false, null, null, true, false);
  }

  /**
   * The id to choose for another session of an agent; null where only the agent can name it.
   *
   * @param agent as it was resolved
   */
  static SessionId idForAnother(ResolvedAgent agent) {
    return agent.session() == null ? null : new SessionId(Workflow.randomUUID().toString());
  }
}
