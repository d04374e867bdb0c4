package dev.outlast.worker.plugin;

import dev.outlast.limit.AccountOpened;
import dev.outlast.limit.GateKeeping;
import dev.outlast.limit.GateRelease;
import dev.outlast.limit.GateWaiter;
import dev.outlast.limit.RunPriority;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.api.enums.v1.PendingActivityState;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowServiceException;
import io.temporal.common.SearchAttributes;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the runs that wait for an account, and tells them that they may go on. Runs are found by
 * the server's index. A run that the gate remembers but the index does not show (it has begun to
 * wait a moment ago, or the server cannot be searched, as the in-memory server) is asked for
 * itself. A release of all also reaches those of them that use another account meanwhile, and go
 * back to this one when it is open, and those that an operator has paused in their wait: they need
 * not wait on when they go on. Paused runs are left alone otherwise.
 *
 * <p>What is done again, here or on another worker, goes on with those that still wait. Only where
 * places become free one by one, the order in which runs wait is remembered for a while: it may be
 * long, and the index is to be read as a whole to find the first. Thread-safe.
 */
final class GateKeeper implements GateKeeping {

  private static final Logger log = LoggerFactory.getLogger(GateKeeper.class);

  /** How many runs one look finds at most; the next look finds others. */
  static final int MAX_FOUND = 50_000;

  /** How many looks one release takes at most: a run may begin to wait while others are told. */
  static final int MAX_LOOKS = 5;

  /** Few runs are not spread as widely as many: this is the most between two. */
  static final Duration MOST_BETWEEN = Duration.ofSeconds(2);

  /**
   * The time between two looks: for so long a worker may tell a run to wait by what it remembers,
   * and then the run has to say so and the index to learn it.
   */
  static final Duration SETTLES = AccountGates.REMEMBERED.plusSeconds(3);

  /** How many runs that turn out to be gone are passed over in one search for one that tries. */
  static final int MAX_GONE = 1_000;

  /** How many runs are read from the index between two signs of life. */
  private static final int PAGE = 500;

  /** For how long the order in which runs wait is remembered: a new one that is urgent is late. */
  static final Duration ORDER_HOLDS = Duration.ofSeconds(30);

  /** Of how many accounts it is; each is {@link #MAX_FOUND} runs at most. */
  static final int MAX_ORDERS = 20;

  /** After so many runs that do not wait any more the order is read anew. */
  static final int MAX_STALE = 20;

  /** Of an activity that a host has; it may have been asked to end it. */
  private static final Set<PendingActivityState> AT_WORK =
      EnumSet.of(
          PendingActivityState.PENDING_ACTIVITY_STATE_STARTED,
          PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED,
          PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED);

  private final LongSupplier nanos;

