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
import java.util.stream.Stream;

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
   * When a worker of the host was last heard of, by the server's clock, and so is the time of the
   * look: the latest that the server has heard of any worker, which is at most a minute ago, since
   * the one that asks polls too. A server that cannot say it (the in-memory server) serves this
   * process, whose own host is therefore there, and no other one.
   *
   * @throws IllegalStateException if the server cannot be asked
   */
  HostSighting sighting(String hostId) {
    try {
      Optional<Look> look = look(client, taskQueue, hostId);
      if (look.isEmpty()) {
        Instant now = clock.instant();
        return new HostSighting(hostId.equals(ownHost) ? now : null, now);
      }
      List<Seen> workers = look.get().workers();
      return new HostSighting(
          workers.isEmpty() ? null : workers.get(0).lastSeen(),
          look.get().newest() == null ? clock.instant() : look.get().newest());
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
    return look(client, taskQueue, hostId).map(Look::workers);
  }

  /**
   * @param workers of the host, the latest first
   * @param newest when any worker of any host was last heard of; null if none was
   */
  private record Look(List<Seen> workers, Instant newest) {}

  private static Optional<Look> look(WorkflowClient client, String taskQueue, String hostId) {
    List<PollerInfo> everybody;
    List<PollerInfo> ofHost;
    try {
      everybody = pollers(client, taskQueue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW);
      ofHost =
          pollers(
              client,
              Names.hostTaskQueue(taskQueue, hostId),
              TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY);
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        return Optional.empty();
      }
      throw e;
    }
    Map<String, Instant> seen = new LinkedHashMap<>();
    Stream.concat(
            everybody.stream().filter(poller -> poller.getIdentity().endsWith(AT + hostId)),
            ofHost.stream())
        .forEach(poller -> seen.merge(poller.getIdentity(), last(poller), HostWorkers::later));
    return Optional.of(
        new Look(
            seen.entrySet().stream()
                .map(each -> new Seen(each.getKey(), each.getValue()))
                .sorted(Comparator.comparing(Seen::lastSeen).reversed())
                .toList(),
            Stream.concat(everybody.stream(), ofHost.stream())
                .map(HostWorkers::last)
                .reduce(HostWorkers::later)
                .orElse(null)));
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

  private static Instant last(PollerInfo poller) {
    Timestamp last = poller.getLastAccessTime();
    return Instant.ofEpochSecond(last.getSeconds(), last.getNanos());
  }

  private static Instant later(Instant a, Instant b) {
    return a.isAfter(b) ? a : b;
  }
}
