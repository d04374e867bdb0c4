package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.Budget;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.Spending;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.failure.ApplicationFailure;
import java.math.BigInteger;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A run uses no more than its budget without asking. */
@Timeout(180)
class BudgetTest {

  @RegisterExtension final RunFixture fixture = new RunFixture();

  private WorkflowStub start(Double costUsd, Long tokens) {
    return fixture.start(
        AgentRunRequest.newBuilder()
            .setPrompt("fix the build")
            .setBudget(new Budget(costUsd, tokens))
            .build());
  }

  /** The agent was ended since the rest of the budget was used, or it has ended itself for that. */
  private Function<AgentInvocation, AgentOutcome> spends(double costUsd, long tokens) {
    return call ->
        new AgentOutcome.Stopped(
            used(call, costUsd, tokens), StopReason.BUDGET, "all of it is used", null);
  }

  private Function<AgentInvocation, AgentOutcome> completesFor(double costUsd, long tokens) {
    return call -> new AgentOutcome.Completed(used(call, costUsd, tokens), "done");
  }

  private InvocationFacts used(AgentInvocation call, double costUsd, long tokens) {
    return new InvocationFacts(
        call.session(),
        true,
        "2.1.329",
        true,
        new TokenUsage(tokens, 0, 0, 0, 0),
        costUsd,
        fixture.agent().now(),
        null,
        null);
  }

  private RunStatus awaitPaused(WorkflowStub run) {
    return fixture.awaitStatus(run, status -> status.state() == AgentState.PAUSED);
  }

  private Budget change(WorkflowStub run, Object budget) {
    return run.update(Names.UPDATE_CHANGE_BUDGET, Budget.class, budget);
  }

  private String refusal(WorkflowStub run, Object budget) {
    WorkflowUpdateException refused =
        assertThrows(WorkflowUpdateException.class, () -> change(run, budget));
    return assertInstanceOf(ApplicationFailure.class, refused.getCause()).getOriginalMessage();
  }

  private Spending spending(int invocation) {
    return fixture.agent().ledger().get(invocation).invocation().spending();
  }

