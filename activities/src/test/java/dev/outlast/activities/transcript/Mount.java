package dev.outlast.activities.transcript;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Small disks, for whoever may mount them. */
final class Mount {

  private static final int UNMOUNTS = 600;

  private Mount() {}

  static boolean tmpfs(Path folder, String size) throws IOException, InterruptedException {
    return succeeds("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", folder.toString());
  }

  static boolean grow(Path folder, String size) throws IOException, InterruptedException {
    return succeeds("mount", "-o", "remount,size=" + size, folder.toString());
  }

  /** Whoever has written on it may take a moment to close what was written. */
  static boolean unmount(Path folder) throws IOException, InterruptedException {
    for (int i = 0; i < UNMOUNTS; i++) {
      if (succeeds("umount", folder.toString())) {
        return true;
      }
      Thread.sleep(100);
    }
    // It goes at least out of the way of whoever deletes the folder.
    succeeds("umount", "-l", folder.toString());
    return false;
  }

  private static boolean succeeds(String... command) throws IOException, InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      return process.waitFor(1, TimeUnit.MINUTES) && process.exitValue() == 0;
    } catch (IOException noSuchProgram) {
      return false;
    }
  }
}
