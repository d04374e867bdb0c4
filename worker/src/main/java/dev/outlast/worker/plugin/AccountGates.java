package dev.outlast.worker.plugin;

import dev.outlast.activities.gate.Account;
import dev.outlast.activities.gate.GateNews;
import dev.outlast.activities.gate.Gates;
import dev.outlast.limit.AccountGate;
import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateEntry;
import dev.outlast.limit.GateReport;
import dev.outlast.limit.GateRequest;
import dev.outlast.limit.GateStatus;
import dev.outlast.limit.GateWaiter;
import dev.outlast.operator.Names;
import dev.outlast.operator.OperatorTexts;
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
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks and tells the gates on the server. However many invocations ask at a time, there is one
 * question under way for each account: who comes while it is answered shares the next one, so that
 * nobody goes by what was known before he asked. That an account is closed is remembered for a few
 * seconds.
 */
final class AccountGates implements Gates {

  private static final Logger log = LoggerFactory.getLogger(AccountGates.class);

  /** How long it is remembered that an account is closed. */
  static final Duration REMEMBERED = Duration.ofSeconds(3);

  /** Resets that differ by less are the same one. */
  static final Duration SAME_RESET = Duration.ofSeconds(5);

  private final String taskQueue;
  private final BooleanSupplier searchAttributes;
  private final Clock clock;
  private final Map<Account, Known> known = new ConcurrentHashMap<>();
  private final Map<Account, Shared<Optional<GateStatus>>> questions = new ConcurrentHashMap<>();
  private final Map<Account, Reports> reports = new ConcurrentHashMap<>();
  private volatile WorkflowClient client;

  /** What was known of a gate that was closed, and when. */
  private record Known(GateStatus status, long nanos) {}

  AccountGates(String taskQueue, BooleanSupplier searchAttributes, Clock clock) {
    this.taskQueue = taskQueue;
    this.searchAttributes = searchAttributes;
    this.clock = clock;
  }

  /** The server that is asked; set before anybody asks. */
  void connect(WorkflowClient toAsk) {
    client = toAsk;
  }

  @Override
  public Optional<GateAnswer> ask(Account account, GateEntry entry, long released) {
    return reached(
        account,
        () -> {
          if (entry.settings().maxAgents() > 0) {
            return enter(account, entry);
          }
          Optional<GateStatus> status = remembered(account, released).or(() -> asked(account));
          if (status.isEmpty()) {
            return GateAnswer.open();
          }
          return status
              .get()
              .answer(entry.waiter(), clock.instant())
              .orElseGet(() -> enter(account, entry));
        });
  }

  private Optional<GateStatus> remembered(Account account, long released) {
    Known last = known.get(account);
    boolean fresh =
        last != null
            && System.nanoTime() - last.nanos() < REMEMBERED.toNanos()
            && last.status().version() >= released;
    return fresh ? Optional.of(last.status()) : Optional.empty();
  }

  private Optional<GateStatus> asked(Account account) {
    Optional<GateStatus> status =
        questions.computeIfAbsent(account, each -> new Shared<>(() -> query(each))).get();
    if (status.isPresent() && status.get().until() != null) {
      known.put(account, new Known(status.get(), System.nanoTime()));
    } else {
      known.remove(account);
    }
    return status;
  }

  private Optional<GateStatus> query(Account account) {
    try {
      return Optional.of(
          client.newUntypedWorkflowStub(id(account)).query(Names.QUERY_STATUS, GateStatus.class));
    } catch (WorkflowNotFoundException neverLimited) {
      return Optional.empty();
    }
  }

  private GateAnswer enter(Account account, GateEntry entry) {
    AccountGate gate = gate(account);
    return WorkflowClient.executeUpdateWithStart(
        gate::enter,
        entry,
        UpdateOptions.<GateAnswer>newBuilder().build(),
        new WithStartWorkflowOperation<>(gate::keep, request(account)));
  }

  @Override
  public Optional<GateAnswer> word(Account account, GateWaiter waiter) {
    return reached(account, () -> asked(account))
        .flatMap(status -> status)
        .flatMap(status -> status.answer(waiter, clock.instant()))
        .filter(answer -> !answer.go());
  }

  @Override
  public Optional<Instant> nextReset(Account account, Instant now) {
    return reached(account, () -> asked(account))
        .flatMap(status -> status)
        .flatMap(status -> status.nextReset(now));
  }

  @Override
  public void tell(Account account, GateNews news) {
    reached(
        account,
        () -> {
          if (!old(account, news)) {
            reports
                .computeIfAbsent(account, each -> new Reports(report -> signal(each, report)))
                .tell(news);
          }
          return true;
        });
  }

  /** Whether the gate is known to know all of it. */
  private boolean old(Account account, GateNews news) {
    Known last = known.get(account);
    return searchAttributes.getAsBoolean()
        && last != null
        && System.nanoTime() - last.nanos() < REMEMBERED.toNanos()
        && news.onlyHit()
        && last.status()
            .part(news.hit().model())
            .filter(part -> part.probe() != null && !news.hit().waiter().before(part.probe()))
            .filter(part -> !part.isProbe(news.hit().waiter().run()))
            .filter(part -> !ends(news.hit()).isAfter(part.until().plus(SAME_RESET)))
            .isPresent();
  }

  private Instant ends(GateNews.Hit hit) {
    Duration since = Duration.ofNanos(System.nanoTime() - hit.readNanos());
    return clock.instant().minus(since).plus(hit.lasts());
  }

  private void signal(Account account, GateReport report) {
    stub(account)
        .signalWithStart(
            Names.SIGNAL_REPORT, new Object[] {report}, new Object[] {request(account)});
  }

  private GateRequest request(Account account) {
    return new GateRequest(account.provider(), account.name(), searchAttributes.getAsBoolean());
  }

  private AccountGate gate(Account account) {
    return client.newWorkflowStub(AccountGate.class, options(account));
  }

  private WorkflowStub stub(Account account) {
    return client.newUntypedWorkflowStub(Names.ACCOUNT_GATE, options(account));
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

  /** Empty if the server or the gate does not answer in time. */
  private <T> Optional<T> reached(Account account, Supplier<T> work) {
    try {
      return Optional.of(work.get());
    } catch (RuntimeException e) {
      log.warn("The gate of account {} cannot be reached; going on without", id(account), e);
      return Optional.empty();
    }
  }
}
