package dev.outlast.worker.plugin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.gate.GateNews;
import dev.outlast.limit.GateReport;
import dev.outlast.limit.GateReport.Spent;
import dev.outlast.limit.GateReport.WindowUse;
import dev.outlast.limit.GateWaiter;
import dev.outlast.limit.LimitScope;
import io.grpc.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReportsTest {

  private static final long PATIENCE_SECONDS = 120;

  private final ExecutorService executor = Executors.newCachedThreadPool();

  @AfterEach
  void end() {
    executor.shutdownNow();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void however_many_tell_and_however_often_it_fails_the_gate_hears_all_of_it(long seed)
      throws Exception {
    int tellers = 8;
    int each = 100;
    Random random = new Random(seed);
    AtomicInteger atATime = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    List<String> heard = Collections.synchronizedList(new ArrayList<>());
    Reports reports =
        new Reports(
            report -> {
              most.accumulateAndGet(atATime.incrementAndGet(), Math::max);
              try {
                if (random.nextInt(5) == 0) {
                  throw Status.UNAVAILABLE.asRuntimeException();
                }
                heard.addAll(left(report));
              } finally {
                atATime.decrementAndGet();
              }
            },
            executor,
            Reports.MAX_KEPT,
            Duration.ZERO);
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < tellers; i++) {
      int teller = i;
      all.add(
          executor.submit(
              () -> {
                for (int j = 0; j < each; j++) {
                  String run = teller + "-" + j;
                  try {
                    reports.tell(left(run)).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
                    assertTrue(heard.contains(run), () -> run + " is said to be told");
                  } catch (ExecutionException notYet) {
                    assertFalse(notYet.getCause() instanceof Reports.Dropped, notYet::toString);
                  }
                }
                return null;
              }));
    }
    for (Future<?> teller : all) {
      teller.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
    for (boolean sent = false; !sent; ) {
      sent = toldInTheEnd(reports);
    }
    heard.removeIf("last"::equals);
    assertEquals(tellers * each, heard.size(), "seed " + seed);
    assertEquals(tellers * each, new TreeSet<>(heard).size(), "seed " + seed);
    assertEquals(1, most.get(), "seed " + seed);
  }

  private static boolean toldInTheEnd(Reports reports) throws Exception {
    try {
      reports.tell(left("last")).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      return true;
    } catch (ExecutionException notYet) {
      return false;
    }
  }

  @Test
  void what_comes_while_a_report_is_under_way_travels_together_with_the_next_one()
      throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    List<GateReport> sent = Collections.synchronizedList(new ArrayList<>());
    Reports reports =
        new Reports(
            report -> {
              sent.add(report);
              begun.countDown();
              await(go);
            },
            executor,
            Reports.MAX_KEPT,
            Duration.ZERO);
    List<CompletableFuture<Void>> told = new ArrayList<>();
    told.add(reports.tell(left("first")));
    await(begun);
    for (int i = 0; i < 150; i++) {
      told.add(reports.tell(left("run-" + i)));
    }
    go.countDown();
    for (CompletableFuture<Void> each : told) {
      each.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
    assertEquals(
        List.of(1, 100, 50), sent.stream().map(report -> report.leftAgo().size()).toList());
  }

  @Test
  void news_that_could_not_be_sent_go_with_the_next_ones_and_their_time_goes_on() {
    AtomicBoolean away = new AtomicBoolean(true);
    List<GateReport> sent = new ArrayList<>();
    Reports reports = reports(away, sent, 10);
    long hourAgo = System.nanoTime() - Duration.ofHours(1).toNanos();
    GateNews.Hit hit =
        new GateNews.Hit(
            new GateWaiter("limited", 3, Instant.EPOCH, null),
            LimitScope.SESSION,
            Duration.ofHours(5),
            null,
            hourAgo);
    CompletableFuture<Void> first =
        reports.tell(new GateNews(null, hourAgo, hit, null, null, null, null));
    assertThrows(CompletionException.class, first::join);

    away.set(false);
    reports.tell(left("other")).join();
    assertEquals(1, sent.size());
    assertEquals(List.of("other"), left(sent.get(0)));
    Duration lasts = sent.get(0).hits().get(0).lasts();
    assertTrue(lasts.compareTo(Duration.ofHours(4)) <= 0, lasts::toString);
    assertTrue(lasts.compareTo(Duration.ofHours(4).minusMinutes(5)) > 0, lasts::toString);
  }

  @Test
  void whoever_asks_sets_off_what_is_kept() {
    AtomicBoolean away = new AtomicBoolean(true);
    List<GateReport> sent = new ArrayList<>();
    Reports reports = reports(away, sent, 10);
    assertThrows(CompletionException.class, reports.tell(left("run"))::join);
    away.set(false);
    reports.sendWhatIsKept();
    assertEquals(List.of("run"), left(sent.get(0)));
    reports.sendWhatIsKept();
    assertEquals(1, sent.size());
  }

  @Test
  void where_more_is_kept_than_may_be_the_oldest_gives_way_and_its_teller_learns_of_it() {
    AtomicBoolean away = new AtomicBoolean(true);
    List<GateReport> sent = new ArrayList<>();
    Reports reports = reports(away, sent, 3);
    for (int i = 1; i <= 5; i++) {
      assertTrue(reports.tell(left("run-" + i)).isCompletedExceptionally());
    }
    away.set(false);
    reports.sendWhatIsKept();
    assertEquals(List.of("run-3", "run-4", "run-5"), left(sent.get(0)));
  }

  @Test
  void what_the_server_refuses_is_dropped_and_does_not_keep_the_rest_from_the_gate() {
    List<GateReport> sent = new ArrayList<>();
    Reports reports =
        new Reports(
            report -> {
              if (left(report).contains("bad")) {
                throw Status.INVALID_ARGUMENT.withDescription("too odd").asRuntimeException();
              }
              sent.add(report);
            },
            Runnable::run);
    CompletionException e =
        assertThrows(CompletionException.class, reports.tell(left("bad"))::join);
    assertInstanceOf(Reports.Dropped.class, e.getCause());
    assertTrue(e.getCause().getMessage().contains("too odd"), e.getCause()::getMessage);
    reports.tell(left("good")).join();
    assertEquals(List.of("good"), left(sent.get(0)));
  }

  @Test
  void days_and_windows_are_split_so_that_each_report_is_one_that_a_gate_takes() {
    AtomicBoolean away = new AtomicBoolean(true);
    List<GateReport> sent = new ArrayList<>();
    Reports reports = reports(away, sent, 10);
    assertTrue(reports.tell(spent("2026-11-20", 1)).isCompletedExceptionally());
    assertTrue(reports.tell(spent("2026-11-20", 2)).isCompletedExceptionally());
    assertTrue(reports.tell(spent("2026-11-21", 4)).isCompletedExceptionally());
    assertTrue(reports.tell(windows("a", 60)).isCompletedExceptionally());
    assertTrue(reports.tell(windows("b", 60)).isCompletedExceptionally());
    away.set(false);
    reports.sendWhatIsKept();
    assertEquals(
        List.of(1.0, 2.0, 4.0),
        sent.stream()
            .filter(report -> report.spent() != null)
            .map(report -> report.spent().costUsd())
            .toList());
    assertEquals(120, sent.stream().mapToInt(report -> report.windows().size()).sum());
  }

  @Test
  void ends_of_agents_travel_together_and_the_first_limit_goes_at_once() throws Exception {
    List<GateReport> sent = Collections.synchronizedList(new ArrayList<>());
    Reports reports = new Reports(sent::add, executor, Reports.MAX_KEPT, Duration.ofHours(1));

    told(reports.tell(left("first")));
    CompletableFuture<Void> soon = reports.tell(left("soon"));
    assertFalse(soon.isDone(), "a report was sent just now");
    told(reports.tell(hit("limited")));
    assertTrue(soon.isDone(), "it travels with what is urgent");
    CompletableFuture<Void> another = reports.tell(hit("limited-too"));
    assertFalse(another.isDone(), "the gate knows of a limit already");
    assertEquals(2, sent.size());
    List<CompletableFuture<Void>> many = new ArrayList<>();
    for (int i = 0; i < GateReport.MAX_ITEMS; i++) {
      many.add(reports.tell(left("run-" + i)));
    }
    told(another);
    told(many.get(0));

    assertEquals(3, sent.size(), "a full report goes at once, and the rest waits");
    assertFalse(many.get(many.size() - 1).isDone());
  }

  @Test
  void what_has_to_wait_is_sent_without_another_word() throws Exception {
    Duration between = Duration.ofMillis(200);
    List<Long> sent = Collections.synchronizedList(new ArrayList<>());
    Reports reports =
        new Reports(report -> sent.add(System.nanoTime()), executor, Reports.MAX_KEPT, between);

    told(reports.tell(left("first")));
    List<CompletableFuture<Void>> later = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      later.add(reports.tell(left("run-" + i)));
    }
    for (CompletableFuture<Void> each : later) {
      told(each);
    }

    for (int i = 1; i < sent.size(); i++) {
      long apart = sent.get(i) - sent.get(i - 1);
      assertTrue(apart >= between.toNanos(), () -> "apart: " + apart);
    }
    // On a very slow machine time passes while they are told.
    assertTrue(sent.size() < later.size(), () -> sent.size() + " reports");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void money_counts_once_however_often_an_answer_is_lost(long seed) {
    Random random = new Random(seed);
    Map<GateReport.Id, Double> counted = new HashMap<>();
    Reports reports =
        new Reports(
            report -> {
              boolean arrives = random.nextInt(4) > 0;
              if (arrives && report.spent() != null) {
                Double before = counted.put(report.id(), report.spent().costUsd());
                assertTrue(before == null || before == report.spent().costUsd(), "seed " + seed);
              }
              if (!arrives || random.nextBoolean()) {
                throw Status.DEADLINE_EXCEEDED.asRuntimeException();
              }
            },
            Runnable::run,
            Reports.MAX_KEPT,
            Duration.ZERO);
    int dollars = 0;
    for (int i = 0; i < 200; i++) {
      boolean spends = random.nextBoolean();
      dollars += spends ? 1 : 0;
      reports.tell(spends ? spent("2026-11-21", 1) : left("run-" + i));
    }
    for (int i = 0; i < 1_000; i++) {
      reports.sendWhatIsKept();
    }
    double told = counted.values().stream().mapToDouble(Double::doubleValue).sum();
    assertEquals(dollars, told, "seed " + seed);
  }

  private static void told(CompletableFuture<Void> news) throws Exception {
    news.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  private static GateNews hit(String run) {
    Instant now = Instant.now();
    return new GateNews(
        null,
        System.nanoTime(),
        new GateNews.Hit(
            new GateWaiter(run, 3, now, null),
            LimitScope.SESSION,
            Duration.ofHours(1),
            now.plusSeconds(3_600),
            System.nanoTime()),
        null,
        null,
        null,
        null);
  }

  private static Reports reports(AtomicBoolean away, List<GateReport> sent, int maxKept) {
    return new Reports(
        report -> {
          if (away.get()) {
            throw Status.UNAVAILABLE.asRuntimeException();
          }
          sent.add(report);
        },
        Runnable::run,
        maxKept,
        Duration.ZERO);
  }

  private static List<String> left(GateReport report) {
    return report.leftAgo().stream().map(GateReport.Left::run).toList();
  }

  private static GateNews left(String run) {
    long now = System.nanoTime();
    return new GateNews(null, now, null, null, null, null, new GateNews.Left(run, now));
  }

  private static GateNews spent(String day, double cost) {
    Spent spent = new Spent(day, Instant.EPOCH, 1, cost, 0, 0);
    return new GateNews(null, System.nanoTime(), null, null, null, spent, null);
  }

  private static GateNews windows(String prefix, int count) {
    Map<String, WindowUse> windows = new HashMap<>();
    for (int i = 0; i < count; i++) {
      windows.put(prefix + i, new WindowUse(0.5, null));
    }
    return new GateNews(null, System.nanoTime(), null, null, windows, null, null);
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
