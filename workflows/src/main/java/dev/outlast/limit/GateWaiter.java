package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
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
 * @param avoidsOverage whether it is not to work on paid overage
 * @param movesOn whether it goes to another account while this one is closed, so that nobody need
 *     wait for it to try first
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record GateWaiter(
    String run,
    int priority,
    Instant since,
    String model,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean avoidsOverage,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean movesOn) {

  /** Highest priority first, then whoever waits longest. */
  public static final Comparator<GateWaiter> FIRST =
      Comparator.comparingInt(GateWaiter::priority)
          .thenComparing(GateWaiter::since)
          .thenComparing(GateWaiter::run);

  /** One that works on paid overage too, and waits. */
  public GateWaiter(String run, int priority, Instant since, String model) {
    this(run, priority, since, model, false, false);
  }

  public GateWaiter {
    Objects.requireNonNull(run, "run");
    Objects.requireNonNull(since, "since");
    priority = RunPriority.checked(priority);
  }

  /** The same run, which has waited for longer. */
  GateWaiter waitingSince(Instant then) {
    return new GateWaiter(run, priority, then, model, avoidsOverage, movesOn);
  }

  /** Whether it goes before another one. */
  public boolean before(GateWaiter other) {
    return other == null || FIRST.compare(this, other) < 0;
  }

  /** Whether it is to try first in place of another one. */
  public boolean triesBefore(GateWaiter other) {
    return !movesOn && before(other);
  }
}
