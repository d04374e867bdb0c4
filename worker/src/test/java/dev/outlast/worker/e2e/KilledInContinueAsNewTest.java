package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.operator.AgentState;
import dev.outlast.run.AgentRun;
import dev.outlast.worker.e2e.LedgerAgent.Task;
import io.temporal.client.WorkflowExecutionDescription;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Kills while a waiting run goes on in a new history: an operator's many signals make the old one
 * long. One kill comes when it is about to end, and the next when the new one has just begun.
 */
@Tag("server")
@Execution(ExecutionMode.CONCURRENT)
class KilledInContinueAsNewTest {

  /** That many events before the history is long enough. */
  private static final int ABOUT_TO = 40;

  private static final int MAX_HISTORY_EVENTS = 4_000;
  private static final Duration PATIENCE = Duration.ofSeconds(600);

  @TempDir Path folder;
  @AutoClose private CrashStage stage;
  private Program worker;
  private Task task;
  private AgentRun run;
  private String firstRunId;

  @RepeatedTest(3)
  void a_worker_killed_in_continue_as_new_loses_nothing() throws Exception {
    a_run_waits();
    its_history_is_almost_long_enough();
    stage.killWorker(worker);
    touch(ABOUT_TO);
    worker = stage.startWorker();
    await(this::continued);
    stage.killWorker(worker);
    worker = stage.startWorker();

    it_resumes_once("worker");
  }

  @RepeatedTest(3)
  void a_server_killed_in_continue_as_new_loses_nothing() throws Exception {
    a_run_waits();
    its_history_is_almost_long_enough();
    stage.killServer();
    stage.startServer();
    touch(ABOUT_TO);
    await(this::continued);
    stage.killServer();
    stage.startServer();

    it_resumes_once("server");
  }

  private void a_run_waits() throws Exception {
    stage = CrashStage.in(folder, 2);
    worker = stage.startWorker();
    task = stage.agent().task("long", "limits 200");
    run = stage.run(task, CrashStage.AGENT);
    Await.until(
        PATIENCE,
        () -> run.status().state() == AgentState.WAITING,
        () -> "the run does not wait; " + task.told() + worker.output());
    firstRunId = describe().getExecution().getRunId();
  }

  private void it_resumes_once(String name) throws Exception {
    stage.assertAllWell(name + " killed in continue-as-new", List.of(task), PATIENCE);
    assertTrue(continued(), "the run has not gone on in a new history");
  }

  /** Polls as fast as it can: what is waited for is over in a moment. */
  private void await(BooleanSupplier condition) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, () -> "not within " + PATIENCE + stage.workersSay());
      Thread.sleep(2);
    }
  }

  private long length() {
    return describe().getRawDescription().getWorkflowExecutionInfo().getHistoryLength();
  }

  private boolean continued() {
    return !describe().getExecution().getRunId().equals(firstRunId);
  }

  private WorkflowExecutionDescription describe() {
    return stage.client().newUntypedWorkflowStub(task.name()).describe();
  }

  private void its_history_is_almost_long_enough() {
    while (length() < MAX_HISTORY_EVENTS - ABOUT_TO) {
      touch(1);
    }
  }

  /** Each time some events more, even while no worker lives. */
  private void touch(int times) {
    for (int i = 0; i < times; i++) {
      run.pause("to make the history longer");
      run.unpause("to make the history longer");
    }
  }
}
