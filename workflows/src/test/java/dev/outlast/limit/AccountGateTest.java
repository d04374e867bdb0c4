package dev.outlast.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.limit.GateReport.Hit;
import dev.outlast.limit.GateReport.Pass;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.worker.Worker;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.function.Predicate;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

class AccountGateTest {

  private static final String QUEUE = "outlast";
  private static final GateRequest REQUEST = new GateRequest("claude", "work", false);
  private static final Duration HOUR = Duration.ofHours(1);

  private TestWorkflowEnvironment environment;
  private AccountGate gate;
  private String firstHistory;
  private final Keeper keeper = new Keeper();

  /** Finds the runs that the gate remembers, and tells nobody. */
  private static final class Keeper implements GateKeeping {
    private final List<GateRelease> releases = Collections.synchronizedList(new ArrayList<>());

    /** How long the first release takes. */
    private final CountDownLatch busy = new CountDownLatch(1);

    private volatile boolean slow;

    @Override
    public GateWaiter askToTry(GateRelease release) {
      releases.add(release);
      return release.remembered().isEmpty() ? null : release.remembered().get(0);
    }

    @Override
    public int release(GateRelease release) {
      releases.add(release);
      if (slow) {
        slow = false;
        try {
          busy.await();
        } catch (InterruptedException e) {
          throw new IllegalStateException(e);
        }
      }
      return release.remembered().size();
    }

    @Override
    public List<String> ended(List<String> runs) {
      return runs.stream().filter(run -> run.startsWith("gone")).toList();
    }
  }

  @BeforeEach
  void start() {
    environment = TestWorkflowEnvironment.newInstance();
    Worker worker = environment.newWorker(QUEUE);
    worker.registerWorkflowImplementationTypes(AccountGateWorkflow.class);
    worker.registerActivitiesImplementations(keeper);
    environment.start();
    WorkflowClient client = environment.getWorkflowClient();
    gate =
        client.newWorkflowStub(
            AccountGate.class,
            WorkflowOptions.newBuilder().setTaskQueue(QUEUE).setWorkflowId(REQUEST.id()).build());
    firstHistory = WorkflowClient.start(gate::keep, REQUEST).getRunId();
  }

  /** What the gate has done replays; on demand it is kept as a golden history. */
  @AfterEach
  void stop(TestInfo test) throws Exception {
    try {
      keeper.busy.countDown();
      String name = test.getTestMethod().orElseThrow().getName();
      replayAndRecord(firstHistory, name);
      String last =
          environment
              .getWorkflowClient()
              .newUntypedWorkflowStub(REQUEST.id())
              .describe()
              .getExecution()
              .getRunId();
      if (!last.equals(firstHistory)) {
        replayAndRecord(last, name + "-continued");
      }
    } finally {
      environment.close();
    }
  }

