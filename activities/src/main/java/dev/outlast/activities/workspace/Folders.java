package dev.outlast.activities.workspace;

import dev.outlast.activities.process.Deadline;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;

/** Folders that an agent has worked in, walked without following any of the links in them. */
final class Folders {

  private static final String GIT_FOLDER = "gitdir: ";

  private Folders() {}

  static Path real(Path path) {
    try {
      return path.toRealPath();
    } catch (NoSuchFileException gone) {
      return path.toAbsolutePath().normalize();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The git folder that a linked worktree names in its file {@code .git}. */
  static Path gitFolder(Path worktree) throws IOException {
    String line = Files.readString(worktree.resolve(".git")).strip();
    if (!line.startsWith(GIT_FOLDER)) {
      throw new IOException(worktree + " is no worktree of git");
    }
    return worktree.resolve(line.substring(GIT_FOLDER.length())).toRealPath();
  }

  /**
   * Whether there is a repository anywhere below the top of a worktree.
   *
   * @throws GitException if that cannot be found out in time
   */
  static boolean holdRepositories(Path worktree, Deadline deadline) throws IOException {
    boolean[] found = {false};
    Files.walkFileTree(
        worktree,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes)
              throws IOException {
            GitException.check(deadline, worktree + " cannot be looked through");
            found[0] |=
                !folder.equals(worktree)
                    && Files.exists(folder.resolve(".git"), LinkOption.NOFOLLOW_LINKS);
            return found[0] ? FileVisitResult.TERMINATE : FileVisitResult.CONTINUE;
          }
        });
    return found[0];
  }

  /**
   * Deletes a folder with all that is in it; does nothing if it is not there.
   *
   * @throws GitException if it cannot be deleted in time; the rest of it is there then
   */
  static void deleteTree(Path top, Deadline deadline) throws IOException {
    if (!Files.exists(top, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Files.walkFileTree(
        top,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes)
              throws IOException {
            if (!Files.isWritable(folder)) {
              // Package managers protect what they unpack, from its owner too.
              Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            GitException.check(deadline, top + " cannot be deleted");
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, IOException failed)
              throws IOException {
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
