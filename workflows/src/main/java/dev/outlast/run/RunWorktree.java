package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * The git worktree of a run.
 *
 * @param path its absolute path on the run's host
 * @param branch the branch that was made for it
 * @param kept whether it is still there after the run has ended; null while the run goes on, or if
 *     its host did not say: then it is to be taken for kept
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record RunWorktree(String path, String branch, Boolean kept) {}
