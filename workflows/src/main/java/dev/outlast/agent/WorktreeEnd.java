package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * What became of a run's worktree when the run had ended.
 *
 * @param kept whether it is still there, since it has changes
 * @param commits how many commits its branch has beyond where it began
 * @param changed how many paths are not committed
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record WorktreeEnd(boolean kept, int commits, int changed) {}
