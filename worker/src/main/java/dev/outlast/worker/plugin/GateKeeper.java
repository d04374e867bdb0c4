package dev.outlast.worker.plugin;

import dev.outlast.limit.AccountOpened;
import dev.outlast.limit.GateKeeping;
import dev.outlast.limit.GateRelease;
import dev.outlast.limit.GateWaiter;
import dev.outlast.limit.RunPriority;
import dev.outlast.operator.Names;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowServiceException;
import io.temporal.common.SearchAttributes;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Finds the runs that wait for an account, and tells them that they may go on. Where the server
 * cannot be searched (the in-memory server), it goes by what the gate remembers. Thread-safe.
 */
final class GateKeeper implements GateKeeping {

  /** How many runs one look finds at most; the next look finds others. */
  static final int MAX_FOUND = 50_000;

  /** How many looks one release takes at most: a run may begin to wait while others are told. */
  static final int MAX_LOOKS = 5;

  /** How many runs are told at a time. */
  static final int BATCH = 50;

  /** Few runs are not spread as widely as many: this is the most between two. */
  static final Duration MOST_BETWEEN = Duration.ofSeconds(2);

  /** How long it takes at most until the server's index knows what a run has last said. */
  private static final Duration INDEX_LAG = Duration.ofSeconds(3);

  /** How many runs are asked at most to try first, of those that turn out to be gone. */
  private static final int MAX_GONE = 100;

  private volatile WorkflowClient client;

  /** The server that is asked; set before anybody asks. */
  void connect(WorkflowClient toAsk) {
    client = toAsk;
  }

  @Override
  public GateWaiter askToTry(GateRelease release) {
    return waiting(release).stream()
        .limit(MAX_GONE)
        .filter(waiter -> told(waiter, release, true))
        .findFirst()
        .orElse(null);
  }

  @Override
  public int release(GateRelease release) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    Set<String> done = new HashSet<>();
    int told = 0;
    for (int look = 0; look < MAX_LOOKS; look++) {
      List<GateWaiter> next =
          waiting(release).stream().filter(waiter -> done.add(waiter.run())).toList();
      if (release.most() > 0) {
        next = next.subList(0, Math.min(next.size(), release.most() - told));
      }
      if (next.isEmpty()) {
        return told;
      }
      told += release(context, release, next);
      if (release.most() > 0 && told >= release.most()) {
        return told;
      }
      pause(context, INDEX_LAG);
    }
    return told;
  }

  private int release(
      ActivityExecutionContext context, GateRelease release, List<GateWaiter> waiters) {
    Duration between = least(MOST_BETWEEN, release.spread().dividedBy(waiters.size()));
    int told = 0;
    for (int i = 0; i < waiters.size(); i++) {
      told += told(waiters.get(i), release, false) ? 1 : 0;
      boolean pause = between.compareTo(Duration.ofMillis(20)) > 0 || (i + 1) % BATCH == 0;
      if (pause && i + 1 < waiters.size()) {
        long batch = between.compareTo(Duration.ofMillis(20)) > 0 ? 1 : BATCH;
        pause(context, between.multipliedBy(batch));
      }
    }
    return told;
  }

  /** Tells the server that we live; throws when the gate does not want this any more. */
  private static void pause(ActivityExecutionContext context, Duration pause) {
    context.heartbeat(null);
    try {
      Thread.sleep(pause.toMillis());
    } catch (InterruptedException workerEnds) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the worker is going away; another one goes on", workerEnds);
    }
    context.heartbeat(null);
  }

  private boolean told(GateWaiter waiter, GateRelease release, boolean probe) {
    try {
      client
          .newUntypedWorkflowStub(waiter.run())
          .signal(
              Names.SIGNAL_ACCOUNT_OPENED,
              new AccountOpened(
                  release.provider(),
                  release.account(),
                  release.model(),
                  release.version(),
                  probe));
      return true;
    } catch (WorkflowNotFoundException hasEnded) {
      return false;
    }
  }

  /** The runs that wait for the account, the first first. */
  private List<GateWaiter> waiting(GateRelease release) {
    String query =
        "WorkflowType = '%s' AND ExecutionStatus = 'Running' AND %s = 'waiting' AND %s = %s AND %s = %s"
            .formatted(
                Names.AGENT_RUN,
                Names.AGENT_STATE.getName(),
                Names.AGENT_PROVIDER.getName(),
                quoted(release.provider()),
                Names.AGENT_ACCOUNT.getName(),
                quoted(release.account()));
    try (Stream<WorkflowExecutionMetadata> found = client.listExecutions(query)) {
      return found.limit(MAX_FOUND).map(GateKeeper::waiter).sorted(GateWaiter.FIRST).toList();
    } catch (WorkflowServiceException | StatusRuntimeException e) {
      if (cannotBeSearched(e)) {
        return release.remembered();
      }
      throw e;
    }
  }

  private static String quoted(String text) {
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }

  /** A server without an index, or one that does not know our search attributes. */
  private static boolean cannotBeSearched(RuntimeException e) {
    Status.Code code = Status.fromThrowable(e).getCode();
    return code == Status.Code.UNIMPLEMENTED || code == Status.Code.INVALID_ARGUMENT;
  }

  private static GateWaiter waiter(WorkflowExecutionMetadata run) {
    SearchAttributes known = run.getTypedSearchAttributes();
    Long priority = known.get(Names.AGENT_PRIORITY);
    OffsetDateTime since = known.get(Names.AGENT_WAITING_SINCE);
    boolean valid =
        priority != null && priority >= RunPriority.HIGHEST && priority <= RunPriority.LOWEST;
    return new GateWaiter(
        run.getExecution().getWorkflowId(),
        valid ? priority.intValue() : RunPriority.DEFAULT,
        since == null ? run.getStartTime() : since.toInstant(),
        null);
  }

  @Override
  public List<String> ended(List<String> runs) {
    return runs.stream().filter(this::hasEnded).toList();
  }

  private boolean hasEnded(String run) {
    try {
      return client.newUntypedWorkflowStub(run).describe().getStatus()
          != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
    } catch (WorkflowNotFoundException isForgotten) {
      return true;
    }
  }

  private static Duration least(Duration a, Duration b) {
    return a.compareTo(b) <= 0 ? a : b;
  }
}
