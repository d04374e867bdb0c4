package dev.outlast.worker.plugin;

import dev.outlast.activities.gate.GateNews;
import dev.outlast.limit.GateReport;
import dev.outlast.limit.GateReport.WindowUse;
import dev.outlast.limit.GateSettings;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * News for one gate, in the order in which they came. One report is under way at a time; what comes
 * meanwhile travels with the next one. News that could not be sent are kept, and travel with the
 * next report, which whoever tells or asks next sets off; what was sent without an answer is sent
 * again, so that a gate may hear it twice rather than never. What it counts it is told again by the
 * same id and with nothing else, and so counts once. Only what the server refuses is dropped, and
 * the oldest where there are more than are kept. Thread-safe.
 */
final class Reports {

  /**
   * How many news are kept of which the gate does not know: more than a host's invocations can
   * learn before the server that they answer to has to be back. The newest tell best how the
   * account stands, so the oldest give way.
   */
  static final int MAX_KEPT = 10_000;

  /**
   * The least time between two reports of one host, but for the first limit after a while and for
   * full ones: whatever a gate is told is kept in its history, and ends of agents are not urgent.
   */
  static final Duration BETWEEN = Duration.ofSeconds(1);

  private final Consumer<GateReport> send;
  private final Executor executor;
  private final int maxKept;
  private final Duration between;
  private final Deque<Item> waiting = new ArrayDeque<>();
  private State state = State.IDLE;

  /** Another worker's process, and a later one of this host, has another name. */
  private final String reporter = UUID.randomUUID().toString();

  /** Which report is under way, or was last. */
  private long number;

  /** What the gate may have heard and counted, though it has not answered; empty if nothing. */
  private List<Item> unsure = List.of();

  /** Which of the planned reports is the next one; those that were planned before are not sent. */
  private long planned;

  private boolean hitWaits;

  /** When a report, and one with a limit, was last sent; null if none was. */
  private Long lastSent;

  private Long lastHit;

  private enum State {
    IDLE,
    PLANNED,
    SENDING
  }

  /** News, and whether the gate has them; equal to itself only. */
  private static final class Item {
    private final GateNews news;
    private final CompletableFuture<Void> sent = new CompletableFuture<>();

    Item(GateNews news) {
      this.news = news;
    }
  }

