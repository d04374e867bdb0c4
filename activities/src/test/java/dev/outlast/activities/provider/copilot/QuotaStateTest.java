package dev.outlast.activities.provider.copilot;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.limit.GateReport.WindowUse;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Budgets in the form of the schema that comes with version 1.0.102. */
class QuotaStateTest {

  private static final Instant NOW = Instant.parse("2026-11-21T12:00:00Z");

  private final OutputReader reader =
      Providers.driver(AgentDefinition.newBuilder("c", "copilot").build())
          .reader(Surroundings.recorded(ZoneOffset.UTC));

  private void told(String quota, String budget) {
    String line =
        """
        {"type":"session.quota_observation","data":{"observation":{"provider":{},"quotaId":"%s","accessState":"allowed","capacityState":"available","unit":"requests","budgetMetadata":%s}},"ephemeral":true,"id":"q","timestamp":"2026-11-21T12:00:00Z","parentId":null}
        """
            .formatted(quota, budget)
            .strip();
    reader.stdout(new OutputLine(line.getBytes(StandardCharsets.UTF_8), false), NOW);
  }

  private static String budget(String consumed, String entitlement, String more) {
    return "{\"consumed\":"
        + consumed
        + ",\"entitlement\":"
        + entitlement
        + ",\"overage\":0,\"remainingPercentage\":0"
        + more
        + "}";
  }

  @Test
  void the_last_word_of_each_budget_counts() {
    told("premium_interactions", budget("10", "300", ""));
    told("chat", budget("1", "4", ",\"unlimited\":false"));
    told("premium_interactions", budget("150", "300", ",\"resetAtEpochMs\":1796083200000"));
    assertEquals(
        Map.of(
            "premium_interactions",
            new WindowUse(0.5, Instant.parse("2026-12-01T00:00:00Z")),
            "chat",
            new WindowUse(0.25, null)),
        reader.account().windows());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "null",
        "{\"consumed\":1}",
        "{\"consumed\":1,\"entitlement\":0}",
        "{\"consumed\":1,\"entitlement\":-1}",
        "{\"consumed\":-1,\"entitlement\":1}",
        "{\"consumed\":1e300,\"entitlement\":1}",
        "{\"consumed\":1e999,\"entitlement\":1e999}",
        "{\"consumed\":1,\"entitlement\":2,\"unlimited\":true}"
      })
  void what_is_no_budget_with_an_end_is_left_out(String odd) {
    told("chat", odd);
    assertEquals(Map.of(), reader.account().windows());
  }

  @Test
  void a_name_that_is_none_and_more_budgets_than_are_kept_are_left_out() {
    told("two words", budget("1", "2", ""));
    assertEquals(Map.of(), reader.account().windows());
    for (int i = 0; i < 30; i++) {
      told("budget-" + i, budget("1", "2", ",\"resetAtEpochMs\":1e999"));
    }
    assertEquals(10, reader.account().windows().size());
  }
}
