package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TranscriptReference;
import dev.outlast.limit.ResetTime;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a run does when somebody has gone on with its session meanwhile. */
@Timeout(300)
class ContinuedElsewhereTest {

  @RegisterExtension final RunFixture fixture = new RunFixture();

  @Test
  void the_next_invocation_is_told_how_the_last_one_left_its_session() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limitedAt("mark-1"), limitedAt("mark-2"), agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    assertNull(call(0).checkpoint());
    assertEquals(ScriptedAgent.checkpoint("mark-1"), call(1).checkpoint());
    assertEquals(ScriptedAgent.checkpoint("mark-2"), call(2).checkpoint());
  }

  @Test
  void a_lost_session_takes_its_mark_with_it() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        limitedAt("mark-1"),
        agent.stops(StopReason.SESSION_UNKNOWN, "no such session"),
        agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    assertEquals(SessionStart.FRESH, call(2).start());
    assertNull(call(2).checkpoint());
  }

  @Test
  void the_run_is_paused_and_resumes_with_the_new_mark_and_a_message_that_says_so() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        limitedAt("mark-1"),
        agent.findsContinued("mark-2"),
        agent.findsContinued("mark-3"),
        limitedAt("mark-4"),
        agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    fixture.environment().sleep(Duration.ofHours(2));
    RunStatus paused = fixture.awaitStatus(run, s -> s.state() == AgentState.PAUSED);
    assertEquals("somebody else has gone on with the session", paused.pausedBecause());
    assertTrue(paused.continuedElsewhere());
    assertEquals(1, paused.invocations(), "nothing was started");
    List<String> details = fixture.details(run);
    assertTrue(details.get(0).startsWith("**paused**: somebody else"), details::toString);
    assertTrue(
        details.get(1).contains("unpause") && details.get(1).contains("cancel"), details::toString);

    run.signal(Names.SIGNAL_UNPAUSE, "go on");
    fixture.awaitStatus(run, s -> agent.ledger().size() == 3);
    fixture.awaitStatus(run, s -> s.state() == AgentState.PAUSED);
    run.signal(Names.SIGNAL_UNPAUSE, "go on");
    assertEquals("done", fixture.result(run).text());

    assertEquals(ScriptedAgent.checkpoint("mark-2"), call(2).checkpoint());
    assertEquals(ScriptedAgent.checkpoint("mark-3"), call(3).checkpoint());
    for (int i : new int[] {2, 3}) {
      assertEquals(SessionStart.RESUME, call(i).start());
      assertEquals(ScriptedAgent.CHOSEN, call(i).session());
      assertTrue(call(i).message().startsWith("Somebody else has gone on"), call(i)::message);
      assertTrue(call(i).message().endsWith(ScriptedAgent.RESUME_MESSAGE), call(i)::message);
    }
    assertEquals(ScriptedAgent.RESUME_MESSAGE, call(4).message(), "it has been told");
    assertEquals(2, fixture.events(run, RunEvent.Type.CONTINUED_ELSEWHERE).size());
    assertTrue(fixture.events(run, RunEvent.Type.SESSION_LOST).isEmpty(), "it is not lost");
  }

  @Test
  void a_person_who_goes_on_after_the_first_drain_is_noticed_and_the_prompt_is_not_said_again() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        call -> {
          throw ApplicationFailure.newFailure(
              "the worker is going away",
              ErrorCode.DRAINED.code(),
              new InvocationProgress(
                      InvocationProgress.Phase.ENDING,
                      call.session(),
                      true,
                      null,
                      ItemKind.MESSAGE,
                      null,
                      "host-1",
                      7)
                  .leaving(ScriptedAgent.checkpoint("mark-1")));
        },
        agent.findsContinued("mark-2"),
        agent.completes("done"));

    WorkflowStub run = fixture.start(Map.of("prompt", "fix the build", "onContinued", "resume"));
    fixture.result(run);

    assertEquals(SessionStart.RESUME, call(1).start());
    assertEquals(ScriptedAgent.checkpoint("mark-1"), call(1).checkpoint());
    assertEquals(ScriptedAgent.checkpoint("mark-2"), call(2).checkpoint());
    assertTrue(call(2).message().endsWith(ScriptedAgent.RESUME_MESSAGE), call(2)::message);
  }

  @Test
  void a_fresh_session_that_a_retry_finds_moved_is_resumed_and_not_opened_again() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        call ->
            new AgentOutcome.Stopped(
                agent.left(call, true, false, ScriptedAgent.checkpoint("mark-1")),
                StopReason.CONTINUED_ELSEWHERE,
                "",
                null),
        agent.completes("done"));

    fixture.result(fixture.start(Map.of("prompt", "fix the build", "onContinued", "resume")));

    assertEquals(SessionStart.FRESH, call(0).start());
    assertEquals(SessionStart.RESUME, call(1).start());
    assertEquals(ScriptedAgent.CHOSEN, call(1).session());
    assertTrue(call(1).message().endsWith(ScriptedAgent.RESUME_MESSAGE), call(1)::message);
  }

  @Test
  void a_prompt_that_nobody_has_said_yet_is_said_after_all() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch queued = new CountDownLatch(1);
    agent.does(
        call -> {
          // A run that has ended takes no prompt.
          await(queued);
          return new AgentOutcome.Completed(
              agent.left(call, true, true, ScriptedAgent.checkpoint("mark-1")), "first");
        },
        agent.findsContinued("mark-2"),
        agent.completes("second"));

    WorkflowStub run = fixture.start(Map.of("prompt", "fix the build", "onContinued", "resume"));
    run.update(Names.UPDATE_SEND, Integer.class, "now write the notes");
    queued.countDown();
    AgentRunResult result = fixture.result(run);

    assertEquals("second", result.text());
    assertEquals(2, result.invocations());
    assertTrue(call(2).message().startsWith("Somebody else has gone on"), call(2)::message);
    assertTrue(call(2).message().endsWith("now write the notes"), call(2)::message);
    assertNull(result.continuedElsewhere());
  }

  @Test
  void a_run_that_leaves_it_to_others_ends_well_and_says_so() {
    ScriptedAgent agent = fixture.agent();
    agent.hostPolicy =
        HostPolicy.DEFAULT.overriddenBy(null, HostPolicy.OnContinued.FINISH, null, null);
    CountDownLatch queued = new CountDownLatch(1);
    agent.does(
        call -> {
          await(queued);
          return new AgentOutcome.Completed(
              agent.left(call, true, true, ScriptedAgent.checkpoint("mark-1")), "first");
        },
        agent.findsContinued("mark-2"));

    WorkflowStub run = fixture.start("fix the build");
    run.update(Names.UPDATE_SEND, Integer.class, "now write the notes");
    queued.countDown();
    AgentRunResult result = fixture.result(run);

    assertEquals("completed", result.outcome());
    assertEquals("first", result.text());
    assertTrue(result.continuedElsewhere());
    assertEquals(1, result.invocations());
    assertEquals(
        new TranscriptReference("file", "host-1", ScriptedAgent.CHOSEN.value()),
        result.transcript());
    assertEquals(1, fixture.events(run, RunEvent.Type.CONTINUED_ELSEWHERE).size());
    assertFalse(fixture.events(run, RunEvent.Type.COMPLETED).isEmpty());
  }

  private AgentInvocation call(int number) {
    return fixture.agent().ledger().get(number).invocation();
  }

  private Function<AgentInvocation, AgentOutcome> limitedAt(String mark) {
    ScriptedAgent agent = fixture.agent();
    return call ->
        agent.limited(
            agent.left(call, true, true, ScriptedAgent.checkpoint(mark)),
            ResetTime.exactly(agent.now().plus(Duration.ofHours(1))));
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
