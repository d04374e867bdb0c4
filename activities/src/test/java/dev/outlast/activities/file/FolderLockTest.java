package dev.outlast.activities.file;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class FolderLockTest {

  private static final Duration SHORT = Duration.ofMillis(100);

  @TempDir Path folder;

  private static void take(Path file) {
    try {
      FolderLock.take(file, SHORT).close();
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }

  @Test
  void a_thread_that_gives_up_does_not_open_the_lock_to_other_processes() throws Exception {
    Path file = folder.resolve("lock");
    Path link = Files.createSymbolicLink(folder.resolve("link"), folder).resolve("lock");
    FolderLock lock = FolderLock.take(file, SHORT);
    try {
      for (Path name : new Path[] {file, link}) {
        Throwable refused =
            CompletableFuture.runAsync(() -> take(name)).handle((none, e) -> e.getCause()).get();
        assertTrue(refused instanceof FolderLock.NotFreeException, refused.toString());
        String holder = "process " + ProcessHandle.current().pid();
        assertTrue(refused.getMessage().contains(holder), refused.getMessage());
      }
      assertThrows(IllegalStateException.class, () -> FolderLock.take(link, SHORT));
      assertFalse(LockProbe.free(file));
    } finally {
      lock.close();
    }
    assertTrue(LockProbe.free(file));
    CompletableFuture.runAsync(() -> take(file)).get();
  }

  @Test
  void an_interrupted_thread_gets_no_lock_and_stays_interrupted() throws Exception {
    Path file = folder.resolve("lock");
    FolderLock.take(file, SHORT).close();
    Thread.currentThread().interrupt();
    assertThrows(InterruptedIOException.class, () -> FolderLock.take(file, SHORT));
    assertTrue(Thread.interrupted(), "the interrupt was swallowed");
    assertTrue(LockProbe.free(file));
    CompletableFuture.runAsync(() -> take(file)).get();
  }

  @Test
  void a_lock_that_an_interrupt_took_away_is_not_believed_to_be_held() throws Exception {
    Path file = folder.resolve("lock");
    try (FileChannel channel = OwnerOnly.shared(file)) {
      assertTrue(channel.tryLock().isValid());
      // It comes after the last look at it, and before the holder is named.
      Thread.currentThread().interrupt();
      assertThrows(ClosedChannelException.class, () -> FolderLock.nameHolder(channel));
      assertTrue(Thread.interrupted());
    }
    assertTrue(LockProbe.free(file));
  }
}
