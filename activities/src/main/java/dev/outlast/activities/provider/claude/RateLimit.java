package dev.outlast.activities.provider.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.provider.AccountFacts;
import dev.outlast.activities.provider.Json;
import dev.outlast.limit.GateReport.WindowUse;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A {@code rate_limit_event}'s {@code rate_limit_info}: what the response headers said about the
 * account's windows. Unknown values pass through; times may be seconds, milliseconds or RFC 3339.
 */
record RateLimit(JsonNode info) {

  private static final Pattern WINDOW_NAME = Pattern.compile("[a-z0-9_-]{1,40}");

  /** A share beyond all that overage explains is none. */
  private static final double MOST_USED = 100;

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

  /** What it says of the account's windows. */
  AccountFacts account() {
    Map<String, WindowUse> windows = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> window : info.path("unifiedWindows").properties()) {
      use(window.getKey(), window.getValue(), windows);
    }
    if (windows.isEmpty()) {
      use(type(), info, windows);
    }
    return new AccountFacts(
        Json.text(info, "status").equals("allowed") && !usingOverage(), windows);
  }

  private static void use(String name, JsonNode window, Map<String, WindowUse> windows) {
    double used = window.path("utilization").asDouble(-1);
    boolean told = used >= 0 && used <= MOST_USED && WINDOW_NAME.matcher(name).matches();
    if (told && windows.size() < AccountFacts.MAX_WINDOWS) {
      windows.put(name, new WindowUse(used, instant(window.path("resetsAt")).orElse(null)));
    }
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

  /**
   * The latest reset of the windows that are used up while paid overage goes on in their place;
   * never that of the overage itself. Empty if the record names none.
   */
  Optional<Reset> allowanceReset() {
    Reset latest = new Reset(Instant.MIN, scope(), UsageLimit.SetBy.WINDOW);
    if (!isOverage(type())) {
      latest = latest.latest(instant(info.path("resetsAt")), scope(), UsageLimit.SetBy.WINDOW);
    }
    boolean named = latest.at().isAfter(Instant.MIN);
    for (Map.Entry<String, JsonNode> window : info.path("unifiedWindows").properties()) {
      boolean same = named && type().startsWith(window.getKey());
      boolean usedUp =
          Json.text(window.getValue(), "status").equals("rejected")
              || window.getValue().path("utilization").asDouble(0) >= 1;
      if (!same && usedUp && !isOverage(window.getKey())) {
        latest =
            latest.latest(
                instant(window.getValue().path("resetsAt")),
                scopeOf(window.getKey()),
                UsageLimit.SetBy.WINDOW);
      }
    }
    return latest.at().isAfter(Instant.MIN) ? Optional.of(latest) : Optional.empty();
  }

  /** Whether a window is the paid one; "seven_day_overage_included" is not. */
  private static boolean isOverage(String type) {
    return type.startsWith("overage");
  }

  /** The scope of the allowance that is used up; never the overage's own. */
  LimitScope allowanceScope() {
    return isOverage(type()) ? LimitScope.UNKNOWN : scope();
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
