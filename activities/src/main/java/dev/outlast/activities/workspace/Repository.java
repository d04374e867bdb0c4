package dev.outlast.activities.workspace;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A work tree with its repository.
 *
 * @param tree the folder at its top
 * @param gitFolder {@code .git} in it: a folder, or the file of a linked worktree or submodule
 */
public record Repository(Path tree, Path gitFolder) {

  /**
   * The work tree that a folder is in, as git finds it: a link {@code .git} that leads nowhere does
   * not make one.
   *
   * @param folder a real path; it need not be there any more
   */
  public static Optional<Repository> around(Path folder) {
    for (Path tree = folder; tree != null; tree = tree.getParent()) {
      Path git = tree.resolve(".git");
      if (Files.exists(git)) {
        return Optional.of(new Repository(tree, git));
      }
    }
    return Optional.empty();
  }

  /** Whether a folder is a repository without a work tree. */
  static boolean bare(Path folder) {
    return Files.isRegularFile(folder.resolve("HEAD"))
        && Files.isDirectory(folder.resolve("objects"))
        && Files.isDirectory(folder.resolve("refs"));
  }
}
