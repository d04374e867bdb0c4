package dev.outlast.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Instant;
import org.junit.jupiter.api.Test;

class UsageLimitTest {

  private static final Instant NOW = Instant.parse("2026-11-21T03:00:00Z");

  @Test
  void only_credit_that_is_known_to_be_used_up_and_has_no_reset_is_endless() {
    ResetTime reset = ResetTime.exactly(NOW.plusSeconds(60));
    for (LimitScope scope : LimitScope.values()) {
      assertEquals(scope == LimitScope.CREDIT, limit(scope, null, "text/credit").endless());
      assertEquals(false, limit(scope, reset, "text/credit").endless());
      assertEquals(false, limit(scope, null, LimitEvidence.UNRECOGNISED).endless());
    }
  }

  private static UsageLimit limit(LimitScope scope, ResetTime reset, String rule) {
    return new UsageLimit(
        "claude",
        "work",
        scope,
        reset,
        UsageLimit.SetBy.WINDOW,
        NOW,
        new LimitEvidence(rule, "text", "stdout", null, "UTC"),
        null);
  }
}
