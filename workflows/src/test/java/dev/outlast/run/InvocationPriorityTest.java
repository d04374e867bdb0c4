package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.temporal.api.common.v1.Priority;
import io.temporal.api.enums.v1.EventType;
import io.temporal.client.WorkflowStub;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The place of a run's invocations in the task queue. */
@Timeout(300)
class InvocationPriorityTest {

  private static final long SEED = 20261121;

  @RegisterExtension final RunFixture fixture = new RunFixture();

  @Test
  void an_invocation_has_the_runs_priority_and_fairness_key() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.completes("done"));

    WorkflowStub run =
        fixture.start(
            AgentRunRequest.newBuilder()
                .setPrompt("urgent")
                .setPriority(1)
                .setFairnessKey("team-a")
                .build());
    fixture.result(run);

    Priority priority = ofInvocation(run);
    assertEquals(1, priority.getPriorityKey());
    assertEquals("team-a", priority.getFairnessKey());
  }

  @Test
  void accounts_take_turns_where_the_request_says_nothing() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.completes("done"));

    WorkflowStub run = fixture.start("plain");
    fixture.result(run);

    Priority priority = ofInvocation(run);
    assertEquals(0, priority.getPriorityKey(), "what the run was started with");
    assertEquals("claude/work", priority.getFairnessKey());
  }

  @Test
  void no_key_is_longer_than_temporal_takes_and_different_ones_stay_different() {
    Random random = new Random(SEED);
    List<String> alphabet = List.of("a", "-", "ü", "漢", "😀");
    for (int i = 0; i < 2_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = 1 + random.nextInt(AgentRunRequest.MAX_FAIRNESS_KEY);
          length > 0;
          length--) {
        text.append(alphabet.get(random.nextInt(alphabet.size())));
      }
      String key = InvocationPriority.key(text.toString());
      int bytes = key.getBytes(StandardCharsets.UTF_8).length;
      String what = "seed " + SEED + ", " + text + ": " + key;

      assertTrue(bytes <= InvocationPriority.MAX_KEY_BYTES, what);
      assertEquals(
          key, new String(key.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8), what);
      assertNotEquals(key, InvocationPriority.key(text + "x"), what);
    }
  }

  private Priority ofInvocation(WorkflowStub run) {
    return fixture.history(run).stream()
        .filter(event -> event.getEventType() == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
        .map(event -> event.getActivityTaskScheduledEventAttributes())
        .filter(scheduled -> scheduled.getActivityType().getName().equals("invokeAgent"))
        .findFirst()
        .orElseThrow()
        .getPriority();
  }
}
