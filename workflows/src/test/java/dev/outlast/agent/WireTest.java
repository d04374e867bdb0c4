package dev.outlast.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.UsageLimit;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DataConverterException;
import io.temporal.common.converter.GlobalDataConverter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Workers of two adjacent versions can share a queue: what one says the other can read. */
class WireTest {

  private static final String NOW = "2026-11-21T03:00:00Z";
  private static final Map<String, Object> FACTS =
      Map.of("observedAt", NOW, "fromTheFuture", List.of(1));

  @Test
  void words_of_a_newer_version_are_read_as_the_nearest_that_is_known() {
    AgentOutcome.Stopped stopped =
        assertInstanceOf(
            AgentOutcome.Stopped.class,
            outcome(Map.of("kind", "stopped", "reason", "moon", "facts", FACTS)));
    assertEquals(StopReason.OTHER, stopped.reason());
    assertNull(stopped.limit());
    Map<String, Object> limit =
        Map.of(
            "provider", "claude",
            "account", "work",
            "scope", "monthly",
            "setBy", "moon",
            "evidence", Map.of(),
            "observedAt", NOW);
    AgentOutcome.Limited limited =
        assertInstanceOf(
            AgentOutcome.Limited.class,
            outcome(Map.of("kind", "limited", "limit", limit, "facts", FACTS)));
    assertEquals(LimitScope.UNKNOWN, limited.limit().scope());
    assertEquals(UsageLimit.SetBy.WINDOW, limited.limit().setBy());
    assertEquals(
        InvocationProgress.Phase.WORKING,
        read(Map.of("phase", "moon"), InvocationProgress.class).phase());
    assertEquals(
        ItemKind.TOOL_CALL,
        read(Map.of("phase", "working", "lastItem", "moon"), InvocationProgress.class).lastItem());
    assertEquals(
        ResumePolicy.OnCredit.STOP,
        read(Map.of("onCredit", "moon"), ResumePolicy.class).onCredit());
  }

  @Test
  void an_outcome_of_a_kind_that_is_not_known_waits_for_a_worker_that_knows_it() {
    assertThrows(
        DataConverterException.class, () -> outcome(Map.of("kind", "moon", "facts", FACTS)));
  }

  private static AgentOutcome outcome(Map<String, Object> json) {
    return read(json, AgentOutcome.class);
  }

  private static <T> T read(Map<String, Object> json, Class<T> type) {
    DataConverter converter = GlobalDataConverter.get();
    return converter.fromPayload(converter.toPayload(json).orElseThrow(), type, type);
  }
}