  private void replayAndRecord(String runId, String name) throws Exception {
    WorkflowExecutionHistory history =
        environment.getWorkflowClient().fetchHistory(REQUEST.id(), runId);
    WorkflowReplayer.replayWorkflowExecution(history, AccountGateWorkflow.class);
    String folder = System.getProperty("outlast.test.recordHistories", "");
    if (!folder.isEmpty()) {
      Path file = Path.of(folder, "gate", name + ".json.gz");
      Files.createDirectories(file.getParent());
      try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
        out.write(history.toJson(false).getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  @Test
  void is_closed_from_a_hit_to_the_pass_of_the_run_that_tries_first() {
    assertTrue(enter("a").go());
    hit("a", 3, HOUR);
    GateAnswer refused = enter("b");
    assertFalse(refused.go());
    assertFalse(refused.probe());
    assertTrue(refused.latest().isAfter(refused.until()));
    Duration rest = Duration.between(now(), refused.until());
    assertTrue(refused.opensIn().compareTo(rest) >= 0, () -> refused + " is less than " + rest);
    assertTrue(refused.opensIn().compareTo(HOUR) <= 0, refused::toString);
    assertEquals(GateState.CLOSED, gate.status().state());

    environment.sleep(HOUR.plusSeconds(1));
    assertFalse(enter("b").go(), "the run that was limited first tries first");
    GateAnswer probe = enter("a");
    assertTrue(probe.go());
    assertTrue(probe.probe());
    assertFalse(enter("b").go(), "one is enough");
    assertEquals(GateState.HALF_OPEN, gate.status().state());

    pass("a");
    assertEquals(GateState.OPEN, gate.status().state());
    assertTrue(enter("b").go());
    await(status -> !keeper.releases.isEmpty());
    assertEquals(0, keeper.releases.get(0).most());
    assertTrue(keeper.releases.get(0).version() > refused.version());
  }

  @Test
  void a_higher_priority_tries_first() {
    hit("low", 4, HOUR);
    assertTrue(enter("high", 1).probe());
    environment.sleep(HOUR.plusSeconds(1));
    assertFalse(enter("low", 4).go());
    assertTrue(enter("high", 1).go());
  }

  @Test
  void a_refused_probe_closes_it_for_longer_and_longer() {
    hit("a", 3, HOUR);
    environment.sleep(HOUR.plusSeconds(1));
    Instant before = null;
    Duration last = Duration.ZERO;
    for (int i = 0; i < 4; i++) {
      assertTrue(enter("a").go(), "attempt " + i);
      before = now();
      hit("a", 3, Duration.ofSeconds(1));
      Duration closed = Duration.between(before, gate.status().until());
      assertTrue(closed.compareTo(last) > 0, closed + " after " + last);
      last = closed;
      assertFalse(enter("b").go());
      environment.sleep(closed.plusSeconds(1));
    }
    assertTrue(last.compareTo(GateBook.REFUSED_FLOOR.multipliedBy(8).minusSeconds(2)) >= 0);
  }

  @Test
  void the_later_reset_wins() {
    hit("a", 3, HOUR.multipliedBy(2));
    hit("b", 3, HOUR);
    environment.sleep(HOUR.plusSeconds(1));
    assertFalse(enter("a").go());
    assertFalse(enter("b").go());
  }

  @Test
  void a_model_limit_closes_only_that_model() {
    tell(
        report(
            new Hit(
                waiter("a", 3, "opus"), LimitScope.MODEL, HOUR, now().plus(HOUR), Duration.ZERO)));
    assertFalse(enter("b", 3, "opus").go());
    assertTrue(enter("b", 3, "sonnet").go());
    assertTrue(enter("c").go());
    assertEquals(GateState.OPEN, gate.status().state());
  }

  @Test
  void a_run_that_never_comes_to_try_is_replaced() {
    hit("lost", 3, HOUR);
    enter("waits");
    environment.sleep(HOUR.plus(GateBook.PROBE_GRACE).plusSeconds(5));
    await(status -> status.part(null).orElseThrow().isProbe("waits"));
    assertTrue(enter("waits").go());
  }

  @Test
  void a_probe_that_says_nothing_is_replaced() {
    hit("silent", 3, HOUR);
    enter("waits");
    environment.sleep(HOUR.plusSeconds(1));
    assertTrue(enter("silent").go());
    environment.sleep(GateBook.PROBE_SILENCE.plusSeconds(5));
    await(status -> status.part(null).orElseThrow().isProbe("waits"));
    assertTrue(enter("waits").go());
  }

  @Test
  void opens_by_itself_when_nobody_waits() {
    hit("a", 3, HOUR);
    tell(new GateReport(null, null, null, null, null, null));
    environment.sleep(HOUR.plus(GateBook.PROBE_GRACE.multipliedBy(3)));
    await(status -> status.state() == GateState.OPEN);
  }

  @Test
  void an_earlier_allowed_event_opens_it() {
    hit("a", 3, HOUR);
    environment.sleep(Duration.ofMinutes(10));
    Duration long_ago = Duration.ofHours(2);
    tell(
        new GateReport(
            null,
            null,
            List.of(new Pass("b", null, false, long_ago, Duration.ZERO)),
            null,
            null,
            null));
    assertEquals(GateState.CLOSED, gate.status().state(), "it only went on with what it had");
    tell(
        new GateReport(
            null,
            null,
            List.of(new Pass("b", null, true, long_ago, Duration.ZERO)),
            null,
            null,
            null));
    assertEquals(GateState.OPEN, gate.status().state());
  }

  @Test
  void a_late_report_of_a_limit_that_is_over_closes_nothing() {
    Instant reset = now().plus(HOUR);
    hit("a", 3, HOUR);
    environment.sleep(HOUR.plusSeconds(1));
    enter("a");
    pass("a");
    tell(
        report(
            new Hit(
                waiter("b", 3, null),
                LimitScope.SESSION,
                Duration.ZERO,
                reset,
                Duration.ofHours(2))));
    assertEquals(GateState.OPEN, gate.status().state());
  }

  @Test
  void no_more_agents_than_the_bound_and_ended_runs_free_their_places() {
    GateSettings two = new GateSettings(2, null, 0, 0, null);
    assertTrue(enter("a", two).go());
    assertTrue(enter("a", two).go(), "a retry has its place already");
    assertTrue(enter("gone", two).go());
    assertFalse(enter("c", two).go());
    environment.sleep(GateBook.LEASE_LOOK.plusSeconds(5));
    await(status -> !keeper.releases.isEmpty());
    assertEquals(1, keeper.releases.size(), "a place was free, and somebody waited");
    assertEquals(1, keeper.releases.get(0).most());
    assertTrue(enter("c", two).go());
    assertFalse(enter("d", two).go());
    tell(new GateReport(null, null, null, null, null, List.of("a")));
    assertTrue(enter("d", two).go());
  }

  @Test
  void holds_back_before_the_wall_until_the_window_begins_anew() {
    GateSettings careful = new GateSettings(0, Map.of("five_hour", 0.9), 0, 0, null);
    tell(
        new GateReport(
            careful,
            null,
            null,
            Map.of("five_hour", new GateReport.WindowUse(0.93, now().plus(HOUR))),
            null,
            null));
    GateAnswer answer = enter("a", careful);
    assertFalse(answer.go());
    assertTrue(answer.why().contains("93 %"), answer.why());
    environment.sleep(HOUR.plusSeconds(1));
    assertTrue(enter("a", careful).go());
  }

  @Test
  void a_spent_day_closes_the_account_until_it_ends_or_an_operator_releases_it() {
    GateSettings frugal = new GateSettings(0, null, 10, 0, null);
    GateReport.Spent nine = new GateReport.Spent("2026-11-21", now().plus(HOUR), 1, 9, 0, 1000);
    tell(new GateReport(frugal, null, null, null, nine, null));
    assertTrue(enter("a", frugal).go());
    tell(new GateReport(frugal, null, null, null, nine, null));
    assertFalse(enter("a", frugal).go());
    gate.release("it is worth it");
    assertTrue(enter("a", frugal).go());
    tell(new GateReport(frugal, null, null, null, nine, null));
    assertTrue(enter("a", frugal).go(), "for the rest of the day");
  }

  @Test
  void operators_close_and_release() {
    refused("account is open", () -> gate.release(null));
    refused("expected an instant", () -> gate.close(new GateClosure("soon", null)));
    refused("has passed", () -> gate.close(new GateClosure("2020-01-01T00:00:00Z", null)));
    refused("at most 30d", () -> gate.close(new GateClosure("40d", null)));
    refused("over 0", () -> gate.pauseAt(1.5));
    gate.close(new GateClosure("90m", "people need it"));
    assertTrue(enter("a").why().contains("people need it"));
    gate.release("done");
    assertTrue(enter("a").go());
    assertNull(gate.status().until());
  }

  @Test
  void goes_on_in_a_new_history_and_forgets_nothing() {
    hit("a", 3, HOUR.multipliedBy(50));
    for (int i = 0; i < 300; i++) {
      enter("run-" + i);
    }
    environment.sleep(Duration.ofSeconds(1));
    WorkflowStub untyped = WorkflowStub.fromTyped(gate);
    long events = environment.getWorkflowClient().fetchHistory(REQUEST.id()).getEvents().size();
    assertTrue(events < AccountGateWorkflow.MAX_HISTORY_EVENTS, "events: " + events);
    assertEquals(301, gate.status().waiters());
    assertFalse(enter("x").go());
    assertEquals(REQUEST.id(), untyped.getExecution().getWorkflowId());
  }

  @Test
  void a_release_that_a_new_history_interrupts_is_done_again_and_nothing_told_is_lost() {
    hit("a", 3, HOUR);
    enter("waits");
    environment.sleep(HOUR.plusSeconds(1));
    assertTrue(enter("a").go());
    keeper.slow = true;
    pass("a");
    await(status -> keeper.releases.size() == 1);
    for (int i = 0; i < AccountGateWorkflow.MAX_HISTORY_EVENTS && isInFirstHistory(); i++) {
      enter("run-" + i);
      tell(new GateReport(null, null, null, Map.of("w" + i % 9, use(0.1)), null, null));
    }
    assertFalse(isInFirstHistory());
    await(status -> keeper.releases.size() == 2);
    assertEquals(
        List.of("waits"),
        keeper.releases.get(1).remembered().stream().map(GateWaiter::run).toList());
    assertEquals(9, gate.status().windows().size());
    keeper.busy.countDown();
    await(status -> status.waiters() == 0);
  }

  private boolean isInFirstHistory() {
    return environment
        .getWorkflowClient()
        .newUntypedWorkflowStub(REQUEST.id())
        .describe()
        .getExecution()
        .getRunId()
        .equals(firstHistory);
  }

  private GateReport.WindowUse use(double share) {
    return new GateReport.WindowUse(share, now().plus(HOUR));
  }

  @Test
  void nobody_is_released_against_a_hold_and_everybody_after_it() {
    hit("a", 3, HOUR);
    enter("waits");
    gate.close(new GateClosure("3h", "people need it"));
    environment.sleep(HOUR.plus(GateBook.PROBE_GRACE.multipliedBy(2)));
    assertFalse(enter("a").go());
    pass("b");
    assertEquals(GateState.OPEN, gate.status().part(null).orElseThrow().state());
    assertFalse(enter("a").go());
    environment.sleep(HOUR);
    assertTrue(keeper.releases.isEmpty(), () -> "" + keeper.releases);
    environment.sleep(HOUR);
    await(status -> keeper.releases.size() == 1);
    assertTrue(enter("a").go());
  }

  @Test
  void a_run_tries_only_if_nothing_else_keeps_it_from_starting() {
    GateSettings one = new GateSettings(1, null, 0, 0, null);
    assertTrue(enter("works", one).go());
    hit("a", 3, HOUR);
    environment.sleep(HOUR.plusSeconds(1));
    assertFalse(enter("a", one).go());
    assertEquals(GateState.CLOSED, gate.status().state(), "nobody tries");
    tell(new GateReport(one, null, null, null, null, List.of("works")));
    assertTrue(enter("a", one).probe());
    assertEquals(GateState.HALF_OPEN, gate.status().state());
  }

  @Test
  void a_probe_that_ends_without_an_answer_may_come_again() {
    hit("a", 3, HOUR);
    environment.sleep(HOUR.plusSeconds(1));
    assertTrue(enter("a").probe());
    tell(new GateReport(null, null, null, null, null, List.of("a")));
    assertEquals(GateState.CLOSED, gate.status().state());
    assertTrue(enter("a").probe());
  }

  @Test
  void whatever_a_worker_tells_the_gate_goes_on() {
    Duration absurd = Duration.ofSeconds(Long.MAX_VALUE);
    tell(
        new GateReport(
            null,
            List.of(new Hit(waiter("a", 3, null), LimitScope.WEEKLY, absurd, Instant.MAX, absurd)),
            List.of(new Pass("b", null, true, absurd, absurd)),
            Map.of(
                "five_hour", new GateReport.WindowUse(Double.NaN, null), "x".repeat(500), use(1)),
            null,
            null));
    GateAnswer answer = enter("b");
    assertFalse(answer.go());
    assertFalse(answer.until().isAfter(now().plus(AccountGateWorkflow.MAX_CLOSURE)));
    assertEquals(Set.of("five_hour"), gate.status().windows().keySet());
    gate.release(null);
    assertTrue(enter("b").go());
  }

  @Test
  void where_places_are_bounded_those_who_get_one_at_an_opening_are_spread_too() {
    GateSettings three = new GateSettings(3, null, 0, 0, null);
    assertTrue(enter("a", three).go());
    hit("a", 3, HOUR);
    assertFalse(enter("b", three).go());
    assertFalse(enter("c", three).go());
    environment.sleep(HOUR.plusSeconds(1));
    assertTrue(enter("a", three).probe());
    pass("a");
    await(status -> !keeper.releases.isEmpty());
    GateRelease first = keeper.releases.get(0);
    assertEquals(2, first.most());
    Duration gone = GateSettings.DEFAULT_SPREAD.minus(first.spread());
    assertTrue(gone.compareTo(Duration.ofMinutes(1)) < 0, first::toString);
  }

  @Test
  void whatever_anybody_sends_the_gate_goes_on() {
    WorkflowStub anybody = WorkflowStub.fromTyped(gate);
    Object[][] wrong = {{}, {null}, {"nonsense"}, {7}, {Map.of("hits", "x")}, {List.of(Map.of())}};
    for (Object[] each : wrong) {
      anybody.signal("report", each);
      assertEquals(GateState.OPEN, gate.status().state());
      for (String update : List.of("enter", "close")) {
        assertThrows(
            WorkflowException.class,
            () -> anybody.update(update, Object.class, each),
            () -> update + " " + List.of(each));
      }
    }
    refused("expected the run", () -> gate.enter(null));
    refused("expected an instant", () -> gate.close(null));
    assertThrows(
        WorkflowException.class, () -> anybody.update("pauseAt", Object.class, "nonsense"));
    refused("over 0", () -> gate.pauseAt(Double.NaN));
    gate.pauseAt(null);
    GateSettings absurd =
        new GateSettings(
            0, Map.of("*", 0.5), Double.MIN_VALUE, 1, Duration.ofSeconds(Long.MAX_VALUE));
    tell(
        new GateReport(
            absurd,
            List.of(
                new Hit(
                    new GateWaiter("a", 3, Instant.MIN, null),
                    LimitScope.SESSION,
                    Duration.ofSeconds(Long.MIN_VALUE),
                    Instant.MIN,
                    Duration.ZERO)),
            null,
            Map.of(
                "low",
                new GateReport.WindowUse(1, Instant.MIN),
                "high",
                new GateReport.WindowUse(Double.POSITIVE_INFINITY, Instant.MAX),
                "far",
                new GateReport.WindowUse(1, Instant.parse("9999-01-01T00:00:00Z"))),
            new GateReport.Spent("", Instant.MAX, -1, Double.NaN, 0, Long.MAX_VALUE),
            null));
    assertFalse(enter("b", absurd).go());
    gate.release(null);
    assertTrue(enter("b", absurd).go());
    await(status -> !keeper.releases.isEmpty());
  }

  /**
   * Returns when the gate has heard it. The server in memory hands an update over before a signal
   * that came first, if it had planned to wake the gate before both; a real one does not.
   */
  private void tell(GateReport report) {
    gate.report(report);
    gate.status();
  }

  private static void refused(String why, Runnable update) {
    WorkflowException e = assertThrows(WorkflowException.class, update::run);
    String message = ((ApplicationFailure) e.getCause()).getOriginalMessage();
    assertTrue(message.contains(why), message);
  }

  /** The gate and its activities take their time, also where hours are skipped. */
  private void await(Predicate<GateStatus> wanted) {
    for (int i = 0; i < 1_000; i++) {
      if (wanted.test(gate.status())) {
        return;
      }
      environment.sleep(Duration.ofMillis(20));
    }
    throw new AssertionError("never so: " + gate.status());
  }

  private Instant now() {
    return Instant.ofEpochMilli(environment.currentTimeMillis());
  }

  private GateWaiter waiter(String run, int priority, String model) {
    return new GateWaiter(run, priority, now(), model);
  }

  private GateAnswer enter(String run) {
    return enter(run, 3);
  }

  private GateAnswer enter(String run, int priority) {
    return enter(run, priority, null);
  }

  private GateAnswer enter(String run, int priority, String model) {
    return gate.enter(new GateEntry(waiter(run, priority, model), null));
  }

  private GateAnswer enter(String run, GateSettings settings) {
    return gate.enter(new GateEntry(waiter(run, 3, null), settings));
  }

  private void hit(String run, int priority, Duration lasts) {
    tell(
        report(
            new Hit(
                waiter(run, priority, null),
                LimitScope.SESSION,
                lasts,
                now().plus(lasts),
                Duration.ofSeconds(10))));
  }

  private void pass(String run) {
    tell(
        new GateReport(
            null,
            null,
            List.of(new Pass(run, null, false, Duration.ofSeconds(1), Duration.ZERO)),
            null,
            null,
            null));
  }

  private static GateReport report(Hit hit) {
    return new GateReport(null, List.of(hit), null, null, null, null);
  }
}
