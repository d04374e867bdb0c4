package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.agent.Budget;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import dev.outlast.agent.TranscriptReference;
import dev.outlast.limit.GateWord;
import java.time.Instant;
import java.util.List;
import java.util.Objects;

/**
 * All that a run remembers, as it is handed from one history to the next. Only a run makes one.
 *
 * @param agent the agent as resolved at the start of the run
 * @param session the session so far, or the id chosen for a fresh one; null if it is not known
 * @param sessionOpen whether the agent has named the session, so that it can be resumed
 * @param lostSessions how often the agent did not know the session any more
 * @param turnPrompt the prompt of the present turn
 * @param message what the next invocation says; null for the turn's prompt
 * @param queue prompts that wait for their turn
 * @param turn the present turn
 * @param invocations how often the agent was invoked
 * @param limitsHit how many usage limits were met
 * @param resumes how often the run resumed after one
 * @param limitsInARow how many limits came last without any progress between
 * @param waitedMillis how long it has waited
 * @param tokens used so far
 * @param costUsd spent so far
 * @param paused the reason of the pause; null when the run is not paused
 * @param waiting the incident whose wait is not over; null when the run does not wait
 * @param lastText the last words of the last completed turn
 * @param lastSeq the sequence number of the newest event
 * @param events the newest events
 * @param incidents the newest incidents
 * @param checkpoint how the last invocation left session and workspace; null if there is nothing to
 *     compare with
 * @param doubtful whether the session may never have come to be
 * @param continued whether somebody else has gone on with the session, which has yet to be told so
 * @param hostLostSince since when the host is waited for; null while it is not
 * @param moveAsked why the run is to leave its host; null if it is not
 * @param moves how often the run went on on another host
 * @param fruitless how many invocations came last whose workers were all lost without progress
 * @param transcript where the output of the last session is kept; null if that is not known
 * @param busy what another run has that this one waits for; null while it waits for no other run
 * @param notStarted the agents that could not be started last; null if the last one was
 * @param gate what the account's gate has said; null if nothing, or the account is not waited for
 * @param waitingSince since when the account is waited for; null if it is not
 * @param insists whether an operator wants the run to go on though the account is closed
 * @param budget in place of the request's; null if it was not changed
 * @param overageUsd spent beyond the account's allowance; null if nothing was said of overage
 * @param budgetSpent whether the pause is for the budget
 * @param movedFrom when the wait that goes on was expected to end by itself; null if nobody has
 *     moved it
 * @param agents the agents that the run may use; null for {@code agent} alone
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RunState(
    ResolvedAgent agent,
    SessionId session,
    boolean sessionOpen,
    int lostSessions,
    String turnPrompt,
    String message,
    List<String> queue,
    int turn,
    int invocations,
    int limitsHit,
    int resumes,
    int limitsInARow,
    long waitedMillis,
    TokenUsage tokens,
    double costUsd,
    String paused,
    Incident waiting,
    String lastText,
    long lastSeq,
    List<RunEvent> events,
    List<Incident> incidents,
    Checkpoint checkpoint,
    boolean doubtful,
    boolean continued,
    Instant hostLostSince,
    String moveAsked,
    int moves,
    int fruitless,
    TranscriptReference transcript,
    Busy busy,
    NotStarted notStarted,
    GateWord gate,
    Instant waitingSince,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean insists,
    Budget budget,
    Double overageUsd,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean budgetSpent,
    Instant movedFrom,
    RunAgents.Saved agents) {

  public RunState {
    Objects.requireNonNull(agent, "agent");
    Objects.requireNonNull(turnPrompt, "turnPrompt");
    if (turn < 1 || invocations < 0 || limitsHit < 0 || resumes < 0 || limitsInARow < 0) {
      throw new IllegalArgumentException("a count below its least value");
    }
    message = message == null ? turnPrompt : message;
    queue = queue == null ? List.of() : List.copyOf(queue);
    events = events == null ? List.of() : List.copyOf(events);
    incidents = incidents == null ? List.of() : List.copyOf(incidents);
    tokens = tokens == null ? TokenUsage.NONE : tokens;
    lastText = lastText == null ? "" : lastText;
  }
}
