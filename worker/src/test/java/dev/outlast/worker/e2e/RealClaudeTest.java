package dev.outlast.worker.e2e;

import static dev.outlast.worker.e2e.LoopbackModelApi.command;
import static dev.outlast.worker.e2e.LoopbackModelApi.overage;
import static dev.outlast.worker.e2e.LoopbackModelApi.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.Budget;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.SessionId;
import dev.outlast.limit.LimitScope;
import dev.outlast.operator.AgentState;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunResult;
import dev.outlast.run.Incident;
import dev.outlast.worker.e2e.LoopbackModelApi.Inference;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Claude Code, which alone says at once that it works on paid overage. */
class RealClaudeTest extends RealAgentTest {

  RealClaudeTest() {
    super(RealAgent.CLAUDE);
  }

  @Execution(ExecutionMode.SAME_THREAD)
  @Test
  void an_agent_on_overage_is_ended_and_its_session_goes_on_within_the_allowance()
      throws Exception {
    // Unless it is ended, the agent answers before the allowance is back.
    api.script(overage("echo half", LIMIT), text(ANSWER, Duration.ofSeconds(15)));
    AgentRun run = start(request().setOverage(OverageUse.AVOID).build());
    SessionId ended = awaitWait(run);
    Incident incident = run.incidents().get(0);
    assertEquals("overage-avoided", incident.limit().evidence().rule());
    assertEquals(LimitScope.SESSION, incident.limit().scope());
    assertEquals(api.reset(), incident.limit().reset().latest());
    assertEquals(List.of(), worker.agents());

    AgentRunResult result = result(run);
    assertEquals(ANSWER, result.text());
    assertEquals(ended, result.session());
    Inference last = api.inferences().get(api.inferences().size() - 1);
    // Its gate may call it before its own timer, which has a jitter, but not before the reset.
    assertFalse(last.at().isBefore(incident.limit().reset().latest()), last::toString);
    assertTrue(result.overageUsd() > 0, result::toString);
    // Both invocations cost the same; a resumed session tells the sum of both.
    assertEquals(2 * result.overageUsd(), result.costUsd(), 1e-9);
  }

  @Execution(ExecutionMode.SAME_THREAD)
  @Test
  void a_program_that_reaches_the_budget_ends_itself_and_its_session_goes_on_after_the_raise()
      throws Exception {
    api.script(command("echo half"), command("echo half"), text(ANSWER));
    AgentRun run = start(request().setBudget(new Budget(0.000_001, null)).build());
    Await.until(
        PATIENCE,
        () -> run.status().state() == AgentState.PAUSED,
        () -> "it does not pause; events: " + run.events(0) + "\nworker: " + worker.output());
    assertEquals(1, api.inferences().size(), () -> "more than one: " + api.inferences());
    double spent = run.status().costUsd();
    assertTrue(spent > 0, () -> run.status().toString());

    run.changeBudget(new Budget(1.5 * spent, null));
    Await.until(
        PATIENCE,
        () -> run.status().costUsd() > 1.5 * spent && run.status().state() == AgentState.PAUSED,
        () -> "it does not pause again; events: " + run.events(0) + "\n" + run.status());
    assertEquals(2, api.inferences().size(), () -> "more than two: " + api.inferences());

    run.changeBudget(new Budget(1.0, null));
    AgentRunResult result = result(run);
    assertEquals(ANSWER, result.text());
    assertEquals(3 * spent, result.costUsd(), 1e-9);
  }
}
