package dev.outlast.activities.provider.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.provider.Json;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;

/**
 * A {@code rate_limit_event}'s {@code rate_limit_info}: what the response headers said about the
 * account's windows. Unknown values pass through; times may be seconds, milliseconds or RFC 3339.
 */
record RateLimit(JsonNode info) {

  /** Whether it says anything. */
  boolean known() {
    return !Json.text(info, "status").isEmpty();
  }

  boolean rejected() {
    return Json.text(info, "status").equals("rejected");
  }

  /** Whether the agent works on paid overage. */
  boolean usingOverage() {
    return info.path("isUsingOverage").asBoolean(false)
        || info.path("overageInUse").asBoolean(false);
  }

  /**
   * Whether nothing works until the reset. This is the CLI's own test, read in its version 2.1.329:
   * a rejection with a time, unless paid overage takes over.
   */
  boolean shut() {
    return rejected() && !usingOverage() && reset().isPresent();
  }

  /** Whether both are about the same window. */
  boolean sameWindowAs(RateLimit other) {
    return type().equals(other.type());
  }

  /** When work can go on, and what has set that time. */
  record Reset(Instant at, LimitScope scope, UsageLimit.SetBy setBy) {
    private Reset latest(Optional<Instant> other, LimitScope scope, UsageLimit.SetBy setBy) {
      return other
          .filter(instant -> instant.isAfter(at))
          .map(instant -> new Reset(instant, scope, setBy))
          .orElse(this);
    }

    ResetTime time() {
      return ResetTime.exactly(at);
    }
  }

  /** The latest reset of all that is used up; empty if the record names none. */
  Optional<Reset> reset() {
    Reset latest = new Reset(Instant.MIN, scope(), UsageLimit.SetBy.WINDOW);
    latest = latest.latest(instant(info.path("resetsAt")), scope(), UsageLimit.SetBy.WINDOW);
    boolean named = latest.at().isAfter(Instant.MIN);
    Iterator<Map.Entry<String, JsonNode>> windows =
        info.path("unifiedWindows").properties().iterator();
    while (windows.hasNext()) {
      Map.Entry<String, JsonNode> window = windows.next();
      // The window that the record is about has its reset at the top, where a model's window
      // (seven_day_opus) stands for the window that it belongs to (seven_day).
      boolean same = named && type().startsWith(window.getKey());
      if (!same && Json.text(window.getValue(), "status").equals("rejected")) {
        latest =
            latest.latest(
                instant(window.getValue().path("resetsAt")),
                scopeOf(window.getKey()),
                UsageLimit.SetBy.WINDOW);
      }
    }
    if (Json.text(info, "overageStatus").equals("rejected")) {
      latest =
          latest.latest(
              instant(info.path("overageResetsAt")), latest.scope(), UsageLimit.SetBy.OVERAGE);
    }
    return latest.at().isAfter(Instant.MIN) ? Optional.of(latest) : Optional.empty();
  }

  LimitScope scope() {
    return scopeOf(type());
  }

  private String type() {
    return Json.text(info, "rateLimitType");
  }

  private static LimitScope scopeOf(String type) {
    if (type.matches("(?:five_hour|seven_day)_(?!overage_included$).+")) {
      return LimitScope.MODEL;
    }
    if (type.startsWith("seven_day") || type.contains("week")) {
      return LimitScope.WEEKLY;
    }
    if (type.contains("overage")) {
      return LimitScope.CREDIT;
    }
    if (type.contains("hour") || type.contains("session")) {
      return LimitScope.SESSION;
    }
    return type.contains("daily") || type.matches("(?:(?:one|1|per)_)?day(?:_.*)?")
        ? LimitScope.DAILY
        : LimitScope.UNKNOWN;
  }

  private static Optional<Instant> instant(JsonNode value) {
    if (value.isNumber()) {
      if (!Double.isFinite(value.doubleValue())) {
        return Optional.empty();
      }
      return ResetReader.epoch(value.decimalValue());
    }
    if (value.isTextual()) {
      try {
        return ResetReader.epoch(
            BigDecimal.valueOf(OffsetDateTime.parse(value.textValue()).toEpochSecond()));
      } catch (DateTimeException notRfc3339) {
        return Optional.empty();
      }
    }
    return Optional.empty();
  }
}
