package dev.outlast.activities.provider.codex;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.provider.Json;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.UsageLimit;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One window of an account's allowance, as the CLI has learnt it from the service.
 *
 * @param name that operators read
 * @param resetsAt when it is free again
 * @param used the share of its allowance; 1 is all of it
 * @param exhausted whether all of it is used
 */
record RateWindow(
    String name,
    Instant resetsAt,
    double used,
    boolean exhausted,
    LimitScope scope,
    UsageLimit.SetBy setBy,
    JsonNode record) {

  private static final double ALL_PERCENT = 100;
  private static final long DAY_MINUTES = Duration.ofDays(1).toMinutes();
  private static final long WEEK_MINUTES = Duration.ofDays(7).toMinutes();

  /**
   * The windows of a record's {@code rate_limits} that say when they reset.
   *
   * @param recordedAt from which relative times count; null if the record does not say
   */
  static List<RateWindow> of(JsonNode limits, Instant recordedAt) {
    List<RateWindow> windows = new ArrayList<>();
    for (String name : List.of("primary", "secondary")) {
      JsonNode window = limits.path(name);
      reset(window, recordedAt)
          .ifPresent(
              at ->
                  windows.add(
                      new RateWindow(
                          name,
                          at,
                          window.path("used_percent").asDouble(0) / ALL_PERCENT,
                          window.path("used_percent").asDouble(0) >= ALL_PERCENT,
                          scope(Json.count(window, "window_minutes")),
                          UsageLimit.SetBy.WINDOW,
                          window)));
    }
    // A cap on what one member of a workspace may spend.
    JsonNode spend = limits.path("individual_limit");
    reset(spend, recordedAt)
        .ifPresent(
            at ->
                windows.add(
                    new RateWindow(
                        "individual_limit",
                        at,
                        1 - spend.path("remaining_percent").asDouble(ALL_PERCENT) / ALL_PERCENT,
                        spend.path("remaining_percent").asDouble(ALL_PERCENT) <= 0,
                        LimitScope.CREDIT,
                        UsageLimit.SetBy.OVERAGE,
                        spend)));
    return windows;
  }

  /** The time is absolute; versions before 0.50 or so counted it from the record. */
  private static Optional<Instant> reset(JsonNode window, Instant recordedAt) {
    JsonNode at = window.path("resets_at");
    if (at.isNumber() && Double.isFinite(at.doubleValue())) {
      return ResetReader.epoch(at.decimalValue());
    }
    JsonNode in = window.path("resets_in_seconds");
    return in.isNumber() && recordedAt != null
        ? Optional.of(recordedAt.plusSeconds(Json.count(window, "resets_in_seconds")))
            .filter(instant -> instant.isBefore(recordedAt.plus(ResetReader.MAX_AHEAD)))
        : Optional.empty();
  }

  private static LimitScope scope(long minutes) {
    if (minutes <= 0) {
      return LimitScope.UNKNOWN;
    }
    if (minutes < DAY_MINUTES) {
      return LimitScope.SESSION;
    }
    if (minutes < 2 * DAY_MINUTES) {
      return LimitScope.DAILY;
    }
    return Math.abs(minutes - WEEK_MINUTES) <= DAY_MINUTES ? LimitScope.WEEKLY : LimitScope.UNKNOWN;
  }
}
