package dev.outlast.activities.detect;

import dev.outlast.activities.AgentDefinition;
import java.io.InputStream;
import java.time.Instant;
import java.time.ZoneId;

/** Reads recorded output of an agent exactly as a live invocation would be read. */
public final class Detection {

  private Detection() {}

  /**
   * Concludes from output that was recorded.
   *
   * @param agent whose provider and patterns apply
   * @param now the clock at the end of the output
   * @param zone in which the agent printed local times
   */
  public static DetectionReport detect(
      AgentDefinition agent,
      InputStream stdout,
      InputStream stderr,
      int exitCode,
      Instant now,
      ZoneId zone) {
    throw new UnsupportedOperationException();
  }
}
