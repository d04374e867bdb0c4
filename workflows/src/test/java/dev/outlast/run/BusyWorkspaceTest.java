package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AgentOutcome.Deferred.Cause;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.SessionStart;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a run does while another run's agent has its workspace or its session. */
@Timeout(300)
class BusyWorkspaceTest {

  @RegisterExtension final RunFixture fixture = new RunFixture();

  @Test
  void a_busy_workspace_is_waited_for_where_operators_see_it() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.busy(Cause.WORKSPACE, "night*ly"), agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    RunStatus waiting = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);

    assertEquals(WaitsFor.WORKSPACE, waiting.waitsFor());
    assertEquals("night?ly", waiting.holder());
    assertNull(waiting.scope(), "it is no limit");
    List<String> details = fixture.details(run);
    assertTrue(
        details
            .get(0)
            .startsWith("**waiting** for the workspace: run night?ly works in it; tries again **"),
        details::toString);
    assertTrue(details.get(1).contains("resumeNow"), details::toString);
    assertEquals("waiting", run.describe().getTypedSearchAttributes().get(Names.AGENT_STATE));
    AgentRunResult result = fixture.result(run);

    assertEquals("done", result.text());
    assertEquals(1, result.invocations(), "what was not started is no invocation");
    assertEquals(0, result.waitedSeconds(), "it did not wait for a reset");
    assertEquals(1, fixture.events(run, RunEvent.Type.INVOKED).size());
    assertEquals(
        "the workspace: run night?ly works in it; nothing was started",
        fixture.events(run, RunEvent.Type.DEFERRED).get(0).text());
    assertEquals(SessionStart.FRESH, agent.ledger().get(1).invocation().start());
    assertEquals("fix the build", agent.ledger().get(1).invocation().message());
    assertEquals(ScriptedAgent.CHOSEN, agent.ledger().get(1).invocation().session());
    assertNull(fixture.status(run).waitsFor());
  }

  @Test
  void pauses_between_tries_grow_to_a_minute_and_one_holder_is_told_of_once() {
    ScriptedAgent agent = fixture.agent();
    for (int i = 0; i < 8; i++) {
      agent.does(agent.busy(Cause.SESSION, "nightly"));
    }
    agent.does(agent.busy(Cause.SESSION, "weekly"), agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.result(run);

    int[] seconds = {5, 10, 20, 40, 60, 60, 60, 60};
    for (int i = 0; i < seconds.length; i++) {
      Duration least = Duration.ofSeconds(seconds[i]);
      Instant tried = agent.ledger().get(i).at();
      Duration paused = Duration.between(tried, agent.ledger().get(i + 1).at());
      Duration most = least.plus(least.dividedBy(4)).plusSeconds(12);
      assertTrue(
          paused.compareTo(least) >= 0 && paused.compareTo(most) <= 0,
          () -> "paused " + paused + " for " + least);
    }
    assertEquals(
        List.of(
            "the session: run nightly works on it; nothing was started",
            "the session: run weekly works on it; nothing was started"),
        fixture.events(run, RunEvent.Type.DEFERRED).stream().map(RunEvent::text).toList());
  }

  @Test
  void a_run_that_is_not_to_wait_stops_at_once_and_names_the_holder() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.busy(Cause.WORKSPACE, "nightly"));

    ApplicationFailure failure =
        fixture.failure(fixture.start(Map.of("prompt", "fix the build", "onBusy", "stop")));

    assertEquals(ErrorCode.BUSY.code(), failure.getType());
    assertTrue(
        failure.getOriginalMessage().contains("run nightly works in it"),
        failure::getOriginalMessage);
    assertTrue(agent.ledger().get(0).invocation().stopsIfBusy(), "the host keeps nothing for it");
  }

  @Test
  void the_workers_setting_holds_where_the_request_says_nothing_and_the_request_goes_before_it() {
    ScriptedAgent agent = fixture.agent();
    agent.hostPolicy = HostPolicy.DEFAULT.overriddenBy(HostPolicy.OnBusy.STOP, null, null, null);
    agent.does(agent.busy(Cause.WORKSPACE, null));

    ApplicationFailure failure = fixture.failure(fixture.start("fix the build"));
    assertEquals(ErrorCode.BUSY.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("another run works in it"));

    agent.does(agent.busy(Cause.WORKSPACE, null), agent.completes("done"));
    WorkflowStub waits = fixture.start(Map.of("prompt", "fix the build", "onBusy", "wait"));
    assertEquals("done", fixture.result(waits).text());
    assertTrue(agent.ledger().get(0).invocation().stopsIfBusy());
    assertFalse(agent.ledger().get(1).invocation().stopsIfBusy());
  }

  @Test
  void an_operator_has_it_tried_again_at_once_or_pauses_it_or_cancels_it() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)));
    for (int i = 0; i < 30; i++) {
      agent.does(agent.busy(Cause.WORKSPACE, "nightly"));
    }

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    fixture.environment().sleep(Duration.ofHours(1).plusMinutes(10));
    fixture.awaitStatus(run, s -> s.waitsFor() == WaitsFor.WORKSPACE);
    int before = agent.ledger().size();
    Instant asked = fixture.now();
    run.signal(Names.SIGNAL_RESUME_NOW, "it is free");
    while (agent.ledger().size() == before) {
      fixture.environment().sleep(Duration.ofMillis(100));
    }
    Duration took = Duration.between(asked, agent.ledger().get(before).at());
    assertTrue(took.compareTo(Duration.ofSeconds(30)) < 0, () -> "it took " + took);

    run.signal(Names.SIGNAL_PAUSE, "leave it");
    fixture.awaitStatus(run, s -> s.state() == AgentState.PAUSED);
    int paused = agent.ledger().size();
    fixture.environment().sleep(Duration.ofMinutes(10));
    assertEquals(paused, agent.ledger().size(), "nothing is tried while the run is paused");
    run.cancel();
    assertEquals(AgentState.STOPPED, cancelled(run).state());
  }

  @Test
  void a_workspace_that_stays_busy_for_long_does_not_grow_one_history() {
    ScriptedAgent agent = fixture.agent();
    int tries = RunHistory.MAX_EVENTS / 8;
    for (int i = 0; i < tries; i++) {
      agent.does(agent.busy(Cause.WORKSPACE, "nightly"));
    }
    agent.does(agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    String first = run.getExecution().getRunId();
    AgentRunResult result = fixture.result(run);

    assertEquals("done", result.text());
    assertEquals(1, result.invocations());
    String last = fixture.latest(run).describe().getExecution().getRunId();
    assertTrue(!first.equals(last), "it is one history");
    assertEquals(
        1,
        fixture.events(fixture.latest(run), RunEvent.Type.DEFERRED).size(),
        "the next history knows whom it waits for");
    assertEquals(
        tries + 1,
        agent.ledger().stream()
            .filter(asked -> asked.invocation().message().equals("fix the build"))
            .count());
  }

  private RunStatus cancelled(WorkflowStub run) {
    org.junit.jupiter.api.Assertions.assertThrows(
        io.temporal.client.WorkflowException.class, () -> run.getResult(AgentRunResult.class));
    return (RunStatus) run.describe().getMemo(Names.MEMO_CANCELLED_STATUS, RunStatus.class);
  }
}
