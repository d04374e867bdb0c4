package dev.outlast.activities.transcript;

import dev.outlast.activities.file.FolderLock;
import dev.outlast.activities.file.OwnerOnly;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps those who put a store's files in order out of each other's way, and of those who write.
 * Whoever begins, replaces, moves or deletes files does so alone, among all processes of the host.
 * To go on with a file that one has begun needs no leave: a lock on the file itself, for as long as
 * it is open, says that it is not at rest. Thread-safe.
 */
final class Upkeep {

  /** How long it is waited for others; less than a prompt waits for its transcript. */
  static final Duration MAX_LOCK_WAIT = Duration.ofSeconds(5);

  private static final Logger log = LoggerFactory.getLogger(Upkeep.class);

  /** Begins with what no name of a store begins with. */
  private static final String LOCK = ".lock";

  private final Path root;
  private final Map<FileTranscriptWriter, Path> written = new ConcurrentHashMap<>();

  /** Changes files. */
  interface Change<T> {
    T make() throws IOException;
  }

  Upkeep(Path root) {
    this.root = root;
  }

  /**
   * Makes a change while nobody else makes any. Not to be called within another.
   *
   * @throws IOException if others are at it for too long, or what the change throws
   */
  <T> T alone(Change<T> change) throws IOException {
    OwnerOnly.folder(root);
    FolderLock lock = FolderLock.take(root.resolve(LOCK), MAX_LOCK_WAIT);
    try {
      return change.make();
    } finally {
      lock.close();
    }
  }

  /** Notes what a writer of this process writes now; null for nothing any more. */
  void writes(FileTranscriptWriter writer, Path file) {
    if (file == null) {
      written.remove(writer);
    } else {
      written.put(writer, file);
    }
  }

  /** Says to other processes that a file is written, until its channel is closed. */
  static void lock(FileChannel channel, Path file) {
    try {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        log.debug("Somebody looks at the new file {}", file);
      }
    } catch (IOException noLocks) {
      // Without it the file is only known to be in use by its age.
      log.debug("{}: this file system has no locks", file, noLocks);
    }
  }

  /** Whether nobody writes a file. */
  boolean atRest(Path file) {
    // To look at the lock of a file that this process writes would give it up, on POSIX.
    return !written.containsValue(file) && unlocked(file);
  }

  /** Whether no other process writes it now; a lock goes with its process, however that ends. */
  private static boolean unlocked(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      return lock != null;
    } catch (OverlappingFileLockException here) {
      return false;
    } catch (IOException e) {
      log.debug("{} cannot be locked", file, e);
      return false;
    }
  }
}
