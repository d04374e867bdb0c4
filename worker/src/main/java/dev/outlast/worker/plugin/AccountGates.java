package dev.outlast.worker.plugin;

import dev.outlast.activities.gate.Account;
import dev.outlast.activities.gate.GateNews;
import dev.outlast.activities.gate.Gates;
import dev.outlast.limit.AccountGate;
import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateEntry;
import dev.outlast.limit.GateReport;
import dev.outlast.limit.GateRequest;
import dev.outlast.limit.GateState;
import dev.outlast.limit.GateStatus;
import dev.outlast.limit.GateWaiter;
import dev.outlast.operator.Names;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.worker.plugin.GateCalls.Patience;
import dev.outlast.worker.plugin.GateCalls.UnreachedException;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.api.enums.v1.WorkflowIdConflictPolicy;
import io.temporal.client.UpdateOptions;
import io.temporal.client.WithStartWorkflowOperation;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks and tells the gates on the server. However many invocations ask at a time, there is one
 * question under way for each account: who comes while it is answered shares the next one, so that
 * nobody goes by what was known before he asked. That an account is closed is remembered for a few
 * seconds; while its gate cannot be reached, for as long as the account was to be closed.
 *
 * <p>Where agents are counted, whoever is not known to be kept out has to ask by himself, since
 * only the gate can give him a place: a few at a time, the others after them. Who is not answered
 * in time has no place, and asks again soon; only a gate that has answered nobody for minutes is
 * taken for gone.
 *
 * <p>A gate is started by whoever has something to tell it, also anew when somebody has ended it; a
 * gate that has ended is an open one.
 */
final class AccountGates implements Gates {

  private static final Logger log = LoggerFactory.getLogger(AccountGates.class);

  /** How long it is remembered that an account is closed. */
  static final Duration REMEMBERED = Duration.ofSeconds(3);

  /** Resets that differ by less are the same one. */
  static final Duration SAME_RESET = Duration.ofSeconds(5);

  /**
   * How many runs of one host ask a gate for a place at a time. A gate takes ten updates at a time
   * from all hosts, and refuses the others (Temporal 1.29: history.maxInFlightUpdates).
   */
  static final int MAX_ENTRIES = 3;

  /**
   * How long a run waits at least that asked for a place and was not answered; up to twice as long
   * more, so that those who asked together do not come back together.
   */
  static final Duration HELD_BACK = Duration.ofSeconds(10);

  /**
   * For how long a gate may give no run of this host a place or a refusal before agents that are
   * counted are started without it; silence between two questions counts up to as long.
   */
  static final Duration UNHEARD = Duration.ofMinutes(5);

  /** How often it is said of an account that its gate cannot be reached. */
  static final Duration COMPLAINTS = Duration.ofMinutes(1);

  private final String taskQueue;
  private final BooleanSupplier searchAttributes;
  private final Clock clock;
  private final LongSupplier nanos;
  private final GateCalls calls = new GateCalls();
  private final Map<Account, Known> known = new ConcurrentHashMap<>();
  private final Map<Account, Shared<Optional<GateStatus>>> questions = new ConcurrentHashMap<>();
  private final Map<Account, Reports> reports = new ConcurrentHashMap<>();
  private final Map<Account, Semaphore> turns = new ConcurrentHashMap<>();
  private final Map<Account, Unheard> unheard = new ConcurrentHashMap<>();
  private final Map<Account, Long> complained = new ConcurrentHashMap<>();
  private volatile WorkflowClient client;

  /** What was known of a gate that was closed, and when. */
  private record Known(GateStatus status, long nanos) {}

  /** Since when a gate has been asked for places in vain, and when it was last. */
  private record Unheard(long since, long last) {}

  AccountGates(String taskQueue, BooleanSupplier searchAttributes, Clock clock) {
    this(taskQueue, searchAttributes, clock, System::nanoTime);
  }

