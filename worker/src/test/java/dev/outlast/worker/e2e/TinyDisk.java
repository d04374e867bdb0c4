package dev.outlast.worker.e2e;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** A file system in memory that is small enough to be filled; needs the right to mount it. */
final class TinyDisk implements AutoCloseable {

  private static final long MOUNT_SECONDS = 60;

  /** Set by {@code .ci/run}, which leaves out nothing without saying so. */
  private static final String CI = "OUTLAST_CI_RUN";

  private final Path folder;

  private TinyDisk(Path folder) {
    this.folder = folder;
  }

  /**
   * Mounts one. Where that is not permitted it fails in CI, and else skips the test and says so.
   */
  static TinyDisk mountedAt(Path folder) throws IOException {
    Files.createDirectories(folder);
    int exit = run("mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", folder.toString());
    if (exit != 0) {
      String why =
          "a full disk cannot be tried, as this user may not mount a tmpfs; run it as root, or with"
              + " 'unshare --map-root-user --mount', or in a container with CAP_SYS_ADMIN";
      if (System.getenv(CI) != null) {
        throw new AssertionError(why);
      }
      System.err.println("SKIPPED: " + why);
      Assumptions.abort(why);
    }
    return new TinyDisk(folder);
  }

  /** Leaves not a byte for others. */
  void fill() throws IOException {
    try (OutputStream out = Files.newOutputStream(folder.resolve("fills-the-disk"))) {
      for (int size = 4096; size > 0; size /= 64) {
        writeUntilFull(out, new byte[size]);
      }
    } catch (IOException full) {
      // Closing it may say so once more.
      return;
    }
  }

  private static void writeUntilFull(OutputStream out, byte[] chunk) {
    try {
      while (true) {
        out.write(chunk);
      }
    } catch (IOException full) {
      return;
    }
  }

  void free() throws IOException {
    Files.delete(folder.resolve("fills-the-disk"));
  }

  @Override
  public void close() throws IOException {
    // Lazily, as a worker that is about to end may still be there.
    run("umount", "-l", folder.toString());
  }

  private static int run(String... command) throws IOException {
    Process process =
        new ProcessBuilder(List.of(command))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      if (process.waitFor(MOUNT_SECONDS, TimeUnit.SECONDS)) {
        return process.exitValue();
      }
      process.destroyForcibly();
      throw new IOException(List.of(command) + " does not end");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(List.of(command) + " was interrupted", e);
    }
  }
}
