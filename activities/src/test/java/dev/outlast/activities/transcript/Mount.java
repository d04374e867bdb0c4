package dev.outlast.activities.transcript;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Small disks, for whoever may mount them. */
final class Mount {

  private Mount() {}

  static boolean tmpfs(Path folder, String size) throws IOException, InterruptedException {
    return succeeds("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", folder.toString());
  }

  static boolean grow(Path folder, String size) throws IOException, InterruptedException {
    return succeeds("mount", "-o", "remount,size=" + size, folder.toString());
  }

  static boolean unmount(Path folder) throws IOException, InterruptedException {
    return succeeds("umount", folder.toString());
  }

  private static boolean succeeds(String... command) throws IOException, InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException noSuchProgram) {
      return false;
    }
  }
}
