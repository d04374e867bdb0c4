package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AccountPolicy;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.ResumeWith;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import io.temporal.client.WorkflowStub;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a run does about paid use beyond its account's allowance, and what it says of it. */
@Timeout(180)
class OverageTest {

  private static final Duration HOUR = Duration.ofHours(1);

  @RegisterExtension final RunFixture fixture = new RunFixture();

  private WorkflowStub start(OverageUse overage) {
    return fixture.start(
        AgentRunRequest.newBuilder().setPrompt("fix the build").setOverage(overage).build());
  }

  private UsageLimit beyond(ResetTime reset) {
    return new UsageLimit(
        "claude",
        "work",
        LimitScope.SESSION,
        reset,
        UsageLimit.SetBy.WINDOW,
        fixture.agent().now(),
        new LimitEvidence("overage-avoided", "isUsingOverage", "stdout", "2.1.329", "UTC"),
        null);
  }

  private InvocationFacts onOverage(AgentInvocation call, double costUsd, Duration reset) {
    return new InvocationFacts(
        call.session(),
        true,
        "2.1.329",
        true,
        TokenUsage.NONE,
        costUsd,
        fixture.agent().now(),
        null,
        null,
        null,
        costUsd,
        beyond(ResetTime.exactly(fixture.agent().now().plus(reset))));
  }

  private Function<AgentInvocation, AgentOutcome> isEndedOnOverage(double costUsd) {
    return call -> {
      InvocationFacts facts = onOverage(call, costUsd, HOUR);
      return new AgentOutcome.Limited(facts, facts.overage());
    };
  }

  private Function<AgentInvocation, AgentOutcome> completesOnOverage(
      double costUsd, Duration reset) {
    return call -> new AgentOutcome.Completed(onOverage(call, costUsd, reset), "done");
  }

  @Test
  void a_run_that_avoids_overage_waits_for_the_allowance_and_says_what_it_cost() {
    ScriptedAgent agent = fixture.agent();
    agent.does(isEndedOnOverage(0.3), agent.completes("done"));
    Instant before = fixture.now();
    WorkflowStub run = start(OverageUse.AVOID);
    RunStatus waiting = fixture.awaitStatus(run, status -> status.state() == AgentState.WAITING);
    assertEquals(0.3, waiting.overageUsd());
    assertTrue(
        fixture.details(run).toString().contains("on paid overage: 0.30 USD"),
        () -> fixture.details(run).toString());

    AgentRunResult result = fixture.result(run);
    assertEquals(0.3, result.overageUsd());
    assertEquals(0.55, result.costUsd(), 1e-9);
    assertEquals(1, result.limitsHit());
    assertTrue(agent.ledger().get(1).at().isAfter(before.plus(HOUR)));
    assertEquals(OverageUse.AVOID, agent.ledger().get(0).invocation().spending().overage());
    assertEquals("overage-avoided", fixture.incidents(run).get(0).limit().evidence().rule());
    assertEquals(
        "the agent worked on paid overage, 0.30 USD; the run goes on within the allowance",
        fixture.events(run, RunEvent.Type.OVERAGE).get(0).text());
  }

  @Test
  void a_run_that_uses_overage_goes_on_and_shows_it() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch queued = new CountDownLatch(1);
    agent.does(
        call -> {
          agent.completesAfter(queued, "").apply(call);
          return completesOnOverage(0.3, HOUR).apply(call);
        },
        completesOnOverage(0, HOUR));
    WorkflowStub run = start((OverageUse) null);
    run.update(Names.UPDATE_SEND, Integer.class, "more");
    Instant before = fixture.now();
    queued.countDown();
    AgentRunResult result = fixture.result(run);
    assertEquals(0.3, result.overageUsd());
    assertEquals(0, result.limitsHit());
    assertTrue(agent.ledger().get(1).at().isBefore(before.plus(HOUR)));
    assertEquals(OverageUse.USE, agent.ledger().get(0).invocation().spending().overage());
    List<RunEvent> events = fixture.events(run, RunEvent.Type.OVERAGE);
    assertEquals("the agent worked on paid overage, 0.30 USD", events.get(0).text());
    assertEquals(
        "the agent worked on paid overage, at a cost that it has not told", events.get(1).text());
  }

  @Test
  void the_next_turn_is_not_begun_on_the_overage_that_the_last_one_came_to() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch queued = new CountDownLatch(1);
    agent.does(
        call -> {
          agent.completesAfter(queued, "").apply(call);
          return completesOnOverage(0.3, HOUR).apply(call);
        },
        agent.completes("done"));
    WorkflowStub run = start(OverageUse.AVOID);
    run.update(Names.UPDATE_SEND, Integer.class, "more");
    Instant before = fixture.now();
    queued.countDown();
    fixture.result(run);
    assertFalse(agent.ledger().get(1).at().isBefore(before.plus(HOUR)));
    assertEquals("more", agent.ledger().get(1).invocation().message());
  }

  @Test
  void an_allowance_that_has_come_back_meanwhile_is_not_waited_for() {
    ScriptedAgent agent = fixture.agent();
    CountDownLatch queued = new CountDownLatch(1);
    agent.does(
        call -> {
          agent.completesAfter(queued, "").apply(call);
          return completesOnOverage(0.3, HOUR.negated()).apply(call);
        },
        agent.completes("done"));
    WorkflowStub run = start(OverageUse.AVOID);
    run.update(Names.UPDATE_SEND, Integer.class, "more");
    queued.countDown();
    assertEquals(0, fixture.result(run).limitsHit());
  }

  @Test
  void the_workers_setting_counts_where_the_request_says_nothing_and_the_request_wins() {
    ScriptedAgent agent = fixture.agent();
    agent.accountPolicy = new AccountPolicy(OverageUse.AVOID, ResumeWith.SESSION, 1);
    agent.does(agent.completes("a"), agent.completes("b"));
    fixture.result(start((OverageUse) null));
    fixture.result(start(OverageUse.USE));
    assertEquals(OverageUse.AVOID, agent.ledger().get(0).invocation().spending().overage());
    assertEquals(OverageUse.USE, agent.ledger().get(1).invocation().spending().overage());
  }

  @Test
  void a_run_within_its_allowance_says_nothing_of_overage() {
    ScriptedAgent agent = fixture.agent();
    agent.does(agent.completes("done"));
    WorkflowStub run = start(OverageUse.AVOID);
    assertNull(fixture.result(run).overageUsd());
    assertNull(fixture.status(run).overageUsd());
    assertTrue(fixture.events(run, RunEvent.Type.OVERAGE).isEmpty());
  }
}