  @Test
  void a_run_whose_budget_is_spent_pauses_and_the_same_session_goes_on_after_the_raise() {
    ScriptedAgent agent = fixture.agent();
    agent.does(spends(1.5, 700), completesFor(0.25, 100));

    WorkflowStub run = start(1.0, 2_000L);
    RunStatus status = awaitPaused(run);
    assertEquals(
        "the budget is spent (1.50 USD of 1.00 USD, 700 of 2000 tokens); raise it with the update"
            + " changeBudget, or cancel",
        status.pausedBecause());
    assertEquals(Boolean.TRUE, status.budgetSpent());
    assertEquals(new Budget(1.0, 2_000L), status.budget());
    List<String> details = fixture.details(run);
    assertTrue(details.get(0).contains("1.50 USD of 1.00 USD"), details.toString());
    assertTrue(details.get(1).contains("changeBudget"), details.toString());
    assertTrue(details.toString().contains("budget: 1.00 USD, 2000 tokens"), details.toString());

    fixture.environment().sleep(Duration.ofDays(3));
    assertEquals(1, agent.ledger().size(), "nothing is started on a spent budget");

    Budget raised = new Budget(5.0, null);
    assertEquals(raised, change(run, raised));
    AgentRunResult result = fixture.result(run);
    assertEquals(1.75, result.costUsd());
    assertEquals(raised, result.budget());
    AgentInvocation resumed = agent.ledger().get(1).invocation();
    assertEquals(SessionStart.RESUME, resumed.start());
    assertEquals(ScriptedAgent.CHOSEN, resumed.session());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, resumed.message());
    assertEquals(new Spending(OverageUse.USE, 1.0, 2_000L), spending(0));
    assertEquals(new Spending(OverageUse.USE, 3.5, null), spending(1));
    assertEquals(1, fixture.events(run, RunEvent.Type.PAUSED).size());
    assertEquals("to 5.00 USD", fixture.events(run, RunEvent.Type.BUDGET_CHANGED).get(0).text());
    assertEquals(
        "the budget was raised", fixture.events(run, RunEvent.Type.UNPAUSED).get(0).text());
  }

  @Test
  void unpause_alone_does_not_let_a_run_spend_more() {
    fixture.agent().does(spends(1, 10), completesFor(0, 1));
    WorkflowStub run = start(1.0, null);
    awaitPaused(run);
    run.signal(Names.SIGNAL_UNPAUSE, "go on");
    fixture.environment().sleep(Duration.ofMinutes(1));

    assertEquals(AgentState.PAUSED, fixture.status(run).state());
    assertEquals(1, fixture.agent().ledger().size());
    List<RunEvent> pauses = fixture.events(run, RunEvent.Type.PAUSED);
    assertEquals(2, pauses.size());
    assertTrue(pauses.get(1).text().startsWith("the budget is spent (1.00 USD of 1.00 USD)"));
    change(run, new Budget(1.01, null));
    fixture.result(run);
  }

  @Test
  void a_pause_by_an_operator_outlasts_the_raise() {
    fixture.agent().does(spends(1, 10), completesFor(0, 1));
    WorkflowStub run = start(1.0, null);
    awaitPaused(run);
    run.signal(Names.SIGNAL_PAUSE, "not today");
    assertEquals("not today", fixture.status(run).pausedBecause());
    assertNull(fixture.status(run).budgetSpent());
    change(run, new Budget(2.0, null));
    fixture.environment().sleep(Duration.ofMinutes(1));
    assertEquals(AgentState.PAUSED, fixture.status(run).state());
    assertEquals(1, fixture.agent().ledger().size());
    run.signal(Names.SIGNAL_UNPAUSE, "now");
    fixture.result(run);
  }

  @Test
  void a_turn_that_was_answered_completes_and_the_next_one_is_not_begun() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch queued = new CountDownLatch(1);
    agent.does(
        call -> {
          agent.completesAfter(queued, "one").apply(call);
          return completesFor(0, 50).apply(call);
        },
        completesFor(0, 1));
    WorkflowStub run = start(null, 50L);
    run.update(Names.UPDATE_SEND, Integer.class, "and the tests");
    queued.countDown();
    awaitPaused(run);
    assertEquals(1, agent.ledger().size());
    change(run, new Budget(null, 51L));
    fixture.result(run);
    assertEquals("and the tests", agent.ledger().get(1).invocation().message());
    assertEquals(1, spending(1).tokensLeft());
  }

  @Test
  void an_answer_that_spends_all_of_it_is_an_answer() {
    fixture.agent().does(completesFor(9, 9_000));
    assertEquals("done", fixture.result(start(1.0, 1L)).text());
  }

  @Test
  void what_a_limit_interrupted_counts_and_the_wait_comes_before_the_pause() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));
    WorkflowStub run = start(null, 15L);
    fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    fixture.environment().sleep(Duration.ofHours(2));
    RunStatus status = awaitPaused(run);
    assertTrue(status.pausedBecause().contains("15 of 15 tokens"), status.pausedBecause());
    assertEquals(1, agent.ledger().size());
    change(run, new Budget(null, 1_000L));
    fixture.result(run);
  }

  @Test
  void what_an_agent_used_whose_worker_gave_it_back_counts() {
    ScriptedAgent agent = fixture.agent();
    agent.does(
        call -> {
          throw ApplicationFailure.newBuilder()
              .setType(ErrorCode.DRAINED.code())
              .setMessage("the worker is going away")
              .setNonRetryable(true)
              .setDetails(
                  new InvocationProgress(
                      InvocationProgress.Phase.ENDING,
                      call.session(),
                      true,
                      null,
                      null,
                      new TokenUsage(40, 0, 0, 0, 0),
                      "host-1",
                      1,
                      1,
                      null,
                      null,
                      0.5,
                      0.5,
                      null))
              .build();
        },
        agent.completes("done"));
    WorkflowStub run = start(2.0, 100L);
    AgentRunResult result = fixture.result(run);
    assertEquals(55, result.tokens().total());
    assertEquals(0.75, result.costUsd());
    assertEquals(0.5, result.overageUsd());
    assertEquals(new Spending(OverageUse.USE, 1.5, 60L), spending(1));
  }

  @Test
  void an_agent_that_is_ended_although_something_is_left_is_not_started_again_without_a_word() {
    fixture.agent().does(spends(0.99, 10), spends(0, 0), completesFor(0, 0));
    WorkflowStub run = start(1.0, null);
    awaitPaused(run);
    run.signal(Names.SIGNAL_UNPAUSE, "there is something left");
    fixture.awaitStatus(run, status -> status.invocations() == 2);
    awaitPaused(run);
    assertEquals(2, fixture.agent().ledger().size());
    change(run, new Budget(2.0, null));
    fixture.result(run);
  }

  @Test
  void a_raise_while_the_agent_works_lets_it_go_on_when_its_old_rest_is_used() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch raised = new CountDownLatch(1);
    agent.does(
        call -> {
          agent.completesAfter(raised, "").apply(call);
          return spends(1, 10).apply(call);
        },
        completesFor(0.5, 10));
    WorkflowStub run = start(1.0, null);
    fixture.awaitStatus(run, status -> status.invocations() == 1);
    change(run, new Budget(3.0, null));
    raised.countDown();
    fixture.result(run);
    assertTrue(fixture.events(run, RunEvent.Type.PAUSED).isEmpty());
    assertEquals(2.0, spending(1).costUsdLeft());
  }

  @Test
  void a_budget_goes_with_the_run_into_its_next_history() {
    ScriptedAgent agent = fixture.agent();
    agent.does(spends(1, 10), spends(4.5, 10), completesFor(0.25, 10));
    WorkflowStub run = start(1.0, null);
    awaitPaused(run);
    change(run, new Budget(5.0, null));
    fixture.awaitStatus(run, status -> status.costUsd() > 5);
    awaitPaused(run);
    String first = run.getExecution().getRunId();
    WorkflowStub latest = fixture.latest(run);
    // Signals that change nothing make the history long, and the pause goes on in the next one.
    for (int i = 0; i < RunHistory.MAX_EVENTS; i++) {
      latest.signal(Names.SIGNAL_RESUME_NOW, "no");
    }
    for (int i = 0; i < 1_200 && runId(latest).equals(first); i++) {
      fixture.environment().sleep(Duration.ofMillis(100));
    }
    assertTrue(!runId(latest).equals(first), "no next history");
    RunStatus status = fixture.status(latest);
    assertEquals(new Budget(5.0, null), status.budget());
    assertEquals(Boolean.TRUE, status.budgetSpent());
    assertEquals(5.5, status.costUsd());
    assertTrue(refusal(latest, new Budget(5.5, null)).contains("5.50 USD of 5.50 USD"));
    change(latest, new Budget(6.0, null));
    assertEquals(5.75, fixture.result(latest).costUsd());
    assertEquals(0.5, spending(2).costUsdLeft());
  }

  private static String runId(WorkflowStub run) {
    return run.describe().getExecution().getRunId();
  }

  @Test
  void a_wrong_budget_is_refused_with_what_is_wrong_and_changes_nothing() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch asked = new CountDownLatch(1);
    agent.does(
        spends(1.5, 700),
        call -> {
          agent.completesAfter(asked, "").apply(call);
          return completesFor(0, 0).apply(call);
        });
    WorkflowStub run = start(1.0, null);
    awaitPaused(run);

    Object[][] wrong = {
      {new Budget(null, null), "empty"},
      {new Budget(0.0, null), "budget.costUsd: got 0.0"},
      {new Budget(-1.0, null), "budget.costUsd: got -1.0"},
      {new Budget(Double.NaN, null), "budget.costUsd: got NaN"},
      {new Budget(Double.POSITIVE_INFINITY, null), "budget.costUsd: got Infinity"},
      {new Budget(1e9, null), "at most 1000000"},
      {new Budget(null, 0L), "budget.tokens: got 0"},
      {new Budget(null, -5L), "budget.tokens: got -5"},
      {new Budget(1.5, null), "the run has used 1.50 USD of 1.50 USD already"},
      {new Budget(0.1, null), "give more than that"},
      {new Budget(9.0, 700L), "700 of 700 tokens"},
    };
    for (Object[] each : wrong) {
      String message = refusal(run, each[0]);
      assertTrue(message.contains((String) each[1]), each[0] + ": " + message);
    }
    for (Object json : Arrays.asList(null, "much", 5, Map.of("tokens", "many"))) {
      assertThrows(WorkflowUpdateException.class, () -> change(run, json), String.valueOf(json));
    }
    assertEquals(new Budget(1.0, null), fixture.status(run).budget());
    assertEquals(AgentState.PAUSED, fixture.status(run).state());
    assertTrue(fixture.events(run, RunEvent.Type.BUDGET_CHANGED).isEmpty());

    change(run, Map.of("costUsd", 1.51));
    asked.countDown();
    fixture.result(run);
  }

  @Test
  void a_wrong_budget_of_a_request_fails_the_run_and_names_it() {
    Object[][] wrong = {
      {Map.of(), "budget: empty"},
      {Map.of("costUsd", -3), "budget.costUsd: got -3.0"},
      {Map.of("costUsd", 0), "budget.costUsd: got 0.0"},
      {Map.of("costUsd", "NaN"), "budget.costUsd: got \"NaN\""},
      {Map.of("costUsd", 1e300), "at most 1000000"},
      {Map.of("tokens", 0), "budget.tokens: got 0"},
      {Map.of("tokens", 1.5), "budget.tokens: got 1.5"},
      {
        Map.of("tokens", new BigInteger("99999999999999999999")),
        "budget.tokens: got 99999999999999999999"
      },
      {"5 USD", "budget: got \"5 USD\""},
    };
    for (Object[] each : wrong) {
      String message =
          fixture
              .failure(fixture.start(Map.of("prompt", "x", "budget", each[0])))
              .getOriginalMessage();
      assertTrue(message.contains((String) each[1]), each[0] + ": " + message);
    }
  }

  @Test
  void any_number_that_an_agent_tells_leaves_the_run_able_to_count() {
    fixture.agent().does(spends(Double.MAX_VALUE, Long.MAX_VALUE));
    WorkflowStub run = start(1.0, null);
    RunStatus status = awaitPaused(run);
    assertEquals(RunMemory.MAX_COST_USD, status.costUsd());
    assertEquals(Long.MAX_VALUE, status.tokens().total());
    assertTrue(refusal(run, new Budget(1e6, null)).contains("1000000000000.00 USD"));
    run.cancel();
    assertThrows(WorkflowException.class, () -> fixture.result(run));
  }
}
