package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AccountPolicy;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.HandoffNotes;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.ResumeWith;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.Worktree;
import dev.outlast.limit.AccountOpened;
import dev.outlast.limit.GateWord;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.api.enums.v1.EventType;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.converter.GlobalDataConverter;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.worker.WorkerFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A run that goes on with another of its agents when one is closed. */
@Timeout(300)
class FailoverTest {

  private static final Duration HOUR = Duration.ofHours(1);
  private static final AgentChoice CLAUDE = new AgentChoice("claude", null, null);
  private static final AgentChoice CODEX = new AgentChoice("codex", null, null);
  private static final AgentChoice GEMINI = new AgentChoice("gemini", null, null);
  private static final AgentChoice HOME = new AgentChoice("claude", "home", null);
  private static final String RELEASED = Names.RUN_ID_PREFIX + "released-meanwhile";
  private static final SessionId CODEX_SESSION = new SessionId("codex-session");

  @RegisterExtension final RunFixture fixture = new RunFixture();

  private ScriptedAgent agent;
  private SeveralAgents agents;

  @BeforeEach
  void worker() {
    agent = fixture.agent();
    agents = new SeveralAgents(agent);
    agent.notes = request -> new HandoffNotes("did half of it as " + request.provider());
  }

  private static AgentRunRequest.Builder request(AgentChoice... choices) {
    return AgentRunRequest.newBuilder()
        .setPrompt("fix the build")
        .setAgents(List.of(choices))
        .setOnLimit(AgentRunRequest.OnLimit.FAILOVER);
  }

  private WorkflowStub start(AgentChoice... choices) {
    return fixture.start(request(choices).build());
  }

  private AgentInvocation call(int number) {
    return agent.ledger().get(number).invocation();
  }

  private Instant at(int number) {
    return agent.ledger().get(number).at();
  }

  private List<String> changes(WorkflowStub run) {
    return fixture.events(run, RunEvent.Type.AGENT_CHANGED).stream().map(RunEvent::text).toList();
  }

  @Test
  void a_limit_is_not_waited_for_while_another_agent_is_open() {
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("codex/work", agents.completes("done"));
    Instant began = fixture.now();

    WorkflowStub run = start(CLAUDE, CODEX);
    AgentRunResult result = fixture.result(run);

    assertTrue(Duration.between(began, at(1)).compareTo(Duration.ofMinutes(1)) < 0);
    assertEquals("codex", result.agent());
    assertEquals(CODEX_SESSION, result.session());
    assertEquals(1, result.limitsHit());
    assertEquals(0, result.waitedSeconds());
    assertEquals(SessionStart.FRESH, call(1).start());
    assertNull(call(1).session(), "the id of another agent's session is not its own");
    assertNull(call(1).checkpoint());
    Incident incident = fixture.incidents(run).get(0);
    assertEquals(Incident.End.FAILED_OVER, incident.end());
    assertNull(incident.resumeAt(), "nothing was waited for");
    assertEquals(1, changes(run).size());
    assertEquals(incident.id(), fixture.events(run, RunEvent.Type.AGENT_CHANGED).get(0).incident());
    assertTrue(
        changes(run)
            .get(0)
            .startsWith("from claude/work to codex/work: the former is closed until"),
        changes(run).get(0));
    assertEquals(2, result.agents().size());
    assertTrue(result.agents().get(1).current());
    assertEquals(ScriptedAgent.CHOSEN, result.agents().get(0).session());
  }

  @Test
  void a_fresh_session_is_told_what_was_done_and_the_task() {
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("codex/work", agents.completes("done"));
    fixture.result(start(CLAUDE, CODEX));

    String message = call(1).message();
    assertTrue(message.contains("claude/work:\ndid half of it as claude"), message);
    assertTrue(message.endsWith("The task:\n\nfix the build"), message);
    assertEquals(1, agent.handoffs.size());
    assertEquals("claude", agent.handoffs.get(0).provider());
    assertEquals(ScriptedAgent.CHOSEN.value(), agent.handoffs.get(0).transcript().key());
    assertEquals("/srv/repo", agent.handoffs.get(0).workspace());
  }

  @Test
  void an_agent_that_was_refused_before_it_had_done_anything_hands_nothing_off() {
    agents.does("claude/work", agents.refusedFor(HOUR));
    agents.does("codex/work", agents.completes("done"));
    fixture.result(start(CLAUDE, CODEX));
    assertEquals("fix the build", call(1).message());
    assertTrue(agent.handoffs.isEmpty());
  }

