package dev.outlast.worker.plugin;

import dev.outlast.activities.gate.GateNews;
import dev.outlast.limit.GateReport;
import dev.outlast.limit.GateReport.WindowUse;
import dev.outlast.limit.GateSettings;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * News for one gate. One report is under way at a time; what comes meanwhile travels with the next
 * one. Thread-safe.
 */
final class Reports {

  private final Consumer<GateReport> send;
  private final ReentrantLock turn = new ReentrantLock();
  private final Deque<Item> waiting = new ArrayDeque<>();

  /** News, and what has become of them. */
  private static final class Item {
    private final GateNews news;
    private boolean sent;

    Item(GateNews news) {
      this.news = news;
    }
  }

  Reports(Consumer<GateReport> send) {
    this.send = send;
  }

  /**
   * Returns when the news have been sent.
   *
   * @throws RuntimeException if they could not be; then they are dropped
   */
  void tell(GateNews news) {
    Item item = new Item(news);
    add(item);
    turn.lock();
    try {
      while (!item.sent) {
        sendNext();
      }
    } catch (RuntimeException e) {
      drop(item);
      throw e;
    } finally {
      turn.unlock();
    }
  }

  private synchronized void add(Item item) {
    waiting.add(item);
  }

  private synchronized void drop(Item item) {
    waiting.remove(item);
  }

  private synchronized List<Item> first() {
    return waiting.stream().limit(GateReport.MAX_ITEMS).toList();
  }

  private synchronized void sent(List<Item> items) {
    items.forEach(item -> item.sent = true);
    waiting.removeAll(items);
  }

  private void sendNext() {
    List<Item> items = first();
    for (GateReport report : reports(items.stream().map(item -> item.news).toList())) {
      send.accept(report);
    }
    sent(items);
  }

  /** One report for each day of which there is something spent; mostly one. */
  static List<GateReport> reports(List<GateNews> all) {
    long now = System.nanoTime();
    GateSettings settings = null;
    List<GateReport.Hit> hits = new ArrayList<>();
    List<GateReport.Pass> passes = new ArrayList<>();
    List<String> left = new ArrayList<>();
    Map<String, WindowUse> windows = new TreeMap<>();
    Map<String, GateReport.Spent> spent = new TreeMap<>();
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
        spent.merge(news.spent().day(), news.spent(), GateReport.Spent::plus);
      }
    }
    List<GateReport> reports = new ArrayList<>();
    List<GateReport.Spent> days = new ArrayList<>(spent.values());
    GateReport.Spent first = days.isEmpty() ? null : days.remove(0);
    reports.add(new GateReport(settings, hits, passes, windows, first, left));
    for (GateReport.Spent day : days) {
      reports.add(new GateReport(settings, null, null, null, day, null));
    }
    return reports;
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
