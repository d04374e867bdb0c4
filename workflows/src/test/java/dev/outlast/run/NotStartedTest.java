package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Deferred.Cause;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a run does while its worker cannot start an agent for a reason that passes. */
@Timeout(300)
class NotStartedTest {

  private static final String WHY =
      "the agent was not started: /state/claims: No space left on device; see that worker.state-dir"
          + " (/state) is on a local disk with room on it";

  @RegisterExtension final RunFixture fixture = new RunFixture();

  /** Nothing is started, and this is what is known of the attempts before. */
  private static Function<AgentInvocation, AgentOutcome> notStarted(InvocationProgress before) {
    return call -> {
      throw ApplicationFailure.newFailure(
          ErrorCode.NOT_STARTED.message(WHY), ErrorCode.NOT_STARTED.code(), before);
    };
  }

  private void isNotStarted(int times) {
    for (int i = 0; i < times; i++) {
      fixture.agent().does(notStarted(null));
    }
  }

  private Duration between(int one, int another) {
    List<ScriptedAgent.Asked> ledger = fixture.agent().ledger();
    return Duration.between(ledger.get(one).at(), ledger.get(another).at());
  }

  @Test
  void a_worker_that_cannot_start_an_agent_is_waited_for_where_operators_see_it() {
    isNotStarted(2);
    fixture.agent().does(fixture.agent().completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    RunStatus waiting = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);

    assertEquals(WaitsFor.WORKER, waiting.waitsFor());
    assertNull(waiting.scope(), "it is no limit");
    assertTrue(
        waiting.warning().startsWith("OUT3005: the agent was not started: /state/claims: No"));
    List<String> details = fixture.details(run);
    assertTrue(
        details
            .get(0)
            .startsWith(
                "**waiting** for its host host-1, where no agent can be started; tries again **"),
        details::toString);
    assertTrue(details.get(1).contains("worker.state-dir"), details::toString);
    assertTrue(details.get(2).contains("resumeNow"), details::toString);
    assertEquals("waiting", run.describe().getTypedSearchAttributes().get(Names.AGENT_STATE));
    AgentRunResult result = fixture.result(run);

    assertEquals("done", result.text());
    assertEquals(1, result.invocations(), "what was not started is no invocation");
    assertEquals(0, result.waitedSeconds(), "it did not wait for a reset");
    assertEquals(1, fixture.events(run, RunEvent.Type.INVOKED).size());
    assertEquals(1, fixture.events(run, RunEvent.Type.NOT_STARTED).size());
    AgentInvocation made = fixture.agent().ledger().get(2).invocation();
    assertEquals(SessionStart.FRESH, made.start());
    assertEquals("fix the build", made.message());
    assertEquals(ScriptedAgent.CHOSEN, made.session(), "its id is not taken");
    RunStatus ended = fixture.status(run);
    assertNull(ended.waitsFor());
    assertNull(ended.warning());
  }

  @Test
  void a_disk_that_is_full_for_hours_fails_no_run() {
    int tries = 3 * AgentCalls.MAX_INVOCATION_ATTEMPTS;
    isNotStarted(tries);
    fixture.agent().does(fixture.agent().completes("done"));

    assertEquals("done", fixture.result(fixture.start("fix the build")).text());

    assertEquals(tries + 1, fixture.agent().ledger().size());
    int[] seconds = {5, 10, 20, 40, 80, 160, 300, 300};
    for (int i = 0; i < seconds.length; i++) {
      long paused = between(i, i + 1).toMillis();
      assertTrue(
          // What a busy machine takes for an invocation is in it too.
          paused >= seconds[i] * 1000L && paused < seconds[i] * 1000L + 12_000,
          "pause " + i + " is " + paused + " ms");
    }
  }

