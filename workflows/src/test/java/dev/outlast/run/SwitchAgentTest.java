package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.HandoffNotes;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** An operator has another agent go on. */
@Timeout(300)
class SwitchAgentTest {

  private static final Duration HOUR = Duration.ofHours(1);

  @RegisterExtension final RunFixture fixture = new RunFixture();

  private ScriptedAgent agent;
  private SeveralAgents agents;

  @BeforeEach
  void worker() {
    agent = fixture.agent();
    agents = new SeveralAgents(agent);
    agent.notes = request -> new HandoffNotes("did half of it as " + request.provider());
  }

  private static String switchTo(WorkflowStub run, String agent, String account) {
    return run.update(Names.UPDATE_SWITCH_AGENT, String.class, agent, account);
  }

  private AgentInvocation call(int number) {
    return agent.ledger().get(number).invocation();
  }

  private static ApplicationFailure refused(WorkflowStub run, String agent, String account) {
    WorkflowUpdateException refused =
        assertThrows(WorkflowUpdateException.class, () -> switchTo(run, agent, account));
    return assertInstanceOf(ApplicationFailure.class, refused.getCause());
  }

  /** Works until it is ended. */
  private Function<AgentInvocation, AgentOutcome> worksOn(CountDownLatch working) {
    return call -> {
      ActivityExecutionContext context = Activity.getExecutionContext();
      working.countDown();
      try {
        while (true) {
          context.heartbeat(null);
          Thread.sleep(20);
        }
      } catch (ActivityCompletionException | InterruptedException ended) {
        return agents.interrupted().apply(call);
      }
    };
  }

  @Test
  void ends_a_wait_and_the_other_agent_goes_on_with_a_handoff() {
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("codex/home", agents.completes("done"));
    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);

    assertEquals("codex/home", switchTo(run, "codex", "home"));
    AgentRunResult result = fixture.result(run);

