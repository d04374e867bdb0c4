package dev.outlast.worker.plugin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Timestamp;
import dev.outlast.limit.AccountOpened;
import dev.outlast.limit.GateRelease;
import dev.outlast.limit.GateWaiter;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import io.temporal.activity.ActivityInfo;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import io.temporal.activity.ActivityOptions;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.IndexedValueType;
import io.temporal.api.workflow.v1.WorkflowExecutionInfo;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.SearchAttributes;
import io.temporal.common.converter.GlobalDataConverter;
import io.temporal.common.interceptors.WorkflowClientCallsInterceptor;
import io.temporal.common.interceptors.WorkflowClientCallsInterceptorBase;
import io.temporal.common.interceptors.WorkflowClientInterceptorBase;
import io.temporal.failure.CanceledFailure;
import io.temporal.testing.TestActivityEnvironment;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** On the server in memory, which cannot be searched: it goes by what the gate remembers. */
@Timeout(300)
class GateKeeperTest {

  private static final String QUEUE = "runs";

  /** As the gate has it done. */
  private static final ActivityOptions OPTIONS =
      ActivityOptions.newBuilder()
          .setStartToCloseTimeout(Duration.ofMinutes(5))
          .setHeartbeatTimeout(Duration.ofSeconds(30))
          .build();

  /** When a run was told, and of what. */
  private record Told(long nanos, AccountOpened what) {}

  private static final Map<String, Told> TOLD = new ConcurrentHashMap<>();

  private TestWorkflowEnvironment environment;
  private TestActivityEnvironment activities;
  private GateKeeper keeper;
  private final AtomicLong nanos = new AtomicLong();

  /** The runs that are signalled, in their order; they themselves may hear of it in another. */
  private final List<String> signalled = new CopyOnWriteArrayList<>();

  private final class Signals extends WorkflowClientInterceptorBase {
    @Override
    public WorkflowClientCallsInterceptor workflowClientCallsInterceptor(
        WorkflowClientCallsInterceptor next) {
      return new WorkflowClientCallsInterceptorBase(next) {
        @Override
        public WorkflowSignalOutput signal(WorkflowSignalInput input) {
          signalled.add(input.getWorkflowExecution().getWorkflowId());
          return super.signal(input);
        }
      };
    }
  }

  /** A run, as far as its account's gate is concerned. */
  @WorkflowInterface
  public interface Run {
    @WorkflowMethod(name = Names.AGENT_RUN)
    void run();

    @SignalMethod(name = Names.SIGNAL_ACCOUNT_OPENED)
    void accountOpened(AccountOpened opened);
  }

  /** Waits for ever, and notes what it is told. */
  public static final class WaitingRun implements Run {
    @Override
    public void run() {
      Workflow.await(() -> false);
    }

    @Override
    public void accountOpened(AccountOpened opened) {
      TOLD.put(Workflow.getInfo().getWorkflowId(), new Told(System.nanoTime(), opened));
    }
  }

  /** A run that says that it waits for its host, whatever that does. */
  @WorkflowInterface
  public interface MissedRun {
    @WorkflowMethod
    void run();
  }

  /** Has its invocation taken after all. */
  public static final class TakenLate implements MissedRun {
    @Override
    public void run() {
      Workflow.newActivityStub(Agent.class, OPTIONS).invokeAgent();
    }
  }

  /** Works until a test says that it ends. */
  @ActivityInterface
  public interface Agent {
    @ActivityMethod(name = "invokeAgent")
    void invokeAgent();
  }

  private static final Semaphore AGENT_BEGUN = new Semaphore(0);
  private static final Semaphore AGENT_ENDS = new Semaphore(0);

