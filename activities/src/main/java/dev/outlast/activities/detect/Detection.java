package dev.outlast.activities.detect;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.process.LineSplitter;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.time.ZoneId;
import java.util.function.Consumer;

/** Reads recorded output of an agent exactly as a live invocation would be read. */
public final class Detection {

  private static final int CHUNK = 64 * 1024;

  private Detection() {}

  /**
   * Concludes from output that was recorded. Reads both streams to their ends, in bounded memory.
   *
   * @param agent whose provider and patterns apply
   * @param now the clock at the end of the output
   * @param zone in which the agent printed local times
   * @throws IllegalArgumentException if the agent's definition is wrong; the message says how
   * @throws UncheckedIOException if a stream cannot be read
   */
  public static DetectionReport detect(
      AgentDefinition agent,
      InputStream stdout,
      InputStream stderr,
      int exitCode,
      Instant now,
      ZoneId zone) {
    OutputReader reader = Providers.driver(agent).reader(Surroundings.recorded(zone));
    read(stdout, line -> reader.stdout(line, now));
    read(stderr, line -> reader.stderr(line, now));
    return report(reader.conclude(exitCode, now), reader.facts());
  }

  private static void read(InputStream stream, Consumer<OutputLine> sink) {
    LineSplitter lines = new LineSplitter(sink);
    byte[] chunk = new byte[CHUNK];
    try {
      for (int count; (count = stream.read(chunk)) >= 0; ) {
        lines.feed(chunk, count);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    lines.end();
  }

  private static DetectionReport report(Conclusion conclusion, CallFacts facts) {
    String outcome;
    LimitScope scope = null;
    ResetTime reset = null;
    UsageLimit.SetBy setBy = null;
    String reason = null;
    if (conclusion instanceof Conclusion.Limited limited) {
      scope = limited.scope();
      reset = limited.reset();
      setBy = limited.setBy();
      // A run stops there, unless its policy says to wait for somebody to pay.
      boolean spent = scope == LimitScope.CREDIT && reset == null;
      outcome = spent ? "stopped" : "limited";
      reason = spent ? StopReason.CREDIT.word() : null;
    } else if (conclusion instanceof Conclusion.Stopped stopped) {
      outcome = "stopped";
      reason = stopped.reason().word();
    } else if (conclusion instanceof Conclusion.Throttled) {
      outcome = "throttled";
    } else {
      outcome = conclusion instanceof Conclusion.Completed ? "completed" : "failed";
    }
    return new DetectionReport(
        outcome,
        scope,
        reset,
        setBy,
        facts.usingOverage(),
        facts.session(),
        reason,
        conclusion.basis().rule(),
        conclusion.basis().evidence(),
        conclusion.basis().channel(),
        facts.agentVersion());
  }
}
