package dev.outlast.activities.claim;

import dev.outlast.activities.workspace.Repository;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What an agent in a workspace has for itself: the whole git work tree that the workspace is in,
 * since its folders share one HEAD and one index, else the folder. Two overlap if one is within the
 * other. A linked worktree that was made inside of another work tree is meant to be apart from it,
 * and so does not overlap it.
 */
record Territory(String root, boolean linkedWorktree) {

  /** What a linked worktree's {@code .git} file points into; a submodule's does not. */
  private static final String WORKTREES = "/worktrees/";

  /** The longest {@code .git} file that is read, in bytes. */
  private static final long MAX_GIT_FILE = 8 * 1024;

  Territory {
    if (!canBeFolder(root)) {
      throw new IllegalArgumentException("root: has a character that no path can have");
    }
  }

  /** Only what is so for all processes; which others it can name depends on a worker's locale. */
  static boolean canBeFolder(String path) {
    return path.indexOf('\0') < 0;
  }

  /**
   * @param workspace a real path; it need not be there any more
   */
  static Territory of(Path workspace) {
    return Repository.around(workspace)
        .map(found -> new Territory(found.tree().toString(), linksToWorktree(found.gitFolder())))
        .orElse(new Territory(workspace.toString(), false));
  }

  private static boolean linksToWorktree(Path git) {
    try {
      return Files.isRegularFile(git)
          && Files.size(git) <= MAX_GIT_FILE
          && new String(Files.readAllBytes(git), StandardCharsets.ISO_8859_1).contains(WORKTREES);
    } catch (IOException unreadable) {
      // Then it is not known to be apart.
      return false;
    }
  }

  boolean overlaps(Territory other) {
    Path ours = Path.of(root);
    Path theirs = Path.of(other.root);
    if (contains(ours, theirs)) {
      return !other.linkedWorktree || contains(theirs, ours);
    }
    return contains(theirs, ours) && !linkedWorktree;
  }

  private static boolean contains(Path outer, Path inner) {
    for (Path folder = inner; folder != null; folder = folder.getParent()) {
      if (same(folder, outer)) {
        return true;
      }
    }
    return false;
  }

  /** One folder may have several names: bind mounts, file systems that ignore case. */
  private static boolean same(Path one, Path other) {
    try {
      return one.equals(other) || Files.isSameFile(one, other);
    } catch (IOException gone) {
      return false;
    }
  }
}
