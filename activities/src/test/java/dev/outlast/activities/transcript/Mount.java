package dev.outlast.activities.transcript;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A small disk, for whoever may mount one; others skip the test. */
final class Mount implements AutoCloseable {

  private static final int UNMOUNTS = 600;
  private static final Duration PAUSE = Duration.ofMillis(100);

  private final Path folder;

  private Mount(Path folder) {
    this.folder = folder;
  }

  /** Mounts one in a folder of its own. */
  static Mount tmpfs(Path folder, String size) throws IOException {
    Files.createDirectory(folder);
    boolean mounted =
        succeeds("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", folder.toString());
    assumeTrue(mounted, "mounting takes special rights");
    return new Mount(folder);
  }

  Path folder() {
    return folder;
  }

  boolean grow(String size) throws IOException {
    return succeeds("mount", "-o", "remount,size=" + size, folder.toString());
  }

  /** Whoever has written on it may take a moment to close what was written. */
  @Override
  public void close() throws IOException {
    for (int i = 0; i < UNMOUNTS; i++) {
      if (succeeds("umount", folder.toString())) {
        return;
      }
      LockSupport.parkNanos(PAUSE.toNanos());
    }
    // It goes at least out of the way of whoever deletes the folder.
    succeeds("umount", "-l", folder.toString());
    throw new IOException(folder + " is still in use");
  }

  private static boolean succeeds(String... command) throws IOException {
    Process process;
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException noSuchProgram) {
      return false;
    }
    try {
      return process.waitFor(1, TimeUnit.MINUTES) && process.exitValue() == 0;
    } catch (InterruptedException ended) {
      throw new InterruptedIOException(String.join(" ", command));
    }
  }
}
