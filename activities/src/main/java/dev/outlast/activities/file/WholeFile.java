package dev.outlast.activities.file;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;

/**
 * Writes files that others may read or write at the same moment: whoever reads one finds the old
 * content or the new, whole. Its folder must be there. What goes wrong leaves nothing behind, but
 * for a file {@code *.part} when the process is killed.
 */
public final class WholeFile {

  /** How the name of a file that is not finished ends. */
  public static final String PART = ".part";

  /** What a file is to hold, where that is too much to be held in memory. */
  public interface Content {

    /** Writes all of it; the stream is not its to close. */
    void writeTo(OutputStream file) throws IOException;
  }

  private WholeFile() {}

  /**
   * Puts a file in place, or replaces it. After a loss of power it may be empty.
   *
   * @param permissions that it gets; if empty, only its owner may read and write it
   * @throws IOException if it cannot be written; what was there before is still there then
   */
  public static void write(Path file, byte[] content, Set<PosixFilePermission> permissions)
      throws IOException {
    put(file, to -> to.write(content), permissions, false);
  }

  /**
   * Puts a file that only its owner may read and write in place, or replaces it. When this returns
   * it survives a loss of power.
   *
   * @throws IOException if it cannot be written; what was there before is there then, or else the
   *     new content of which it is not known whether it would survive
   */
  public static void writeDurably(Path file, byte[] content) throws IOException {
    writeDurably(file, to -> to.write(content));
  }

  /** The same with content that is written piece by piece; which may read the file meanwhile. */
  public static void writeDurably(Path file, Content content) throws IOException {
    put(file, content, Set.of(), true);
    try (FileChannel entries = FileChannel.open(file.getParent(), StandardOpenOption.READ)) {
      entries.force(true);
    }
  }

  private static void put(
      Path file, Content content, Set<PosixFilePermission> permissions, boolean durably)
      throws IOException {
    Path part = Files.createTempFile(file.getParent(), file.getFileName().toString(), PART);
    try {
      try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
        content.writeTo(Channels.newOutputStream(channel));
        if (durably) {
          channel.force(true);
        }
      }
      if (!permissions.isEmpty()) {
        Files.setPosixFilePermissions(part, permissions);
      }
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(part);
    }
  }
}
