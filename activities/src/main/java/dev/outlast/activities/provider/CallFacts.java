package dev.outlast.activities.provider;

import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;

/**
 * What is known of a call.
 *
 * @param session that the agent named; null if it has not
 * @param agentVersion that the agent's program gave of itself; null if it has not
 * @param taken whether the agent has shown that the message is in its session
 * @param progressed whether the model answered or a tool was used
 * @param lastTool name of the tool that was used last; null before the first
 * @param usingOverage whether the agent has said that it works on paid overage
 */
public record CallFacts(
    SessionId session,
    String agentVersion,
    boolean taken,
    boolean progressed,
    String lastTool,
    TokenUsage tokens,
    double costUsd,
    boolean usingOverage) {}
