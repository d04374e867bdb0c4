package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunResult;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Guarantees 1 to 4 on the real server, with {@code kill -9} in the wait. The agent's own ledger
 * says what it was told, when, and in which session.
 */
@Tag("server")
@Execution(ExecutionMode.CONCURRENT)
class KilledProcessesTest {

  /** Longer than a busy machine takes from the limit to the kill. */
  private static final Duration LIMIT = Duration.ofSeconds(45);

  private static final Duration AFTER_RESET = Duration.ofSeconds(5);
  private static final Duration DOWN = Duration.ofSeconds(3);
  private static final Duration PATIENCE = Duration.ofSeconds(180);
  private static final String PROMPT = "Do both halves.";

  @TempDir Path folder;
  @AutoClose private RealTemporal temporal;
  private ScriptedClaude agent;
  @AutoClose private Program worker;

  @AutoClose("shutdownNow")
  private WorkflowServiceStubs stubs;

  private AgentRun run;

  @BeforeEach
  void a_run_waits_for_its_reset() throws Exception {
    temporal = RealTemporal.start(folder);
    agent = ScriptedClaude.in(folder.resolve("agent"), LIMIT);
    worker = startWorker();
    stubs = temporal.newStubs();
    run =
        WorkflowClient.newInstance(stubs)
            .newWorkflowStub(
                AgentRun.class,
                WorkflowOptions.newBuilder()
                    .setTaskQueue(Names.TASK_QUEUE)
                    .setWorkflowId("killed")
                    .build());
    WorkflowClient.start(run::run, AgentRunRequest.newBuilder().setPrompt(PROMPT).build());
    Await.until(
        PATIENCE,
        () -> run.status().state() == AgentState.WAITING,
        () -> "the run does not wait; the worker says: " + worker.output());
  }

  @Test
  void a_worker_killed_in_the_wait_loses_nothing_and_the_session_is_resumed_once_and_not_early()
      throws Exception {
    worker.kill();
    Thread.sleep(DOWN.toMillis());
    worker = startWorker();

    the_same_session_went_on_once_after_the_reset(result());
  }

  @Test
  void a_run_whose_reset_passes_while_no_worker_lives_resumes_when_one_starts() throws Exception {
    worker.kill();
    Duration rest = Duration.between(Instant.now(), agent.reset().plus(AFTER_RESET));
    Thread.sleep(Math.max(0, rest.toMillis()));
    assertEquals(1, agent.ledger().size(), "nobody was there to resume");
    worker = startWorker();

    the_same_session_went_on_once_after_the_reset(result());
  }

  @Test
  void a_server_killed_in_the_wait_loses_nothing_and_the_session_is_resumed_once_and_not_early()
      throws Exception {
    temporal.kill();
    Thread.sleep(DOWN.toMillis());
    temporal.start();

    the_same_session_went_on_once_after_the_reset(result());
  }

  private void the_same_session_went_on_once_after_the_reset(AgentRunResult result)
      throws Exception {
    List<ScriptedClaude.Invocation> ledger = agent.ledger();
    assertEquals(2, ledger.size(), () -> "invocations: " + ledger);
    ScriptedClaude.Invocation first = ledger.get(0);
    ScriptedClaude.Invocation second = ledger.get(1);
    assertEquals("fresh", first.start());
    assertEquals(PROMPT, first.message());
    assertEquals("resume", second.start());
    assertEquals(first.session(), second.session());
    assertFalse(second.message().contains(PROMPT), "the prompt was sent again");
    Instant reset = agent.reset();
    assertFalse(
        second.at().isBefore(reset),
        () -> "resumed at " + second.at() + ", before the reset at " + reset);
    assertEquals(first.session(), result.session().value());
    assertEquals("Done after 2 messages.", result.text());
    assertEquals(1, result.limitsHit());
  }

  private AgentRunResult result() throws Exception {
    return WorkflowStub.fromTyped(run)
        .getResult(PATIENCE.toSeconds(), TimeUnit.SECONDS, AgentRunResult.class);
  }

  private Program startWorker() throws Exception {
    return WorkerProcess.start(
        temporal.address(),
        folder,
        "[agents.claude]\ncommand = [\"" + agent.executable() + "\"]\n",
        Map.of());
  }
}