  @BeforeEach
  void start() {
    TOLD.clear();
    environment =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .registerSearchAttribute(
                    Names.AGENT_STATE.getName(), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
                .registerSearchAttribute(
                    Names.AGENT_ACCOUNT.getName(), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
                .setWorkflowClientOptions(
                    WorkflowClientOptions.newBuilder().setInterceptors(new Signals()).build())
                .build());
    Worker worker = environment.newWorker(QUEUE);
    worker.registerWorkflowImplementationTypes(WaitingRun.class, TakenLate.class);
    worker.registerActivitiesImplementations(
        (Agent)
            () -> {
              AGENT_BEGUN.release();
              AGENT_ENDS.acquireUninterruptibly();
            });
    environment.start();
    keeper = new GateKeeper(nanos::get);
    keeper.connect(environment.getWorkflowClient());
    activities = TestActivityEnvironment.newInstance();
  }

  @AfterEach
  void stop() {
    activities.close();
    environment.close();
  }

  @Test
  void those_that_the_gate_remembers_are_told_one_after_the_other_the_first_first() {
    run("late", AgentState.WAITING, "work");
    run("early", AgentState.WAITING, "work");
    run("urgent", AgentState.WAITING, "work");
    GateRelease release =
        release(
            null, 0, 300, waiter("late", 3, 20), waiter("early", 3, 10), waiter("urgent", 1, 30));
    long began = System.nanoTime();
    assertEquals(3, released(release));
    awaitTold(3);
    assertEquals(List.of("urgent", "early", "late"), signalled);
    // The first one is told at once, but on a busy machine not as soon as that.
    Duration took = Duration.ofNanos(TOLD.get("late").nanos() - began);
    Duration least = GateKeeper.MOST_BETWEEN.multipliedBy(2);
    assertTrue(took.compareTo(least) >= 0, () -> "not spread: " + took);
    assertTrue(took.compareTo(Duration.ofMinutes(1)) < 0, () -> "three runs over " + took);
    assertEquals(7, TOLD.get("late").what().version());
  }

  @Test
  void many_are_spread_over_the_time_that_is_configured() {
    int runs = 40;
    GateWaiter[] waiters = new GateWaiter[runs];
    for (int i = 0; i < runs; i++) {
      run("run-" + i, AgentState.WAITING, "work");
      waiters[i] = waiter("run-" + i, 3, i);
    }
    long began = System.nanoTime();
    assertEquals(runs, released(release(null, 0, 4, waiters)));
    awaitTold(runs);
    Duration took = Duration.ofNanos(TOLD.get("run-" + (runs - 1)).nanos() - began);
    assertTrue(took.compareTo(Duration.ofSeconds(3)) > 0, took::toString);
  }

  @Test
  void runs_that_are_paused_or_have_ended_take_no_place() {
    run("paused", AgentState.PAUSED, "work");
    run("ended", AgentState.WAITING, "work").terminate("over");
    run("waits", AgentState.WAITING, "work");
    GateRelease release =
        release(
            null,
            2,
            0,
            waiter("paused", 1, 1),
            waiter("ended", 1, 1),
            waiter("unknown", 1, 1),
            waiter("waits", 3, 1));
    assertEquals(1, released(release));
    awaitTold(1);
    assertEquals(List.of("waits"), List.copyOf(TOLD.keySet()));
  }

  @Test
  void a_release_of_all_reaches_those_that_are_paused_so_that_they_need_not_wait_afterwards() {
    run("paused", AgentState.PAUSED, "work");
    run("found", AgentState.PAUSED, "work");
    Index index = new Index("found");
    keeper.connect(index.before(environment.getWorkflowClient()));
    assertEquals(2, released(release(null, 0, 0, waiter("paused", 3, 1))));
    awaitTold(2);
    assertTrue(index.queries.get(0).contains("IN ('waiting', 'paused')"), index.queries::toString);
  }

  @Test
  void the_index_is_read_once_for_places_that_become_free_one_by_one() {
    for (String id : List.of("a", "b", "c", "d", "late", "urgent")) {
      run(id, AgentState.WAITING, "work");
    }
    Index index = new Index("a", "b", "c", "d");
    keeper.connect(index.before(environment.getWorkflowClient()));
    assertEquals(1, released(release(null, 1, 0)));
    awaitTold(1);
    assertTrue(TOLD.containsKey("a"), TOLD::toString);
    environment.getWorkflowClient().newUntypedWorkflowStub("b").terminate("over");
    assertEquals(1, released(release(null, 1, 0, waiter("a", 3, 1), waiter("late", 3, 20))));
    awaitTold(2);
    assertTrue(TOLD.containsKey("c"), TOLD::toString);
    assertEquals(1, released(release(null, 1, 0, waiter("urgent", 1, 30))));
    awaitTold(3);
    assertTrue(TOLD.containsKey("urgent"), TOLD::toString);
    assertEquals(1, index.queries.size(), index.queries::toString);

    nanos.addAndGet(GateKeeper.ORDER_HOLDS.toNanos());
    TOLD.clear();
    assertEquals(1, released(release(null, 1, 0)));
    assertEquals(2, index.queries.size(), "who began to wait since is found");
    awaitTold(1);
    assertTrue(TOLD.containsKey("a"), TOLD::toString);
    assertEquals(3, released(release(null, 3, 0)), "the rest, and then it is read anew");
    assertTrue(index.queries.size() > 2, index.queries::toString);
  }

  @Test
  void those_that_were_told_in_vain_are_passed_over_as_long_as_others_wait() {
    for (String id : List.of("a", "b", "c")) {
      run(id, AgentState.WAITING, "work");
    }
    GateWaiter[] remembered = {waiter("a", 1, 1), waiter("b", 3, 1), waiter("c", 3, 2)};
    assertEquals(2, released(release(null, 2, 0, 1, remembered)));
    awaitTold(2);
    assertTrue(TOLD.containsKey("b") && TOLD.containsKey("c"), TOLD::toString);
    assertEquals(1, released(release(null, 1, 0, 3, remembered)));
    awaitTold(3);
  }

  @Test
  void a_release_of_all_reaches_those_that_have_gone_to_another_account_meanwhile() {
    run("works-elsewhere", AgentState.RUNNING, "private");
    run("waits-elsewhere", AgentState.WAITING, "private");
    GateRelease release =
        release(null, 0, 0, waiter("works-elsewhere", 3, 1), waiter("waits-elsewhere", 3, 2));
    assertEquals(2, released(release));
    awaitTold(2);
    assertEquals("work", TOLD.get("waits-elsewhere").what().account());
  }

  @Test
  void who_has_gone_to_another_account_takes_no_place_and_is_not_asked_to_try() {
    run("elsewhere", AgentState.WAITING, "private");
    run("waits", AgentState.WAITING, "work");
    GateWaiter[] remembered = {waiter("elsewhere", 1, 1), waiter("waits", 3, 1)};
    assertEquals(1, released(release(null, 1, 0, remembered)));
    assertEquals("waits", activity(() -> keeper.askToTry(release(null, 1, 0, remembered))).run());
    awaitTold(1);
    assertEquals(List.of("waits"), List.copyOf(TOLD.keySet()));
  }

  @Test
  void no_more_are_let_go_than_there_are_places_and_those_that_are_gone_take_none() {
    run("ended", AgentState.WAITING, "work").terminate("over");
    run("a", AgentState.WAITING, "work");
    run("b", AgentState.WAITING, "work");
    run("c", AgentState.WAITING, "work");
    GateRelease release =
        release(
            null,
            2,
            0,
            waiter("ended", 1, 1),
            waiter("a", 2, 1),
            waiter("b", 3, 1),
            waiter("c", 4, 1));
    assertEquals(2, released(release));
    awaitTold(2);
    assertTrue(TOLD.containsKey("a") && TOLD.containsKey("b"), TOLD::toString);
  }

  @Test
  void the_first_that_still_waits_is_asked_to_try_and_nobody_else() {
    run("ended", AgentState.WAITING, "work").terminate("over");
    run("first", AgentState.WAITING, "work");
    run("second", AgentState.WAITING, "work");
    GateRelease release =
        release(null, 1, 0, waiter("ended", 1, 1), waiter("second", 3, 2), waiter("first", 3, 1));
    GateWaiter asked = activity(() -> keeper.askToTry(release));
    assertEquals("first", asked.run());
    awaitTold(1);
    assertTrue(TOLD.get("first").what().probe());
    assertNull(activity(() -> keeper.askToTry(release(null, 1, 0, waiter("ended", 1, 1)))));
  }

  @Test
  void a_release_that_is_called_off_tells_nobody_more() {
    run("a", AgentState.WAITING, "work");
    run("b", AgentState.WAITING, "work");
    activities.requestCancelActivity();
    GateRelease release = release(null, 0, 300, waiter("a", 3, 1), waiter("b", 3, 2));
    assertThrows(CanceledFailure.class, () -> released(release));
    assertTrue(TOLD.isEmpty(), TOLD::toString);
  }

  @Test
  void done_again_it_takes_the_rest_of_the_time_and_half_of_it_at_least() {
    Duration spread = Duration.ofMinutes(10);
    assertEquals(spread, GateKeeper.rest(spread, info(0, 0)));
    assertEquals(Duration.ofMinutes(7), GateKeeper.rest(spread, info(1_000, 181_000)));
    assertEquals(Duration.ofMinutes(5), GateKeeper.rest(spread, info(1_000, 3_601_000)));
  }

  @Test
  void runs_that_hold_a_place_without_an_agent_are_named() {
    run("ended", AgentState.RUNNING, "work").terminate("over");
    run("works", AgentState.RUNNING, "work");
    run("waits", AgentState.WAITING, "work");
    run("paused", AgentState.PAUSED, "work");
    assertEquals(
        List.of("ended", "waits", "paused", "unknown"),
        activity(() -> keeper.ended(List.of("ended", "works", "waits", "paused", "unknown"))));
  }

  @Test
  void a_run_that_says_that_it_waits_while_a_host_has_its_invocation_keeps_its_place()
      throws Exception {
    try {
      MissedRun missed =
          environment
              .getWorkflowClient()
              .newWorkflowStub(MissedRun.class, options("missed", AgentState.WAITING, "work"));
      WorkflowClient.start(missed::run);
      assertTrue(AGENT_BEGUN.tryAcquire(2, TimeUnit.MINUTES));
      assertEquals(List.of(), activity(() -> keeper.ended(List.of("missed"))));
    } finally {
      AGENT_ENDS.release();
    }
  }

  /** A server's index, which names these runs in this order to whoever asks. */
  private static final class Index {
    private final List<String> runs;
    private final List<String> queries = new ArrayList<>();

    Index(String... runs) {
      this.runs = List.of(runs);
    }

    WorkflowClient before(WorkflowClient client) {
      return (WorkflowClient)
          Proxy.newProxyInstance(
              GateKeeperTest.class.getClassLoader(),
              new Class<?>[] {WorkflowClient.class},
              (proxy, method, args) -> {
                if (!method.getName().equals("listExecutions")) {
                  return method.invoke(client, args);
                }
                queries.add((String) args[0]);
                return runs.stream().map(this::row);
              });
    }

    private WorkflowExecutionMetadata row(String run) {
      return new WorkflowExecutionMetadata(
          WorkflowExecutionInfo.newBuilder()
              .setExecution(WorkflowExecution.newBuilder().setWorkflowId(run))
              .setStartTime(Timestamp.newBuilder().setSeconds(10 + runs.indexOf(run)))
              .build(),
          GlobalDataConverter.get());
    }
  }

  private static ActivityInfo info(long scheduled, long attempt) {
    return (ActivityInfo)
        Proxy.newProxyInstance(
            GateKeeperTest.class.getClassLoader(),
            new Class<?>[] {ActivityInfo.class},
            (proxy, method, args) ->
                switch (method.getName()) {
                  case "getScheduledTimestamp" -> scheduled;
                  case "getCurrentAttemptScheduledTimestamp" -> attempt;
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  private WorkflowStub run(String id, AgentState state, String account) {
    Run run =
        environment.getWorkflowClient().newWorkflowStub(Run.class, options(id, state, account));
    WorkflowClient.start(run::run);
    return WorkflowStub.fromTyped(run);
  }

  private static WorkflowOptions options(String id, AgentState state, String account) {
    return WorkflowOptions.newBuilder()
        .setTaskQueue(QUEUE)
        .setWorkflowId(id)
        .setTypedSearchAttributes(
            SearchAttributes.newBuilder()
                .set(Names.AGENT_STATE, state.word())
                .set(Names.AGENT_ACCOUNT, account)
                .build())
        .build();
  }

  private static GateWaiter waiter(String run, int priority, long since) {
    return new GateWaiter(run, priority, Instant.ofEpochSecond(since), null);
  }

  private static GateRelease release(
      String model, int most, long spreadSeconds, GateWaiter... remembered) {
    return release(model, most, spreadSeconds, 0, remembered);
  }

  private static GateRelease release(
      String model, int most, long spreadSeconds, int skip, GateWaiter... remembered) {
    return new GateRelease(
        "claude",
        "work",
        model,
        7,
        most,
        Duration.ofSeconds(spreadSeconds),
        skip,
        List.of(remembered));
  }

  private int released(GateRelease release) {
    return activity(() -> keeper.release(release));
  }

  /** Something that an activity does, with what an activity can do. */
  @ActivityInterface
  public interface Work {
    void work();
  }

  private <T> T activity(Supplier<T> work) {
    List<T> answer = new ArrayList<>();
    TestActivityEnvironment each = activities;
    each.registerActivitiesImplementations((Work) () -> answer.add(work.get()));
    try {
      each.newActivityStub(Work.class, OPTIONS).work();
    } finally {
      activities = TestActivityEnvironment.newInstance();
      each.close();
    }
    return answer.get(0);
  }

  private static void awaitTold(int runs) {
    long deadline = System.nanoTime() + Duration.ofMinutes(2).toNanos();
    while (TOLD.size() < runs && System.nanoTime() < deadline) {
      LockSupport.parkNanos(5_000_000);
    }
    assertEquals(runs, TOLD.size(), TOLD::toString);
  }
}
