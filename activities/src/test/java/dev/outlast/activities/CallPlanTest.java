package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.provider.AgentCall;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What an attempt says, by what is known of the one before. */
class CallPlanTest {

  private static final SessionId CHOSEN = new SessionId("chosen");
  private static final SessionId ANOTHER = new SessionId("another");

  private static CallPlan plan(SessionStart start, InvocationProgress before) {
    AgentInvocation invocation =
        AgentInvocation.newBuilder(1, 1, "gemini", start, "task")
            .setAccount("work")
            .setWorkspace("/srv/repo")
            .setSession(CHOSEN)
            .setResumeMessage("go on")
            .setInvocationTimeout(Duration.ofHours(1))
            .setSilenceTimeout(Duration.ofHours(1))
            .build();
    return CallPlan.of(invocation, before, before != null, ANOTHER, "/srv/repo");
  }

  private static InvocationProgress before(SessionId session, boolean taken) {
    return new InvocationProgress(
        InvocationProgress.Phase.ENDING, session, taken, null, null, null, "host-1", 1);
  }

  private static AgentCall call(SessionStart start, SessionId session, String message) {
    return new AgentCall(start, session, message, null, "/srv/repo");
  }

  @Test
  void a_session_that_was_never_opened_is_not_resumed_but_another_started_with_the_prompt() {
    CallPlan plan = plan(SessionStart.FRESH, before(null, false));
    assertEquals(call(SessionStart.FRESH, ANOTHER, "task"), plan.first());
    assertNull(plan.ifUnknown());
    assertFalse(plan.taken());
  }

  @Test
  void a_session_that_may_have_the_prompt_is_resumed_and_another_started_if_it_is_not_there() {
    CallPlan plan = plan(SessionStart.FRESH, before(CHOSEN, false));
    assertEquals(call(SessionStart.RESUME, CHOSEN, "go on"), plan.first());
    assertEquals(call(SessionStart.FRESH, ANOTHER, "task"), plan.ifUnknown());
  }

  @Test
  void a_session_that_has_the_prompt_is_only_resumed() {
    CallPlan plan = plan(SessionStart.FRESH, before(CHOSEN, true));
    assertEquals(call(SessionStart.RESUME, CHOSEN, "go on"), plan.first());
    assertNull(plan.ifUnknown());
    assertTrue(plan.taken());
  }

  @Test
  void a_resumed_session_is_resumed_again_with_what_it_was_not_told() {
    assertEquals(
        call(SessionStart.RESUME, CHOSEN, "task"),
        plan(SessionStart.RESUME, before(CHOSEN, false)).first());
  }

  @Test
  void a_paragraph_more_goes_to_the_first_call_only_and_is_due_only_where_it_is_not_known() {
    CallPlan fresh = plan(SessionStart.FRESH, before(CHOSEN, false));
    CallPlan told = fresh.and("look");
    assertEquals(call(SessionStart.RESUME, CHOSEN, "go on\n\nlook"), told.first());
    assertEquals(fresh.ifUnknown(), told.ifUnknown());
    assertTrue(fresh.resumesUntold());
    assertFalse(plan(SessionStart.FRESH, before(CHOSEN, true)).resumesUntold());
    assertFalse(plan(SessionStart.FRESH, before(null, false)).resumesUntold());
    assertTrue(plan(SessionStart.RESUME, null).resumesUntold());
  }
}
