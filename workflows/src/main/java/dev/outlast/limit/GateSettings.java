package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.operator.DurationText;
import java.time.Duration;
import java.util.Map;

/**
 * How an account is to be kept, as the worker that reports is configured. The gate goes by what it
 * was told last.
 *
 * @param maxAgents how many agents may work on the account at the same time, on all hosts together;
 *     0 for no bound
 * @param pauseAt the share of a window's allowance, over 0 and at most 1, from which no agent is
 *     started any more until the window's reset, by the name of the window; {@link #ANY_WINDOW} is
 *     for those that are not named
 * @param dayCostUsd what may be spent on a day; 0 for no bound
 * @param dayTokens how many tokens may be used on a day; 0 for no bound
 * @param spread over how long the waiting runs are spread that are released together, at most
 *     {@link DurationText#MAX}; null for {@link #DEFAULT_SPREAD}
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_DEFAULT)
public record GateSettings(
    int maxAgents,
    Map<String, Double> pauseAt,
    double dayCostUsd,
    long dayTokens,
    Duration spread) {

  /** The key of {@link #pauseAt} for windows that are not named. */
  public static final String ANY_WINDOW = "*";

  public static final Duration DEFAULT_SPREAD = Duration.ofMinutes(5);

  /** No bound on anything. */
  public static final GateSettings NONE = new GateSettings(0, null, 0, 0, null);

  public GateSettings {
    pauseAt = pauseAt == null ? Map.of() : Map.copyOf(pauseAt);
    spread = spread == null ? DEFAULT_SPREAD : spread;
    spread = spread.compareTo(DurationText.MAX) > 0 ? DurationText.MAX : spread;
    notNegative("maxAgents", maxAgents);
    notNegative("dayCostUsd", dayCostUsd);
    notNegative("dayTokens", dayTokens);
    if (spread.isNegative()) {
      throw new IllegalArgumentException("spread: " + spread + " is negative");
    }
    pauseAt.forEach(
        (window, share) -> {
          if (!(share > 0 && share <= 1)) {
            throw new IllegalArgumentException(
                "pauseAt: " + window + ": " + share + " is not over 0 and at most 1");
          }
        });
  }

  /** The share from which a window is left alone; 1 for none before the wall. */
  double pauseAt(String window) {
    return pauseAt.getOrDefault(window, pauseAt.getOrDefault(ANY_WINDOW, 1.0));
  }

  private static void notNegative(String name, double value) {
    if (!(value >= 0)) {
      throw new IllegalArgumentException(name + ": " + value + " is below 0");
    }
  }
}
