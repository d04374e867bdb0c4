package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/**
 * Whether a run may start its agent, and what it waits for if it may not.
 *
 * @param go whether it may
 * @param probe whether it is the run that tries first, now or when the time has come
 * @param until when the account is expected to open, by the gate's clock; null if it may start
 * @param latest when a run that waits to be released asks by itself, should nobody have released
 *     it; null if it may start
 * @param version of the gate; it grows whenever somebody is released, also beyond the end of a gate
 * @param why what is closed and why, in one line; null if it may start
 * @param opensIn how long after this answer {@code until} is; null if it may start, or if whoever
 *     answers does not know what time the gate has
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record GateAnswer(
    boolean go,
    boolean probe,
    Instant until,
    Instant latest,
    long version,
    String why,
    Duration opensIn) {

  /** What a run that waits to be released waits beyond the time in which that should happen. */
  public static final Duration SAFETY = Duration.ofMinutes(15);

  /** Without {@code opensIn}. */
  public GateAnswer(
      boolean go, boolean probe, Instant until, Instant latest, long version, String why) {
    this(go, probe, until, latest, version, why, null);
  }

  public GateAnswer {
    if (!go) {
      Objects.requireNonNull(until, "until");
      Objects.requireNonNull(latest, "latest");
    }
  }

  /** The answer where nobody has ever been limited. */
  public static GateAnswer open() {
    return go(false, 0);
  }

  /** When a run asks by itself that should have been released at a moment. */
  static Instant latest(Instant opens, GateSettings settings) {
    return opens.plus(settings.spread().multipliedBy(2)).plus(SAFETY);
  }

  static GateAnswer go(boolean probe, long version) {
    return new GateAnswer(true, probe, null, null, version, null);
  }
}