  @Test
  void the_run_goes_back_to_the_preferred_agent_and_its_own_session_which_hears_what_it_missed() {
    agents.does("claude/work", agents.limitedFor(HOUR), agents.completes("done"));
    agents.does("codex/work", agents.limitedFor(HOUR.multipliedBy(3)));
    WorkflowStub run = start(CLAUDE, CODEX);
    AgentRunResult result = fixture.result(run);

    assertEquals(List.of("claude/work", "codex/work", "claude/work"), agents.order());
    assertEquals(SessionStart.RESUME, call(2).start());
    assertEquals(ScriptedAgent.CHOSEN, call(2).session());
    assertEquals(
        ScriptedAgent.checkpoint(ScriptedAgent.CHOSEN.value() + "-1"), call(2).checkpoint());
    assertTrue(call(2).message().contains("codex/work:\ndid half of it as codex"));
    assertTrue(call(2).message().endsWith("Then:\n\n" + ScriptedAgent.RESUME_MESSAGE));
    assertFalse(call(2).message().contains("fix the build"), "it has the prompt already");
    assertEquals("claude", result.agent());
    assertEquals(2, changes(run).size());
  }

  @Test
  void a_session_gets_the_prompt_of_a_later_turn_once() {
    CountDownLatch queued = new CountDownLatch(1);
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does(
        "codex/work",
        call -> {
          await(queued);
          return agents.completes("one").apply(call);
        },
        agents.limitedFor(HOUR.multipliedBy(3)));
    agents.does("claude/work", agents.limitedFor(HOUR.multipliedBy(9)));
    agents.does("codex/work", agents.completes("two"));
    WorkflowStub run = start(CLAUDE, CODEX);
    run.update(Names.UPDATE_SEND, Integer.class, "now the docs");
    queued.countDown();
    AgentRunResult result = fixture.result(run);

    assertEquals(2, result.turns());
    assertEquals(
        List.of("claude/work", "codex/work", "codex/work", "claude/work", "codex/work"),
        agents.order());
    assertEquals("now the docs", call(2).message());
    assertTrue(call(3).message().endsWith("Then:\n\nnow the docs"), "claude has not had it");
    assertTrue(
        call(4).message().endsWith("Then:\n\n" + ScriptedAgent.RESUME_MESSAGE), "codex has it");
    assertEquals(CODEX_SESSION, call(4).session());
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void two_accounts_that_keep_their_sessions_in_one_place_go_on_with_the_same_session() {
    agents.places.put("claude/work", "claude:/home/me/.claude@host-1");
    agents.places.put("claude/home", "claude:/home/me/.claude@host-1");
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("claude/home", agents.completes("done"));
    WorkflowStub run = start(CLAUDE, HOME);
    AgentRunResult result = fixture.result(run);

    assertEquals("home", result.account());
    assertEquals(SessionStart.RESUME, call(1).start());
    assertEquals(ScriptedAgent.CHOSEN, call(1).session());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, call(1).message());
    assertEquals(
        ScriptedAgent.checkpoint(ScriptedAgent.CHOSEN.value() + "-1"), call(1).checkpoint());
    assertTrue(agent.handoffs.isEmpty());
  }

  @Test
  void a_session_that_two_of_three_share_is_gone_on_with_as_the_last_of_them_left_it() {
    agents.places.put("claude/work", "here");
    agents.places.put("claude/home", "here");
    agents.does("claude/work", agents.limitedFor(HOUR), agents.completes("done"));
    agents.does("claude/home", agents.limitedFor(HOUR.multipliedBy(9)));
    agents.does("codex/work", agents.limitedFor(HOUR.multipliedBy(3)));
    fixture.result(start(CLAUDE, HOME, CODEX));
    assertEquals(
        List.of("claude/work", "claude/home", "codex/work", "claude/work"), agents.order());
    assertEquals(1, agent.handoffs.stream().filter(h -> h.provider().equals("claude")).count());
    assertEquals(
        ScriptedAgent.checkpoint(ScriptedAgent.CHOSEN.value() + "-2"), call(3).checkpoint());
    assertTrue(call(3).message().contains("as codex"), call(3).message());
    assertFalse(call(3).message().contains("as claude"), "that is its own session");
  }

  @Test
  void of_three_agents_each_hears_what_all_others_did_meanwhile() {
    agents.does("claude/work", agents.limitedFor(HOUR), agents.completes("done"));
    agents.does("codex/work", agents.limitedFor(HOUR.multipliedBy(9)));
    agents.does("gemini/work", agents.limitedFor(HOUR.multipliedBy(3)));
    fixture.result(start(CLAUDE, CODEX, GEMINI));
    assertEquals(
        List.of("claude/work", "codex/work", "gemini/work", "claude/work"), agents.order());
    String gemini = call(2).message();
    assertTrue(gemini.indexOf("as claude") < gemini.indexOf("as codex"), gemini);
    String claude = call(3).message();
    assertTrue(claude.contains("as codex") && claude.contains("as gemini"), claude);
  }

  @Test
  void when_all_are_closed_the_earliest_is_waited_for_where_operators_see_it() {
    agents.does("claude/work", agents.limitedFor(HOUR.multipliedBy(3)));
    agents.does("codex/work", agents.limitedFor(HOUR));
    agents.does("codex/work", agents.completes("done"));
    WorkflowStub run = start(CLAUDE, CODEX);
    RunStatus status = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);