  AccountGates(
      String taskQueue, BooleanSupplier searchAttributes, Clock clock, LongSupplier nanos) {
    this.taskQueue = taskQueue;
    this.searchAttributes = searchAttributes;
    this.clock = clock;
    this.nanos = nanos;
  }

  /** The server that is asked; set before anybody asks. */
  void connect(WorkflowClient toAsk) {
    client = toAsk;
  }

  @Override
  public Optional<GateAnswer> ask(Account account, GateEntry entry, long released) {
    Patience patience = calls.patience();
    reports(account).sendWhatIsKept();
    boolean counted = entry.settings().maxAgents() > 0;
    try {
      return Optional.of(
          counted
              ? place(account, entry, released, patience)
              : answer(account, entry, released, patience));
    } catch (UnreachedException e) {
      if (counted && !isGone(account)) {
        complain(account, "runs that want a place ask again soon", e.why());
        return Optional.of(heldBack(account, entry, released));
      }
      Optional<GateAnswer> closed = lastKnown(account, entry.waiter(), released);
      complain(
          account,
          closed.isPresent()
              ? "agents are held back by what it has said last"
              : "agents are started without asking it",
          e.why());
      return closed;
    }
  }

  private GateAnswer answer(Account account, GateEntry entry, long released, Patience patience)
      throws UnreachedException {
    Optional<GateStatus> status = remembered(account, released);
    if (status.isEmpty()) {
      status = asked(account, patience);
    }
    if (status.isEmpty()) {
      return GateAnswer.open();
    }
    Optional<GateAnswer> answer = status.get().answer(entry, clock.instant());
    return answer.isPresent() ? answer.get() : enter(account, entry, patience);
  }

  /** As {@link #answer} where agents are counted. */
  private GateAnswer place(Account account, GateEntry entry, long released, Patience patience)
      throws UnreachedException {
    Optional<GateAnswer> closed = keptOut(account, entry, released, patience);
    if (closed.isPresent()) {
      unheard.remove(account);
      return closed.get();
    }
    Semaphore turn = turns.computeIfAbsent(account, each -> new Semaphore(MAX_ENTRIES, true));
    patience.await(turn);
    try {
      // Those before may have heard that it is closed.
      closed = keptOut(account, entry, released, patience);
      if (closed.isPresent()) {
        return closed.get();
      }
      GateAnswer answer = enter(account, entry, patience);
      unheard.remove(account);
      if (isClosed(answer)) {
        learn(account, patience);
      }
      return answer;
    } finally {
      turn.release();
    }
  }

  /**
   * What keeps a run from an account that was closed when it was last heard of; empty if only the
   * gate can say whether there is a place.
   */
  private Optional<GateAnswer> keptOut(
      Account account, GateEntry entry, long released, Patience patience)
      throws UnreachedException {
    if (!known.containsKey(account)) {
      return Optional.empty();
    }
    Optional<GateStatus> status = remembered(account, released);
    if (status.isEmpty()) {
      status = asked(account, patience);
    }
    return status
        // Who still has a place gives it back by asking.
        .filter(each -> !each.atWork().contains(entry.waiter().run()))
        .flatMap(each -> each.answer(entry, clock.instant()))
        .filter(answer -> !answer.go());
  }

  /** Whether it is the account that is closed, for some time, and not its places that are taken. */
  private static boolean isClosed(GateAnswer answer) {
    return !answer.go() && answer.opensIn() != null && !answer.opensIn().isZero();
  }

  /** Has it remembered that the account is closed, so that others need not enter to hear it. */
  private void learn(Account account, Patience patience) {
    try {
      asked(account, patience);
    } catch (UnreachedException e) {
      log.debug("Gate {}: the next run hears by itself that it is closed", id(account), e);
    }
  }

  /** To be asked whenever a gate was asked for a place in vain: whether it has been for long. */
  private boolean isGone(Account account) {
    long now = nanos.getAsLong();
    Unheard vain =
        unheard.compute(
            account,
            (each, before) ->
                before == null || now - before.last() >= UNHEARD.toNanos()
                    ? new Unheard(now, now)
                    : new Unheard(before.since(), now));
    return now - vain.since() >= UNHEARD.toNanos();
  }

