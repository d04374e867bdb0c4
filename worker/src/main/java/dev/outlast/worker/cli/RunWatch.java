package dev.outlast.worker.cli;

import dev.outlast.agent.InvocationProgress;
import dev.outlast.operator.Names;
import dev.outlast.run.RunEvent;
import dev.outlast.run.RunStatus;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.TaskQueueType;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueRequest;
import io.temporal.api.workflowservice.v1.GetSystemInfoRequest;
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
  private static final Duration LAST_EVENTS = Duration.ofSeconds(3);
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
  private volatile FailedAttempt failed;
  private volatile String trouble;
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
      WorkflowExecutionDescription description = stub.describe();
      failed = FailedAttempt.of(description).orElse(null);
      progress = heartbeat(description).orElse(null);
      // In this order the events that led to the status are there before it is.
      RunStatus asked = stub.query(Names.QUERY_STATUS, RunStatus.class);
      askEvents();
      status = asked;
      heardAt = Instant.now();
    } catch (WorkflowException | StatusRuntimeException unanswered) {
      // No worker, or no server for the moment: the silence itself is what is shown.
      return;
    } catch (RuntimeException e) {
      trouble =
          "the run's answer cannot be read: " + Console.oneLine(String.valueOf(e.getMessage()));
    }
  }

  private synchronized void askEvents() throws InterruptedException {
    for (RunEvent event : stub.query(Names.QUERY_EVENTS, RunEvent[].class, seq)) {
      if (event.seq() > seq) {
        seq = event.seq();
        events.put(event);
      }
    }
  }

  private Optional<InvocationProgress> heartbeat(WorkflowExecutionDescription description) {
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

  /**
   * The events of a run that has ended which were not given before, oldest first. A worker has to
   * answer, which may be gone: then they are not waited for.
   */
  List<RunEvent> lastEvents() throws InterruptedException {
    List<RunEvent> last = newEvents();
    Thread asking =
        new Thread(
            () -> {
              try {
                askEvents();
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              } catch (RuntimeException e) {
                trouble = "the last events are not known: " + Console.oneLine(e.toString());
              }
            },
            "last-events");
    asking.setDaemon(true);
    asking.start();
    asking.join(LAST_EVENTS.toMillis());
    last.addAll(newEvents());
    return last;
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

  /** The invocation that failed and is tried again. */
  Optional<FailedAttempt> failed() {
    return Optional.ofNullable(failed);
  }

  /** What is wrong with the answers, given once. */
  Optional<String> trouble() {
    Optional<String> told = Optional.ofNullable(trouble);
    trouble = null;
    return told;
  }

  /** Whether the server answers at all. */
  boolean reachable() {
    try {
      client
          .getWorkflowServiceStubs()
          .blockingStub()
          .withDeadlineAfter(DESCRIBE_SECONDS, TimeUnit.SECONDS)
          .getSystemInfo(GetSystemInfoRequest.getDefaultInstance());
      return true;
    } catch (StatusRuntimeException e) {
      return e.getStatus().getCode() != Status.Code.UNAVAILABLE
          && e.getStatus().getCode() != Status.Code.DEADLINE_EXCEEDED;
    }
  }

  /** When the run last answered. */
  Optional<Instant> heardAt() {
    return Optional.ofNullable(heardAt);
  }

  /** What to tell somebody who wonders why nothing happens. */
  String whySilent() {
    String queue = Names.TASK_QUEUE;
    int workflowTasks = 0;
    try {
      WorkflowExecutionDescription run = stub.describe();
      queue = run.getTaskQueue();
      workflowTasks = run.getRawDescription().getPendingWorkflowTask().getAttempt();
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
    return workflowTasks > 1 ? unreadable(workflowTasks) : silent(queue);
  }

  private String unreadable(int attempts) {
    return "the worker cannot read or replay run "
        + id
        + " (attempt "
        + attempts
        + " of its workflow task); see the worker's log, and whether it is a version of Outlast"
        + " that knows this run. Nothing is lost: it goes on with a worker that can";
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