  @Test
  void an_operator_has_an_agent_that_was_not_started_tried_again_at_once() {
    isNotStarted(8);
    fixture.agent().does(fixture.agent().completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    while (fixture.agent().ledger().size() < 8) {
      fixture.environment().sleep(Duration.ofSeconds(10));
    }
    fixture.awaitStatus(run, s -> s.waitsFor() == WaitsFor.WORKER);
    Instant asked = fixture.now();
    run.signal(Names.SIGNAL_RESUME_NOW, "there is room again");
    assertEquals("done", fixture.result(run).text());

    Duration took = Duration.between(asked, fixture.agent().ledger().get(8).at());
    assertTrue(took.compareTo(Duration.ofSeconds(30)) < 0, () -> "it took " + took);
  }

  @Test
  void after_a_day_without_an_agent_the_run_fails_and_says_what_to_do_also_across_histories() {
    // So many tries before that the history ends in the middle of the day.
    int busy = RunHistory.MAX_EVENTS / 16;
    for (int i = 0; i < busy; i++) {
      fixture.agent().does(fixture.agent().busy(Cause.WORKSPACE, "nightly"));
    }
    isNotStarted(400);

    WorkflowStub run = fixture.start("fix the build");
    ApplicationFailure failure = fixture.failure(run);

    String message = failure.getOriginalMessage();
    assertEquals(ErrorCode.AGENT_FAILED.code(), failure.getType());
    assertTrue(message.contains("no agent could be started for 1d, in "), message);
    assertTrue(message.contains("[OUT3005] " + WHY), message);
    assertNotEquals(
        run.getExecution().getRunId(),
        fixture.latest(run).describe().getExecution().getRunId(),
        "it is one history");
    int tries = fixture.agent().ledger().size() - busy;
    assertTrue(message.contains(" in " + tries + " tries"), message);
    Duration tried = between(busy, busy + tries - 1);
    Duration late = tried.minus(NotStarted.PATIENCE);
    assertTrue(!late.isNegative() && late.compareTo(Duration.ofMinutes(1)) < 0, () -> "" + tried);
    assertEquals(1, fixture.events(fixture.latest(run), RunEvent.Type.NOT_STARTED).size());
  }

  @Test
  void what_attempts_before_have_done_is_not_lost_when_a_later_one_cannot_be_started() {
    InvocationProgress before =
        new InvocationProgress(
            InvocationProgress.Phase.WORKING,
            ScriptedAgent.CHOSEN,
            true,
            null,
            ItemKind.MESSAGE,
            null,
            "host-1",
            7);
    fixture.agent().does(notStarted(before), fixture.agent().completes("done"));

    assertEquals("done", fixture.result(fixture.start("fix the build")).text());

    AgentInvocation next = fixture.agent().ledger().get(1).invocation();
    assertEquals(SessionStart.RESUME, next.start());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, next.message());
  }

  @Test
  void a_prompt_that_may_have_got_through_stays_in_doubt_while_no_agent_can_be_started() {
    InvocationProgress unheardOf =
        new InvocationProgress(
            InvocationProgress.Phase.STARTING,
            ScriptedAgent.CHOSEN,
            false,
            null,
            null,
            null,
            "host-1",
            0);
    fixture
        .agent()
        .does(
            notStarted(unheardOf),
            notStarted(unheardOf),
            notStarted(null),
            call ->
                new AgentOutcome.Stopped(
                    new InvocationFacts(
                        null, false, null, false, null, 0, fixture.now(), null, null),
                    StopReason.SESSION_UNKNOWN,
                    "no such session",
                    null),
            fixture.agent().completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    assertEquals("done", fixture.result(run).text());

    for (int i = 1; i <= 3; i++) {
      assertEquals(SessionStart.RESUME, fixture.agent().ledger().get(i).invocation().start());
    }
    AgentInvocation last = fixture.agent().ledger().get(4).invocation();
    assertEquals(SessionStart.FRESH, last.start());
    assertEquals("fix the build", last.message());
    assertTrue(fixture.events(run, RunEvent.Type.SESSION_LOST).isEmpty(), "it never was there");
    assertFalse(last.session().equals(ScriptedAgent.CHOSEN), "that id may be taken");
  }
}
