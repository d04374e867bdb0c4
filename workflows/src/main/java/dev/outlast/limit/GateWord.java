package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.time.Duration;
import java.util.Objects;

/**
 * What a gate has said to a run that waits.
 *
 * @param first whether the run tries first: it asks by itself when the time has come
 * @param grace how long any other run waits beyond that time to be released, before it asks by
 *     itself after all
 * @param version of the gate; it grows whenever somebody is released, also beyond the end of a gate
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record GateWord(boolean first, Duration grace, long version) {
  public GateWord {
    Objects.requireNonNull(grace, "grace");
  }
}
