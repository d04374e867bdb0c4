package dev.outlast.activities.provider;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;

/** Writes files that others may read or write at the same moment. */
public final class WholeFile {

  private WholeFile() {}

  /**
   * Puts a file in place, or replaces it: whoever reads it finds the old content or the new, whole.
   * Its folder must be there. What goes wrong leaves nothing behind.
   *
   * @param permissions that it gets; if empty, only its owner may read and write it
   * @throws IOException if it cannot be written; what was there before is still there then
   */
  public static void write(Path file, byte[] content, Set<PosixFilePermission> permissions)
      throws IOException {
    Path part = Files.createTempFile(file.getParent(), file.getFileName().toString(), ".part");
    try {
      Files.write(part, content);
      if (!permissions.isEmpty()) {
        Files.setPosixFilePermissions(part, permissions);
      }
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(part);
    }
  }
}
