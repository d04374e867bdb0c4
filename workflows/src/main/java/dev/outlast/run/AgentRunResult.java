package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.agent.Budget;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import dev.outlast.agent.TranscriptReference;
import java.util.List;

/**
 * What a completed run ends with.
 *
 * @param outcome always {@code completed}; a run that did not complete fails instead
 * @param text the agent's last words, at most 64 KiB
 * @param turns how many prompts were answered
 * @param invocations how often the agent was invoked
 * @param limitsHit how many usage limits the run met
 * @param waitedSeconds how long it waited for resets
 * @param transcript where the output of the last session is kept; null if it is not
 * @param worktree the run's own worktree; null if it had none
 * @param continuedElsewhere true if the run ended because somebody else has gone on with its
 *     session; {@code text} is then the last that the run itself was answered. Null otherwise
 * @param costUsd what all invocations have cost by their agents' own account, in US dollars
 * @param overageUsd the part of it that was paid beyond the account's allowance; 0 if an agent has
 *     worked on overage and does not say what that cost, null if none has
 * @param budget what the run might use, as it was at the end; null for no bound
 * @param agents the agents that the run might use, the preferred one first; null if there was only
 *     one. {@code agent}, {@code account} and {@code session} are those that came last
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record AgentRunResult(
    String outcome,
    String text,
    SessionId session,
    String agent,
    String account,
    int turns,
    int invocations,
    int limitsHit,
    long waitedSeconds,
    TokenUsage tokens,
    double costUsd,
    TranscriptReference transcript,
    RunWorktree worktree,
    Boolean continuedElsewhere,
    Double overageUsd,
    Budget budget,
    List<AgentStanding> agents) {}
