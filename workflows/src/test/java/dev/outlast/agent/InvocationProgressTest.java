package dev.outlast.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AgentOutcome.Limited;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What a heartbeat has told of a limit stands for the answer of an invocation that was lost. */
class InvocationProgressTest {

  private static final Instant TOLD = Instant.parse("2026-11-21T10:00:00Z");
  private static final Instant RESET = TOLD.plus(Duration.ofHours(5));
  private static final Duration MARGIN = Duration.ofSeconds(5);
  private static final SessionId SESSION = new SessionId("session-1");

  private static final UsageLimit LIMIT =
      new UsageLimit(
          "claude",
          "work",
          LimitScope.SESSION,
          ResetTime.exactly(RESET),
          UsageLimit.SetBy.WINDOW,
          TOLD,
          new LimitEvidence("rule", null, "stderr", "2.1.329", "UTC"),
          null);

  private static InvocationProgress progress(
      ItemKind lastItem, TokenUsage tokens, UsageLimit limit, Double overageUsd) {
    return new InvocationProgress(
        InvocationProgress.Phase.WORKING,
        SESSION,
        true,
        null,
        lastItem,
        tokens,
        "host-1",
        7,
        1,
        limit,
        null,
        2.5,
        overageUsd,
        null);
  }

  @Test
  void a_limit_that_only_a_heartbeat_told_of_has_all_the_facts_that_are_known() {
    TokenUsage tokens = new TokenUsage(10, 5, 0, 0, 0);
    Instant now = RESET.minusSeconds(60);
    Limited limited =
        progress(ItemKind.MESSAGE, tokens, LIMIT, 1.5).limited(SESSION, now, MARGIN).orElseThrow();

    assertEquals(now, limited.limit().observedAt(), "what is left to wait counts from here");
    assertEquals(RESET, limited.limit().reset().latest());
    InvocationFacts facts = limited.facts();
    assertEquals(SESSION, facts.session());
    assertEquals(true, facts.taken());
    assertEquals("2.1.329", facts.agentVersion());
    assertTrue(facts.progressed());
    assertEquals(tokens, facts.tokens());
    assertEquals(2.5, facts.costUsd());
    assertEquals(now, facts.observedAt());
    assertEquals(1.5, facts.overageUsd());
    assertEquals(LIMIT, facts.overage());
  }

  @Test
  void a_session_that_is_not_there_is_not_told_of() {
    assertNull(
        progress(null, null, LIMIT, null)
            .limited(null, TOLD, MARGIN)
            .orElseThrow()
            .facts()
            .session());
  }

  @Test
  void a_limit_that_is_over_or_was_never_told_is_no_answer() {
    assertTrue(
        progress(null, null, LIMIT, null)
            .limited(SESSION, RESET.plus(MARGIN).minusMillis(1), MARGIN)
            .isPresent());
    assertEquals(
        Optional.empty(),
        progress(null, null, LIMIT, null).limited(SESSION, RESET.plus(MARGIN), MARGIN));
    assertEquals(Optional.empty(), progress(null, null, null, null).limited(SESSION, TOLD, MARGIN));
  }

  @Test
  void an_agent_has_done_something_that_has_shown_an_item_or_used_tokens() {
    assertTrue(progress(ItemKind.MESSAGE, null, null, null).progressed());
    assertTrue(progress(null, new TokenUsage(1, 0, 0, 0, 0), null, null).progressed());
    assertFalse(progress(null, null, null, null).progressed());
  }
}
