package dev.outlast.activities.provider.copilot;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.provider.AccountFacts;
import dev.outlast.activities.provider.Json;
import dev.outlast.limit.GateReport.WindowUse;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What a {@code session.quota_observation} says of one budget of the account, as the schema of
 * version 1.0.102 has it. Of what is not a budget with an end nothing is kept.
 *
 * @param name the service's own for the budget; null if the record tells of none
 * @param use null likewise
 */
record QuotaState(String name, WindowUse use) {

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_-]{1,40}");
  private static final QuotaState NONE = new QuotaState(null, null);

  /** A share beyond all that overage explains is none. */
  private static final double MOST_USED = 100;

  static QuotaState read(JsonNode observation) {
    JsonNode budget = observation.path("budgetMetadata");
    String name = Json.text(observation, "quotaId");
    double entitlement = budget.path("entitlement").asDouble(0);
    double used = budget.path("consumed").asDouble(-1) / entitlement;
    boolean told =
        entitlement > 0
            && used >= 0
            && used <= MOST_USED
            && !budget.path("unlimited").asBoolean(false)
            && NAME.matcher(name).matches();
    if (!told) {
      return NONE;
    }
    return new QuotaState(name, new WindowUse(used, instant(budget.path("resetAtEpochMs"))));
  }

  private static Instant instant(JsonNode millis) {
    return millis.isNumber() && Double.isFinite(millis.doubleValue())
        ? ResetReader.epoch(millis.decimalValue()).orElse(null)
        : null;
  }

  /** What is known of the account with this, the newest word, in the place of an older one. */
  AccountFacts addedTo(AccountFacts known) {
    Map<String, WindowUse> windows = new LinkedHashMap<>(known.windows());
    if (name == null
        || (!windows.containsKey(name) && windows.size() == AccountFacts.MAX_WINDOWS)) {
      return known;
    }
    windows.put(name, use);
    return new AccountFacts(known.allowed(), windows);
  }
}
