package dev.outlast.activities.file;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
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
 * Lets one thread of one process on this host change what is in a folder at a time. The operating
 * system takes a file's lock back however its process ends; it belongs to the whole process, and
 * goes when the process closes any channel of the file. So threads take turns before, and nothing
 * else may ever open a lock's file. A process that is frozen within keeps all others out: they give
 * up after their patience, and name it.
 */
public final class FolderLock implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(FolderLock.class);
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
   * Waits until the lock is this thread's, which must not have it already. The thread that has
   * taken it closes it, once.
   *
   * @param lockFile in the folder that it is for, which must be there; is made if need be
   * @param patience how long it is waited for others
   * @throws NotFreeException if it is not free in time; the message names the file and who has it
   * @throws InterruptedIOException if the thread is interrupted meanwhile; it stays interrupted
   * @throws IOException if it cannot be locked
   */
  public static FolderLock take(Path lockFile, Duration patience) throws IOException {
    // All threads must mean the same one.
    Path file = lockFile.getParent().toRealPath().resolve(lockFile.getFileName());
    long deadline = System.nanoTime() + patience.toNanos();
    ReentrantLock threads = THREADS.computeIfAbsent(file, any -> new ReentrantLock());
    if (threads.isHeldByCurrentThread()) {
      throw new IllegalStateException(file + ": this thread has this lock already");
    }
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
    } catch (InterruptedException | ClosedByInterruptException e) {
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

  /**
   * For whoever waits in vain; a full disk must not keep anybody from locking.
   *
   * @throws ClosedChannelException if the channel is gone, as of a thread that is interrupted; the
   *     lock is gone with it
   */
  static void nameHolder(FileChannel channel) throws ClosedChannelException {
    byte[] pid = (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.UTF_8);
    try {
      channel.truncate(0);
      channel.write(ByteBuffer.wrap(pid), 0);
    } catch (ClosedChannelException notLockedAnyMore) {
      throw notLockedAnyMore;
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

  private static NotFreeException notFree(Path file, Duration patience, String holder) {
    return new NotFreeException(
        file
            + ": not free within "
            + patience.toMillis()
            + " ms; it is held by process "
            + holder
            + "; if that is stopped, let it go on (kill -CONT), or end it");
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

  /** Somebody else has had a lock for too long. */
  public static final class NotFreeException extends IOException {

    private static final long serialVersionUID = 1;

    private NotFreeException(String message) {
      super(message);
    }
  }
}
