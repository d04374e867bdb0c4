package dev.outlast.activities;

import dev.outlast.operator.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Which folders agents may work in. */
final class Workspaces {

  private final Path standard;
  private final List<Path> roots;

  /**
   * @param standard where an agent works when nothing is said; always allowed
   * @param roots the folders under which agents may work
   */
  Workspaces(Path standard, List<Path> roots) {
    this.standard = standard.toAbsolutePath();
    this.roots = new ArrayList<>(roots);
    this.roots.add(this.standard);
  }

  /**
   * The real path of a workspace, with all symbolic links followed.
   *
   * @param requested null for the default; a relative path counts from the default
   * @throws io.temporal.failure.ApplicationFailure if it cannot be used; the message says why
   */
  Path resolve(String requested) {
    Path real;
    try {
      real = (requested == null ? standard : standard.resolve(requested)).toRealPath();
    } catch (IOException missing) {
      throw wrong(requested, "does not exist; create the folder on the worker's host");
    } catch (InvalidPathException notAPath) {
      throw wrong(requested, "is not a path: " + notAPath.getReason());
    }
    if (!Files.isDirectory(real)) {
      throw wrong(requested, "is not a folder");
    }
    if (roots.stream().noneMatch(root -> contains(root, real))) {
      throw wrong(
          requested,
          "is "
              + real
              + ", which is outside of the worker's workspaces: "
              + roots.stream().map(Path::toString).distinct().collect(Collectors.joining(", "))
              + "; add its folder to worker.workspaces or use one of these");
    }
    if (!Files.isWritable(real)) {
      throw wrong(requested, "is not writable for the worker's user");
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

  private RuntimeException wrong(String requested, String what) {
    String shown = requested == null ? standard.toString() : requested;
    return Failures.permanent(ErrorCode.WORKSPACE, "workspace: '" + shown + "' " + what);
  }
}