    assertEquals("codex", status.agent());
    assertEquals(WaitsFor.LIMIT, status.waitsFor());
    assertEquals("session", status.scope());
    Duration left = Duration.between(fixture.now(), status.resumeAt());
    Duration least = HOUR.minusMinutes(1);
    assertTrue(left.compareTo(HOUR.plusSeconds(36)) <= 0 && left.compareTo(least) > 0, "" + left);
    assertTrue(status.agents().get(1).current());
    assertEquals(status.resumeAt(), status.agents().get(1).opensAt());
    assertTrue(status.agents().get(0).opensAt().isAfter(status.resumeAt()));
    assertTrue(fixture.details(run).get(0).startsWith("**waiting** for the session limit"));
    assertTrue(
        fixture.details(run).stream().anyMatch(l -> l.startsWith("Agents: claude/work closed")),
        fixture.details(run).toString());

    assertEquals("codex", fixture.result(run).agent());
    assertEquals(List.of("claude/work", "codex/work", "codex/work"), agents.order());
    assertFalse(at(2).isBefore(at(1).plus(HOUR)), "never before the reset");
    assertEquals(
        List.of(Incident.End.FAILED_OVER, Incident.End.RESUMED),
        fixture.incidents(run).stream().map(Incident::end).toList());
  }

  @Test
  void a_release_by_the_gate_of_any_of_them_ends_the_wait_and_that_one_goes_on() {
    agents.does("claude/work", agents.limitedFor(HOUR.multipliedBy(3)), agents.completes("done"));
    agents.does("codex/work", agents.limitedFor(HOUR));
    WorkflowStub run = start(CLAUDE, CODEX);
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    run.signal(Names.SIGNAL_ACCOUNT_OPENED, new AccountOpened("claude", "other", null, 7, false));
    run.signal(Names.SIGNAL_ACCOUNT_OPENED, new AccountOpened("claude", "work", null, 7, false));
    fixture.result(run);
    assertEquals(List.of("claude/work", "codex/work", "claude/work"), agents.order());
    assertTrue(at(2).isBefore(at(1).plus(Duration.ofMinutes(30))), "it was released");
    assertEquals(0, call(1).accountTurn().released(), "the other account has a gate of its own");
    assertEquals(7, call(2).accountTurn().released(), "so that no older answer of the gate counts");
    assertEquals(Incident.End.RELEASED, fixture.incidents(run).get(1).end());
  }

  @Test
  void a_run_that_does_not_wait_for_a_closed_account_says_so_to_its_gate() {
    agents.does("claude/work", agents.limitedFor(HOUR), agents.completes("done"));
    agents.does("codex/work", agents.limitedFor(HOUR.multipliedBy(3)));
    WorkflowStub run = start(CLAUDE, CODEX);
    fixture.result(run);
    assertEquals(List.of("claude/work", "codex/work", "claude/work"), agents.order());
    assertTrue(call(0).accountTurn().movesOn());
    assertFalse(call(1).accountTurn().movesOn(), "the other one is closed");
    assertFalse(call(2).accountTurn().movesOn(), "it still is");
  }

  @Test
  void an_operator_who_ends_the_wait_has_the_preferred_one_tried() {
    agents.does("claude/work", agents.limitedFor(HOUR.multipliedBy(3)), agents.completes("done"));
    agents.does("codex/work", agents.limitedFor(HOUR));
    WorkflowStub run = start(CLAUDE, CODEX);
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    run.signal(Names.SIGNAL_RESUME_NOW, "it was raised");
    fixture.result(run);
    assertEquals(List.of("claude/work", "codex/work", "claude/work"), agents.order());
    assertTrue(call(2).accountTurn().insists());
    assertEquals(Incident.End.RESUMED_BY_OPERATOR, fixture.incidents(run).get(1).end());
  }

  @Test
  void a_gate_that_is_shut_is_left_without_an_incident_and_its_word_is_kept_for_the_return() {
    agents.does(
        "claude/work",
        call ->
            new AgentOutcome.Deferred(
                agent.now().plus(HOUR),
                agent.now(),
                AgentOutcome.Deferred.Cause.ACCOUNT,
                null,
                null,
                new GateWord(false, Duration.ofMinutes(25), 3),
                "closed",
                null));
    agents.does("codex/work", agents.limitedFor(HOUR.multipliedBy(4)));
    agents.does("claude/work", agents.completes("done"));
    WorkflowStub run = start(CLAUDE, CODEX);
    RunStatus status = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    assertEquals("claude", status.agent());
    assertEquals(1, status.limitsHit());
    run.signal(Names.SIGNAL_ACCOUNT_OPENED, new AccountOpened("claude", "work", null, 4, false));
    fixture.result(run);
    assertTrue(at(2).isBefore(at(0).plus(HOUR)), "it was released");
    assertEquals(4, call(2).accountTurn().released());
    assertEquals("fix the build", call(1).message());
    assertEquals(List.of("claude/work", "codex/work", "claude/work"), agents.order());
  }

  @Test
  void quiet_hours_of_the_host_are_waited_for_without_a_hop_and_the_preferred_one_goes_on() {
    agents.does("claude/work", quiet(), agents.completes("done"));
    WorkflowStub run = start(CLAUDE, CODEX, GEMINI);
    RunStatus status = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    assertEquals("claude", status.agent());
    assertEquals(WaitsFor.ACCOUNT, status.waitsFor());
    for (String provider : List.of("claude", "codex")) {
      run.signal(Names.SIGNAL_ACCOUNT_OPENED, new AccountOpened(provider, "work", null, 9, false));
    }
    fixture.environment().sleep(Duration.ofSeconds(5));
    assertEquals(AgentState.WAITING, fixture.status(run).state(), "no gate ends quiet hours");
    fixture.result(run);
    assertEquals(List.of("claude/work", "claude/work"), agents.order());
    assertFalse(at(1).isBefore(at(0).plus(HOUR)));
    assertEquals(List.of(), changes(run));
  }

  @Test
  void quiet_hours_open_nothing_that_is_closed_for_longer() {
    agents.does("claude/work", agents.limitedFor(HOUR.multipliedBy(3)));
    agents.does("codex/work", quiet(), agents.completes("done"));
    WorkflowStub run = start(CLAUDE, CODEX, GEMINI);
    fixture.result(run);
    assertEquals(List.of("claude/work", "codex/work", "codex/work"), agents.order());
  }

  private Function<AgentInvocation, AgentOutcome> quiet() {
    return call ->
        new AgentOutcome.Deferred(
            agent.now().plus(HOUR),
            agent.now(),
            AgentOutcome.Deferred.Cause.ACCOUNT,
            null,
            null,
            null,
            "quiet hours",
            true);
  }

  @Test
  void deferrals_whose_moments_have_passed_do_not_send_a_run_to_and_fro_in_a_tight_loop() {
    Duration past = Duration.ofMinutes(-1);
    agents.does("claude/work", shut(past), shut(past), shut(past), agents.completes("done"));
    agents.does("codex/work", shut(past), shut(past), shut(past), agents.completes("done"));
    fixture.result(start(CLAUDE, CODEX));
    for (int i = 2; i < agents.order().size(); i++) {
      Duration both = Duration.between(at(i - 2), at(i));
      assertTrue(both.compareTo(DeferralWait.MIN_DEFERRAL) >= 0, i + ": " + both);
    }
  }

  @Test
  void asks_that_take_longer_than_the_gates_keep_a_run_out_do_not_send_it_round_in_circles() {
    agents.does("claude/work", slowly(shut(Duration.ZERO)), agents.completes("done"));
    agents.does("codex/work", slowly(shut(Duration.ZERO)));
    WorkflowStub run = start(CLAUDE, CODEX);
    fixture.result(run);
    assertEquals(List.of("claude/work", "codex/work", "claude/work"), agents.order());
    Duration waited = Duration.ofSeconds(fixture.status(run).waitedSeconds());
    assertTrue(waited.compareTo(Duration.ofMinutes(25)) >= 0, waited::toString);
  }

  @Test
  void whom_a_slow_round_of_asks_leaves_without_a_wait_of_its_own_waits_nevertheless() {
    agent.policy = withoutJitter();
    agents.does("claude/work", slowly(heldFor(HOUR.negated())), slowly(heldFor(HOUR.negated())));
    agents.does("codex/work", slowly(heldFor(HOUR.negated())), slowly(heldFor(HOUR.negated())));
    agents.does("claude/work", agents.completes("done"));
    WorkflowStub run = start(CLAUDE, CODEX);
    fixture.result(run);
    long waited = fixture.status(run).waitedSeconds();
    assertTrue(
        waited >= 2 * DeferralWait.MIN_DEFERRAL.toSeconds(), () -> waited + " s " + agents.order());
  }

  private static ResumePolicy withoutJitter() {
    ResumePolicy policy = ScriptedAgent.POLICY;
    return new ResumePolicy(
        policy.margin(),
        Duration.ZERO,
        policy.fallback(),
        policy.maxFallback(),
        policy.maxWait(),
        policy.maxTotalWait(),
        policy.maxAttempts(),
        policy.onCredit());
  }

  @Test
  void a_run_that_begins_with_the_next_reset_waits_for_that_of_its_preferred_account() {
    agents.does("claude/work", heldFor(HOUR), shut(HOUR));
    agents.does("codex/work", agents.completes("done"));
    WorkflowStub run =
        fixture.start(request(CLAUDE, CODEX).setStartAt(AgentRunRequest.NEXT_RESET).build());
    RunStatus status = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    assertEquals(WaitsFor.START, status.waitsFor());
    assertEquals("claude", status.agent());
    fixture.result(run);
    assertEquals(List.of("claude/work", "claude/work", "codex/work"), agents.order());
    assertFalse(at(1).isBefore(at(0).plus(HOUR)));
    assertTrue(at(2).isBefore(at(1).plusSeconds(30)), "it has waited for a window already");
    assertFalse(call(0).accountTurn().movesOn(), "it waits there");
    assertFalse(call(2).accountTurn().afterNextReset());
  }

  @Test
  void a_run_whose_account_has_no_known_reset_but_is_closed_begins_on_another() {
    agents.does("claude/work", shut(HOUR));
    agents.does("codex/work", agents.completes("done"));
    WorkflowStub run =
        fixture.start(request(CLAUDE, CODEX).setStartAt(AgentRunRequest.NEXT_RESET).build());
    fixture.result(run);
    assertEquals(List.of("claude/work", "codex/work"), agents.order());
    assertTrue(at(1).isBefore(at(0).plusSeconds(30)));
  }

  @Test
  void who_is_released_while_its_gate_is_asked_is_asked_again_before_another() {
    agents.does("claude/work", releasedMeanwhile(4, shut(HOUR)), agents.completes("done"));
    WorkflowStub run = fixture.startAs(RELEASED, request(CLAUDE, CODEX).build());
    fixture.result(run);
    assertEquals(List.of("claude/work", "claude/work"), agents.order());
    assertEquals(4, call(1).accountTurn().released());
  }

  @Test
  void who_is_released_while_it_meets_a_limit_goes_on_with_the_same_agent() {
    Function<AgentInvocation, AgentOutcome> limited =
        call -> {
          AgentOutcome.Limited plain = (AgentOutcome.Limited) agents.limitedFor(HOUR).apply(call);
          return new AgentOutcome.Limited(
              plain.facts(), plain.limit(), new GateWord(false, Duration.ofMinutes(25), 3));
        };
    agents.does("claude/work", releasedMeanwhile(4, limited), agents.completes("done"));
    WorkflowStub run = fixture.startAs(RELEASED, request(CLAUDE, CODEX).build());
    fixture.result(run);
    assertEquals(List.of("claude/work", "claude/work"), agents.order());
    assertEquals(Incident.End.RELEASED, fixture.incidents(run).get(0).end());
  }

  private Function<AgentInvocation, AgentOutcome> releasedMeanwhile(
      long version, Function<AgentInvocation, AgentOutcome> step) {
    return call -> {
      fixture
          .client()
          .newUntypedWorkflowStub(RELEASED)
          .signal(
              Names.SIGNAL_ACCOUNT_OPENED,
              new AccountOpened("claude", "work", null, version, false));
      return step.apply(call);
    };
  }

  /** Shut by the host alone, with no gate to release anybody. */
  private Function<AgentInvocation, AgentOutcome> heldFor(Duration left) {
    return call ->
        new AgentOutcome.Deferred(
            agent.now().plus(left),
            agent.now(),
            AgentOutcome.Deferred.Cause.ACCOUNT,
            null,
            null,
            null,
            "held",
            null);
  }

  private Function<AgentInvocation, AgentOutcome> slowly(
      Function<AgentInvocation, AgentOutcome> step) {
    return call -> {
      fixture.environment().sleep(Duration.ofSeconds(12));
      return step.apply(call);
    };
  }

  @Test
  void two_models_behind_one_gate_are_waited_for_with_the_preferred_one() {
    AgentChoice opus = new AgentChoice("claude", null, "opus");
    AgentChoice sonnet = new AgentChoice("claude", null, "sonnet");
    agents.does("claude/work", shut(HOUR.plusSeconds(5)), shut(HOUR), agents.completes("done"));
    WorkflowStub run = start(opus, sonnet);
    RunStatus status = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    assertEquals("opus", status.model());
    fixture.result(run);
    assertEquals("opus", call(2).model());
  }

  private Function<AgentInvocation, AgentOutcome> shut(Duration left) {
    return call ->
        new AgentOutcome.Deferred(
            agent.now().plus(left),
            agent.now(),
            AgentOutcome.Deferred.Cause.ACCOUNT,
            null,
            null,
            new GateWord(false, Duration.ofMinutes(25), 3),
            "closed",
            null);
  }

  @Test
  void a_limit_of_the_account_closes_all_its_choices_and_one_of_a_model_only_that() {
    AgentChoice opus = new AgentChoice("claude", null, "opus");
    AgentChoice sonnet = new AgentChoice("claude", null, "sonnet");
    agents.does(
        "claude/work",
        agents.limited(LimitScope.MODEL, true, HOUR),
        agents.limited(LimitScope.WEEKLY, true, HOUR.multipliedBy(50)));
    agents.does("codex/work", agents.completes("done"));
    fixture.result(start(opus, sonnet, new AgentChoice("claude", null, "haiku"), CODEX));
    assertEquals("opus", call(0).model());
    assertEquals("sonnet", call(1).model());
    assertEquals("codex", call(2).agent(), "haiku is of the same account");
  }

  @Test
  void an_agent_that_cannot_go_on_for_its_own_fault_is_replaced_until_none_is_left() {
    agents.does("claude/work", agents.stops(StopReason.AUTH), agents.completes("never"));
    agents.does("codex/work", agents.stops(StopReason.BILLING));
    WorkflowStub run = start(CLAUDE, CODEX);
    ApplicationFailure failure = fixture.failure(run);
    assertEquals(ErrorCode.AGENT_STOPPED.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("billing"), failure.getOriginalMessage());
    assertEquals(List.of("claude/work", "codex/work"), agents.order());
  }

  @Test
  void a_task_that_is_refused_is_not_tried_with_another_agent() {
    agents.does("claude/work", agents.stops(StopReason.REFUSED));
    assertEquals(ErrorCode.AGENT_STOPPED.code(), fixture.failure(start(CLAUDE, CODEX)).getType());
    assertEquals(1, agents.order().size());
  }

  @Test
  void notes_that_cannot_be_read_are_done_without() {
    agent.notes =
        request -> {
          throw ApplicationFailure.newFailure("the disk is gone", "test");
        };
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("codex/work", agents.completes("done"));
    WorkflowStub run = start(CLAUDE, CODEX);
    fixture.result(run);
    assertEquals(AgentCalls.MAX_HAND_OFF_ATTEMPTS, agent.handoffs.size());
    assertEquals(1, fixture.events(run, RunEvent.Type.WITHOUT_NOTES).size());
    assertTrue(call(1).message().endsWith("The task:\n\nfix the build"));
  }

  @Test
  void fifty_limits_in_turn_neither_loop_nor_grow_what_is_kept() {
    for (int i = 0; i < 25; i++) {
      agents.does("claude/work", agents.limitedFor(HOUR));
      agents.does("codex/work", agents.limitedFor(HOUR));
    }
    agents.does("claude/work", agents.completes("done"));
    agents.does("codex/work", agents.completes("done"));
    WorkflowStub run = start(CLAUDE, CODEX);
    AgentRunResult result = fixture.result(run);
    WorkflowStub last = fixture.latest(run);

    assertEquals(50, result.limitsHit());
    assertEquals(51, result.invocations());
    for (int i = 2; i <= 50; i++) {
      assertFalse(at(i).isBefore(at(i - 2).plus(HOUR)), "invocation " + i + " was too early");
    }
    assertTrue(fixture.events(last).size() <= RunEvent.MAX_KEPT);
    assertTrue(fixture.incidents(last).size() <= Incident.MAX_KEPT);
    assertTrue(fixture.incidents(last).stream().allMatch(incident -> incident.end() != null));
  }

  @Test
  void limits_without_progress_back_off_on_each_agent_by_itself() {
    for (int i = 0; i < 4; i++) {
      agents.does("claude/work", agents.limited(LimitScope.SESSION, false, null));
      agents.does("codex/work", agents.limited(LimitScope.SESSION, false, null));
    }
    agents.does("claude/work", agents.completes("done"));
    agents.does("codex/work", agents.completes("done"));
    fixture.result(start(CLAUDE, CODEX));
    List<Instant> claude =
        IntStream.range(0, agent.ledger().size())
            .filter(i -> call(i).agent().equals("claude"))
            .mapToObj(this::at)
            .toList();
    for (int i = 1; i < claude.size(); i++) {
      Duration least = Duration.ofHours(Math.min(1L << (i - 1), 6));
      assertFalse(claude.get(i).isBefore(claude.get(i - 1).plus(least)), "try " + i);
    }
  }

  @Test
  void the_agents_and_their_sessions_go_along_into_the_next_history() {
    agents.does("claude/work", agents.limitedFor(HOUR.multipliedBy(3)), agents.completes("done"));
    agents.does("codex/work", agents.limitedFor(HOUR.multipliedBy(5)));
    WorkflowStub run = start(CLAUDE, CODEX);
    RunStatus waiting = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    Duration step = Duration.ofMinutes(1);
    for (int i = 0; i < 1_400 && firstHistory(run); i++) {
      fixture
          .latest(run)
          .update(Names.UPDATE_CHANGE_RESUME, String.class, step.plusSeconds(i) + "");
    }
    assertFalse(firstHistory(run), "the history never grew long");
    RunStatus status = fixture.awaitStatus(fixture.latest(run), s -> s.resumeAt() != null);
    assertEquals(waiting.agents().get(1), status.agents().get(1));
    assertEquals("claude", status.agent());
    fixture.latest(run).getResult(AgentRunResult.class);
    assertEquals(List.of("claude/work", "codex/work", "claude/work"), agents.order());
    assertEquals(ScriptedAgent.CHOSEN, call(2).session());
    assertTrue(call(2).message().contains("as codex"), call(2).message());
    assertTrue(call(2).message().endsWith("Then:\n\n" + ScriptedAgent.RESUME_MESSAGE));
  }

  private boolean firstHistory(WorkflowStub run) {
    return fixture
        .latest(run)
        .describe()
        .getExecution()
        .getRunId()
        .equals(run.getExecution().getRunId());
  }

  @Test
  void cancelling_while_notes_are_read_starts_no_other_agent() {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch cancelled = new CountDownLatch(1);
    agent.notes =
        request -> {
          asked.countDown();
          await(cancelled);
          return new HandoffNotes("late");
        };
    agents.does("claude/work", agents.limitedFor(HOUR));
    WorkflowStub run = start(CLAUDE, CODEX);
    await(asked);
    run.cancel();
    WorkflowFailedException failed =
        assertThrows(WorkflowFailedException.class, () -> run.getResult(AgentRunResult.class));
    cancelled.countDown();
    assertTrue(failed.getCause() instanceof CanceledFailure, "" + failed.getCause());
    assertEquals(List.of("claude/work"), agents.order());
  }

  @Test
  void cancelling_while_all_are_closed_ends_the_incident() {
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("codex/work", agents.limitedFor(HOUR));
    WorkflowStub run = start(CLAUDE, CODEX);
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    run.cancel();
    assertThrows(WorkflowFailedException.class, () -> run.getResult(AgentRunResult.class));
    assertEquals(Incident.End.CANCELLED, fixture.incidents(run).get(1).end());
  }

  @Test
  void the_runs_own_worktree_is_all_agents_workspace() {
    agent.making =
        () -> new Worktree("/srv/repo", "/srv/trees/1", "outlast/1", "0123456", "/srv/trees/1");
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("codex/work", agents.completes("done"));
    fixture.result(fixture.start(request(CLAUDE, CODEX).setWorktree(true).build()));
    assertEquals(1, agent.makings.size());
    assertEquals("/srv/trees/1", call(0).workspace());
    assertEquals("/srv/trees/1", call(1).workspace());
    assertEquals("/srv/trees/1", agent.handoffs.get(0).workspace());
  }

  @Test
  void only_the_first_agent_goes_on_with_a_session_that_the_user_named_or_the_last_one() {
    agents.does("claude/work", agents.refusedFor(HOUR), agents.refusedFor(HOUR));
    agents.does("codex/work", agents.completes("one"), agents.completes("two"));
    SessionId named = new SessionId("named");
    fixture.result(fixture.start(request(CLAUDE, CODEX).setSession(named).build()));
    assertEquals(named, call(0).session());
    assertEquals(SessionStart.FRESH, call(1).start());
    assertNull(call(1).session());
    assertTrue(call(1).message().startsWith("This task was begun in another session"));

    fixture.result(fixture.start(request(CLAUDE, CODEX).setContinueLast(true).build()));
    assertEquals(SessionStart.CONTINUE_LAST, call(2).start());
    assertEquals(SessionStart.FRESH, call(3).start());
  }

  @Test
  void a_session_that_is_lost_after_the_return_is_replaced_with_a_handoff() {
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("codex/work", agents.limitedFor(HOUR.multipliedBy(3)));
    agents.does("claude/work", agents.stops(StopReason.SESSION_UNKNOWN), agents.completes("done"));
    fixture.result(start(CLAUDE, CODEX));
    assertEquals(SessionStart.FRESH, call(3).start());
    assertEquals("claude", call(3).agent());
    assertTrue(call(3).message().endsWith("The task:\n\nfix the build"), call(3).message());
  }

  @Test
  void a_list_with_an_agent_that_cannot_be_used_fails_at_once_and_names_its_place() {
    ApplicationFailure second = fixture.failure(start(CLAUDE, new AgentChoice("moon", null, null)));
    assertEquals(ErrorCode.UNKNOWN_AGENT.code(), second.getType());
    assertEquals(
        "[OUT1002] agents[1]: agent 'moon' is unknown; known: claude", second.getOriginalMessage());
    ApplicationFailure first = fixture.failure(start(new AgentChoice("moon", null, null), CLAUDE));
    assertEquals(
        "[OUT1002] agents[0]: agent 'moon' is unknown; known: claude", first.getOriginalMessage());
    ApplicationFailure twice =
        fixture.failure(start(CLAUDE, CODEX, new AgentChoice(null, "work", null)));
    assertEquals(ErrorCode.INVALID_REQUEST.code(), twice.getType());
    assertEquals(
        "[OUT1001] agents[2]: the same as agents[0], which is claude/work; name each once",
        twice.getOriginalMessage());
    assertTrue(agents.order().isEmpty());
  }

  @Test
  void the_number_of_resumes_that_a_request_allows_counts_changes_of_the_agent_too() {
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("codex/work", agents.limitedFor(HOUR));
    WorkflowStub run = fixture.start(request(CLAUDE, CODEX).setMaxAttempts(1).build());
    assertEquals(ErrorCode.GAVE_UP.code(), fixture.failure(run).getType());
    assertEquals(List.of("claude/work", "codex/work"), agents.order());
  }

  @Test
  void a_limit_longer_than_the_longest_wait_ends_the_run_only_if_all_are_closed() {
    agents.does("claude/work", agents.limitedFor(HOUR.multipliedBy(9)));
    agents.does("codex/work", agents.limitedFor(HOUR.multipliedBy(10)));
    WorkflowStub run =
        fixture.start(request(CLAUDE, CODEX).setMaxWait(HOUR.multipliedBy(2)).build());
    ApplicationFailure failure = fixture.failure(run);
    assertEquals(ErrorCode.GAVE_UP.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("all agents are closed"));
    assertEquals(List.of("claude/work", "codex/work"), agents.order());
    assertEquals(Incident.End.GIVEN_UP, fixture.incidents(run).get(1).end());
  }

  @Test
  void search_attributes_follow_the_present_agent() {
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("claude/home", agents.limitedFor(HOUR.multipliedBy(2)));
    agents.does("claude/work", agents.completes("done"));
    WorkflowStub run = start(CLAUDE, HOME);
    fixture.result(run);
    List<String> accounts = new ArrayList<>();
    fixture.history(run).stream()
        .filter(
            event -> event.getEventType() == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES)
        .map(
            event ->
                event
                    .getUpsertWorkflowSearchAttributesEventAttributes()
                    .getSearchAttributes()
                    .getIndexedFieldsMap()
                    .get(Names.AGENT_ACCOUNT.getName()))
        .filter(account -> account != null)
        .map(account -> GlobalDataConverter.get().fromPayload(account, String.class, String.class))
        .forEach(accounts::add);
    assertEquals(List.of("work", "home", "work"), accounts);
  }

  @Test
  void after_a_move_the_other_agents_are_looked_for_on_the_new_host_and_begin_afresh()
      throws Exception {
    String queue = Names.hostTaskQueue(Names.TASK_QUEUE, "host-1");
    agent.taskQueue = queue;
    agent.seenAgo = null;
    agent.hostPolicy =
        new HostPolicy(
            HostPolicy.OnBusy.WAIT,
            HostPolicy.OnContinued.PAUSE,
            HostPolicy.OnHostLost.MOVE,
            HostPolicy.MIN_HOST_GRACE);
    agents.does("claude/work", agents.limitedFor(HOUR), agents.limitedFor(HOUR.multipliedBy(9)));
    agents.does("codex/work", agents.limitedFor(HOUR.multipliedBy(2)), agents.completes("done"));
    WorkerFactory lost = fixture.startHost(queue);
    WorkflowStub run = start(CLAUDE, CODEX);
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    lost.shutdownNow();
    lost.awaitTermination(1, TimeUnit.MINUTES);
    agent.host = "host-2";
    agent.taskQueue = null;
    fixture.result(run);

    assertEquals(List.of("claude/work", "codex/work", "claude/work", "codex/work"), agents.order());
    assertEquals(SessionStart.FRESH, call(2).start());
    assertTrue(call(2).message().contains("another computer"), call(2).message());
    assertEquals(SessionStart.FRESH, call(3).start());
    assertNull(call(3).session(), "its session is on the lost host");
    assertTrue(call(3).message().contains("as claude"), call(3).message());
    assertEquals("host-2", fixture.status(run).host());
  }

  @Test
  void a_large_session_is_not_read_again_by_another_account_either() {
    agents.policy = new AccountPolicy(OverageUse.USE, ResumeWith.AUTO, 1_000);
    agents.contextTokens = 2_000L;
    agents.places.put("claude/work", "here");
    agents.places.put("claude/home", "here");
    agents.does("claude/work", agents.limitedFor(HOUR));
    agents.does("claude/home", agents.completes("done"));
    WorkflowStub run = start(CLAUDE, HOME);
    fixture.result(run);
    assertEquals(SessionStart.FRESH, call(1).start());
    assertTrue(call(1).message().contains("as claude"), call(1).message());
    assertEquals(1, fixture.events(run, RunEvent.Type.RESUMES_WITH).size());
  }

  @Test
  void an_invocation_is_interrupted_by_no_release_of_another_account() {
    CountDownLatch working = new CountDownLatch(1);
    CountDownLatch told = new CountDownLatch(1);
    agents.does("claude/work", agents.limitedFor(HOUR.multipliedBy(3)));
    agents.does(
        "codex/work",
        call -> {
          working.countDown();
          await(told);
          return agents.completes("one").apply(call);
        });
    agents.does("claude/work", agents.completes("two"));
    WorkflowStub run = start(CLAUDE, CODEX);
    run.update(Names.UPDATE_SEND, Integer.class, "now the docs");
    await(working);
    run.signal(Names.SIGNAL_ACCOUNT_OPENED, new AccountOpened("claude", "work", null, 7, false));
    told.countDown();
    fixture.result(run);
    assertEquals(
        List.of("claude/work", "codex/work", "claude/work"),
        agents.order(),
        "it is preferred at the next invocation");
    assertTrue(call(2).message().endsWith("Then:\n\nnow the docs"), call(2).message());
  }
}
