package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.limit.GateWord;
import dev.outlast.limit.UsageLimit;
import java.time.Duration;
import java.time.Instant;

/**
 * One of the agents that a run may use, and how the run has left it.
 *
 * @param asked what the request, or an operator, says of it
 * @param agent as its host understood it; null as long as it was not asked
 * @param session its session; null if the run has not used it
 * @param limitsInARow how many limits came last on it without any progress between
 * @param gate what its account's gate has said; null if nothing
 * @param waitingSince since when its account is waited for; null if it is not
 * @param limit what has closed it, without the agent's words; null if nothing or the gate has
 * @param closedUntil when it is open again; null if it is not known to be closed
 * @param grace how much longer it is waited for to be released; null if it is not known to be
 *     closed
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
record RunAgent(
    AgentChoice asked,
    ResolvedAgent agent,
    AgentSession session,
    int limitsInARow,
    GateWord gate,
    Instant waitingSince,
    UsageLimit limit,
    Instant closedUntil,
    Duration grace) {

  static RunAgent asked(AgentChoice asked) {
    return resolved(asked, null);
  }

  static RunAgent resolved(AgentChoice asked, ResolvedAgent agent) {
    return new RunAgent(asked, agent, null, 0, null, null, null, null, null);
  }

  RunAgent withAgent(ResolvedAgent known) {
    return new RunAgent(
        asked, known, session, limitsInARow, gate, waitingSince, limit, closedUntil, grace);
  }

  RunAgent withSession(AgentSession left) {
    return new RunAgent(
        asked, agent, left, limitsInARow, gate, waitingSince, limit, closedUntil, grace);
  }

  RunAgent withLimit(UsageLimit met) {
    return new RunAgent(
        asked, agent, session, limitsInARow, gate, waitingSince, met, closedUntil, grace);
  }

  /** It is known to be closed, but neither by a limit nor by its gate. */
  RunAgent withoutLimit() {
    return new RunAgent(
        asked, agent, session, limitsInARow, null, waitingSince, null, closedUntil, grace);
  }

  RunAgent closed(Instant until, Duration longer) {
    return new RunAgent(
        asked, agent, session, limitsInARow, gate, waitingSince, limit, until, longer);
  }

  /** Whether the other's agent can go on with the session of this one's. */
  boolean sharesSessions(RunAgent other) {
    return agent != null
        && other.agent != null
        && agent.sessionsAt() != null
        && agent.sessionsAt().equals(other.agent.sessionsAt())
        && agent.provider().equals(other.agent.provider());
  }
}