  /** News were dropped. */
  static final class Dropped extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Dropped(String why, Throwable cause) {
      super(why, cause);
    }
  }

  /**
   * @param send takes a bounded time, and throws if the gate has not got it
   * @param executor where it is done
   */
  Reports(Consumer<GateReport> send, Executor executor) {
    this(send, executor, MAX_KEPT, BETWEEN);
  }

  /**
   * @param between the least time between two reports that are not urgent
   */
  Reports(Consumer<GateReport> send, Executor executor, int maxKept, Duration between) {
    this.send = send;
    this.executor = executor;
    this.maxKept = maxKept;
    this.between = between;
  }

  /**
   * Takes over news.
   *
   * @return done when the gate has them; failed with what kept them from it, and with {@link
   *     Dropped} if they will not be sent again
   */
  CompletableFuture<Void> tell(GateNews news) {
    Item item = new Item(news);
    Item oldest = add(item);
    if (oldest != null) {
      oldest.sent.completeExceptionally(
          new Dropped(maxKept + " newer reports wait for the server already", null));
    }
    sendWhatIsKept();
    return item.sent;
  }

  /** Sees to it that news are sent that could not be sent before; returns at once. */
  void sendWhatIsKept() {
    plan().ifPresent(this::execute);
  }

  /** A report that is to be sent, and after how long. */
  private record Plan(long number, Duration after) {}

  private void execute(Plan plan) {
    try {
      Executor when =
          plan.after().isZero()
              ? executor
              : CompletableFuture.delayedExecutor(
                  plan.after().toNanos(), TimeUnit.NANOSECONDS, executor);
      when.execute(() -> sendAll(plan.number()));
    } catch (RuntimeException | Error noThread) {
      failed(noThread);
    }
  }

  private synchronized Item add(Item item) {
    waiting.add(item);
    hitWaits |= item.news.hit() != null;
    return waiting.size() > maxKept ? waiting.poll() : null;
  }

  /** Empty if there is nothing to send, or it will be sent without further ado. */
  private synchronized Optional<Plan> plan() {
    if (waiting.isEmpty() || state == State.SENDING) {
      return Optional.empty();
    }
    Duration after = pause();
    if (state == State.PLANNED && !after.isZero()) {
      return Optional.empty();
    }
    state = State.PLANNED;
    planned++;
    return Optional.of(new Plan(planned, after));
  }

  /** How long the next report has to wait. */
  private Duration pause() {
    boolean full = waiting.size() >= GateReport.MAX_ITEMS;
    boolean urgent = hitWaits && left(lastHit).isZero();
    return full || urgent ? Duration.ZERO : left(lastSent);
  }

  private Duration left(Long since) {
    if (since == null) {
      return Duration.ZERO;
    }
    Duration left = between.minusNanos(System.nanoTime() - since);
    return left.isNegative() ? Duration.ZERO : left;
  }

  private synchronized boolean begin(long number) {
    boolean begins = state == State.PLANNED && number == planned;
    state = begins ? State.SENDING : state;
    return begins;
  }

  private void sendAll(long number) {
    if (!begin(number)) {
      return;
    }
    for (List<Item> items = first(); !items.isEmpty(); items = first()) {
      try {
        send.accept(report(items));
      } catch (RuntimeException | Error e) {
        if (worthTryingAgain(e)) {
          mayBeHeard(items);
          failed(e);
          return;
        }
        remove(items);
        Dropped dropped = new Dropped("the server refuses the report: " + e, e);
        items.forEach(item -> item.sent.completeExceptionally(dropped));
        continue;
      }
      remove(items);
      items.forEach(item -> item.sent.complete(null));
    }
    sendWhatIsKept();
  }

  private GateReport report(List<Item> items) {
    GateReport report = report(items.stream().map(item -> item.news).toList(), System.nanoTime());
    return report.spent() == null ? report : report.as(new GateReport.Id(reporter, number));
  }

  private synchronized void mayBeHeard(List<Item> items) {
    unsure = items.stream().anyMatch(item -> item.news.spent() != null) ? items : List.of();
  }

  /** What fits into one report, from the first on; nothing if none is due, and then it ends. */
  private synchronized List<Item> first() {
    if (waiting.isEmpty() || !pause().isZero()) {
      state = State.IDLE;
      return List.of();
    }
    if (!unsure.isEmpty()) {
      return unsure;
    }
    number++;
    List<Item> items = new ArrayList<>();
    Map<String, WindowUse> windows = new TreeMap<>();
    String day = null;
    for (Item item : waiting) {
      GateNews news = item.news;
      windows.putAll(news.windows());
      String itsDay = news.spent() == null ? day : news.spent().day();
      boolean fits =
          items.size() < GateReport.MAX_ITEMS
              && windows.size() <= GateReport.MAX_ITEMS
              && (day == null || day.equals(itsDay));
      if (!fits && !items.isEmpty()) {
        break;
      }
      day = itsDay;
      items.add(item);
    }
    return items;
  }

  private synchronized void remove(List<Item> items) {
    unsure = List.of();
    waiting.removeAll(Set.copyOf(items));
    lastSent = System.nanoTime();
    lastHit = items.stream().anyMatch(item -> item.news.hit() != null) ? lastSent : lastHit;
    hitWaits = waiting.stream().anyMatch(item -> item.news.hit() != null);
  }

  /** All who wait learn of it at once, though their news are kept. */
  private void failed(Throwable e) {
    List<Item> all;
    synchronized (this) {
      all = List.copyOf(waiting);
      state = State.IDLE;
    }
    all.forEach(item -> item.sent.completeExceptionally(e));
  }

  /** Whether it failed for the server or the way to it, and not for what is in the report. */
  private static boolean worthTryingAgain(Throwable e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof CancellationException) {
        return true;
      }
      if (cause instanceof StatusRuntimeException answer) {
        return answer.getStatus().getCode() != Status.Code.INVALID_ARGUMENT;
      }
    }
    return e instanceof OutOfMemoryError;
  }

  /**
   * @param all news whose spend, if they have any, is of one day
   * @param now of {@link System#nanoTime}
   */
  static GateReport report(List<GateNews> all, long now) {
    GateSettings settings = null;
    List<GateReport.Hit> hits = new ArrayList<>();
    List<GateReport.Pass> passes = new ArrayList<>();
    List<GateReport.Left> left = new ArrayList<>();
    Map<String, WindowUse> windows = new TreeMap<>();
    GateReport.Spent spent = null;
    for (GateNews news : all) {
      settings = news.settings() == null ? settings : news.settings();
      if (news.hit() != null) {
        hits.add(hit(news, now));
      }
      if (news.pass() != null) {
        passes.add(pass(news, now));
      }
      if (news.left() != null) {
        Duration entered = Duration.ofNanos(now - news.left().enteredNanos());
        Duration heldFor = news.left().heldFor();
        left.add(
            new GateReport.Left(
                news.left().run(), entered, heldFor == null ? null : heldFor.minus(entered)));
      }
      windows.putAll(news.windows());
      if (news.spent() != null) {
        spent = spent == null ? news.spent() : spent.plus(news.spent());
      }
    }
    return new GateReport(settings, hits, passes, windows, spent, null, left);
  }

  private static GateReport.Hit hit(GateNews news, long now) {
    GateNews.Hit hit = news.hit();
    Duration read = Duration.ofNanos(now - hit.readNanos());
    return new GateReport.Hit(
        hit.waiter(),
        hit.scope(),
        hit.lasts().minus(read),
        hit.reset(),
        Duration.ofNanos(now - news.begunNanos()));
  }

  private static GateReport.Pass pass(GateNews news, long now) {
    GateNews.Pass pass = news.pass();
    Duration read = Duration.ofNanos(now - pass.readNanos());
    return new GateReport.Pass(
        pass.run(),
        pass.model(),
        pass.said(),
        Duration.ofNanos(now - news.begunNanos()),
        read,
        pass.overage() == null
            ? null
            : new GateReport.Overage(pass.overage().lasts().minus(read), pass.overage().waits()));
  }
}
