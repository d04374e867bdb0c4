package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AccountTurn;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.AgentOutcome.Limited;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.AccountOpened;
import dev.outlast.limit.GateWord;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.CanceledFailure;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** How runs wait for an account that has a gate. */
@Timeout(300)
class AccountWaitTest {

  private static final Duration HOUR = Duration.ofHours(1);
  private static final Duration GRACE = Duration.ofMinutes(25);

  /** The latest that a wait may end, on a busy machine: workflow time passes meanwhile too. */
  private static final Duration LATEST =
      ScriptedAgent.POLICY.margin().plus(ScriptedAgent.POLICY.jitter()).plusSeconds(15);

  /** The most events from a limit to the resumed invocation, each counted. */
  private static final int MAX_EVENTS_PER_WAIT = 12;

  @RegisterExtension final RunFixture fixture = new RunFixture();

  private final AtomicReference<WorkflowStub> signalled = new AtomicReference<>();

  private Function<AgentInvocation, AgentOutcome> limited(GateWord word) {
    ScriptedAgent agent = fixture.agent();
    return call -> {
      Limited plain = (Limited) agent.limitedFor(HOUR).apply(call);
      return new Limited(plain.facts(), plain.limit(), word);
    };
  }

  private Function<AgentInvocation, AgentOutcome> modelLimited(GateWord word) {
    ScriptedAgent agent = fixture.agent();
    return call -> {
      Limited plain = (Limited) agent.limitedFor(HOUR).apply(call);
      UsageLimit limit = plain.limit();
      return new Limited(
          plain.facts(),
          new UsageLimit(
              limit.provider(),
              limit.account(),
              LimitScope.MODEL,
              ResetTime.exactly(agent.now().plus(HOUR)),
              limit.setBy(),
              limit.observedAt(),
              limit.evidence(),
              null),
          word);
    };
  }

  private Function<AgentInvocation, AgentOutcome> deferred(Duration left, GateWord word) {
    ScriptedAgent agent = fixture.agent();
    return call ->
        new Deferred(
            agent.now().plus(left),
            agent.now(),
            Deferred.Cause.ACCOUNT,
            null,
            null,
            word,
            "the account: session limit",
            null);
  }

  private Function<AgentInvocation, AgentOutcome> told(String why) {
    ScriptedAgent agent = fixture.agent();
    return call ->
        new Deferred(
            agent.now().plus(HOUR),
            agent.now(),
            Deferred.Cause.ACCOUNT,
            null,
            null,
            null,
            why,
            null);
  }

  private static GateWord first(long version) {
    return new GateWord(true, GRACE, version);
  }

  private static GateWord later(long version) {
    return new GateWord(false, GRACE, version);
  }

  private static AccountOpened opened(String model, long version) {
    return new AccountOpened("claude", "work", model, version, false);
  }

  private static void opens(WorkflowStub run, String model, long version) {
    run.signal(Names.SIGNAL_ACCOUNT_OPENED, opened(model, version));
  }

  private WorkflowStub waiting(String model) {
    WorkflowStub run =
        model == null
            ? fixture.start("fix the build")
            : fixture.start(Map.of("prompt", "fix the build", "model", model));
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    return run;
  }

  private AccountTurn turn(int invocation) {
    return fixture.agent().ledger().get(invocation).invocation().accountTurn();
  }

  private Duration resumedAfter(int invocation) {
    List<ScriptedAgent.Asked> ledger = fixture.agent().ledger();
    return Duration.between(ledger.get(invocation - 1).at(), ledger.get(invocation).at());
  }

  private void assertStillWaits(WorkflowStub run, int invocations) {
    fixture.environment().sleep(Duration.ofSeconds(5));
    assertEquals(AgentState.WAITING, fixture.status(run).state());
    assertEquals(invocations, fixture.agent().ledger().size());
  }

  private Incident.End onlyIncidentsEnd(WorkflowStub run) {
    List<Incident> incidents = fixture.incidents(run);
    assertEquals(1, incidents.size());
    return incidents.get(0).end();
  }

