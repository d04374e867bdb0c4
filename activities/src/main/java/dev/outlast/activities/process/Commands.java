package dev.outlast.activities.process;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Small programs of the system that are asked for something and end at once. */
final class Commands {

  private static final Logger log = LoggerFactory.getLogger(Commands.class);

  /** How long one may take. */
  private static final long SECONDS = 5;

  /** The most that one may print: all processes of a large system with their environments. */
  static final int MAX_OUTPUT = 32 * 1024 * 1024;

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

  /**
   * What one prints, without the space around it; empty if it fails, prints nothing, prints more
   * than {@link #MAX_OUTPUT}, or takes too long. An interrupt is kept for later.
   */
  static Optional<String> output(List<String> command) {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectInput(new File("/dev/null"))
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("LC_ALL", "C");
    builder.environment().put("TZ", "UTC0");
    try {
      Process process = builder.start();
      Optional<String> text = printed(process, command.get(0));
      if (text.isEmpty()) {
        process.destroyForcibly();
        return text;
      }
      return ended(process) && process.exitValue() == 0
          ? text.filter(some -> !some.isEmpty())
          : Optional.empty();
    } catch (IOException missing) {
      log.error("{} does not start", command.get(0), missing);
      return Optional.empty();
    }
  }

  /** All that it prints until it closes its output; empty if that is too much or takes too long. */
  private static Optional<String> printed(Process process, String program) {
    FutureTask<byte[]> reading =
        new FutureTask<>(
            () -> {
              try (InputStream output = process.getInputStream()) {
                return output.readNBytes(MAX_OUTPUT + 1);
              }
            });
    Thread reader = new Thread(reading, "output-" + process.pid());
    reader.setDaemon(true);
    reader.start();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
    boolean interrupted = false;
    try {
      while (true) {
        try {
          byte[] bytes = reading.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
          if (bytes.length > MAX_OUTPUT) {
            log.error("{} prints more than {} bytes", program, MAX_OUTPUT);
            return Optional.empty();
          }
          return Optional.of(new String(bytes, StandardCharsets.UTF_8).strip());
        } catch (InterruptedException e) {
          interrupted = true;
        } catch (TimeoutException hangs) {
          log.error("{} has not ended within {} s", program, SECONDS);
          return Optional.empty();
        } catch (ExecutionException unreadable) {
          log.error("The output of {} cannot be read", program, unreadable.getCause());
          return Optional.empty();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
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
