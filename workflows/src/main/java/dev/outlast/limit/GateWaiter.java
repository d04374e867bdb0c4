package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.time.Instant;
import java.util.Comparator;
import java.util.Objects;

/**
 * A run that waits for its account.
 *
 * @param run its workflow id
 * @param priority from {@value RunPriority#HIGHEST} (first) to {@value RunPriority#LOWEST}
 * @param since when it began to wait
 * @param model that it asks for; null for the agent's own choice
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record GateWaiter(String run, int priority, Instant since, String model) {

  /** Highest priority first, then whoever waits longest. */
  public static final Comparator<GateWaiter> FIRST =
      Comparator.comparingInt(GateWaiter::priority)
          .thenComparing(GateWaiter::since)
          .thenComparing(GateWaiter::run);

  public GateWaiter {
    Objects.requireNonNull(run, "run");
    Objects.requireNonNull(since, "since");
    priority = RunPriority.checked(priority);
  }

  /** Whether it goes before another one. */
  public boolean before(GateWaiter other) {
    return other == null || FIRST.compare(this, other) < 0;
  }
}
