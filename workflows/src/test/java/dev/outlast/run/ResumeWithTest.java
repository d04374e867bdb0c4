package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AccountPolicy;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.Budget;
import dev.outlast.agent.HandoffNotes;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.ResumeWith;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import io.temporal.client.WorkflowStub;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whether a run goes on after a limit in the same session, or in a fresh and cheaper one. */
@Timeout(300)
class ResumeWithTest {

  private static final Duration HOUR = Duration.ofHours(1);
  private static final SessionId NAMED = new SessionId("named");

  @RegisterExtension final RunFixture fixture = new RunFixture();

  private ScriptedAgent agent;
  private SeveralAgents agents;

  @BeforeEach
  void worker() {
    agent = fixture.agent();
    agents = new SeveralAgents(agent);
    agent.notes = request -> new HandoffNotes("half of it");
  }

  private static AgentRunRequest.Builder request() {
    return AgentRunRequest.newBuilder().setPrompt("fix the build");
  }

  private void configured(ResumeWith with) {
    agents.policy = new AccountPolicy(OverageUse.USE, with, 1_000);
  }

  private AgentInvocation resumed(AgentRunRequest.Builder request) {
    agents.does("claude/work", agents.limitedFor(HOUR), agents.completes("done"));
    run = fixture.start(request.build());
    fixture.result(run);
    return agent.ledger().get(1).invocation();
  }

  private WorkflowStub run;

  private List<String> decisions() {
    return fixture.events(run, RunEvent.Type.RESUMES_WITH).stream().map(RunEvent::text).toList();
  }

  private void assertFresh(AgentInvocation call) {
    assertEquals(SessionStart.FRESH, call.start());
    assertNotEquals(ScriptedAgent.CHOSEN, call.session());
    assertTrue(call.message().contains("claude/work:\nhalf of it"), call.message());
    assertTrue(call.message().endsWith("The task:\n\nfix the build"), call.message());
    assertEquals(ScriptedAgent.CHOSEN.value(), agent.handoffs.get(0).transcript().key());
  }

  private void assertSame(AgentInvocation call, SessionId session) {
    assertEquals(SessionStart.RESUME, call.start());
    assertEquals(session, call.session());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, call.message());
    assertTrue(agent.handoffs.isEmpty());
  }

  @Test
  void the_same_session_unless_something_else_is_asked_for() {
    agents.contextTokens = 1_000_000L;
    assertSame(resumed(request()), ScriptedAgent.CHOSEN);
    assertTrue(decisions().isEmpty());
  }

  @Test
  void a_fresh_session_with_a_handoff_where_the_request_says_so() {
    assertFresh(resumed(request().setResumeWith(ResumeWith.HANDOFF)));
    assertEquals(
        List.of("a fresh session; the one before has a context of unknown size"), decisions());
  }

  @Test
  void auto_takes_a_fresh_one_for_a_large_context_only_and_says_the_numbers() {
    configured(ResumeWith.AUTO);
    agents.contextTokens = 1_001L;
    assertFresh(resumed(request()));
    assertEquals(
        List.of(
            "a fresh session; the one before has 1001 tokens of context, and a fresh one is taken"
                + " above 1000"),
        decisions());
  }

  @Test
  void auto_keeps_a_session_of_the_threshold_or_of_unknown_size() {
    configured(ResumeWith.AUTO);
    agents.contextTokens = 1_000L;
    assertSame(resumed(request()), ScriptedAgent.CHOSEN);
    assertEquals(
        List.of(
            "the same session; it has 1000 tokens of context, and a fresh one is taken above 1000"),
        decisions());
  }

  @ParameterizedTest
  @CsvSource({"4, RESUME", "10, FRESH"})
  void auto_decides_also_after_a_wait_in_which_the_session_has_gone_cold(
      int minutes, SessionStart expected) {
    configured(ResumeWith.AUTO);
    agents.contextTokens = 1_001L;
    agents.does(
        "claude/work",
        agents.interrupted(),
        agent.deferredFor(Duration.ofMinutes(minutes)),
        agents.completes("done"));
    run = fixture.start(request().build());
    fixture.result(run);
    assertEquals(expected, agent.ledger().get(2).invocation().start());
    assertEquals(expected == SessionStart.FRESH ? 1 : 0, decisions().size());
  }

  @Test
  void auto_decides_also_after_a_pause_for_a_budget() {
    configured(ResumeWith.AUTO);
    agents.contextTokens = 1_001L;
    agents.does("claude/work", agents.interrupted(), agents.completes("done"));
    run = fixture.start(request().setBudget(new Budget(0.2, null)).build());
    fixture.awaitStatus(run, status -> status.state() == AgentState.PAUSED);
    fixture.environment().sleep(Duration.ofMinutes(10));
    run.update(Names.UPDATE_CHANGE_BUDGET, Budget.class, new Budget(5.0, null));
    fixture.result(run);
    assertFresh(agent.ledger().get(1).invocation());
  }

  @Test
  void a_wait_before_the_first_invocation_gives_up_no_session_that_the_user_named() {
    agents.does("claude/work", agent.deferredFor(HOUR), agents.completes("done"));
    run = fixture.start(request().setSession(NAMED).setResumeWith(ResumeWith.HANDOFF).build());
    fixture.result(run);
    assertEquals(NAMED, agent.ledger().get(1).invocation().session());
  }

  @Test
  void the_request_goes_before_the_workers_setting() {
    configured(ResumeWith.HANDOFF);
    assertSame(resumed(request().setResumeWith(ResumeWith.SESSION)), ScriptedAgent.CHOSEN);
  }

  @Test
  void a_session_that_the_user_named_is_kept_unless_the_user_says_otherwise() {
    configured(ResumeWith.HANDOFF);
    assertSame(resumed(request().setSession(NAMED)), NAMED);
    agents.does("claude/work", agents.limitedFor(HOUR), agents.completes("done"));
    fixture.result(
        fixture.start(request().setSession(NAMED).setResumeWith(ResumeWith.HANDOFF).build()));
    assertEquals(SessionStart.FRESH, agent.ledger().get(3).invocation().start());
  }

  @Test
  void each_fresh_session_is_told_of_the_one_before_it() {
    agents.does(
        "claude/work", agents.limitedFor(HOUR), agents.limitedFor(HOUR), agents.completes("done"));
    run = fixture.start(request().setResumeWith(ResumeWith.HANDOFF).build());
    fixture.result(run);
    AgentInvocation second = agent.ledger().get(1).invocation();
    AgentInvocation third = agent.ledger().get(2).invocation();
    assertNotEquals(second.session(), third.session());
    assertEquals(second.session().value(), agent.handoffs.get(1).transcript().key());
  }
}
