package dev.outlast.activities.workspace;

import dev.outlast.activities.process.AgentProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Which folders agents may work in. Immutable. */
public final class Workspaces {

  private final Path standard;
  private final List<Path> roots;
  private final Worktrees worktrees;

  /**
   * @param standard where an agent works when nothing is said; always allowed
   * @param roots the folders under which agents may work
   * @param worktrees the worktrees of runs, each allowed for its own run while that has it
   */
  public Workspaces(Path standard, List<Path> roots, Worktrees worktrees) {
    this.standard = standard.toAbsolutePath();
    this.roots = new ArrayList<>(roots);
    this.roots.add(this.standard);
    this.worktrees = worktrees;
  }

  /**
   * The real path of a workspace, with all symbolic links followed.
   *
   * @param requested null for the default; a relative path counts from the default
   * @param run the workflow id of the run that wants to work there
   * @throws WorkspaceException if it cannot be used
   */
  public Path resolve(String requested, String run) {
    return usable(requested, real(requested, false), run, false);
  }

  /**
   * Checks a workspace again that {@link #resolve} has given before. What was a folder then may
   * have been taken away since, or replaced by a link to a place that no agent may work in. One
   * that is not there, or may not be written at the moment, is a passing failure: disks are mounted
   * late, and read-only.
   *
   * @param resolved what {@link #resolve} gave; null for the default
   * @throws WorkspaceException if it cannot be used any more, or is another folder now
   */
  public Path again(String resolved, String run) {
    Path real = real(resolved, true);
    if (resolved != null && !real.equals(standard.resolve(resolved))) {
      throw moved(resolved, real);
    }
    return usable(resolved, real, run, true);
  }

  /**
   * Checks an agent that was started in a workspace and is still held.
   *
   * @param resolved what {@link #resolve} or {@link #again} gave
   * @throws WorkspaceException if it is somewhere else
   */
  public static void verify(Path resolved, AgentProcess held) {
    Path real;
    try {
      real = held.directory();
    } catch (IOException gone) {
      throw missing(resolved.toString(), "is gone; put it back on the worker's host", true);
    }
    if (!real.equals(resolved)) {
      throw moved(resolved.toString(), real);
    }
  }

  /**
   * @param begun whether it was there when the run began
   */
  private Path real(String requested, boolean begun) {
    String shown = shown(requested);
    try {
      return (requested == null ? standard : standard.resolve(requested)).toRealPath();
    } catch (NoSuchFileException e) {
      throw missing(
          shown,
          begun
              ? "does not exist any more; put the folder back on the worker's host, or mount its"
                  + " disk"
              : "does not exist; create the folder on the worker's host",
          begun);
    } catch (IOException e) {
      String what = "cannot be looked at (" + e + "); see to its disk, and to who may go there";
      throw missing(shown, what, begun);
    } catch (InvalidPathException notAPath) {
      throw wrong(shown, "is not a path: " + notAPath.getReason());
    }
  }

  /**
   * @param begun whether it was usable when the run began
   */
  private Path usable(String requested, Path real, String run, boolean begun) {
    String shown = shown(requested);
    if (!Files.isDirectory(real)) {
      throw missing(shown, "is not a folder", begun);
    }
    boolean own = false;
    if (worktrees.contain(real)) {
      String holder = worktrees.holder(real);
      own = run.equals(holder);
      if (!own && holder != null) {
        throw wrong(shown, "is in the worktree of the run " + holder + ", which only that may use");
      }
    }
    if (!own && roots.stream().noneMatch(root -> contains(root, real))) {
      throw wrong(
          shown,
          (real.toString().equals(requested) ? "is" : "is " + real + ", which is")
              + " outside of the worker's workspaces: "
              + roots.stream().map(Path::toString).distinct().collect(Collectors.joining(", "))
              + "; add its folder to worker.workspaces or use one of these");
    }
    if (!Files.isExecutable(real)) {
      throw missing(
          shown,
          "cannot be entered by the worker's user; give that user the right to (chmod u+x)",
          begun);
    }
    if (!Files.isWritable(real)) {
      throw missing(shown, "is not writable for the worker's user", begun);
    }
    return real;
  }

  private static boolean contains(Path root, Path real) {
    try {
      return real.startsWith(root.toRealPath());
    } catch (IOException missingRoot) {
      return false;
    }
  }

  private String shown(String requested) {
    return requested == null ? standard.toString() : requested;
  }

  private static WorkspaceException moved(String resolved, Path real) {
    return wrong(
        resolved,
        "has been replaced since the run began: its path leads to "
            + real
            + " now; put the folder back, or start a new run there");
  }

  private static WorkspaceException missing(String shown, String what, boolean begun) {
    return begun
        ? WorkspaceException.passing("workspace: '" + shown + "' " + what)
        : wrong(shown, what);
  }

  private static WorkspaceException wrong(String shown, String what) {
    return WorkspaceException.lasting("workspace: '" + shown + "' " + what);
  }
}
