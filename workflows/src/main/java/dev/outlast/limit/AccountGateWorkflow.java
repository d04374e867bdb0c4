package dev.outlast.limit;

import dev.outlast.operator.DurationText;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.OperatorTexts;
import io.temporal.activity.ActivityCancellationType;
import io.temporal.activity.ActivityOptions;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The gate. Registered by the plugin; clients use {@link AccountGate}. */
public final class AccountGateWorkflow implements AccountGate {

  /** A gate goes on in a new history when the present one has this many events. */
  static final int MAX_HISTORY_EVENTS = 1_000;

  /** The longest for which an operator may close an account. */
  public static final Duration MAX_CLOSURE = GateBook.MAX_CLOSED;

  /** How long it may take to find runs, and to tell some of them. */
  private static final Duration MOST_LOOK = Duration.ofMinutes(5);

  /** What the release of all may take beyond the time over which they are spread. */
  private static final Duration MOST_SLACK = Duration.ofMinutes(30);

  private static final Duration HEARTBEAT = Duration.ofSeconds(30);

  private static final RetryOptions RETRIES =
      RetryOptions.newBuilder().setMaximumInterval(Duration.ofSeconds(30)).build();

  /** How many more runs are named than are wanted, since some may have ended. */
  private static final int SPARE = 50;

  private final GateRequest request;
  private final GateBook book;
  private final GateView view;

  /** What is being done, and can be ended. */
  private final Map<GateTask, CancellationScope> begun = new LinkedHashMap<>();

  @WorkflowInit
  public AccountGateWorkflow(GateRequest request) {
    this.request = request;
    this.view = new GateView(request.searchAttributes());
    this.book =
        request.carriedOver() == null ? new GateBook() : GateBook.restore(request.carriedOver());
  }

  @Override
  public void keep(GateRequest ignored) {
    while (!historyLong()) {
      book.due(now()).forEach(this::begin);
      show();
      awaitNews();
    }
    Workflow.await(Workflow::isEveryHandlerFinished);
    List<GateTask> unfinished = List.copyOf(begun.keySet());
    begun.values().forEach(CancellationScope::cancel);
    // Search attributes stay as they are in the next history, which cannot tell what is stale.
    show();
    Workflow.continueAsNew(request.carrying(book.save(unfinished)));
  }

  private void awaitNews() {
    Optional<Instant> next = book.next();
    Instant shown = next.orElse(null);
    if (next.isEmpty()) {
      Workflow.await(() -> news(shown));
    } else if (next.get().isAfter(now())) {
      Workflow.await(Duration.between(now(), next.get()), () -> news(shown));
    }
  }

  private boolean news(Instant awaited) {
    return book.anyDue(now()) || historyLong() || !book.next().equals(Optional.ofNullable(awaited));
  }

  // What a gate has done for it.

  private void begin(GateTask task) {
    if (task instanceof GateTask.Wake) {
      endWakes();
    }
    end(task);
    CancellationScope scope =
        Workflow.newCancellationScope(() -> Async.procedure(this::perform, task));
    begun.put(task, scope);
    scope.run();
  }

  private void end(GateTask task) {
    CancellationScope scope = begun.remove(task);
    if (scope != null) {
      scope.cancel();
    }
  }

  /** Each has its own number of places, and the newest knows how many there are. */
  private void endWakes() {
    List.copyOf(begun.keySet()).stream().filter(GateTask.Wake.class::isInstance).forEach(this::end);
  }

  private void perform(GateTask task) {
    CancellationScope scope = begun.get(task);
    try {
      if (task instanceof GateTask.SeekProbe seek) {
        seekProbe(seek);
      } else if (task instanceof GateTask.Release all) {
        GateRelease release = release(all.model(), 0, book.spread(all.model(), now()), 0);
        keeping(all).release(release);
        book.released(all.model(), release.remembered());
      } else if (task instanceof GateTask.Wake some) {
        Duration spread = book.spreadOfPlaces(now());
        GateRelease release = release(null, some.places(), spread, book.wokenInVain());
        book.woken(some.places(), keeping(some).release(release), now());
      } else if (task instanceof GateTask.LookAfterLeases) {
        Instant looked = now();
        book.gone(keeping(task).ended(book.held()), looked, now());
      }
      book.warning(null);
    } catch (ActivityFailure failure) {
      if (!scope.isCancelRequested()) {
        // Waiting runs ask by themselves in the end, so nothing is lost but time.
        book.warning("what it " + summary(task) + " has failed; see the history");
      }
    } finally {
      begun.remove(task, scope);
    }
  }

  /** Asks one run to try; where those that were asked before have not come, several. */
  private void seekProbe(GateTask.SeekProbe seek) {
    int most = book.asked(seek.model());
    GateRelease release =
        release(seek.model(), most, Duration.ZERO, book.askedInVain(seek.model()));
    if (most == 1) {
      book.sought(seek.model(), keeping(seek).askToTry(release), now());
    } else if (keeping(seek).release(release) == 0) {
      book.sought(seek.model(), null, now());
    }
  }

