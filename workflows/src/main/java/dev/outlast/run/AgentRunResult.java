package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;

/**
 * What a completed run ends with.
 *
 * @param outcome always {@code completed}; a run that did not complete fails instead
 * @param text the agent's last words, at most 64 KiB
 * @param turns how many prompts were answered
 * @param invocations how often the agent was invoked
 * @param limitsHit how many usage limits the run met
 * @param waitedSeconds how long it waited for resets
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
    double costUsd) {}
