package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * How an invocation left its session and its workspace, to be compared with what the next one
 * finds.
 *
 * @param session the mark of the session after the agent had ended; null if none can be taken
 * @param workspace how the workspace stood then; null if it is not under git
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Checkpoint(SessionMark session, WorkspaceState workspace) {}
