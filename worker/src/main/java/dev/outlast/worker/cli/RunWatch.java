package dev.outlast.worker.cli;

import dev.outlast.agent.InvocationProgress;
import dev.outlast.operator.Names;
import dev.outlast.run.RunEvent;
import dev.outlast.run.RunStatus;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.TaskQueueType;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.client.WorkflowStub;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Asks a run every second how it is, on a thread of its own: a query hangs while no worker is there
 * to answer it. Thread-safe.
 */
final class RunWatch implements AutoCloseable {

  private static final Duration PERIOD = Duration.ofSeconds(1);
  private static final long DESCRIBE_SECONDS = 5;

  private final WorkflowClient client;
  private final String id;
  private final WorkflowStub stub;
  private final Thread thread;
  private final BlockingQueue<RunEvent> events = new LinkedBlockingQueue<>(RunEvent.MAX_KEPT);
  private volatile boolean closed;
  private volatile RunStatus status;
  private volatile InvocationProgress progress;
  private volatile Instant heardAt;
  private long seq;

  RunWatch(WorkflowClient client, String id) {
    this.client = client;
    this.id = id;
    stub = client.newUntypedWorkflowStub(id);
    thread = new Thread(this::watch, "watch");
    thread.setDaemon(true);
    thread.start();
  }

  private void watch() {
    try {
      while (!closed) {
        ask();
        Thread.sleep(PERIOD.toMillis());
      }
    } catch (InterruptedException e) {
      // Only close() interrupts.
      Thread.currentThread().interrupt();
    }
  }

  private void ask() throws InterruptedException {
    try {
      progress = heartbeat().orElse(null);
      RunEvent[] later = stub.query(Names.QUERY_EVENTS, RunEvent[].class, seq);
      for (RunEvent event : later) {
        if (event.seq() > seq) {
          seq = event.seq();
          events.put(event);
        }
      }
      status = stub.query(Names.QUERY_STATUS, RunStatus.class);
      heardAt = Instant.now();
    } catch (WorkflowException | StatusRuntimeException unanswered) {
      // No worker, or no server for the moment: the silence itself is what is shown.
      return;
    }
  }

  private Optional<InvocationProgress> heartbeat() {
    WorkflowExecutionDescription description = stub.describe();
    for (PendingActivityInfo activity :
        description.getRawDescription().getPendingActivitiesList()) {
      if (activity.hasHeartbeatDetails() && activity.getHeartbeatDetails().getPayloadsCount() > 0) {
        return Optional.ofNullable(
            client
                .getOptions()
                .getDataConverter()
                .fromPayload(
                    activity.getHeartbeatDetails().getPayloads(0),
                    InvocationProgress.class,
                    InvocationProgress.class));
      }
    }
    return Optional.empty();
  }

  /** Events that were not given before, oldest first. */
  List<RunEvent> newEvents() {
    List<RunEvent> drained = new ArrayList<>();
    events.drainTo(drained);
    return drained;
  }

  Optional<RunStatus> status() {
    return Optional.ofNullable(status);
  }

  Optional<InvocationProgress> progress() {
    return Optional.ofNullable(progress);
  }

  /** When the run last answered. */
  Optional<Instant> heardAt() {
    return Optional.ofNullable(heardAt);
  }

  /** What to tell somebody who wonders why nothing happens. */
  String whySilent() {
    String queue = Names.TASK_QUEUE;
    try {
      queue = stub.describe().getTaskQueue();
      int pollers =
          client
              .getWorkflowServiceStubs()
              .blockingStub()
              .withDeadlineAfter(DESCRIBE_SECONDS, TimeUnit.SECONDS)
              .describeTaskQueue(
                  DescribeTaskQueueRequest.newBuilder()
                      .setNamespace(client.getOptions().getNamespace())
                      .setTaskQueue(TaskQueue.newBuilder().setName(queue))
                      .setTaskQueueType(TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
                      .build())
              .getPollersCount();
      if (pollers == 0) {
        return "no worker polls task queue " + queue + "; start one: " + startWorker(queue);
      }
    } catch (WorkflowException | StatusRuntimeException unknown) {
      // Not every server tells about pollers; what follows is true in any case.
      return silent(queue);
    }
    return silent(queue);
  }

  private String silent(String queue) {
    return "no worker answers for "
        + id
        + " at the moment; nothing is lost, it goes on when one is there: "
        + startWorker(queue);
  }

  private static String startWorker(String queue) {
    return "outlast worker" + (queue.equals(Names.TASK_QUEUE) ? "" : " --task-queue " + queue);
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
