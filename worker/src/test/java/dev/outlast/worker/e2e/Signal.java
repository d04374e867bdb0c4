package dev.outlast.worker.e2e;

import java.io.IOException;

/** Sends signals that Java has no method for. */
final class Signal {

  private Signal() {}

  /**
   * Sends a signal.
   *
   * @param name such as {@code STOP}
   * @param target a process; a process group, if negative
   */
  static void send(String name, long target) {
    try {
      Process kill =
          new ProcessBuilder(
                  "/bin/sh", "-c", "kill -s \"$1\" -- \"$2\"", "sh", name, Long.toString(target))
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      // One that has ended meanwhile is no failure: that is what kills are like.
      kill.waitFor();
    } catch (IOException e) {
      throw new AssertionError("/bin/sh does not start", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a signal was sent", e);
    }
  }
}
