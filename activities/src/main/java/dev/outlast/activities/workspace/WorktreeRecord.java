package dev.outlast.activities.workspace;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Objects;

/**
 * What is kept of a worktree that was made for a run. There is none with a time or a path that is
 * none.
 *
 * @param name names its folder, its branch and this record
 * @param run the workflow id of the run
 * @param execution the workflow's run id
 * @param repository the top of the work tree that it was made from
 * @param common the git folder that all work trees of the repository share
 * @param gitFolder its own git folder, in {@code common}; null until it is ready
 * @param path where it is
 * @param branch the branch that was made for it
 * @param base the commit that it began with
 * @param created when, as ISO-8601
 * @param released whether its run has ended and does not need it any more
 */
record WorktreeRecord(
    String name,
    String run,
    String execution,
    String repository,
    String common,
    String gitFolder,
    String path,
    String branch,
    String base,
    String created,
    boolean released) {

  WorktreeRecord {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(run, "run");
    Objects.requireNonNull(execution, "execution");
    Objects.requireNonNull(repository, "repository");
    Objects.requireNonNull(common, "common");
    Objects.requireNonNull(path, "path");
    Objects.requireNonNull(branch, "branch");
    Objects.requireNonNull(base, "base");
    Objects.requireNonNull(created, "created");
    // What throws here is found out when a record is read, not when it is used among others.
    Instant.parse(created);
    Path.of(repository);
    Path.of(common);
    Path.of(path);
    if (gitFolder != null) {
      Path.of(gitFolder);
    }
  }

  /** Whether it was made to the end; before that no agent can have worked in it. */
  boolean ready() {
    return gitFolder != null;
  }

  boolean isOf(String aRun, String anExecution) {
    return run.equals(aRun) && execution.equals(anExecution);
  }

  WorktreeRecord at(Path madeGitFolder) {
    return new WorktreeRecord(
        name,
        run,
        execution,
        repository,
        common,
        madeGitFolder.toString(),
        path,
        branch,
        base,
        created,
        released);
  }

  WorktreeRecord asReleased() {
    return new WorktreeRecord(
        name, run, execution, repository, common, gitFolder, path, branch, base, created, true);
  }

  /**
   * Its worktree, as git is to see it: what is in {@code .git} there, an agent may have changed.
   */
  Repository own() {
    return new Repository(Path.of(path), Path.of(gitFolder));
  }

  /** The repository, without any work tree. */
  Repository shared() {
    return new Repository(null, Path.of(common));
  }
}
