package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.activity.Activity;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.RetryState;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.sdk.v1.WorkflowMetadata;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.common.converter.GlobalDataConverter;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TimeoutFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(300)
class AgentRunTest {

  private static final Duration MARGIN = ScriptedAgent.POLICY.margin();

  /** The latest that a wait may end, on a busy machine: workflow time passes meanwhile too. */
  private static final Duration LATEST = MARGIN.plus(ScriptedAgent.POLICY.jitter()).plusSeconds(15);

  @RegisterExtension final RunFixture fixture = new RunFixture();

  @Test
  void completes_without_a_limit() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    AgentRunResult result = fixture.result(run);

    assertEquals(
        new AgentRunResult(
            "completed",
            "done",
            ScriptedAgent.CHOSEN,
            "claude",
            "work",
            1,
            1,
            0,
            0,
            new TokenUsage(10, 5, 0, 0, 0),
            0.25,
            null,
            null,
            null,
            null,
            null,
            null),
        result);
    AgentInvocation first = agent.ledger().get(0).invocation();
    assertEquals(SessionStart.FRESH, first.start());
    assertEquals(ScriptedAgent.CHOSEN, first.session());
    assertEquals("fix the build", first.message());
  }

  @Test
  void resumes_the_same_session_after_the_reset_as_often_as_it_takes() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        agent.limitedFor(Duration.ofHours(2)),
        agent.limitedFor(Duration.ofDays(5)),
        agent.limitedFor(Duration.ofMinutes(3)),
        agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    AgentRunResult result = fixture.result(run);

    assertEquals(4, result.invocations());
    assertEquals(3, result.limitsHit());
    assertEquals(new TokenUsage(40, 20, 0, 0, 0), result.tokens());
    assertEquals(1.0, result.costUsd());
    List<ScriptedAgent.Asked> ledger = agent.ledger();
    assertWaited(ledger.get(0), ledger.get(1), Duration.ofHours(2));
    assertWaited(ledger.get(1), ledger.get(2), Duration.ofDays(5));
    assertWaited(ledger.get(2), ledger.get(3), Duration.ofMinutes(3));
    for (ScriptedAgent.Asked resumed : ledger.subList(1, 4)) {
      assertEquals(SessionStart.RESUME, resumed.invocation().start());
      assertEquals(ScriptedAgent.CHOSEN, resumed.invocation().session());
      assertEquals(ScriptedAgent.RESUME_MESSAGE, resumed.invocation().message());
    }
    long waited = Duration.ofHours(2).plusDays(5).plusMinutes(3).toSeconds();
    assertTrue(result.waitedSeconds() >= waited, () -> "waited " + result.waitedSeconds());
  }

  @Test
  void never_resumes_before_the_reset_when_the_agents_clock_is_ahead() {
    neverResumesBeforeTheReset(Duration.ofDays(1));
  }

  @Test
  void never_resumes_before_the_reset_when_the_agents_clock_is_behind() {
    neverResumesBeforeTheReset(Duration.ofDays(-1));
  }

  private void neverResumesBeforeTheReset(Duration skew) {
    ScriptedAgent agent = fixture.agent();
    agent.skew = skew;
    agent.does(agent.limitedFor(Duration.ofHours(5)), agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    assertWaited(agent.ledger().get(0), agent.ledger().get(1), Duration.ofHours(5));
  }

  @Test
  void waits_for_the_end_of_the_minute_that_a_text_was_cut_to() {
    ScriptedAgent agent = fixture.agent();
    Duration minute = Duration.ofMinutes(1);
    agent.does(
        call ->
            agent.limited(
                agent.facts(call, true),
                new ResetTime(agent.now().plus(Duration.ofHours(1)), minute)),
        agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    assertWaited(agent.ledger().get(0), agent.ledger().get(1), Duration.ofHours(1).plus(minute));
  }

  @Test
  void a_limit_without_a_reset_waits_the_fallback_and_doubles_it_up_to_its_cap() {
    ScriptedAgent agent = fixture.agent();
    for (int i = 0; i < 5; i++) {
      agent.does(agent.limitedWithoutReset());
    }
    agent.does(agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    int[] hours = {1, 2, 4, 6, 6};
    for (int i = 0; i < hours.length; i++) {
      assertWaited(agent.ledger().get(i), agent.ledger().get(i + 1), Duration.ofHours(hours[i]));
    }
  }

  @Test
  void a_reset_that_has_passed_waits_the_fallback_and_never_spins() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        agent.refusedFor(Duration.ofMinutes(-10)),
        agent.refusedFor(Duration.ZERO),
        agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    assertWaited(agent.ledger().get(0), agent.ledger().get(1), Duration.ofHours(1));
    assertWaited(agent.ledger().get(1), agent.ledger().get(2), Duration.ofHours(2));
  }

  @Test
  void a_near_reset_that_keeps_proving_wrong_backs_off() {
    ScriptedAgent agent = fixture.agent();
    for (int i = 0; i < 4; i++) {
      agent.does(agent.refusedFor(Duration.ofSeconds(1)));
    }
    agent.does(agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    int[] seconds = {1, 60, 120, 240};
    for (int i = 0; i < seconds.length; i++) {
      assertWaited(
          agent.ledger().get(i), agent.ledger().get(i + 1), Duration.ofSeconds(seconds[i]));
    }
  }

  @Test
  void progress_between_limits_ends_the_back_off() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        agent.limitedWithoutReset(),
        agent.limitedWithoutReset(),
        call -> agent.limited(agent.facts(call, true), null),
        agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    assertWaited(agent.ledger().get(1), agent.ledger().get(2), Duration.ofHours(2));
    assertWaited(agent.ledger().get(2), agent.ledger().get(3), Duration.ofHours(1));
  }

  @Test
  void gives_up_visibly_when_the_wait_is_longer_than_allowed() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofDays(9)));

    WorkflowStub run = fixture.start("fix the build");
    ApplicationFailure failure = failureOf(run);

    assertEquals(ErrorCode.GAVE_UP.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("longest wait of 8d"), failure::getMessage);
    RunStatus last = failure.getDetails().get(RunStatus.class);
    assertEquals(ScriptedAgent.CHOSEN, last.session());
    assertEquals(AgentState.STOPPED, last.state());
    assertEquals(Incident.End.GIVEN_UP, fixture.incidents(run).get(0).end());
  }

  @Test
  void gives_up_when_the_waits_of_the_run_are_longer_than_allowed_together() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(2)), agent.limitedFor(Duration.ofHours(2)));

    ApplicationFailure failure =
        failureOf(
            fixture.start(
                AgentRunRequest.newBuilder()
                    .setPrompt("fix the build")
                    .setMaxTotalWait(Duration.ofHours(3))
                    .build()));

    assertEquals(ErrorCode.GAVE_UP.code(), failure.getType());
    assertEquals(2, agent.ledger().size());
  }

  @Test
  void gives_up_after_the_allowed_number_of_resumes() {
    ScriptedAgent agent = fixture.agent();
    for (int i = 0; i < 3; i++) {
      agent.does(agent.limitedFor(Duration.ofHours(1)));
    }

    ApplicationFailure failure =
        failureOf(fixture.start(Map.of("prompt", "fix the build", "maxAttempts", 2)));

    assertEquals(ErrorCode.GAVE_UP.code(), failure.getType());
    assertEquals(3, agent.ledger().size());
  }

  @Test
  void stops_at_the_limit_when_the_request_says_so() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)));

    ApplicationFailure failure =
        failureOf(fixture.start(Map.of("prompt", "fix the build", "onLimit", "stop")));

    assertEquals(ErrorCode.STOPPED_AT_LIMIT.code(), failure.getType());
    assertEquals(ScriptedAgent.CHOSEN, failure.getDetails().get(RunStatus.class).session());
  }

  @Test
  void an_operator_ends_the_wait_with_resumeNow() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofDays(3)), agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    run.signal(Names.SIGNAL_RESUME_NOW, "the account was upgraded");
    fixture.result(run);

    Duration between = Duration.between(agent.ledger().get(0).at(), agent.ledger().get(1).at());
    assertTrue(between.compareTo(Duration.ofHours(1)) < 0, () -> "waited " + between);
    assertEquals(Incident.End.RESUMED_BY_OPERATOR, fixture.incidents(run).get(0).end());
  }

  @Test
  void resumeNow_outside_a_wait_does_not_shorten_the_next_wait() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch signalled = new CountDownLatch(1);
    agent.does(
        call -> {
          await(signalled);
          return agent.limitedFor(Duration.ofHours(2)).apply(call);
        },
        agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    run.signal(Names.SIGNAL_RESUME_NOW, "too early");
    signalled.countDown();
    fixture.result(run);

    assertWaited(agent.ledger().get(0), agent.ledger().get(1), Duration.ofHours(2));
  }

  @Test
  void an_operator_moves_the_wait_with_changeResume() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    String answered = run.update(Names.UPDATE_CHANGE_RESUME, String.class, "5h");
    assertEquals(Instant.parse(answered), fixture.status(run).resumeAt());
    Instant wanted = fixture.now().plus(Duration.ofHours(3));
    run.update(Names.UPDATE_CHANGE_RESUME, String.class, wanted.toString());
    fixture.result(run);

    Instant resumed = agent.ledger().get(1).at();
    assertFalse(resumed.isBefore(wanted), () -> resumed + " is before " + wanted);
    assertTrue(resumed.isBefore(wanted.plusSeconds(2)), () -> resumed + " is after " + wanted);
  }

  @Test
  void changeResume_is_refused_outside_a_wait_and_for_what_is_no_time() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch asked = new CountDownLatch(1);
    agent.does(
        call -> {
          await(asked);
          return agent.limitedFor(Duration.ofHours(1)).apply(call);
        },
        agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    assertTrue(refusal(run, Names.UPDATE_CHANGE_RESUME, "5h").contains("not waiting"));
    asked.countDown();
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    for (String wrong : new String[] {"soon", "", "-5m", "2026-13-01T00:00:00Z"}) {
      assertTrue(
          refusal(run, Names.UPDATE_CHANGE_RESUME, wrong).contains("expected an instant"),
          () -> "accepted: " + wrong);
    }
    for (String tooLate : new String[] {"9d", "+1000000000-12-31T23:59:59Z"}) {
      assertTrue(
          refusal(run, Names.UPDATE_CHANGE_RESUME, tooLate).contains("longest wait of 8d"),
          () -> "accepted: " + tooLate);
    }
    fixture.result(run);
  }

  @Test
  void a_run_paused_in_its_wait_resumes_only_when_it_is_unpaused() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    run.signal(Names.SIGNAL_PAUSE, "people need the account");
    fixture.environment().sleep(Duration.ofHours(30));
    RunStatus paused = fixture.status(run);
    assertEquals(AgentState.PAUSED, paused.state());
    assertEquals("people need the account", paused.pausedBecause());
    assertEquals(1, agent.ledger().size());
    run.signal(Names.SIGNAL_UNPAUSE, "night");
    fixture.result(run);

    assertWaitedAtLeast(agent.ledger().get(0), agent.ledger().get(1), Duration.ofHours(30));
  }

  @Test
  void a_wait_that_operators_keep_touching_goes_on_in_a_new_history() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofDays(5)), agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    String firstRunId = run.getExecution().getRunId();
    RunStatus first = fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    WorkflowStub latest = fixture.latest(run);
    int touches = 0;
    while (latest.describe().getExecution().getRunId().equals(firstRunId)) {
      assertTrue(touches++ < RunHistory.MAX_EVENTS, "still in the first history");
      latest.signal(Names.SIGNAL_PAUSE, "touched");
      fixture.status(latest);
      latest.signal(Names.SIGNAL_UNPAUSE, "touched");
      fixture.status(latest);
    }

    RunStatus carried = fixture.status(latest);
    assertEquals(AgentState.WAITING, carried.state());
    assertEquals(first.resumeAt(), carried.resumeAt());
    assertEquals(first.scope(), carried.scope());
    assertEquals(1, agent.ledger().size());
    latest.signal(Names.SIGNAL_RESUME_NOW, "enough");
    fixture.result(latest);
    assertEquals(SessionStart.RESUME, agent.ledger().get(1).invocation().start());
    List<Incident> incidents = fixture.incidents(latest);
    assertEquals(1, incidents.size());
    assertEquals(Incident.End.RESUMED_BY_OPERATOR, incidents.get(0).end());
  }

  @Test
  void pausing_ends_a_working_agent_and_unpausing_resumes_its_session() {
    ScriptedAgent agent = fixture.agent();
    agent.does(untilCancelled(), agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> agent.ledger().size() == 1);
    run.signal(Names.SIGNAL_PAUSE, "stop");
    fixture.awaitStatus(run, status -> status.tokens().total() > 0);
    fixture.environment().sleep(Duration.ofHours(2));
    assertEquals(AgentState.PAUSED, fixture.status(run).state());
    assertEquals(1, agent.ledger().size());
    run.signal(Names.SIGNAL_UNPAUSE, "go");
    fixture.result(run);

    AgentInvocation resumed = agent.ledger().get(1).invocation();
    assertEquals(SessionStart.RESUME, resumed.start());
    assertEquals(ScriptedAgent.CHOSEN, resumed.session());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, resumed.message());
  }

  @Test
  void a_prompt_that_the_agent_had_not_taken_when_it_was_paused_is_said_after_the_pause() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch queued = new CountDownLatch(1);
    agent.does(
        agent.completesAfter(queued, "first"),
        call -> {
          untilCancelled().apply(call);
          InvocationFacts named =
              new InvocationFacts(
                  call.session(), false, null, false, null, 0, agent.now(), null, null);
          return new AgentOutcome.Stopped(named, StopReason.INTERRUPTED, "", null);
        },
        agent.completes("second"));

    WorkflowStub run = fixture.start("fix the build");
    run.update(Names.UPDATE_SEND, Integer.class, "now write the notes");
    queued.countDown();
    fixture.awaitStatus(run, status -> agent.ledger().size() == 2);
    run.signal(Names.SIGNAL_PAUSE, "stop");
    run.signal(Names.SIGNAL_UNPAUSE, "go");
    assertEquals("second", fixture.result(run).text());

    AgentInvocation again = agent.ledger().get(2).invocation();
    assertEquals(SessionStart.RESUME, again.start());
    assertEquals("now write the notes", again.message());
  }

  @Test
  void a_drained_worker_never_ends_a_run() {
    ScriptedAgent agent = fixture.agent();
    for (int i = 0; i < AgentCalls.MAX_INVOCATION_ATTEMPTS; i++) {
      agent.does(
          call -> {
            throw ApplicationFailure.newFailure("going away", ErrorCode.DRAINED.code());
          });
    }
    agent.does(agent.completes("done"));

    assertEquals("done", fixture.result(fixture.start("fix the build")).text());
  }

  @Test
  void a_sent_prompt_becomes_the_next_turn_of_the_same_session() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        agent.limitedFor(Duration.ofHours(1)),
        agent.completes("first"),
        agent.limitedFor(Duration.ofHours(1)),
        agent.completes("second"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    assertEquals(1, run.update(Names.UPDATE_SEND, Integer.class, "now write the notes"));
    assertEquals(1, fixture.status(run).queuedPrompts());
    AgentRunResult result = fixture.result(run);

    assertEquals("second", result.text());
    assertEquals(2, result.turns());
    AgentInvocation next = agent.ledger().get(2).invocation();
    assertEquals(SessionStart.RESUME, next.start());
    assertEquals(ScriptedAgent.CHOSEN, next.session());
    assertEquals("now write the notes", next.message());
    assertEquals(2, next.turn());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, agent.ledger().get(3).invocation().message());
  }

  @Test
  void send_refuses_what_it_cannot_keep() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)));

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    assertTrue(refusal(run, Names.UPDATE_SEND, " ").contains("missing or empty"));
    assertTrue(refusal(run, Names.UPDATE_SEND, "x\0").contains("NUL"));
    String tooLong = "x".repeat(AgentRunRequest.MAX_PROMPT_BYTES + 1);
    assertTrue(refusal(run, Names.UPDATE_SEND, tooLong).contains("at most"));
    for (int i = 0; i < RunMemory.MAX_QUEUED_PROMPTS; i++) {
      run.update(Names.UPDATE_SEND, Integer.class, "prompt " + i);
    }
    assertTrue(refusal(run, Names.UPDATE_SEND, "one more").contains("no more may be"));
    assertEquals(RunMemory.MAX_QUEUED_PROMPTS, fixture.status(run).queuedPrompts());
    run.cancel();
    assertCancelled(run);
  }

  @Test
  void send_refuses_more_bytes_than_one_history_can_carry_over() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)));

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    String large = "x".repeat(AgentRunRequest.MAX_PROMPT_BYTES);
    run.update(Names.UPDATE_SEND, Integer.class, large);
    run.update(Names.UPDATE_SEND, Integer.class, large);
    assertTrue(refusal(run, Names.UPDATE_SEND, "x").contains("at most"));
    run.cancel();
    assertCancelled(run);
  }

  @Test
  void no_signal_or_update_with_nonsense_in_it_stops_a_run() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));
    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    List<Object[]> nonsense =
        List.of(
            new Object[0],
            new Object[] {null},
            new Object[] {null, null, null},
            new Object[] {Map.of("provider", "claude", "version", "x")},
            new Object[] {List.of(1, 2)},
            new Object[] {Map.of("costUsd", -1), 7},
            new Object[] {-1},
            new Object[] {"-"},
            new Object[] {"\u0000"});
    for (Object[] input : nonsense) {
      run.signal(Names.SIGNAL_ACCOUNT_OPENED, input);
      run.signal(Names.SIGNAL_PAUSE, input);
      run.signal(Names.SIGNAL_UNPAUSE, input);
      for (String update :
          List.of(
              Names.UPDATE_SEND,
              Names.UPDATE_MOVE,
              Names.UPDATE_SWITCH_AGENT,
              Names.UPDATE_CHANGE_RESUME,
              Names.UPDATE_CHANGE_BUDGET)) {
        if (!update.equals(Names.UPDATE_SEND) || isNoText(input)) {
          assertThrows(
              WorkflowUpdateException.class,
              () -> run.update(update, Object.class, input),
              () -> update + Arrays.toString(input));
        }
      }
      assertEquals(AgentState.WAITING, fixture.status(run).state(), () -> Arrays.toString(input));
    }
    run.signal(Names.SIGNAL_RESUME_NOW, nonsense.get(4));
    run.signal(Names.SIGNAL_RESUME_NOW, nonsense.get(1));
    assertEquals("done", fixture.result(run).text());
    assertEquals(2, agent.ledger().size());
  }

  private static boolean isNoText(Object[] input) {
    boolean text = input.length > 0 && (input[0] instanceof String || input[0] instanceof Number);
    return !text || input[0].equals("\u0000");
  }

  @Test
  void a_moment_long_ago_ends_the_wait_now() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));
    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    Instant asked = fixture.now().minusSeconds(1);
    String moved = run.update(Names.UPDATE_CHANGE_RESUME, String.class, "" + Instant.MIN);
    assertFalse(Instant.parse(moved).isBefore(asked), moved);
    fixture.result(run);
  }

  @Test
  void cancelling_in_a_wait_keeps_the_session_id() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)));

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    run.cancel();

    assertCancelled(run);
    assertEquals(Incident.End.CANCELLED, fixture.incidents(run).get(0).end());
  }

  @Test
  void cancelling_ends_a_working_agent_and_keeps_the_session_id() {
    ScriptedAgent agent = fixture.agent();
    agent.does(untilCancelled());

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> agent.ledger().size() == 1);
    run.cancel();

    assertCancelled(run);
  }

  @Test
  void cancelling_keeps_the_session_id_even_if_the_agent_ends_at_a_limit_that_stops_the_run() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        call -> {
          untilCancelled().apply(call);
          return agent.limitedFor(Duration.ofHours(1)).apply(call);
        });

    WorkflowStub run = fixture.start(Map.of("prompt", "fix the build", "onLimit", "stop"));
    fixture.awaitStatus(run, status -> agent.ledger().size() == 1);
    run.cancel();

    assertCancelled(run);
  }

  @Test
  void cancelling_a_paused_run_ends_it() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)));

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    run.signal(Names.SIGNAL_PAUSE, "stop");
    fixture.environment().sleep(Duration.ofHours(2));
    run.cancel();

    assertCancelled(run);
  }

  @Test
  void a_closed_account_is_asked_again_later_and_is_no_limit_of_the_run() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        agent.deferredFor(Duration.ofMinutes(7)),
        agent.deferredFor(Duration.ofMinutes(-1)),
        agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    AgentRunResult result = fixture.result(run);

    assertEquals(0, result.limitsHit());
    assertWaitedAtLeast(agent.ledger().get(0), agent.ledger().get(1), Duration.ofMinutes(7));
    assertWaitedAtLeast(agent.ledger().get(1), agent.ledger().get(2), DeferralWait.MIN_DEFERRAL);
    assertEquals("fix the build", agent.ledger().get(2).invocation().message());
    assertEquals(SessionStart.FRESH, agent.ledger().get(2).invocation().start());
  }

  @Test
  void a_prompt_that_an_attempt_before_a_deferral_may_have_sent_is_not_sent_again() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        call ->
            new AgentOutcome.Deferred(
                agent.now().plusSeconds(5),
                agent.now(),
                AgentOutcome.Deferred.Cause.WORKSPACE,
                "another-run",
                agent.facts(call, false)),
        agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    AgentInvocation second = agent.ledger().get(1).invocation();
    assertEquals(SessionStart.RESUME, second.start());
    assertEquals(ScriptedAgent.CHOSEN, second.session());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, second.message());
  }

  @Test
  void a_reason_that_waiting_does_not_change_fails_the_run_with_its_session() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.stops(StopReason.AUTH, "log in with: claude login"));

    WorkflowStub run = fixture.start("fix the build");
    ApplicationFailure failure = failureOf(run);

    assertEquals(ErrorCode.AGENT_STOPPED.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("auth: log in with"));
    assertEquals(ScriptedAgent.CHOSEN, failure.getDetails().get(RunStatus.class).session());
    assertEquals(
        AgentState.STOPPED.word(),
        run.describe().getTypedSearchAttributes().get(Names.AGENT_STATE));
  }

  @Test
  void a_lost_session_is_replaced_by_a_fresh_one_with_a_handoff() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        agent.limitedFor(Duration.ofHours(1)),
        agent.stops(StopReason.SESSION_UNKNOWN, "no such session"),
        agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    AgentRunResult result = fixture.result(run);

    AgentInvocation fresh = agent.ledger().get(2).invocation();
    assertEquals(SessionStart.FRESH, fresh.start());
    assertNotEquals(ScriptedAgent.CHOSEN, fresh.session());
    assertTrue(fresh.message().contains("fix the build"));
    assertTrue(fresh.message().contains("earlier session of this task is lost"));
    assertEquals(fresh.session(), result.session());
    assertTrue(fixture.events(run).stream().anyMatch(e -> e.type() == RunEvent.Type.SESSION_LOST));
  }

  @Test
  void sessions_that_keep_getting_lost_end_the_run() {
    ScriptedAgent agent = fixture.agent();
    for (int i = 0; i <= AgentRunWorkflow.MAX_LOST_SESSIONS; i++) {
      agent.does(agent.stops(StopReason.SESSION_UNKNOWN, "no such session"));
    }

    ApplicationFailure failure = failureOf(fixture.start("fix the build"));

    assertEquals(ErrorCode.AGENT_STOPPED.code(), failure.getType());
  }

  @Test
  void a_session_that_the_user_named_and_that_never_was_there_ends_the_run() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.stops(StopReason.SESSION_UNKNOWN, "no such session"));

    ApplicationFailure failure =
        failureOf(fixture.start(Map.of("prompt", "go on", "session", "abc-123")));

    assertTrue(failure.getOriginalMessage().contains("session-unknown"));
    assertEquals(1, agent.ledger().size());
    AgentInvocation first = agent.ledger().get(0).invocation();
    assertEquals(SessionStart.RESUME, first.start());
    assertEquals(new SessionId("abc-123"), first.session());
  }

  @Test
  void continueLast_takes_over_the_session_that_the_agent_names() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));

    fixture.result(fixture.start(Map.of("prompt", "go on", "continueLast", true)));

    assertEquals(SessionStart.CONTINUE_LAST, agent.ledger().get(0).invocation().start());
    assertEquals(SessionStart.RESUME, agent.ledger().get(1).invocation().start());
    assertEquals(new SessionId("last-session"), agent.ledger().get(1).invocation().session());
  }

  @Test
  void a_prompt_is_given_again_when_the_limit_left_no_session_to_resume() {
    ScriptedAgent agent = fixture.agent();
    agent.chosen = null;
    agent.does(
        call ->
            agent.limited(withoutSession(agent), ResetTime.exactly(agent.now().plusSeconds(60))),
        agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    AgentInvocation second = agent.ledger().get(1).invocation();
    assertEquals(SessionStart.FRESH, second.start());
    assertNull(second.session());
    assertEquals("fix the build", second.message());
  }

  @Test
  void a_prompt_that_was_refused_and_forgotten_is_said_again_in_a_session_of_another_id() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        call ->
            agent.limited(withoutSession(agent), ResetTime.exactly(agent.now().plusSeconds(60))),
        call ->
            agent.limited(withoutSession(agent), ResetTime.exactly(agent.now().plusSeconds(60))),
        agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    AgentRunResult result = fixture.result(run);

    List<AgentInvocation> calls =
        agent.ledger().stream().map(ScriptedAgent.Asked::invocation).toList();
    for (AgentInvocation call : calls) {
      assertEquals(SessionStart.FRESH, call.start());
      assertEquals("fix the build", call.message());
    }
    assertEquals(3, calls.stream().map(AgentInvocation::session).distinct().count());
    assertEquals(calls.get(2).session(), result.session());
    assertTrue(
        fixture.events(run).stream().noneMatch(e -> e.type() == RunEvent.Type.SESSION_LOST),
        "no session was lost");
  }

  @Test
  void a_handoff_that_was_refused_and_forgotten_is_said_again_and_loses_no_second_session() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        agent.limitedFor(Duration.ofHours(1)),
        agent.stops(StopReason.SESSION_UNKNOWN, "no such session"));
    for (int i = 0; i <= AgentRunWorkflow.MAX_LOST_SESSIONS; i++) {
      agent.does(
          call ->
              agent.limited(withoutSession(agent), ResetTime.exactly(agent.now().plusSeconds(60))));
    }
    agent.does(agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.result(run);

    List<AgentInvocation> calls =
        agent.ledger().stream().map(ScriptedAgent.Asked::invocation).toList();
    AgentInvocation last = calls.get(calls.size() - 1);
    assertEquals(SessionStart.FRESH, last.start());
    assertTrue(last.message().contains("earlier session of this task is lost"), last::message);
    assertEquals(
        1,
        fixture.events(run).stream().filter(e -> e.type() == RunEvent.Type.SESSION_LOST).count());
  }

  @Test
  void a_message_that_was_refused_and_forgotten_is_said_again_in_the_same_session() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch queued = new CountDownLatch(1);
    agent.does(
        agent.completesAfter(queued, "first"),
        call ->
            agent.limited(
                new InvocationFacts(
                    call.session(), false, null, false, null, 0, agent.now(), null, null),
                ResetTime.exactly(agent.now().plusSeconds(60))),
        agent.completes("second"));

    WorkflowStub run = fixture.start("fix the build");
    run.update(Names.UPDATE_SEND, Integer.class, "now write the notes");
    queued.countDown();
    fixture.result(run);

    AgentInvocation again = agent.ledger().get(2).invocation();
    assertEquals(SessionStart.RESUME, again.start());
    assertEquals(ScriptedAgent.CHOSEN, again.session());
    assertEquals("now write the notes", again.message());
  }

  @Test
  void credit_that_is_used_up_stops_the_run_at_once_and_its_incident_has_the_evidence() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.outOfCredit(null));

    WorkflowStub run = fixture.start(Map.of("prompt", "fix the build"));
    ApplicationFailure failure = failureOf(run);

    assertEquals(ErrorCode.AGENT_STOPPED.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("credit: "), failure::getOriginalMessage);
    assertTrue(failure.getOriginalMessage().contains("'work'"), failure::getOriginalMessage);
    assertTrue(failure.getOriginalMessage().contains("limit text"), failure::getOriginalMessage);
    assertEquals(ScriptedAgent.CHOSEN, failure.getDetails().get(RunStatus.class).session());
    Incident incident = fixture.incidents(run).get(0);
    assertEquals(Incident.End.GIVEN_UP, incident.end());
    assertEquals("limit text", incident.limit().evidence().text());
  }

  @Test
  void a_plan_that_lacks_what_was_asked_for_stops_the_run_at_once() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.lacks(StopReason.PLAN, LimitScope.UNKNOWN));

    WorkflowStub run = fixture.start("fix the build");
    ApplicationFailure failure = failureOf(run);

    assertEquals(ErrorCode.AGENT_STOPPED.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("plan: see to it"));
    assertEquals(Incident.End.GIVEN_UP, fixture.incidents(run).get(0).end());
  }

  @Test
  void a_run_waits_for_credit_and_plan_where_its_request_says_so() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        agent.outOfCredit(null),
        agent.lacks(StopReason.CREDIT, LimitScope.CREDIT),
        agent.lacks(StopReason.PLAN, LimitScope.UNKNOWN),
        agent.completes("done"));

    WorkflowStub run = fixture.start(Map.of("prompt", "fix the build", "onCredit", "wait"));
    RunStatus waiting = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    assertEquals("credit", waiting.scope());
    AgentRunResult result = fixture.result(run);

    assertEquals(3, result.limitsHit());
    int[] hours = {1, 2, 4};
    for (int i = 0; i < hours.length; i++) {
      assertWaited(agent.ledger().get(i), agent.ledger().get(i + 1), Duration.ofHours(hours[i]));
      assertEquals(Incident.End.RESUMED, fixture.incidents(run).get(i).end());
    }
    assertEquals(SessionStart.RESUME, agent.ledger().get(3).invocation().start());
  }

  @Test
  void a_run_waits_for_credit_where_the_worker_says_so_and_the_request_says_nothing() {
    ScriptedAgent agent = fixture.agent();
    agent.policy = agent.policy.overriddenBy(null, null, null, ResumePolicy.OnCredit.WAIT);
    agent.does(agent.outOfCredit(null), agent.completes("done"), agent.outOfCredit(null));

    assertEquals("done", fixture.result(fixture.start("fix the build")).text());
    assertWaited(agent.ledger().get(0), agent.ledger().get(1), Duration.ofHours(1));

    ApplicationFailure failure =
        failureOf(fixture.start(Map.of("prompt", "fix the build", "onCredit", "stop")));
    assertEquals(ErrorCode.AGENT_STOPPED.code(), failure.getType());
  }

  @Test
  void credit_that_returns_at_a_known_time_is_waited_for_like_any_limit() {
    ScriptedAgent agent = fixture.agent();
    Duration untilReset = Duration.ofDays(3);
    agent.does(
        call -> agent.outOfCredit(ResetTime.exactly(agent.now().plus(untilReset))).apply(call),
        agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    assertWaited(agent.ledger().get(0), agent.ledger().get(1), untilReset);
  }

  @Test
  void what_only_looks_like_a_limit_waits_the_fallback_and_warns_operators() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.unrecognised(null), agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    RunStatus waiting = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    WorkflowMetadata metadata =
        run.query(WorkflowClient.QUERY_TYPE_WORKFLOW_METADATA, WorkflowMetadata.class);
    List<String> details = metadata.getCurrentDetails().lines().toList();
    assertTrue(details.get(0).startsWith("**waiting** for the usage limit"), details::toString);
    assertTrue(details.get(1).contains("does not know this message"), details::toString);
    assertTrue(details.get(1).contains("`incidents`"), details::toString);
    assertTrue(details.get(2).contains("resumeNow"), details::toString);
    assertFalse(metadata.getCurrentDetails().contains("limit text"), "the agent's own words");
    assertTrue(waiting.warning().contains("does not know"), waiting::toString);
    fixture.result(run);

    assertWaited(agent.ledger().get(0), agent.ledger().get(1), Duration.ofHours(1));
    RunEvent event =
        fixture.events(run).stream()
            .filter(e -> e.type() == RunEvent.Type.LIMITED)
            .findFirst()
            .orElseThrow();
    assertTrue(event.text().startsWith("unrecognised limit: "), event::text);
    assertFalse(event.text().contains("limit text"), event::text);
    assertEquals("limit text", fixture.incidents(run).get(0).limit().evidence().text());
    assertNull(fixture.status(run).warning());
  }

  @Test
  void the_reset_in_words_that_no_rule_knows_is_the_best_that_is_known() {
    ScriptedAgent agent = fixture.agent();
    Duration untilReset = Duration.ofHours(7);
    agent.does(
        call -> agent.unrecognised(ResetTime.exactly(agent.now().plus(untilReset))).apply(call),
        agent.completes("done"));

    fixture.result(fixture.start("fix the build"));

    assertWaited(agent.ledger().get(0), agent.ledger().get(1), untilReset);
  }

  @Test
  void throttles_that_never_end_fail_the_run_with_what_was_throttled() {
    ScriptedAgent agent = fixture.agent();
    for (int i = 0; i <= AgentCalls.MAX_INVOCATION_ATTEMPTS; i++) {
      agent.does(
          call -> {
            throw ApplicationFailure.newFailure(
                ErrorCode.THROTTLED.message("the provider throttled agent 'claude'"),
                ErrorCode.THROTTLED.code());
          });
    }

    ApplicationFailure failure = failureOf(fixture.start("fix the build"));

    assertEquals(ErrorCode.AGENT_FAILED.code(), failure.getType());
    assertTrue(
        failure.getOriginalMessage().contains("in 20 attempts; the last one failed with: [OUT3002]")
            && failure.getOriginalMessage().contains("throttled agent 'claude'"),
        failure::getOriginalMessage);
    assertEquals(AgentCalls.MAX_INVOCATION_ATTEMPTS, agent.ledger().size());
  }

  @Test
  void the_requests_own_resume_message_is_used() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));

    fixture.result(fixture.start(Map.of("prompt", "x", "resumeMessage", "weiter bitte")));

    assertEquals("weiter bitte", agent.ledger().get(1).invocation().message());
  }

  @Test
  void an_agent_that_crashes_now_and_then_is_retried() {
    ScriptedAgent agent = fixture.agent();
    agent.does(crashes(), crashes(), agent.completes("done"));

    assertEquals("done", fixture.result(fixture.start("fix the build")).text());
  }

  @Test
  void an_agent_that_always_crashes_ends_the_run_after_a_bounded_number_of_attempts() {
    ScriptedAgent agent = fixture.agent();
    for (int i = 0; i <= AgentCalls.MAX_INVOCATION_ATTEMPTS; i++) {
      agent.does(crashes());
    }

    ApplicationFailure failure = failureOf(fixture.start("fix the build"));

    assertEquals(ErrorCode.AGENT_FAILED.code(), failure.getType());
    assertEquals(AgentCalls.MAX_INVOCATION_ATTEMPTS, agent.ledger().size());
  }

  @Test
  void the_session_of_an_invocation_that_was_never_heard_of_again_is_kept() {
    SessionId named = new SessionId("named-in-a-heartbeat");

    RunMemory taken = memory();
    taken.invoked();
    taken.unanswered(
        Unanswered.of(unheardOf(named, true), false), SessionStart.FRESH, "go on", freshSession());
    assertEquals(named, taken.session());
    assertTrue(taken.sessionOpen());
    assertEquals("go on", taken.message());
    assertFalse(taken.doubtful(), "it is certain that the agent had the prompt");

    RunMemory untaken = memory();
    untaken.invoked();
    untaken.unanswered(
        Unanswered.of(unheardOf(named, false), false), SessionStart.FRESH, "go on", freshSession());
    assertEquals(named, untaken.session());
    assertEquals("go on", untaken.message(), "the prompt may have got through");
    assertTrue(untaken.doubtful());
    untaken.neverCameToBe(freshSession());
    assertFalse(untaken.sessionOpen());
    assertEquals("fix the build", untaken.message());
    assertEquals(0, untaken.lostSessions());
  }

  @Test
  void the_session_of_an_agent_that_crashed_to_the_end_is_kept() {
    ScriptedAgent agent = fixture.agent();
    SessionId named = new SessionId("named-before-the-crash");
    for (int i = 0; i < AgentCalls.MAX_INVOCATION_ATTEMPTS; i++) {
      agent.does(
          call -> {
            throw ApplicationFailure.newFailure(
                "exit 139",
                ErrorCode.AGENT_CRASHED.code(),
                new InvocationProgress(
                    InvocationProgress.Phase.ENDING, named, true, null, null, null, "host-1", 1));
          });
    }

    ApplicationFailure failure = failureOf(fixture.start("fix the build"));

    assertEquals(named, failure.getDetails().get(RunStatus.class).session());
  }

  @Test
  void an_agent_that_cannot_be_resolved_fails_the_run_with_the_reason() {
    fixture.agent().refusal =
        ApplicationFailure.newNonRetryableFailure(
            ErrorCode.UNKNOWN_AGENT.message("agent \"cloude\": known are claude, codex"),
            ErrorCode.UNKNOWN_AGENT.code());

    ApplicationFailure failure = failureOf(fixture.start(Map.of("prompt", "x", "agent", "cloude")));

    assertEquals(ErrorCode.UNKNOWN_AGENT.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("known are claude, codex"));
  }

  @Test
  void wrong_input_fails_the_run_at_once_and_names_field_value_and_what_is_allowed() {
    Map<Object, String> wrong =
        Map.ofEntries(
            Map.entry(
                Map.of("prompt", "x", "maxWait", "soon"),
                "maxWait: got \"soon\"; expected a duration"),
            Map.entry(Map.of("prompt", " "), "prompt: missing or empty"),
            Map.entry(Map.of("prompt", 7), "prompt: got 7; expected a text"),
            Map.entry(
                Map.of("prompt", "x", "onLimit", "failover"),
                "onLimit: failover needs agents, a list of at least two"),
            Map.entry(
                Map.of("prompt", "x", "onLimit", "other"),
                "onLimit: got \"other\"; expected wait or failover or stop"),
            Map.entry(
                Map.of("prompt", "x", "onCredit", "buy"),
                "onCredit: got \"buy\"; expected stop or wait"),
            Map.entry(
                Map.of("prompt", "x", "worktree", "yes"),
                "worktree: got \"yes\"; expected true or false"),
            Map.entry(
                Map.of("prompt", "x", "onBusy", "run"),
                "onBusy: got \"run\"; expected wait or stop"),
            Map.entry(
                Map.of("prompt", "x", "onContinued", 1),
                "onContinued: got 1; expected pause or resume or finish"),
            Map.entry(
                Map.of("prompt", "x", "onHostLost", "MOVE"),
                "onHostLost: got \"MOVE\"; expected wait or move or stop"),
            Map.entry(
                Map.of("prompt", "x", "hostGrace", "9s"), "hostGrace: got PT9S; expected at least"),
            Map.entry(
                Map.of("prompt", "x", "budget", Map.of("costUsd", -5)),
                "budget.costUsd: got -5.0; expected more than 0"),
            Map.entry(
                Map.of(
                    "prompt", "x", "agents", List.of(Map.of("agent", "a"), Map.of("agent", "a"))),
                "agents[1]: the same as agents[0]; name each once"),
            Map.entry(
                Map.of("prompt", "x", "overage", "buy"),
                "overage: got \"buy\"; expected use or avoid"),
            Map.entry(List.of(1, 2), "input: got a list; expected an object"),
            Map.entry("fix the build", "input: got a text; expected an object"),
            Map.entry(42, "input: got a number; expected an object"),
            Map.entry(true, "input: got true or false; expected an object"),
            Map.entry(
                Map.of("prompt", "x", "carriedOver", 5), "carriedOver: not the state of a run"),
            Map.entry(
                Map.of("prompt", "x", "carriedOver", Map.of()),
                "carriedOver: not the state of a run"),
            Map.entry(
                Map.of("prompt", "x", "session", "--yolo", "maxAttempts", "many"),
                "session: got \"--yolo\""));
    wrong.forEach(
        (input, message) -> {
          ApplicationFailure failure = failureOf(fixture.start(new Object[] {input}));
          assertEquals(ErrorCode.INVALID_REQUEST.code(), failure.getType());
          assertTrue(failure.isNonRetryable());
          assertTrue(failure.getOriginalMessage().contains(message), failure::getOriginalMessage);
        });
    ApplicationFailure none = failureOf(fixture.start(new Object[0]));
    assertTrue(none.getOriginalMessage().contains("input: got nothing"));
    ApplicationFailure forged = failureOf(fixture.start(Map.of("carriedOver", forgedState())));
    assertTrue(forged.getOriginalMessage().contains("carriedOver: set by the run itself only"));
    assertTrue(fixture.agent().ledger().isEmpty());
  }

  @Test
  void unknown_fields_of_the_request_are_ignored() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.completes("done"));

    assertEquals(
        "done",
        fixture
            .result(fixture.start(Map.of("prompt", "x", "fromTheFuture", Map.of("a", 1))))
            .text());
  }

  @Test
  void operators_see_the_wait_in_search_attributes_details_and_the_timers_label() {
    ScriptedAgent agent = fixture.agent();
    agent.account = "wo*rk";
    agent.does(agent.limitedFor(Duration.ofHours(2)), agent.completes("done"));

    WorkflowStub run = fixture.start("SECRET-PROMPT");
    RunStatus waiting = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);

    var attributes = run.describe().getTypedSearchAttributes();
    assertEquals("waiting", attributes.get(Names.AGENT_STATE));
    assertEquals("claude", attributes.get(Names.AGENT_PROVIDER));
    assertEquals("wo*rk", attributes.get(Names.AGENT_ACCOUNT));
    assertEquals(ScriptedAgent.CHOSEN.value(), attributes.get(Names.AGENT_SESSION));
    assertEquals(1L, attributes.get(Names.AGENT_LIMIT_HITS));
    assertEquals(
        waiting.resumeAt().toEpochMilli(),
        attributes.get(Names.AGENT_RESUME_AT).toInstant().toEpochMilli());
    WorkflowMetadata metadata =
        run.query(WorkflowClient.QUERY_TYPE_WORKFLOW_METADATA, WorkflowMetadata.class);
    String details = metadata.getCurrentDetails();
    assertTrue(details.startsWith("**waiting** for the session limit: resumes **"), details);
    assertTrue(details.lines().skip(1).findFirst().orElseThrow().contains("resumeNow"), details);
    assertTrue(details.contains("wo?rk") && !details.contains("SECRET"), details);
    assertTrue(
        metadata.getDefinition().getSignalDefinitionsList().stream()
            .allMatch(signal -> !signal.getDescription().isEmpty()));

    fixture.result(run);
    List<String> summaries = summaries(fixture.history(run));
    assertTrue(
        summaries.stream()
            .anyMatch(s -> s.matches("claude/wo\\?rk session limit: resumes \\S+T\\S+Z")),
        summaries::toString);
    assertTrue(
        summaries.contains("claude/wo?rk turn 1, invocation 2: resumes the session"),
        summaries::toString);
    assertTrue(summaries.stream().noneMatch(s -> s.contains("SECRET")), summaries::toString);
  }

  @Test
  void a_namespace_without_the_search_attributes_gets_none() {
    ScriptedAgent agent = fixture.agent();
    agent.searchAttributes = false;
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.result(run);

    assertTrue(
        fixture.history(run).stream()
            .noneMatch(
                event ->
                    event.getEventType()
                        == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES));
  }

  @Test
  void a_wait_costs_a_bounded_number_of_history_events() {
    ScriptedAgent agent = fixture.agent();
    int limits = 20;
    for (int i = 0; i < limits; i++) {
      agent.does(agent.limitedFor(Duration.ofHours(1)));
    }
    agent.does(agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.result(run);

    int perLimit = fixture.history(run).size() / limits;
    assertTrue(perLimit <= 14, () -> perLimit + " events for each limit");
  }

  @Test
  void every_incident_carries_its_evidence_and_events_have_no_gaps() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        agent.limitedFor(Duration.ofHours(1)),
        agent.limitedFor(Duration.ofHours(1)),
        agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.result(run);

    List<Incident> incidents = fixture.incidents(run);
    assertEquals(List.of("limit-1", "limit-2"), incidents.stream().map(Incident::id).toList());
    for (Incident incident : incidents) {
      assertEquals("test-rule", incident.limit().evidence().rule());
      assertEquals("limit text", incident.limit().evidence().text());
      assertEquals(Incident.End.RESUMED, incident.end());
      assertTrue(incident.fromReset());
      assertFalse(incident.endedAt().isBefore(incident.resumeAt()));
    }
    List<RunEvent> events = fixture.events(run);
    assertEquals(
        LongStream.rangeClosed(1, events.size()).boxed().toList(),
        events.stream().map(RunEvent::seq).toList());
    assertEquals(
        events.subList(4, events.size()),
        List.of(run.query(Names.QUERY_EVENTS, RunEvent[].class, 4)));
  }

  @Test
  void a_run_goes_on_in_a_new_history_with_all_it_knows() {
    ScriptedAgent agent = fixture.agent();
    int limits = RunHistory.MAX_EVENTS / 8;
    for (int i = 0; i < limits; i++) {
      agent.does(agent.limitedFor(Duration.ofHours(10)));
    }
    agent.does(agent.completes("first"), agent.completes("second"));

    WorkflowStub run = fixture.start("fix the build");
    String firstRunId = run.getExecution().getRunId();
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    run.update(Names.UPDATE_SEND, Integer.class, "now write the notes");
    AgentRunResult result = fixture.result(run);

    assertNotEquals(
        firstRunId,
        fixture
            .client()
            .newUntypedWorkflowStub(run.getExecution().getWorkflowId())
            .describe()
            .getExecution()
            .getRunId());
    assertEquals("second", result.text());
    assertEquals(2, result.turns());
    assertEquals(limits, result.limitsHit());
    assertEquals(limits + 2, result.invocations());
    assertEquals((limits + 2) * 15L, result.tokens().total());
    assertEquals(ScriptedAgent.CHOSEN, result.session());
    assertTrue(result.waitedSeconds() >= limits * 36_000L);
    List<RunEvent> kept = fixture.events(run);
    assertEquals(RunEvent.MAX_KEPT, kept.size());
    assertTrue(kept.get(0).seq() > 3L * limits - RunEvent.MAX_KEPT, () -> "" + kept.get(0));
    for (int i = 1; i < kept.size(); i++) {
      assertEquals(kept.get(i - 1).seq() + 1, kept.get(i).seq());
    }
    assertEquals(Incident.MAX_KEPT, fixture.incidents(run).size());
    var attributes = run.describe().getTypedSearchAttributes();
    assertEquals("completed", attributes.get(Names.AGENT_STATE));
    assertFalse(attributes.containsKey(Names.AGENT_RESUME_AT), "a run that does not wait");
    assertEquals(
        1,
        agent.ledger().stream()
            .filter(asked -> asked.invocation().message().equals("fix the build"))
            .count());
  }

  private Function<AgentInvocation, AgentOutcome> untilCancelled() {
    ScriptedAgent agent = fixture.agent();
    return call -> {
      while (true) {
        try {
          Activity.getExecutionContext().heartbeat(null);
          Thread.sleep(50);
        } catch (ActivityCompletionException cancelled) {
          return agent.stops(StopReason.INTERRUPTED, "").apply(call);
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
    };
  }

  private static Function<AgentInvocation, AgentOutcome> crashes() {
    return call -> {
      throw ApplicationFailure.newFailure("exit 139", ErrorCode.AGENT_CRASHED.code());
    };
  }

  private static ActivityFailure unheardOf(SessionId session, boolean taken) {
    return new ActivityFailure(
        "heartbeat",
        1,
        2,
        "invokeAgent",
        "1",
        RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED,
        "worker",
        new TimeoutFailure(
            "heartbeat",
            new InvocationProgress(
                InvocationProgress.Phase.WORKING, session, taken, null, null, null, "host-1", 1),
            TimeoutType.TIMEOUT_TYPE_HEARTBEAT));
  }

  private static SessionId freshSession() {
    return new SessionId("a-fresh-session");
  }

  private static RunMemory memory() {
    return RunMemory.of(AgentRunRequest.newBuilder().setPrompt("fix the build").build());
  }

  private RunState forgedState() {
    RunMemory memory = memory();
    memory.resolved(
        fixture
            .agent()
            .resolveAgent(new AgentSelection(null, null, null, null, null, false, false)));
    return memory.save();
  }

  private static InvocationFacts withoutSession(ScriptedAgent agent) {
    return new InvocationFacts(null, false, null, false, null, 0, agent.now(), null, null);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void assertWaited(
      ScriptedAgent.Asked limited, ScriptedAgent.Asked resumed, Duration untilReset) {
    assertWaitedAtLeast(limited, resumed, untilReset.plus(MARGIN));
    Duration waited = Duration.between(limited.at(), resumed.at());
    assertTrue(
        waited.compareTo(untilReset.plus(LATEST)) <= 0,
        () -> "waited " + waited + " for a reset in " + untilReset);
  }

  private static void assertWaitedAtLeast(
      ScriptedAgent.Asked limited, ScriptedAgent.Asked resumed, Duration atLeast) {
    Duration waited = Duration.between(limited.at(), resumed.at());
    assertTrue(waited.compareTo(atLeast) >= 0, () -> "waited only " + waited + " of " + atLeast);
  }

  private static ApplicationFailure failureOf(WorkflowStub run) {
    WorkflowException failed =
        assertThrows(WorkflowException.class, () -> run.getResult(AgentRunResult.class));
    return assertInstanceOf(ApplicationFailure.class, failed.getCause());
  }

  private static String refusal(WorkflowStub run, String update, String argument) {
    WorkflowUpdateException refused =
        assertThrows(
            WorkflowUpdateException.class, () -> run.update(update, Object.class, argument));
    return refused.getCause().getMessage();
  }

  private static void assertCancelled(WorkflowStub run) {
    WorkflowException failed =
        assertThrows(WorkflowException.class, () -> run.getResult(AgentRunResult.class));
    assertInstanceOf(CanceledFailure.class, failed.getCause());
    RunStatus kept =
        (RunStatus) run.describe().getMemo(Names.MEMO_CANCELLED_STATUS, RunStatus.class);
    assertEquals(ScriptedAgent.CHOSEN, kept.session());
    assertEquals(AgentState.STOPPED, kept.state());
  }

  private static List<String> summaries(List<HistoryEvent> history) {
    List<String> summaries = new ArrayList<>();
    for (HistoryEvent event : history) {
      if (event.getUserMetadata().hasSummary()) {
        summaries.add(
            GlobalDataConverter.get()
                .fromPayload(event.getUserMetadata().getSummary(), String.class, String.class));
      }
    }
    assertInstanceOf(DefaultDataConverter.class, GlobalDataConverter.get());
    return summaries;
  }
}