  /** The run has no place, also if the gate has given it one of which nobody has heard. */
  private GateAnswer heldBack(Account account, GateEntry entry, long released) {
    GateNews.Left left = new GateNews.Left(entry.waiter().run(), System.nanoTime());
    reports(account)
        .tell(new GateNews(entry.settings(), left.enteredNanos(), null, null, null, null, left));
    Duration pause =
        HELD_BACK.plusMillis(ThreadLocalRandom.current().nextLong(2 * HELD_BACK.toMillis()));
    Instant again = clock.instant().plus(pause);
    return new GateAnswer(
        false, false, again, again, released, "the account's gate has not answered yet", pause);
  }

  private Optional<GateStatus> remembered(Account account, long released) {
    Known last = known.get(account);
    return last != null && fresh(last) && last.status().version() >= released
        ? Optional.of(last.status())
        : Optional.empty();
  }

  private boolean fresh(Known last) {
    return nanos.getAsLong() - last.nanos() < REMEMBERED.toNanos();
  }

  /**
   * That the account is closed, if the gate said so when it could still be reached. After the end
   * that it named another run tries first, so whoever is not that run is held back for some time
   * more: it may be the many that ask at that moment for whom the gate cannot be reached.
   */
  private Optional<GateAnswer> lastKnown(Account account, GateWaiter waiter, long released) {
    Instant now = clock.instant();
    return Optional.ofNullable(known.get(account))
        .map(Known::status)
        .filter(status -> status.version() >= released)
        .filter(status -> status.until() != null)
        .filter(status -> status.until().plus(GateAnswer.SAFETY).isAfter(now))
        .flatMap(status -> status.answer(waiter, earlier(now, status.until().minusMillis(1))))
        .filter(answer -> !answer.go())
        .filter(answer -> !answer.probe() || answer.until().isAfter(now));
  }

  private static Instant earlier(Instant a, Instant b) {
    return a.isBefore(b) ? a : b;
  }

  private Optional<GateStatus> asked(Account account, Patience patience) throws UnreachedException {
    return patience.await(
        questions
            .computeIfAbsent(
                account,
                each -> new Shared<>(() -> calls.bounded(() -> lookedUp(each)), calls.executor()))
            .ask());
  }

  private Optional<GateStatus> lookedUp(Account account) {
    long asked = nanos.getAsLong();
    Optional<GateStatus> status = query(account);
    if (status.isPresent() && status.get().until() != null) {
      known.put(account, new Known(status.get(), asked));
    } else {
      known.remove(account);
    }
    return status;
  }

  private Optional<GateStatus> query(Account account) {
    try {
      WorkflowStub gate = client.newUntypedWorkflowStub(id(account));
      GateStatus status = gate.query(Names.QUERY_STATUS, GateStatus.class);
      // A gate that somebody has ended still answers, with what it knew last.
      boolean over = holdsAnyBack(status) && !runs(gate);
      return over ? Optional.empty() : Optional.of(status);
    } catch (WorkflowNotFoundException neverLimited) {
      return Optional.empty();
    }
  }

  private static boolean holdsAnyBack(GateStatus status) {
    return !status.holds().isEmpty()
        || status.parts().stream().anyMatch(part -> part.state() != GateState.OPEN);
  }

  private static boolean runs(WorkflowStub gate) {
    return gate.describe().getStatus() == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
  }

  private GateAnswer enter(Account account, GateEntry entry, Patience patience)
      throws UnreachedException {
    return patience.call(
        () -> {
          AccountGate gate = client.newWorkflowStub(AccountGate.class, options(account));
          return WorkflowClient.executeUpdateWithStart(
              gate::enter,
              entry,
              UpdateOptions.<GateAnswer>newBuilder().build(),
              new WithStartWorkflowOperation<>(gate::keep, request(account)));
        });
  }

