package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.agent.Budget;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import dev.outlast.agent.TranscriptReference;
import dev.outlast.operator.AgentState;
import java.time.Instant;
import java.util.List;

/**
 * Where a run stands. Also the details of the failure of a run that stopped, and in the memo of one
 * that was cancelled.
 *
 * @param session the session; null until it is known
 * @param turn which prompt is being answered, from 1
 * @param invocations how often the agent was invoked
 * @param limitsHit how many usage limits the run has met
 * @param waitedSeconds how long it has waited for resets
 * @param resumeAt when the present wait ends; null when there is none
 * @param scope what part of the allowance the present wait is for; null when there is none
 * @param warning what an operator should look at in the present wait; null if there is nothing
 * @param queuedPrompts how many prompts wait for their turn
 * @param pausedBecause the reason given with the pause; null when the run is not paused
 * @param lastSeq the sequence number of the newest event
 * @param host the host whose files the session needs
 * @param waitsFor what the run waits for; null while it does not wait
 * @param holder the run whose agent has what this one waits for; null if that is not known
 * @param continuedElsewhere true from when somebody else was found to have gone on with the session
 *     until the session is told so; null otherwise
 * @param transcript where the output of the last session is kept; null if that is not known
 * @param worktree the run's own worktree; null if it has none
 * @param priority the run's place among those that want the same account, 1 first
 * @param waitingSince since when the account is waited for; null if it is not
 * @param costUsd what all invocations have cost by their agents' own account, in US dollars
 * @param overageUsd the part of it that was paid beyond the account's allowance; 0 if an agent has
 *     worked on overage and does not say what that cost, null if none has
 * @param budget what the run may use before it pauses and asks; null for no bound
 * @param budgetSpent true while the run is paused for its budget; null otherwise
 * @param agents the agents that the run may use, the preferred one first; null if there is only one
 * @param waitsWhy why no agent is started for the run now, in one line, such as the hours that its
 *     account is kept for others; null if the account has not said so, or is not waited for
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RunStatus(
    AgentState state,
    String agent,
    String provider,
    String account,
    String model,
    String workspace,
    SessionId session,
    int turn,
    int invocations,
    int limitsHit,
    long waitedSeconds,
    Instant resumeAt,
    String scope,
    String warning,
    int queuedPrompts,
    String pausedBecause,
    TokenUsage tokens,
    double costUsd,
    long lastSeq,
    String host,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
        WaitsFor waitsFor,
    String holder,
    Boolean continuedElsewhere,
    TranscriptReference transcript,
    RunWorktree worktree,
    int priority,
    Instant waitingSince,
    Double overageUsd,
    Budget budget,
    Boolean budgetSpent,
    List<AgentStanding> agents,
    String waitsWhy) {}
