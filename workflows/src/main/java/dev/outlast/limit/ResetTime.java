package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/**
 * When an allowance returns, as exactly as the agent said it. A text that is cut to the minute
 * names a moment somewhere in that minute, so the allowance is only certain to be back at {@link
 * #latest()}.
 *
 * @param earliest the first instant that fits what was said
 * @param precision how much later it may be; zero for an exact instant
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record ResetTime(Instant earliest, Duration precision) {

  public ResetTime {
    Objects.requireNonNull(earliest, "earliest");
    precision = precision == null ? Duration.ZERO : precision;
    if (precision.isNegative()) {
      throw new IllegalArgumentException("precision: below zero");
    }
  }

  /** A reset that was given to the second or better. */
  public static ResetTime exactly(Instant at) {
    return new ResetTime(at, Duration.ZERO);
  }

  /** The last instant that fits what was said. */
  public Instant latest() {
    return earliest.plus(precision);
  }
}
