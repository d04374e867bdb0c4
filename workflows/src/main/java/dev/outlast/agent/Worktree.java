package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.time.Duration;
import java.util.Objects;

/**
 * The git worktree that a run has for itself.
 *
 * @param path its absolute path on the run's host
 * @param workspace the absolute, real path of the folder in it that the run's workspace has become;
 *     null where it was made by a version that did not say so
 * @param repository the absolute path of the repository that it belongs to
 * @param branch the branch that was made for it, named after the run
 * @param base the commit that it began with
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Worktree(
    String path, String workspace, String repository, String branch, String base) {

  /** How long it may take to fill one with its files, or to take one away. */
  public static final Duration MAX_TIME = Duration.ofMinutes(10);

  /** How long an attempt to make or to release one may take: git, and what is around it. */
  public static final Duration MAX_ATTEMPT = MAX_TIME.plus(Duration.ofMinutes(5));

  public Worktree {
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(repository, "repository");
    Objects.requireNonNull(branch, "branch");
    Objects.requireNonNull(base, "base");
  }
}