  @Override
  public Optional<GateAnswer> word(Account account, GateWaiter waiter, long released) {
    try {
      return asked(account, calls.patience())
          .flatMap(status -> status.answer(waiter, clock.instant()))
          .filter(answer -> !answer.go());
    } catch (UnreachedException e) {
      // A server takes one question at a time of a gate that is being told something (Temporal
      // 1.29: history.MaxBufferedQueryCount), and hosts may be many.
      Optional<GateAnswer> closed = lastKnown(account, waiter, released);
      complain(
          account,
          closed.isPresent()
              ? "runs that wait for it go by what it has said last"
              : "runs that wait for it go by their own timers",
          e.why());
      return closed;
    }
  }

  @Override
  public Optional<Instant> nextReset(Account account, Instant now) {
    try {
      return asked(account, calls.patience()).flatMap(status -> status.nextReset(now));
    } catch (UnreachedException e) {
      complain(account, "runs that wait for its next reset start now", e.why());
      return Optional.empty();
    }
  }

  @Override
  public void tell(Account account, GateNews news) {
    if (old(account, news)) {
      return;
    }
    try {
      calls.patience().await(reports(account).tell(news));
      if (news.pass() != null) {
        // It may have opened the gate.
        known.remove(account);
      }
    } catch (UnreachedException e) {
      boolean dropped = e.getCause() instanceof Reports.Dropped;
      complain(
          account,
          dropped
              ? "what an agent has learnt of the account is lost"
              : "what agents learn of the account is kept, and told when it is reached again",
          e.why());
    }
  }

  private Reports reports(Account account) {
    return reports.computeIfAbsent(
        account,
        each ->
            new Reports(
                report ->
                    calls.bounded(
                        () -> {
                          signal(each, report);
                          return null;
                        }),
                calls.executor()));
  }

  /** Whether the gate is known to know all of it. */
  private boolean old(Account account, GateNews news) {
    Known last = known.get(account);
    return searchAttributes.getAsBoolean()
        && last != null
        && fresh(last)
        && news.onlyHit()
        && last.status()
            .part(news.hit().model())
            .filter(part -> part.state() != GateState.OPEN)
            .filter(part -> !news.hit().waiter().triesBefore(part.probe()))
            .filter(part -> !part.isProbe(news.hit().waiter().run()))
            .filter(part -> !ends(news.hit()).isAfter(part.until().plus(SAME_RESET)))
            .isPresent();
  }

  private Instant ends(GateNews.Hit hit) {
    Duration since = Duration.ofNanos(System.nanoTime() - hit.readNanos());
    return clock.instant().minus(since).plus(hit.lasts());
  }

  private void signal(Account account, GateReport report) {
    client
        .newUntypedWorkflowStub(Names.ACCOUNT_GATE, options(account))
        .signalWithStart(
            Names.SIGNAL_REPORT, new Object[] {report}, new Object[] {request(account)});
  }

  private GateRequest request(Account account) {
    return new GateRequest(account.provider(), account.name(), searchAttributes.getAsBoolean());
  }

  private WorkflowOptions options(Account account) {
    return WorkflowOptions.newBuilder()
        .setTaskQueue(taskQueue)
        .setWorkflowId(id(account))
        .setWorkflowIdConflictPolicy(
            WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
        .setStaticSummary(OperatorTexts.summary(account.provider(), account.name(), "account"))
        .build();
  }

  private static String id(Account account) {
    return Names.gateId(account.provider(), account.name());
  }

  private void complain(Account account, String instead, String why) {
    long now = nanos.getAsLong();
    Long last = complained.get(account);
    boolean due =
        last == null
            ? complained.putIfAbsent(account, now) == null
            : now - last >= COMPLAINTS.toNanos() && complained.replace(account, last, now);
    if (due) {
      log.warn(
          "The gate {} cannot be reached; {}. Said once a minute at most. {}",
          id(account),
          instead,
          why);
    }
  }
}
