package dev.outlast.activities.claim;

import dev.outlast.activities.file.OwnerOnly;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets one thread of one process on this host change a folder at a time, for milliseconds. The
 * operating system takes a file's lock back however its process ends; it belongs to the whole
 * process, so threads take turns before. A process that is frozen within keeps all others out: they
 * give up after their patience, and name it.
 */
final class FolderLock implements Closeable {

  private static final Logger log = LoggerFactory.getLogger(FolderLock.class);
  private static final String NAME = "lock";
  private static final Duration PAUSE = Duration.ofMillis(10);

  /** The most that is read of what the file says of its holder, in bytes. */
  private static final int MAX_HOLDER = 20;

  private static final Map<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

  private final ReentrantLock threads;
  private final FileChannel channel;

  private FolderLock(ReentrantLock threads, FileChannel channel) {
    this.threads = threads;
    this.channel = channel;
  }

  /**
   * @param folder a real path, so that all threads mean the same one
   * @throws InterruptedIOException if the thread is interrupted meanwhile
   * @throws IOException if it is not free in time or cannot be locked; the message names the file
   */
  static FolderLock take(Path folder, Duration patience) throws IOException {
    Path file = folder.resolve(NAME);
    long deadline = System.nanoTime() + patience.toNanos();
    ReentrantLock threads = THREADS.computeIfAbsent(folder, any -> new ReentrantLock());
    try {
      if (!threads.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS)) {
        // To open and close the file here would end the lock of our own process.
        throw notFree(file, patience, Long.toString(ProcessHandle.current().pid()));
      }
      FileChannel channel = null;
      try {
        channel = open(file);
        while (!lock(channel)) {
          if (System.nanoTime() - deadline >= 0) {
            throw notFree(file, patience, holder(file));
          }
          Thread.sleep(PAUSE.toMillis());
        }
        nameHolder(channel);
      } catch (IOException | InterruptedException | RuntimeException notLocked) {
        // Only now: to close any channel of a file ends all locks that its process has on it.
        close(channel);
        threads.unlock();
        throw notLocked;
      }
      return new FolderLock(threads, channel);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException(file + ": interrupted while waiting for this lock");
    }
  }

  private static FileChannel open(Path file) throws IOException {
    return OwnerOnly.shared(file);
  }

  private static boolean lock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock() != null;
    } catch (OverlappingFileLockException byAnotherClassLoader) {
      return false;
    }
  }

  /** For whoever waits in vain; a full disk must not keep a claim from being released. */
  private static void nameHolder(FileChannel channel) {
    byte[] pid = (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.UTF_8);
    try {
      channel.truncate(0);
      channel.write(ByteBuffer.wrap(pid), 0);
    } catch (IOException full) {
      log.debug("The holder of a lock could not be noted", full);
    }
  }

  private static String holder(Path file) {
    try (InputStream stream = Files.newInputStream(file)) {
      String pid = new String(stream.readNBytes(MAX_HOLDER), StandardCharsets.UTF_8).strip();
      return pid.matches("[0-9]+") ? pid : "unknown";
    } catch (IOException unreadable) {
      log.debug("The holder of a lock could not be read", unreadable);
      return "unknown";
    }
  }

  private static IOException notFree(Path file, Duration patience, String holder) {
    return new IOException(
        file
            + ": not free within "
            + patience.toMillis()
            + " ms; it is held by process "
            + holder
            + ", which takes milliseconds unless it is stopped: let it go on (kill -CONT), or end"
            + " it");
  }

  private static void close(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        log.warn("A lock's file could not be closed", e);
      }
    }
  }

  @Override
  public void close() {
    close(channel);
    threads.unlock();
  }
}
