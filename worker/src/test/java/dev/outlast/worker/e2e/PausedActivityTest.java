package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.operator.ErrorCode;
import dev.outlast.worker.e2e.LedgerAgent.Entry;
import dev.outlast.worker.e2e.LedgerAgent.Event;
import dev.outlast.worker.e2e.LedgerAgent.Point;
import dev.outlast.worker.e2e.LedgerAgent.Task;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.api.workflowservice.v1.PauseActivityRequest;
import io.temporal.api.workflowservice.v1.UnpauseActivityRequest;
import io.temporal.api.workflowservice.v1.WorkflowServiceGrpc.WorkflowServiceBlockingStub;
import io.temporal.client.WorkflowStub;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An operator pauses an invocation with Temporal's own means. */
@Tag("server")
class PausedActivityTest {

  private static final Duration PATIENCE = Duration.ofSeconds(120);

  /** Longer than a paused invocation must stay without an agent here. */
  private static final Duration WATCHED = Duration.ofSeconds(8);

  @TempDir Path folder;
  @AutoClose private CrashStage stage;

  @Test
  void an_invocation_that_is_paused_ends_its_agent_and_goes_on_in_the_same_session_afterwards()
      throws Exception {
    stage = CrashStage.in(folder, 2);
    stage.startWorker();
    Task task = stage.agent().task("paused").hold(Point.SESSION, 1);
    WorkflowExecution run =
        WorkflowStub.fromTyped(stage.run(task, CrashStage.AGENT)).getExecution();
    task.awaitHeld(Point.SESSION, 1);
    assertEquals(1, starts(task).size(), task::told);
    WorkflowServiceBlockingStub server = stage.client().getWorkflowServiceStubs().blockingStub();
    String namespace = stage.client().getOptions().getNamespace();
    String activity = pending(server, namespace, run).getActivityId();

    long asked = System.nanoTime();
    server.pauseActivity(
        PauseActivityRequest.newBuilder()
            .setNamespace(namespace)
            .setExecution(run)
            .setId(activity)
            .build());
    Await.until(
        PATIENCE,
        () -> stage.processes().alive().isEmpty(),
        () -> "agents are left: " + stage.processes().alive());
    stage.disturbed(asked, "activity paused");
    Thread.sleep(WATCHED.toMillis());
    assertEquals(1, starts(task).size(), task::told);
    PendingActivityInfo paused = pending(server, namespace, run);
    assertEquals(activity, paused.getActivityId(), "it is the same invocation");
    assertTrue(paused.getPaused(), paused::toString);
    assertEquals(
        ErrorCode.PAUSED.code(),
        paused.getLastFailure().getApplicationFailureInfo().getType(),
        paused::toString);

    server.unpauseActivity(
        UnpauseActivityRequest.newBuilder()
            .setNamespace(namespace)
            .setExecution(run)
            .setId(activity)
            .build());
    stage.assertAllWell(List.of(task), PATIENCE);
    assertEquals(2, starts(task).size(), task::told);
    assertEquals("resume", starts(task).get(1).detail(), task::told);
  }

  private static PendingActivityInfo pending(
      WorkflowServiceBlockingStub server, String namespace, WorkflowExecution run) {
    return server
        .describeWorkflowExecution(
            DescribeWorkflowExecutionRequest.newBuilder()
                .setNamespace(namespace)
                .setExecution(run)
                .build())
        .getPendingActivities(0);
  }

  private static List<Entry> starts(Task task) throws Exception {
    return task.ledger().stream().filter(entry -> entry.event() == Event.START).toList();
  }
}
