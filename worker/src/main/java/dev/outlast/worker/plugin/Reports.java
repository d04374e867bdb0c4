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
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * News for one gate, in the order in which they came. One report is under way at a time; what comes
 * meanwhile travels with the next one. News that could not be sent are kept, and travel with the
 * next report, which whoever tells or asks next sets off; what was sent without an answer is sent
 * again, so that a gate may hear it twice rather than never. Only what the server refuses is
 * dropped, and the oldest where there are more than are kept. Thread-safe.
 */
final class Reports {

  /**
   * How many news are kept of which the gate does not know: more than a host's invocations can
   * learn before the server that they answer to has to be back. The newest tell best how the
   * account stands, so the oldest give way.
   */
  static final int MAX_KEPT = 10_000;

  private final Consumer<GateReport> send;
  private final Executor executor;
  private final int maxKept;
  private final Deque<Item> waiting = new ArrayDeque<>();
  private boolean sending;

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
    this(send, executor, MAX_KEPT);
  }

  Reports(Consumer<GateReport> send, Executor executor, int maxKept) {
    this.send = send;
    this.executor = executor;
    this.maxKept = maxKept;
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
    if (!begin()) {
      return;
    }
    try {
      executor.execute(this::sendAll);
    } catch (RuntimeException | Error noThread) {
      failed(noThread);
    }
  }

  private synchronized Item add(Item item) {
    waiting.add(item);
    return waiting.size() > maxKept ? waiting.poll() : null;
  }

  private synchronized boolean begin() {
    boolean begins = !sending && !waiting.isEmpty();
    sending = sending || begins;
    return begins;
  }

  private void sendAll() {
    for (List<Item> items = first(); !items.isEmpty(); items = first()) {
      try {
        send.accept(report(items.stream().map(item -> item.news).toList(), System.nanoTime()));
      } catch (RuntimeException | Error e) {
        if (worthTryingAgain(e)) {
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
  }

  /** What fits into one report, from the first on; nothing if all is sent, and then it ends. */
  private synchronized List<Item> first() {
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
    sending = !items.isEmpty();
    return items;
  }

  private synchronized void remove(List<Item> items) {
    waiting.removeAll(Set.copyOf(items));
  }

  /** All who wait learn of it at once, though their news are kept. */
  private void failed(Throwable e) {
    List<Item> all;
    synchronized (this) {
      all = List.copyOf(waiting);
      sending = false;
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
    List<String> left = new ArrayList<>();
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
        left.add(news.left());
      }
      windows.putAll(news.windows());
      if (news.spent() != null) {
        spent = spent == null ? news.spent() : spent.plus(news.spent());
      }
    }
    return new GateReport(settings, hits, passes, windows, spent, left);
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
    return new GateReport.Pass(
        pass.run(),
        pass.model(),
        pass.said(),
        Duration.ofNanos(now - news.begunNanos()),
        Duration.ofNanos(now - pass.readNanos()));
  }
}
