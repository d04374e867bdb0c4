package dev.outlast.activities.file;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Another process that looks whether a file is locked; within the same one that cannot be seen. */
public final class LockProbe {

  private LockProbe() {}

  /** Whether another process could lock the file at this moment. */
  public static boolean free(Path file) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                LockProbe.class.getName(),
                file.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String answer = process.inputReader().readLine();
    if (process.waitFor() != 0) {
      throw new AssertionError("it could not be seen whether " + file + " is locked");
    }
    return Boolean.parseBoolean(answer);
  }

  public static void main(String[] args) throws IOException {
    try (FileChannel channel = FileChannel.open(Path.of(args[0]), StandardOpenOption.WRITE)) {
      System.out.println(channel.tryLock() != null);
    }
  }
}