    assertEquals("codex", result.agent());
    assertEquals("home", result.account());
    assertTrue(call(1).message().contains("as claude"), call(1).message());
    assertTrue(call(1).message().endsWith("The task:\n\nfix the build"));
    assertEquals(Incident.End.FAILED_OVER, fixture.incidents(run).get(0).end());
    assertEquals("to codex/home", fixture.events(run, RunEvent.Type.SWITCH_ASKED).get(0).text());
  }

  @Test
  void ends_the_wait_for_a_window_to_begin_with_and_the_other_account_is_asked_for_its_own() {
    agents.does("claude/work", closedFor(HOUR));
    agents.does("codex/work", closedFor(HOUR.multipliedBy(2)), agents.completes("done"));
    WorkflowStub run =
        fixture.start(Map.of("prompt", "fix the build", "startAt", AgentRunRequest.NEXT_RESET));
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    assertEquals("codex/work", switchTo(run, "codex", null));
    RunStatus other =
        fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING && s.agent().equals("codex"));
    assertEquals(WaitsFor.START, other.waitsFor());
    fixture.result(run);
    assertEquals(List.of("claude/work", "codex/work", "codex/work"), agents.order());
    assertTrue(call(1).accountTurn().afterNextReset());
    assertFalse(call(2).accountTurn().afterNextReset());
    Duration waited = Duration.between(agent.ledger().get(1).at(), agent.ledger().get(2).at());
    assertTrue(waited.compareTo(HOUR.multipliedBy(2)) >= 0, waited::toString);
  }

  private Function<AgentInvocation, AgentOutcome> closedFor(Duration left) {
    return call ->
        new AgentOutcome.Deferred(
            agent.now().plus(left), agent.now(), AgentOutcome.Deferred.Cause.ACCOUNT, null);
  }

  @Test
  void ends_a_working_agent_gracefully_and_keeps_its_session_for_a_return() throws Exception {
    CountDownLatch working = new CountDownLatch(1);
    CountDownLatch again = new CountDownLatch(1);
    agents.does("claude/work", worksOn(working));
    agents.does("codex/work", worksOn(again));
    agents.does("claude/work", agents.completes("done"));
    WorkflowStub run = fixture.start("fix the build");
    working.await();
    assertEquals("codex/work", switchTo(run, "codex", null));
    again.await();
    assertEquals("claude/work", switchTo(run, "claude", null));
    fixture.result(run);
    assertEquals(List.of("claude/work", "codex/work", "claude/work"), agents.order());
    assertEquals(SessionStart.RESUME, call(2).start());
    assertEquals(ScriptedAgent.CHOSEN, call(2).session());
    assertTrue(call(2).message().contains("as codex"), call(2).message());
    assertFalse(call(2).message().contains("fix the build"));
  }

  @Test
  void another_account_that_keeps_sessions_in_the_same_place_goes_on_with_the_session() {
    agents.places.put("claude/work", "here");
    agents.places.put("claude/home", "here");
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("claude/home", agents.completes("done"));
    WorkflowStub run =
        fixture.start(
            AgentRunRequest.newBuilder().setPrompt("fix the build").setModel("opus").build());
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    assertEquals("claude/home", switchTo(run, null, "home"));
    fixture.result(run);
    assertEquals(ScriptedAgent.CHOSEN, call(1).session());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, call(1).message());
    assertEquals("opus", call(1).model(), "only the account is another");
    assertTrue(agent.handoffs.isEmpty());
  }

  @Test
  void a_paused_run_stays_paused_and_goes_on_with_the_other_agent() {
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("codex/work", agents.completes("done"));
    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    run.signal(Names.SIGNAL_PAUSE, "lunch");
    switchTo(run, "codex", null);
    fixture.environment().sleep(Duration.ofHours(3));
    assertEquals(AgentState.PAUSED, fixture.status(run).state());
    assertEquals(1, agents.order().size());
    run.signal(Names.SIGNAL_UNPAUSE, "");
    fixture.result(run);
    assertEquals(List.of("claude/work", "codex/work"), agents.order());
  }

  @Test
  void what_cannot_be_switched_to_is_refused_and_the_run_is_untouched() {
    agents.does("claude/work", agents.limitedFor(HOUR), agents.completes("done"));
    WorkflowStub run = fixture.start("fix the build");
    RunStatus before = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);

    ApplicationFailure unknown = refused(run, "moon", null);
    assertEquals(ErrorCode.UNKNOWN_AGENT.code(), unknown.getType());
    assertEquals("[OUT1002] agent 'moon' is unknown; known: claude", unknown.getOriginalMessage());
    assertInvalid(refused(run, null, null));
    assertInvalid(refused(run, "", null));
    assertInvalid(refused(run, "codex", "a\nb"));

    RunStatus after = fixture.status(run);
    assertEquals(before.resumeAt(), after.resumeAt());
    assertNull(after.agents());
    fixture.result(run);
    assertEquals(List.of("claude/work", "claude/work"), agents.order());
    assertEquals(Incident.End.RESUMED, fixture.incidents(run).get(0).end());
  }

  private static void assertInvalid(ApplicationFailure refused) {
    String code = "[" + ErrorCode.INVALID_REQUEST.code() + "]";
    assertTrue(refused.getOriginalMessage().contains(code), refused.getOriginalMessage());
  }

  @Test
  void a_switch_to_the_present_agent_changes_nothing() {
    agents.does("claude/work", agents.limitedFor(HOUR), agents.completes("done"));
    WorkflowStub run = fixture.start("fix the build");
    RunStatus before = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    assertEquals("claude/work", switchTo(run, "claude", "work"));
    assertEquals(before, fixture.status(run));
    fixture.result(run);
  }

  @Test
  void in_a_run_that_fails_over_the_other_agent_is_preferred_from_then_on() {
    agents.does("claude/work", agents.limitedFor(HOUR.multipliedBy(5)));
    agents.does("codex/work", agents.limitedFor(HOUR.multipliedBy(5)));
    agents.does("gemini/work", agents.limitedFor(HOUR));
    agents.does("gemini/work", agents.completes("done"));
    WorkflowStub run =
        fixture.start(
            AgentRunRequest.newBuilder()
                .setPrompt("fix the build")
                .setAgents(
                    List.of(
                        new AgentChoice("claude", null, null),
                        new AgentChoice("codex", null, null)))
                .setOnLimit(AgentRunRequest.OnLimit.FAILOVER)
                .build());
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    assertEquals("gemini/work", switchTo(run, "gemini", null));
    fixture.result(run);
    assertEquals(
        List.of("claude/work", "codex/work", "gemini/work", "gemini/work"), agents.order());
    RunStatus end = fixture.status(run);
    assertEquals("gemini", end.agents().get(0).agent());
    assertEquals(3, end.agents().size());
    assertTrue(fixture.incidents(run).stream().allMatch(incident -> incident.end() != null));
  }

  @Test
  void a_run_uses_a_bounded_number_of_agents() {
    agents.does("claude/work", agents.limitedFor(HOUR));
    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    run.signal(Names.SIGNAL_PAUSE, "");
    for (int i = 1; i < Choices.MAX; i++) {
      assertEquals("codex/a" + i, switchTo(run, "codex", "a" + i));
    }
    ApplicationFailure refused = refused(run, "codex", "one-more");
    assertTrue(refused.getOriginalMessage().contains("" + Choices.MAX), refused.getMessage());
    assertEquals("codex/a1", switchTo(run, "codex", "a1"), "it is one of them");
    agents.does("codex/a1", agents.completes("done"));
    run.signal(Names.SIGNAL_UNPAUSE, "");
    assertEquals("a1", fixture.result(run).account());
  }

  @Test
  void what_another_agent_stops_for_ends_a_run_that_does_not_fail_over() {
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("codex/work", agents.stops(StopReason.AUTH));
    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    switchTo(run, "codex", null);
    ApplicationFailure failure = fixture.failure(run);
    assertEquals(ErrorCode.AGENT_STOPPED.code(), failure.getType());
    RunStatus status = failure.getDetails().get(RunStatus.class);
    assertEquals(new SessionId(ScriptedAgent.CHOSEN.value()), status.agents().get(1).session());
  }
}
