package dev.outlast.worker.plugin;

import com.google.protobuf.Timestamp;
import dev.outlast.agent.HostSighting;
import dev.outlast.operator.Names;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.TaskQueueType;
import io.temporal.api.taskqueue.v1.PollerInfo;
import io.temporal.api.taskqueue.v1.TaskQueue;
import io.temporal.api.workflowservice.v1.DescribeTaskQueueRequest;
import io.temporal.client.WorkflowClient;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Which workers of a host the server hears of. A worker's identity ends with {@code @} and the id
 * of its host; and only workers of the host poll the host's own queue, whatever their identity is.
 * The first counts also while a worker has its hands full, when it does not poll that queue. The
 * server remembers a worker for about five minutes, and a living worker polls at least once a
 * minute. Thread-safe.
 */
public final class HostWorkers {

  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  /** What workers' identities are made of, up to the host id. */
  private static final String AT = "@";

  private final String taskQueue;
  private final String ownHost;
  private final Clock clock;
  private volatile WorkflowClient client;

  /**
   * A worker of a host.
   *
   * @param identity as the server knows it
   * @param lastSeen when it last began to poll, by the server's clock
   */
  public record Seen(String identity, Instant lastSeen) {}

  HostWorkers(String taskQueue, String ownHost, Clock clock) {
    this.taskQueue = taskQueue;
    this.ownHost = ownHost;
    this.clock = clock;
  }

  /** The server that is asked; set before anybody asks. */
  void connect(WorkflowClient toAsk) {
    client = toAsk;
  }

  /** The identity of a worker of this host that is called {@code chosen}; null for no name. */
  static String identity(String chosen, String hostId) {
    String name = chosen == null ? Long.toString(ProcessHandle.current().pid()) : chosen;
    return name.endsWith(AT + hostId) ? name : name + AT + hostId;
  }

  /**
   * When a worker of the host was last heard of. A server that cannot say it (the in-memory server)
   * serves this process, whose own host is therefore there, and no other one.
   *
   * @throws IllegalStateException if the server cannot be asked
   */
  HostSighting sighting(String hostId) {
    try {
      Optional<List<Seen>> workers = of(client, taskQueue, hostId);
      Instant now = clock.instant();
      if (workers.isEmpty()) {
        return new HostSighting(hostId.equals(ownHost) ? now : null, now);
      }
      Instant last =
          workers.get().stream().map(Seen::lastSeen).max(Comparator.naturalOrder()).orElse(null);
      return new HostSighting(last, now);
    } catch (StatusRuntimeException e) {
      throw new IllegalStateException(
          "host " + hostId + ": the server cannot be asked for its workers: " + e.getStatus(), e);
    }
  }

  /**
   * The workers of a host that the server has heard of lately, the latest first.
   *
   * @param taskQueue the queue of the workflows
   * @return empty if the server is one that cannot say
   * @throws StatusRuntimeException if the server cannot be asked
   */
  public static Optional<List<Seen>> of(WorkflowClient client, String taskQueue, String hostId) {
    Map<String, Instant> seen = new LinkedHashMap<>();
    try {
      for (PollerInfo poller : pollers(client, taskQueue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)) {
        if (poller.getIdentity().endsWith(AT + hostId)) {
          note(seen, poller);
        }
      }
      String hostQueue = Names.hostTaskQueue(taskQueue, hostId);
      pollers(client, hostQueue, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
          .forEach(poller -> note(seen, poller));
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        return Optional.empty();
      }
      throw e;
    }
    return Optional.of(
        seen.entrySet().stream()
            .map(each -> new Seen(each.getKey(), each.getValue()))
            .sorted(Comparator.comparing(Seen::lastSeen).reversed())
            .toList());
  }

  private static List<PollerInfo> pollers(WorkflowClient client, String queue, TaskQueueType type) {
    return client
        .getWorkflowServiceStubs()
        .blockingStub()
        .withDeadlineAfter(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
        .describeTaskQueue(
            DescribeTaskQueueRequest.newBuilder()
                .setNamespace(client.getOptions().getNamespace())
                .setTaskQueue(TaskQueue.newBuilder().setName(queue))
                .setTaskQueueType(type)
                .build())
        .getPollersList();
  }

  private static void note(Map<String, Instant> seen, PollerInfo poller) {
    Timestamp last = poller.getLastAccessTime();
    seen.merge(
        poller.getIdentity(),
        Instant.ofEpochSecond(last.getSeconds(), last.getNanos()),
        (a, b) -> a.isAfter(b) ? a : b);
  }
}