  private GateRelease release(String model, int most, Duration spread, int skip) {
    return new GateRelease(
        request.provider(),
        request.account(),
        model,
        book.version(),
        most,
        spread,
        skip,
        book.waiting(model, most == 0 ? GateBook.MAX_WAITERS : skip + most + SPARE));
  }

  private GateKeeping keeping(GateTask task) {
    boolean spread = task instanceof GateTask.Release || task instanceof GateTask.Wake;
    Duration most = spread ? book.spread().multipliedBy(2).plus(MOST_SLACK) : MOST_LOOK;
    return Workflow.newActivityStub(
        GateKeeping.class,
        ActivityOptions.newBuilder()
            .setStartToCloseTimeout(most)
            .setHeartbeatTimeout(HEARTBEAT)
            .setCancellationType(ActivityCancellationType.TRY_CANCEL)
            .setRetryOptions(RETRIES)
            .setSummary(summary(task))
            .build());
  }

  private static String summary(GateTask task) {
    if (task instanceof GateTask.SeekProbe seek) {
      return "asks a run to try first" + of(seek.model());
    }
    if (task instanceof GateTask.Release all) {
      return "releases the waiting runs" + of(all.model());
    }
    if (task instanceof GateTask.Wake some) {
      return "releases " + some.places() + (some.places() == 1 ? " run" : " runs");
    }
    return "looks which runs have ended";
  }

  private static String of(String model) {
    return model == null ? "" : " of model " + OperatorTexts.plain(model);
  }

  // What it is told and asked.

  @Override
  public void report(GateReport report) {
    if (report == null) {
      return; // sent by hand, with nothing in it
    }
    book.report(report, now());
    holdBackReleases();
    show();
  }

  /** What has closed again is not released before it opens. */
  private void holdBackReleases() {
    for (GateTask task : List.copyOf(begun.keySet())) {
      if (task instanceof GateTask.Release all && !book.opened(all.model(), now())) {
        end(task);
        book.postponed(all);
      }
    }
    if (!book.opened(null, now())) {
      endWakes();
    }
  }

  @Override
  public GateAnswer enter(GateEntry entry) {
    GateAnswer answer = book.enter(entry, now());
    holdBackReleases();
    show();
    return answer;
  }

  @Override
  public void validateEnter(GateEntry entry) {
    if (entry == null) {
      refuse(
          "entry: expected the run that wants to start its agent: {waiter: {run, priority, since}}");
    }
  }

  @Override
  public GateStatus release(String reason) {
    book.release(now());
    show();
    return status();
  }

  @Override
  public void validateRelease(String reason) {
    if (!book.closedAtAll(now())) {
      refuse("release: the account is open; why a run waits: outlast show ID, or its query status");
    }
  }

  @Override
  public GateStatus close(GateClosure closure) {
    book.close(
        DurationText.moment(closure.until(), now()).orElseThrow(),
        "closed by an operator"
            + (closure.reason() == null || closure.reason().isBlank()
                ? ""
                : ": " + OperatorTexts.plain(closure.reason())),
        now());
    holdBackReleases();
    show();
    return status();
  }

  @Override
  public void validateClose(GateClosure closure) {
    Optional<Instant> until =
        closure == null ? Optional.empty() : DurationText.moment(closure.until(), now());
    if (until.isEmpty()) {
      refuse(
          "until: expected an instant such as 2026-11-21T15:00:00Z, or "
              + DurationText.EXPECTED
              + " from now");
    }
    if (!until.get().isAfter(now())) {
      refuse("until: " + OperatorTexts.moment(until.get()) + " has passed");
    }
    if (until.get().isAfter(now().plus(MAX_CLOSURE))) {
      refuse("until: at most " + DurationText.of(MAX_CLOSURE) + " from now");
    }
  }

  @Override
  public GateStatus pauseAt(Double share) {
    book.pauseAt(share, now());
    holdBackReleases();
    show();
    return status();
  }

  @Override
  public void validatePauseAt(Double share) {
    if (share != null && !(share > 0 && share <= 1)) {
      refuse("share: " + share + " is not over 0 and at most 1; 0.95 is 95 %");
    }
  }

  private static void refuse(String why) {
    throw ApplicationFailure.newNonRetryableFailure(
        ErrorCode.INVALID_REQUEST.message(why), ErrorCode.INVALID_REQUEST.code());
  }

  @Override
  public GateStatus status() {
    return book.status(request.provider(), request.account(), now());
  }

  private void show() {
    view.show(status(), now());
  }

  private static boolean historyLong() {
    return Workflow.getInfo().getHistoryLength() >= MAX_HISTORY_EVENTS
        || Workflow.getInfo().isContinueAsNewSuggested();
  }

  private static Instant now() {
    return Instant.ofEpochMilli(Workflow.currentTimeMillis());
  }
}
