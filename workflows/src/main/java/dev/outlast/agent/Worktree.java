package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.Objects;

/**
 * The git worktree that a run has for itself.
 *
 * @param path its absolute path on the run's host
 * @param repository the absolute path of the repository that it belongs to
 * @param branch the branch that was made for it, named after the run
 * @param base the commit that it began with
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Worktree(String path, String repository, String branch, String base) {

  public Worktree {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(repository, "repository");
    Objects.requireNonNull(branch, "branch");
    Objects.requireNonNull(base, "base");
  }
}