  @Test
  void whoever_tries_first_wakes_by_itself_at_the_reset() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(first(1)), agent.completes("done"));
    WorkflowStub run = fixture.start("fix the build");
    fixture.result(run);
    Duration after = resumedAfter(1);
    assertTrue(after.compareTo(HOUR.plus(ScriptedAgent.POLICY.margin())) >= 0, after::toString);
    assertTrue(after.compareTo(HOUR.plus(LATEST)) <= 0, after::toString);
    assertEquals(Incident.End.RESUMED, onlyIncidentsEnd(run));
    assertTrue(turn(1).since() != null, "it keeps its place in time");
  }

  @Test
  void the_others_wait_to_be_released_and_go_on_at_once_then() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(1)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    fixture.environment().sleep(HOUR.plus(LATEST));
    assertStillWaits(run, 1);
    opens(run, null, 2);
    fixture.result(run);
    assertTrue(resumedAfter(1).compareTo(HOUR.plus(LATEST).plusMinutes(1)) < 0);
    assertEquals(Incident.End.RELEASED, onlyIncidentsEnd(run));
    assertEquals(2, turn(1).released());
  }

  @Test
  void a_release_before_the_reset_counts_at_once() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(first(1)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    opens(run, null, 2);
    fixture.result(run);
    assertTrue(resumedAfter(1).compareTo(Duration.ofMinutes(5)) < 0);
  }

  @Test
  void whom_nobody_releases_asks_by_itself_in_the_end() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        limited(later(1)), deferred(Duration.ofMinutes(10), later(2)), agent.completes("done"));
    fixture.result(fixture.start("fix the build"));
    Duration after = resumedAfter(1);
    assertTrue(after.compareTo(HOUR.plus(GRACE)) >= 0, after::toString);
    assertTrue(after.compareTo(HOUR.plus(GRACE).plus(LATEST)) <= 0, after::toString);
    Duration again = resumedAfter(2);
    assertTrue(again.compareTo(GRACE.plusMinutes(10)) >= 0, again::toString);
    assertTrue(again.compareTo(GRACE.plusMinutes(11)) <= 0, again::toString);
  }

  @Test
  void who_was_deferred_and_tries_first_wakes_by_itself() {
    ScriptedAgent agent = fixture.agent();
    agent.does(deferred(HOUR, first(1)), agent.completes("done"));
    fixture.result(fixture.start("fix the build"));
    Duration after = resumedAfter(1);
    assertTrue(after.compareTo(HOUR.plus(ScriptedAgent.POLICY.margin())) >= 0, after::toString);
    assertTrue(after.compareTo(HOUR.plus(LATEST)) <= 0, after::toString);
  }

  @Test
  void a_run_says_why_its_account_lets_no_agent_start_and_no_longer_than_that() {
    ScriptedAgent agent = fixture.agent();
    String why = "five_hour: 92 % is used, and from 90 % on it is left alone until it begins anew";
    agent.does(told(why), told("[x](http://y)\n" + "z".repeat(400)), told(null));
    agent.does(agent.limitedFor(HOUR), agent.completes("done"));
    WorkflowStub run = waiting(null);
    assertEquals(WaitsFor.ACCOUNT, fixture.status(run).waitsFor());
    assertEquals(why, fixture.status(run).waitsWhy());
    assertTrue(
        fixture.details(run).get(0).startsWith("**waiting** for the account: " + why + "; asks"),
        () -> "" + fixture.details(run));

    run.signal(Names.SIGNAL_RESUME_NOW, "go");
    String hostile =
        fixture
            .awaitStatus(run, each -> each.waitsWhy() != null && !why.equals(each.waitsWhy()))
            .waitsWhy();
    assertTrue(hostile.startsWith("?x?(http://y)?zzz"), hostile);
    assertEquals(300, hostile.length());

    run.signal(Names.SIGNAL_RESUME_NOW, "go");
    fixture.awaitStatus(
        run, status -> status.state() == AgentState.WAITING && status.waitsWhy() == null);
    assertTrue(
        fixture.details(run).get(0).contains("the account, which is closed"),
        () -> "" + fixture.details(run));

    run.signal(Names.SIGNAL_RESUME_NOW, "go");
    RunStatus limited = fixture.awaitStatus(run, status -> status.limitsHit() == 1);
    assertEquals(null, limited.waitsWhy());
    fixture.result(run);
    assertEquals(null, fixture.status(run).waitsWhy());
  }

  @Test
  void a_release_that_comes_before_the_wait_is_not_lost() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(1)), agent.completes("done"));
    WorkflowStub run = startedWithSignalDuringItsInvocation(2);
    fixture.result(run);
    assertTrue(resumedAfter(1).compareTo(Duration.ofMinutes(5)) < 0);
  }

  @Test
  void a_release_that_is_older_than_the_gates_word_does_not_count() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(7)), agent.completes("done"));
    WorkflowStub run = startedWithSignalDuringItsInvocation(7);
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    assertStillWaits(run, 1);
    opens(run, null, 8);
    fixture.result(run);
  }

  /** A run that is told while its first agent is at work. */
  private WorkflowStub startedWithSignalDuringItsInvocation(long version) {
    fixture.agent().onInvoked =
        () -> {
          WorkflowStub run = signalled.getAndSet(null);
          if (run != null) {
            opens(run, null, version);
          }
        };
    String id = Names.RUN_ID_PREFIX + "told-early";
    signalled.set(fixture.client().newUntypedWorkflowStub(id));
    return fixture.startAs(id, Map.of("prompt", "fix the build"));
  }

  @Test
  void a_release_that_the_gate_was_shown_is_no_reason_to_ask_at_once_again() {
    ScriptedAgent agent = fixture.agent();
    Duration past = Duration.ofMinutes(-1);
    agent.does(
        limited(later(5)),
        deferred(past, later(3)),
        deferred(past, later(3)),
        agent.completes("done"));
    fixture.result(startedWithSignalDuringItsInvocation(9));
    assertEquals(9, turn(1).released());
    assertTrue(resumedAfter(1).compareTo(Duration.ofMinutes(1)) < 0, "it was released");
    assertNotBefore(DeferralWait.MIN_DEFERRAL.plus(GRACE), 2, 3);
  }

  @Test
  void no_deferral_whose_moment_has_passed_makes_a_run_ask_in_a_tight_loop() {
    ScriptedAgent agent = fixture.agent();
    Duration past = Duration.ofHours(-1);
    agent.does(
        deferred(past, null),
        deferred(past, null),
        deferred(past, first(1)),
        deferred(past, first(1)),
        deferred(past, later(1)),
        deferred(past, later(1)),
        agent.busy(Deferred.Cause.SESSION, "another-run", past),
        agent.busy(Deferred.Cause.SESSION, "another-run", past),
        agent.busy(Deferred.Cause.WORKSPACE, null, past),
        agent.busy(Deferred.Cause.WORKSPACE, null, past),
        agent.completes("done"));
    fixture.result(fixture.start("fix the build"));
    assertNotBefore(DeferralWait.MIN_DEFERRAL, IntStream.rangeClosed(1, 10).toArray());
  }

  private void assertNotBefore(Duration least, int... invocations) {
    for (int each : invocations) {
      Duration after = resumedAfter(each);
      assertTrue(after.compareTo(least) >= 0, () -> each + " came after " + after);
    }
  }

  @Test
  void only_newer_releases_of_its_own_account_and_model_end_a_wait() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(5)), agent.completes("done"));
    WorkflowStub run = waiting("opus");
    run.signal(Names.SIGNAL_ACCOUNT_OPENED, new AccountOpened("claude", "other", null, 9, false));
    run.signal(Names.SIGNAL_ACCOUNT_OPENED, new AccountOpened("codex", "work", null, 9, false));
    opens(run, "sonnet", 9);
    assertStillWaits(run, 1);
    opens(run, null, 10);
    fixture.result(run);
  }

  @Test
  void who_waits_for_a_model_goes_on_when_that_model_opens() {
    ScriptedAgent agent = fixture.agent();
    agent.does(modelLimited(later(1)), agent.completes("done"));
    WorkflowStub run = waiting("opus");
    opens(run, null, 2);
    opens(run, "sonnet", 3);
    assertStillWaits(run, 1);
    opens(run, "opus", 4);
    fixture.result(run);
    assertTrue(resumedAfter(1).compareTo(Duration.ofMinutes(5)) < 0);
  }

  @Test
  void who_names_no_model_waits_for_the_whole_account_also_at_the_limit_of_a_model() {
    ScriptedAgent agent = fixture.agent();
    agent.does(modelLimited(later(1)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    opens(run, "opus", 2);
    assertStillWaits(run, 1);
    opens(run, null, 3);
    fixture.result(run);
    assertTrue(resumedAfter(1).compareTo(Duration.ofMinutes(5)) < 0);
  }

  @Test
  void a_wait_that_the_gate_knows_nothing_of_is_not_ended_by_it() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(null), agent.completes("done"));
    WorkflowStub run = waiting(null);
    opens(run, null, 2);
    assertStillWaits(run, 1);
    fixture.result(run);
    assertEquals(Incident.End.RESUMED, fixture.incidents(run).get(0).end());
  }

  @Test
  void resumeNow_insists_once() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(1)), limited(later(2)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    run.signal(Names.SIGNAL_RESUME_NOW, "I know better");
    fixture.awaitStatus(run, status -> status.limitsHit() == 2);
    assertTrue(turn(1).insists());
    opens(run, null, 3);
    fixture.result(run);
    assertFalse(turn(2).insists());
    assertEquals(Incident.End.RESUMED_BY_OPERATOR, fixture.incidents(run).get(0).end());
    assertEquals(Incident.End.RELEASED, fixture.incidents(run).get(1).end());
  }

  @Test
  void resumeNow_insists_until_the_provider_has_been_asked() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        limited(later(1)),
        agent.stops(StopReason.SESSION_UNKNOWN, "no such session"),
        agent.completes("done"));
    WorkflowStub run = waiting(null);
    run.signal(Names.SIGNAL_RESUME_NOW, "I know better");
    fixture.result(run);
    assertTrue(turn(1).insists());
    assertTrue(turn(2).insists());
  }

  @Test
  void changeResume_ends_the_wait_at_its_moment_whoever_else_might_end_it() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(1)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    run.update(Names.UPDATE_CHANGE_RESUME, String.class, "10m");
    fixture.result(run);
    Duration after = resumedAfter(1);
    assertTrue(after.compareTo(Duration.ofMinutes(10)) >= 0, after::toString);
    assertTrue(after.compareTo(Duration.ofMinutes(11)) <= 0, after::toString);
  }

  @Test
  void an_earlier_moment_of_an_operator_insists_and_a_later_one_does_not() {
    assertInsists(true, "10m");
    assertInsists(false, "2h");
    assertInsists(true, "2h", "30m");
    assertInsists(false, "10m", "2h");
    assertInsists(true, "10m", "30m");
  }

  private void assertInsists(boolean wanted, String... moments) {
    ScriptedAgent agent = fixture.agent();
    int before = agent.ledger().size();
    agent.does(limited(first(1)), limited(first(2)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    for (String moment : moments) {
      run.update(Names.UPDATE_CHANGE_RESUME, String.class, moment);
    }
    fixture.result(run);
    assertEquals(wanted, turn(before + 1).insists(), () -> List.of(moments).toString());
    assertFalse(turn(before + 2).insists(), "it insists once");
  }

  @Test
  void who_is_released_before_an_operators_earlier_moment_asks_its_gate() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(1)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    run.update(Names.UPDATE_CHANGE_RESUME, String.class, "30m");
    opens(run, null, 2);
    fixture.result(run);
    assertFalse(turn(1).insists());
    assertEquals(Incident.End.RELEASED, onlyIncidentsEnd(run));
  }

  @Test
  void who_was_paused_while_others_were_released_asks_as_soon_as_it_goes_on() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(1)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    run.signal(Names.SIGNAL_PAUSE, "lunch");
    fixture.environment().sleep(HOUR.plusMinutes(3));
    assertEquals(1, agent.ledger().size());
    run.signal(Names.SIGNAL_UNPAUSE, "back");
    fixture.result(run);
    assertTrue(resumedAfter(1).compareTo(HOUR.plusMinutes(5)) < 0);
  }

  @Test
  void who_is_paused_and_goes_on_before_the_reset_still_waits_for_it() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(1)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    run.signal(Names.SIGNAL_PAUSE, "lunch");
    fixture.environment().sleep(Duration.ofMinutes(20));
    run.signal(Names.SIGNAL_UNPAUSE, "back");
    assertStillWaits(run, 1);
    fixture.result(run);
    Duration after = resumedAfter(1);
    assertTrue(after.compareTo(HOUR) >= 0, after::toString);
    assertTrue(after.compareTo(HOUR.plus(LATEST)) <= 0, after::toString);
  }

  @Test
  void a_release_does_not_end_a_pause() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(1)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    run.signal(Names.SIGNAL_PAUSE, "lunch");
    opens(run, null, 2);
    fixture.environment().sleep(Duration.ofMinutes(10));
    assertEquals(AgentState.PAUSED, fixture.status(run).state());
    assertEquals(1, agent.ledger().size());
    run.signal(Names.SIGNAL_UNPAUSE, "back");
    fixture.result(run);
    assertTrue(resumedAfter(1).compareTo(Duration.ofMinutes(15)) < 0, "nothing is waited for");
  }

  @Test
  void a_run_that_waits_for_the_hours_of_its_host_is_not_found_by_its_gate() {
    ScriptedAgent agent = fixture.agent();
    agent.does(deferred(HOUR, later(1)), deferred(HOUR, null), agent.completes("done"));
    WorkflowStub run = waiting(null);
    Instant since = fixture.status(run).waitingSince();
    assertNotNull(since);
    assertNotNull(shownSince(run));
    opens(run, null, 2);
    fixture.awaitStatus(
        run, status -> status.state() == AgentState.WAITING && agent.ledger().size() == 2);
    assertNull(fixture.status(run).waitingSince());
    assertNull(shownSince(run));
    fixture.result(run);
    assertEquals(since, turn(2).since(), "it keeps its place");
  }

  private static OffsetDateTime shownSince(WorkflowStub run) {
    return run.describe().getTypedSearchAttributes().get(Names.AGENT_WAITING_SINCE);
  }

  @Test
  void a_run_that_waits_to_be_released_is_cancelled_at_once() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(1)));
    WorkflowStub run = waiting(null);
    Instant asked = fixture.now();
    run.cancel();
    WorkflowException ended =
        assertThrows(WorkflowException.class, () -> run.getResult(AgentRunResult.class));
    assertInstanceOf(CanceledFailure.class, ended.getCause());
    Instant ends = fixture.events(run, RunEvent.Type.CANCELLED).get(0).at();
    assertTrue(Duration.between(asked, ends).compareTo(Duration.ofMinutes(1)) < 0);
    assertEquals(Incident.End.CANCELLED, onlyIncidentsEnd(run));
  }

  @Test
  void a_wait_for_a_model_goes_on_in_a_new_history_as_it_was() {
    ScriptedAgent agent = fixture.agent();
    agent.does(modelLimited(later(1)), agent.completes("done"));
    WorkflowStub run = waiting("opus");
    String firstRunId = run.getExecution().getRunId();
    WorkflowStub latest = fixture.latest(run);
    int touches = 0;
    while (latest.describe().getExecution().getRunId().equals(firstRunId)) {
      assertTrue(touches++ < RunHistory.MAX_EVENTS, "still in the first history");
      latest.signal(Names.SIGNAL_PAUSE, "touched");
      fixture.status(latest);
      latest.signal(Names.SIGNAL_UNPAUSE, "touched");
      fixture.status(latest);
    }
    fixture.awaitStatus(latest, status -> status.state() == AgentState.WAITING);
    opens(latest, null, 2);
    opens(latest, "sonnet", 3);
    assertStillWaits(latest, 1);
    opens(latest, "opus", 4);
    fixture.result(latest);
    assertEquals(2, agent.ledger().size());
    assertEquals(Incident.End.RELEASED, onlyIncidentsEnd(latest));
  }

  @Test
  void an_operators_moment_counts_in_a_new_history_too() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(1)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    String firstRunId = run.getExecution().getRunId();
    WorkflowStub latest = fixture.latest(run);
    int touches = 0;
    while (latest.describe().getExecution().getRunId().equals(firstRunId)) {
      assertTrue(touches++ < RunHistory.MAX_EVENTS, "still in the first history");
      latest.update(Names.UPDATE_CHANGE_RESUME, String.class, (30 * 60 + touches) + "s");
    }
    fixture.result(latest);
    Duration after = resumedAfter(1);
    assertTrue(after.compareTo(Duration.ofMinutes(30)) >= 0, after::toString);
    assertTrue(after.compareTo(HOUR) < 0, "no grace is left: " + after);
    assertTrue(turn(1).insists());
  }

  @Test
  void a_release_of_before_the_limit_does_not_end_the_wait_for_it() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(later(7)), agent.completes("done"));
    WorkflowStub run = waiting(null);
    opens(run, null, 6);
    opens(run, null, 7);
    assertStillWaits(run, 1);
    opens(run, null, 8);
    fixture.result(run);
    assertTrue(resumedAfter(1).compareTo(Duration.ofMinutes(5)) < 0);
  }

  @Test
  void a_run_that_is_to_begin_later_waits_visibly_for_its_start() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.completes("done"));
    Instant start = fixture.now().plus(HOUR);
    WorkflowStub run =
        fixture.start(Map.of("prompt", "fix the build", "startAt", start.toString()));
    RunStatus status = fixture.awaitStatus(run, each -> each.state() == AgentState.WAITING);
    assertEquals(WaitsFor.START, status.waitsFor());
    assertEquals(start, status.resumeAt());
    assertTrue(fixture.details(run).get(0).contains("start"), () -> "" + fixture.details(run));
    opens(run, null, 9);
    assertStillWaits(run, 0);
    fixture.result(run);
    assertFalse(agent.ledger().get(0).at().isBefore(start));
    assertEquals(0, fixture.status(run).waitedSeconds(), "nothing was limited");
  }

  @Test
  void a_run_that_is_to_begin_with_the_next_reset_waits_for_one_and_not_for_another() {
    ScriptedAgent agent = fixture.agent();
    agent.does(deferred(HOUR, null), agent.completes("done"));
    WorkflowStub run =
        fixture.start(Map.of("prompt", "fix the build", "startAt", AgentRunRequest.NEXT_RESET));
    RunStatus status = fixture.awaitStatus(run, each -> each.state() == AgentState.WAITING);
    assertEquals(WaitsFor.START, status.waitsFor());
    fixture.result(run);
    assertTrue(turn(0).afterNextReset());
    assertFalse(turn(1).afterNextReset());
    assertTrue(resumedAfter(1).compareTo(HOUR) >= 0);
    assertTrue(fixture.events(run, RunEvent.Type.NO_RESET).isEmpty());
  }

  @Test
  void no_release_ends_the_wait_for_the_reset_to_begin_with_but_an_operator_does() {
    ScriptedAgent agent = fixture.agent();
    agent.does(deferred(HOUR, null), deferred(HOUR, null), agent.completes("done"));
    Map<String, String> request =
        Map.of("prompt", "fix the build", "startAt", AgentRunRequest.NEXT_RESET);
    WorkflowStub released = fixture.start(request);
    fixture.awaitStatus(released, each -> each.state() == AgentState.WAITING);
    opens(released, null, 9);
    assertStillWaits(released, 1);
    WorkflowStub told = fixture.start(request);
    fixture.awaitStatus(told, each -> each.state() == AgentState.WAITING);
    told.signal(Names.SIGNAL_RESUME_NOW, "now");
    fixture.result(told);
    assertTrue(resumedAfter(2).compareTo(Duration.ofMinutes(5)) < 0);
    agent.does(agent.completes("done"));
    fixture.result(released);
    Duration after = Duration.between(agent.ledger().get(0).at(), agent.ledger().get(3).at());
    assertTrue(after.compareTo(HOUR) >= 0, after::toString);
  }

  @Test
  void a_run_without_a_known_reset_to_begin_with_says_that_it_has_begun_at_once() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.completes("done"));
    WorkflowStub run =
        fixture.start(Map.of("prompt", "fix the build", "startAt", AgentRunRequest.NEXT_RESET));
    fixture.result(run);
    assertEquals(1, fixture.events(run, RunEvent.Type.NO_RESET).size());
  }

  @Test
  void runs_that_wait_for_the_same_hour_do_not_wake_in_the_same_second_nor_for_a_release() {
    ScriptedAgent agent = fixture.agent();
    List<Duration> waits = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      agent.does(deferred(HOUR, null));
      WorkflowStub run = waiting(null);
      opens(run, null, 9);
      assertStillWaits(run, i + 1);
      Instant asked = agent.ledger().get(i).at();
      Duration wait = Duration.between(asked, fixture.status(run).resumeAt());
      assertTrue(wait.compareTo(HOUR.plus(ScriptedAgent.POLICY.margin())) >= 0, wait::toString);
      assertTrue(wait.compareTo(HOUR.plus(LATEST)) <= 0, wait::toString);
      waits.add(wait);
    }
    Duration spread = Collections.max(waits).minus(Collections.min(waits));
    assertTrue(spread.compareTo(Duration.ofSeconds(1)) > 0, () -> "they wake at " + waits);
  }

  @Test
  void a_wait_costs_few_events_for_who_tries_first_and_for_who_is_released() {
    ScriptedAgent agent = fixture.agent();
    agent.does(limited(first(1)), limited(later(2)), agent.completes("done"));
    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, status -> status.limitsHit() == 1);
    fixture.environment().sleep(HOUR.plus(LATEST));
    fixture.awaitStatus(
        run, status -> status.limitsHit() == 2 && status.state() == AgentState.WAITING);
    opens(run, null, 3);
    fixture.result(run);
    List<HistoryEvent> events = fixture.history(run);
    List<Integer> scheduled =
        positions(events, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED).stream().skip(1).toList();
    List<Integer> completed =
        positions(events, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED).stream().skip(1).toList();
    for (int wait = 0; wait < 2; wait++) {
      int cost = ofTwoTasks(events.subList(completed.get(wait) + 1, scheduled.get(wait + 1) + 1));
      assertTrue(cost <= MAX_EVENTS_PER_WAIT, "wait " + wait + " costs " + cost + " events");
    }
  }

  /** A busy server adds workflow tasks of its own, so those that a wait needs are counted once. */
  private static int ofTwoTasks(List<HistoryEvent> events) {
    long others =
        events.stream()
            .filter(event -> !event.getEventType().name().contains("WORKFLOW_TASK"))
            .count();
    return (int) others + 2 * 3;
  }

  private static List<Integer> positions(List<HistoryEvent> events, EventType type) {
    return IntStream.range(0, events.size())
        .filter(i -> events.get(i).getEventType() == type)
        .boxed()
        .toList();
  }
}
