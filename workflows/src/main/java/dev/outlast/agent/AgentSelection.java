package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * What a run's request says about the agent, before a worker has looked at it.
 *
 * @param agent the agent's name in the worker's configuration; null for the worker's default agent
 * @param account the account to use; null for the agent's own
 * @param model the model to use; null for the agent's own
 * @param workspace the folder that the agent works in; null for the worker's default
 * @param session an existing session to go on with; null for a fresh one
 * @param continueLast go on with the last session of the workspace
 * @param worktree whether the run is to have a git worktree of its own, made from the workspace's
 *     repository
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record AgentSelection(
    String agent,
    String account,
    String model,
    String workspace,
    SessionId session,
    boolean continueLast,
    boolean worktree) {}
