package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunResult;
import io.temporal.api.enums.v1.TaskQueueType;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A worker on the real server, which goes away and comes back. */
@Tag("server")
class ReconnectTest {

  /**
   * How long after the server's return a worker polls again at the latest; on a busy machine it may
   * take as long as the server's start.
   */
  private static final Duration POLLS_AGAIN = Duration.ofSeconds(3);

  /** The machine may have something else to do just then; the SDK's own pauses are far longer. */
  private static final Duration BUSY = Duration.ofSeconds(6);

  /** Longer than a poll may last (70 s), and than the SDK's longest pause between failing polls. */
  private static final Duration LONG_OUTAGE = Duration.ofSeconds(100);

  private static final Duration SHORT_OUTAGE = Duration.ofSeconds(3);
  private static final int SHORT_OUTAGES = 7;
  private static final Duration PATIENCE = Duration.ofSeconds(180);

  @TempDir Path folder;
  @AutoClose private RealTemporal temporal;
  @AutoClose private Program worker;

  @AutoClose("shutdownNow")
  private WorkflowServiceStubs stubs;

  private WorkflowClient client;
  private String hostQueue;

  @BeforeEach
  void a_worker_polls() throws Exception {
    temporal = RealTemporal.start(folder);
    ScriptedClaude agent = ScriptedClaude.in(folder.resolve("agent"), Duration.ZERO);
    worker =
        WorkerProcess.start(
            temporal.address(),
            folder,
            "[agents.claude]\ncommand = [\"" + agent.executable() + "\"]\n",
            Map.of());
    stubs = temporal.newStubs();
    client = WorkflowClient.newInstance(stubs);
    hostQueue =
        Names.hostTaskQueue(
            Names.TASK_QUEUE, Files.readString(folder.resolve("state/host-id")).strip());
    answers("first");
  }

  @Test
  void after_a_long_outage_a_worker_polls_again_within_3_seconds() throws Exception {
    temporal.kill();
    Thread.sleep(LONG_OUTAGE.toMillis());
    serverReturnsAndWorkerPollsAgain("after " + LONG_OUTAGE.toSeconds() + " s");
    answers("second");
    assertEquals(1, occurrences("Temporal cannot be reached"), worker.output());
    assertEquals(1, occurrences("Temporal is reached again"), worker.output());
  }

  @Test
  void after_many_outages_in_a_row_a_worker_polls_again_within_3_seconds() throws Exception {
    for (int i = 1; i <= SHORT_OUTAGES; i++) {
      temporal.kill();
      Thread.sleep(SHORT_OUTAGE.toMillis());
      serverReturnsAndWorkerPollsAgain("after outage " + i);
    }
    answers("second");
  }

  /** The server, which has forgotten all pollers, hears of all of the worker's. */
  private void serverReturnsAndWorkerPollsAgain(String when) throws Exception {
    long since = System.nanoTime();
    temporal.start();
    long back = System.nanoTime();
    Duration start = Duration.ofNanos(back - since);
    Await.until(
        (start.compareTo(POLLS_AGAIN) > 0 ? start : POLLS_AGAIN).plus(BUSY),
        () ->
            polls(Names.TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
                && polls(Names.TASK_QUEUE, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
                && polls(hostQueue, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
        () -> "the worker does not poll; it says: " + worker.output());
    System.out.printf(
        "%s: polled %.1f s after the server was back, whose start took %.1f s%n",
        when, (System.nanoTime() - back) / 1e9, start.toMillis() / 1e3);
  }

  private boolean polls(String queue, TaskQueueType type) {
    return stubs
            .blockingStub()
            .describeTaskQueue(
                DescribeTaskQueueRequest.newBuilder()
                    .setNamespace("default")
                    .setTaskQueue(TaskQueue.newBuilder().setName(queue))
                    .setTaskQueueType(type)
                    .build())
            .getPollersCount()
        > 0;
  }

  private void answers(String id) throws Exception {
    AgentRun run =
        client.newWorkflowStub(
            AgentRun.class,
            WorkflowOptions.newBuilder().setTaskQueue(Names.TASK_QUEUE).setWorkflowId(id).build());
    WorkflowClient.start(run::run, AgentRunRequest.newBuilder().setPrompt(id).build());
    AgentRunResult result =
        WorkflowStub.fromTyped(run)
            .getResult(PATIENCE.toSeconds(), TimeUnit.SECONDS, AgentRunResult.class);
    assertTrue(result.text().startsWith("Done after"), result.text());
  }

  private long occurrences(String text) {
    return worker.output().lines().filter(line -> line.contains(text)).count();
  }
}
