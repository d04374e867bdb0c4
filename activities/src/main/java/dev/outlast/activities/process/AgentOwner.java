package dev.outlast.activities.process;

/**
 * For whom an agent runs: one attempt of one activity of one run.
 *
 * @param workflowId the run
 * @param workflowRunId the server's id of this execution of it
 * @param activityId the activity, unique within the execution
 * @param attempt counts from 1
 */
public record AgentOwner(String workflowId, String workflowRunId, String activityId, int attempt) {}