  /** By provider and account; those that were used last come last. */
  private final Map<List<String>, Order> orders =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<List<String>, Order> eldest) {
          return size() > MAX_ORDERS;
        }
      };

  private volatile WorkflowClient client;

  GateKeeper() {
    this(System::nanoTime);
  }

  GateKeeper(LongSupplier nanos) {
    this.nanos = nanos;
  }

  /** The server that is asked; set before anybody asks. */
  void connect(WorkflowClient toAsk) {
    client = toAsk;
  }

  @Override
  public GateWaiter askToTry(GateRelease release) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    List<GateWaiter> found = found(context, release);
    List<GateWaiter> remembered = remembered(release, found);
    // The index does not say who waits for a model, but the gate remembers some who do.
    boolean byModel = release.model() != null;
    List<GateWaiter> all = new ArrayList<>(byModel ? remembered : found);
    all.addAll(byModel ? found : remembered);
    Set<GateWaiter> unsure = Set.copyOf(remembered);
    int gone = 0;
    for (GateWaiter waiter : all) {
      context.heartbeat(null);
      boolean waits = !unsure.contains(waiter) || mayBeTold(waiter, release, false);
      if (waits && told(waiter, release, true)) {
        return waiter;
      }
      if (++gone == MAX_GONE) {
        // That none waits would open the account.
        throw new IllegalStateException(
            "the server's index shows more than "
                + MAX_GONE
                + " runs that have ended; tried later");
      }
    }
    return null;
  }

  @Override
  public int release(GateRelease release) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    Duration spread = rest(release.spread(), context.getInfo());
    Set<String> done = new HashSet<>();
    int told = isByOrder(release) ? tellInOrder(context, release, done) : 0;
    if (release.most() > 0 && told >= release.most()) {
      return told;
    }
    for (int look = 0; look < MAX_LOOKS; look++) {
      if (look > 0) {
        pause(context, SETTLES);
      }
      List<GateWaiter> next = waiting(context, release, done);
      if (look == 0 && release.skip() > 0 && !next.isEmpty()) {
        Collections.rotate(next, -(release.skip() % next.size()));
      }
      if (next.isEmpty() && look > 0) {
        break;
      }
      told += release(context, release, next, spread, release.most() - told, done);
      if (look == 0 && isByOrder(release)) {
        remember(release, next, done);
      }
      if (release.most() > 0 && told >= release.most()) {
        break;
      }
    }
    return told;
  }

  /** In what order runs wait for an account, when that was read, and who was told since. */
  private static final class Order {
    private final List<GateWaiter> waiters;
    private final long read;
    private final Map<String, Long> told = new ConcurrentHashMap<>();

    Order(List<GateWaiter> waiters, long read) {
      this.waiters = waiters;
      this.read = read;
    }

    /** The rest of them and others, unless these were told just now; the first first. */
    List<GateWaiter> with(List<GateWaiter> others, long now) {
      Map<String, GateWaiter> all = new HashMap<>();
      waiters.forEach(waiter -> all.put(waiter.run(), waiter));
      all.keySet().removeAll(told.keySet());
      for (GateWaiter waiter : others) {
        Long before = told.get(waiter.run());
        if (before == null || now - before >= SETTLES.toNanos()) {
          all.put(waiter.run(), waiter);
        }
      }
      return all.values().stream().sorted(GateWaiter.FIRST).toList();
    }
  }

  /** Whether a few are told at once that wait for the account, and none of them twice in a row. */
  private static boolean isByOrder(GateRelease release) {
    return release.most() > 0
        && release.model() == null
        && release.skip() == 0
        && release.spread().isZero();
  }

  private static List<String> account(GateRelease release) {
    return List.of(release.provider(), release.account());
  }

  private void remember(GateRelease release, List<GateWaiter> waiters, Set<String> told) {
    long now = nanos.getAsLong();
    Order order = new Order(waiters, now);
    told.forEach(run -> order.told.put(run, now));
    synchronized (orders) {
      orders.put(account(release), order);
    }
  }

  /** Tells those that wait by the order that is remembered; nobody if none is. */
  private int tellInOrder(ActivityExecutionContext context, GateRelease release, Set<String> done) {
    Order order;
    synchronized (orders) {
      order = orders.get(account(release));
      if (order != null && nanos.getAsLong() - order.read >= ORDER_HOLDS.toNanos()) {
        orders.remove(account(release));
        order = null;
      }
    }
    if (order == null) {
      return 0;
    }
    Set<GateWaiter> remembered = Set.copyOf(release.remembered());
    long now = nanos.getAsLong();
    int told = 0;
    int gone = 0;
    for (GateWaiter waiter : order.with(release.remembered(), now)) {
      context.heartbeat(null);
      order.told.put(waiter.run(), now);
      done.add(waiter.run());
      // What the gate remembers is newer than the order.
      boolean waits =
          remembered.contains(waiter) ? mayBeTold(waiter, release, false) : waits(waiter, release);
      if (waits && told(waiter, release, false)) {
        told++;
      } else {
        gone++;
      }
      if (told == release.most() || gone == MAX_STALE) {
        break;
      }
    }
    return told;
  }

  /**
   * What is left of the time over which runs are spread, when workers before this one have done a
   * part; half of it at least, so that the rest is spread too. Both moments are the server's.
   */
  static Duration rest(Duration spread, ActivityInfo info) {
    long gone = info.getCurrentAttemptScheduledTimestamp() - info.getScheduledTimestamp();
    Duration rest = spread.minusMillis(Math.max(0, gone));
    Duration least = spread.dividedBy(2);
    return rest.compareTo(least) > 0 ? rest : least;
  }

  /**
   * Tells runs one after the other, each at its time; late ones at once.
   *
   * @param most how many are told; no bound if 0 or less
   */
  private int release(
      ActivityExecutionContext context,
      GateRelease release,
      List<GateWaiter> waiters,
      Duration spread,
      int most,
      Set<String> done) {
    if (waiters.isEmpty()) {
      return 0;
    }
    int count = most > 0 ? Math.min(most, waiters.size()) : waiters.size();
    long between = Math.min(MOST_BETWEEN.toNanos(), spread.dividedBy(count).toNanos());
    long begun = System.nanoTime();
    int told = 0;
    for (GateWaiter waiter : waiters) {
      pause(context, Duration.ofNanos(begun + told * between - System.nanoTime()));
      done.add(waiter.run());
      told += told(waiter, release, false) ? 1 : 0;
      if (told == count) {
        break;
      }
    }
    return told;
  }

  /** Tells the server that we live; throws when the gate does not want this any more. */
  private static void pause(ActivityExecutionContext context, Duration pause) {
    context.heartbeat(null);
    if (pause.isNegative() || pause.isZero()) {
      return;
    }
    try {
      Thread.sleep(pause.toMillis(), pause.toNanosPart() % 1_000_000);
    } catch (InterruptedException workerEnds) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("the worker is going away; another one goes on", workerEnds);
    }
  }

  /** Whether a run has been told; not if it has ended, or takes no signals. */
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
    } catch (WorkflowServiceException | StatusRuntimeException e) {
      Status.Code code = Status.fromThrowable(e).getCode();
      if (code == Status.Code.INVALID_ARGUMENT || code == Status.Code.FAILED_PRECONDITION) {
        // The others shall not wait for a run that cannot be told; its own timer wakes it.
        log.warn(
            "Run {} cannot be told that its account is open: {}", waiter.run(), e.getMessage());
        return false;
      }
      throw e;
    }
  }

  /** The runs that wait for the account, or would rather use it, the first first. */
  private List<GateWaiter> waiting(
      ActivityExecutionContext context, GateRelease release, Set<String> done) {
    List<GateWaiter> found = found(context, release);
    found.removeIf(waiter -> done.contains(waiter.run()));
    List<GateWaiter> all = new ArrayList<>(found);
    for (GateWaiter waiter : remembered(release, found)) {
      context.heartbeat(null);
      if (!done.contains(waiter.run()) && mayBeTold(waiter, release, release.most() == 0)) {
        all.add(waiter);
      }
    }
    all.sort(GateWaiter.FIRST);
    return all;
  }

  /** Those that the index knows to wait, the first first; none where it cannot be searched. */
  private List<GateWaiter> found(ActivityExecutionContext context, GateRelease release) {
    AgentState[] states =
        release.most() == 0
            ? new AgentState[] {AgentState.WAITING, AgentState.PAUSED}
            : new AgentState[] {AgentState.WAITING};
    String query =
        // Runs wait for other things too, and only those that wait for an account say since when.
        ("WorkflowType = '%s' AND ExecutionStatus = 'Running' AND %s IN (%s) AND %s = %s"
                + " AND %s = %s AND %s IS NOT NULL")
            .formatted(
                Names.AGENT_RUN,
                Names.AGENT_STATE.getName(),
                Stream.of(states)
                    .map(state -> quoted(state.word()))
                    .collect(Collectors.joining(", ")),
                Names.AGENT_PROVIDER.getName(),
                quoted(release.provider()),
                Names.AGENT_ACCOUNT.getName(),
                quoted(release.account()),
                Names.AGENT_WAITING_SINCE.getName());
    List<GateWaiter> found = new ArrayList<>();
    Set<String> runs = new HashSet<>();
    try (Stream<WorkflowExecutionMetadata> listed = client.listExecutions(query)) {
      for (Iterator<WorkflowExecutionMetadata> each = listed.iterator();
          found.size() < MAX_FOUND && each.hasNext(); ) {
        GateWaiter waiter = waiter(each.next());
        // A list that changes while it is read may name a run twice.
        if (runs.add(waiter.run())) {
          found.add(waiter);
        }
        if (found.size() % PAGE == 0) {
          context.heartbeat(null);
        }
      }
    } catch (RuntimeException e) {
      if (!cannotBeSearched(e)) {
        throw e;
      }
    }
    found.sort(GateWaiter.FIRST);
    return found;
  }

  /** Those of whom only the gate knows, the first first. */
  private static List<GateWaiter> remembered(GateRelease release, List<GateWaiter> found) {
    Set<String> runs = new HashSet<>();
    found.forEach(waiter -> runs.add(waiter.run()));
    return release.remembered().stream()
        .filter(waiter -> !runs.contains(waiter.run()))
        .sorted(GateWaiter.FIRST)
        .toList();
  }

  /**
   * Whether a run may still want the account, as it says itself. One that runs may be about to
   * wait, and remembers what it is told.
   *
   * @param all whether that holds for one that is paused, too, or uses another account: it has gone
   *     there for the time being, and takes a place of this one later or not at all
   */
  private boolean mayBeTold(GateWaiter waiter, GateRelease release, boolean all) {
    try {
      return mayBeTold(client.newUntypedWorkflowStub(waiter.run()).describe(), release, all);
    } catch (WorkflowNotFoundException isForgotten) {
      return false;
    }
  }

  private static boolean mayBeTold(
      WorkflowExecutionMetadata run, GateRelease release, boolean all) {
    SearchAttributes says = run.getTypedSearchAttributes();
    return run.getStatus() == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
        && Names.AGENT_RUN.equals(run.getWorkflowType())
        && (all
            || (!AgentState.PAUSED.word().equals(says.get(Names.AGENT_STATE))
                && saysOrIsSilent(says.get(Names.AGENT_PROVIDER), release.provider())
                && saysOrIsSilent(says.get(Names.AGENT_ACCOUNT), release.account())));
  }

  /** Whether a run that was found to wait for the account still does. */
  private boolean waits(GateWaiter waiter, GateRelease release) {
    try {
      WorkflowExecutionMetadata run = client.newUntypedWorkflowStub(waiter.run()).describe();
      String state = run.getTypedSearchAttributes().get(Names.AGENT_STATE);
      return mayBeTold(run, release, false) && AgentState.WAITING.word().equals(state);
    } catch (WorkflowNotFoundException isForgotten) {
      return false;
    }
  }

  private static boolean saysOrIsSilent(String said, String wanted) {
    return said == null || Objects.equals(said, wanted);
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
    ActivityExecutionContext context = Activity.getExecutionContext();
    List<String> ended = new ArrayList<>();
    for (String run : runs) {
      context.heartbeat(null);
      if (hasNoAgent(run)) {
        ended.add(run);
      }
    }
    return ended;
  }

  /**
   * Whether a run has ended, or says that it waits or is paused: it says that it works before its
   * agent is started. But a run whose host was missed says that it waits until it hears that the
   * host has its invocation after all.
   */
  private boolean hasNoAgent(String run) {
    try {
      WorkflowExecutionDescription described = client.newUntypedWorkflowStub(run).describe();
      String state = described.getTypedSearchAttributes().get(Names.AGENT_STATE);
      return described.getStatus() != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
          || ((AgentState.WAITING.word().equals(state) || AgentState.PAUSED.word().equals(state))
              && described.getRawDescription().getPendingActivitiesList().stream()
                  .noneMatch(GateKeeper::isAtWork));
    } catch (WorkflowNotFoundException isForgotten) {
      return true;
    }
  }

  private static boolean isAtWork(PendingActivityInfo activity) {
    return Names.ACTIVITY_INVOKE_AGENT.equals(activity.getActivityType().getName())
        && AT_WORK.contains(activity.getState());
  }
}
