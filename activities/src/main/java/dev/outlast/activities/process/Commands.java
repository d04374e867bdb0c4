package dev.outlast.activities.process;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Small programs of the system that are asked for something and end at once. */
final class Commands {

  private static final Logger log = LoggerFactory.getLogger(Commands.class);

  /** How long one may take. */
  private static final long SECONDS = 5;

  private Commands() {}

  /** Runs one; says whether it ended well. An interrupt is kept for later. */
  static boolean run(List<String> command) {
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectInput(new File("/dev/null"))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return ended(process) && process.exitValue() == 0;
    } catch (IOException missing) {
      log.error("{} does not start", command.get(0), missing);
      return false;
    }
  }

  /** What one prints, without the space around it; empty if it fails or prints nothing. */
  static Optional<String> output(List<String> command) {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectInput(new File("/dev/null"))
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("LC_ALL", "C");
    try {
      Process process = builder.start();
      String text =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return ended(process) && process.exitValue() == 0 && !text.isEmpty()
          ? Optional.of(text)
          : Optional.empty();
    } catch (IOException missing) {
      log.error("{} does not start", command.get(0), missing);
      return Optional.empty();
    }
  }

  private static boolean ended(Process process) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          boolean ended = process.waitFor(SECONDS, TimeUnit.SECONDS);
          if (!ended) {
            process.destroyForcibly();
          }
          return ended;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
