package dev.outlast.worker.plugin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.outlast.activities.gate.Account;
import dev.outlast.activities.gate.GateNews;
import dev.outlast.activities.gate.Gates;
import dev.outlast.limit.AccountGate;
import dev.outlast.limit.AccountGateWorkflow;
import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateClosure;
import dev.outlast.limit.GateEntry;
import dev.outlast.limit.GateSettings;
import dev.outlast.limit.GateStatus;
import dev.outlast.limit.GateWaiter;
import dev.outlast.limit.LimitScope;
import dev.outlast.operator.Names;
import io.grpc.Grpc;
import io.grpc.HandlerRegistry;
import io.grpc.InsecureServerCredentials;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerMethodDefinition;
import io.temporal.client.WorkflowClient;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** What a host asks and tells the gates, on a server in memory and on one that is away. */
@Timeout(180)
class AccountGatesTest {

  private static final Account WORK = new Account("claude", "work");
  private static final Duration HOUR = Duration.ofHours(1);

  /** What a busy machine may take on top of what is promised; not as much as to wait twice. */
  private static final Duration SLACK = Duration.ofSeconds(9);

  private final AtomicLong nanos = new AtomicLong();
  private TestWorkflowEnvironment environment;
  private AccountGates gates;

  @BeforeEach
  void start() {
    environment = TestWorkflowEnvironment.newInstance();
    Worker worker = environment.newWorker(Names.TASK_QUEUE);
    worker.registerWorkflowImplementationTypes(AccountGateWorkflow.class);
    worker.registerActivitiesImplementations(new GateKeeper());
    environment.start();
    gates = newGates();
    // The first answer of all takes the longest by far, and none is waited for for ever.
    Account another = new Account("claude", "another");
    for (int i = 0; i < 10 && !newGates().ask(another, counted("a"), 0).orElseThrow().go(); i++) {
      LockSupport.parkNanos(1_000_000);
    }
  }

  private AccountGates newGates() {
    InstantSource time = () -> Instant.ofEpochMilli(environment.currentTimeMillis());
    AccountGates made =
        new AccountGates(Names.TASK_QUEUE, () -> false, time.withZone(ZoneOffset.UTC), nanos::get);
    made.connect(environment.getWorkflowClient());
    return made;
  }

  @AfterEach
  void stop() {
    environment.close();
  }

  @Test
  void an_account_of_which_nobody_has_told_anything_is_open_and_has_no_gate() {
    assertEquals(Optional.of(GateAnswer.open()), gates.ask(WORK, entry("a"), 0));
    assertEquals(Optional.empty(), gates.word(WORK, waiter("a", 3), 0));
  }

  @Test
  void a_limit_closes_the_account_to_all_and_the_first_of_them_tries_when_it_is_over() {
    gates.tell(WORK, hit("a"));
    GateAnswer first = gates.word(WORK, waiter("a", 3), 0).orElseThrow();
    assertTrue(first.probe());
    assertFalse(gates.word(WORK, waiter("b", 3), 0).orElseThrow().probe());
    assertFalse(ask("b").go());

    environment.sleep(HOUR.plusSeconds(1));
    goOn(AccountGates.REMEMBERED);
    assertFalse(ask("b").go(), "it is not its turn");
    assertTrue(ask("a").probe());
    gates.tell(WORK, pass("a"));
    assertTrue(ask("b").go(), "what was remembered before the pass counts no more");
  }

  @Test
  void that_it_is_closed_is_remembered_for_seconds_unless_the_run_was_released_since() {
    gates.tell(WORK, hit("a"));
    GateAnswer closed = ask("b");
    assertFalse(closed.go());
    gate().release(null);
    assertFalse(ask("b").go(), "remembered");
    GateStatus status = gate().status();
    assertTrue(status.version() > closed.version());
    assertTrue(gates.ask(WORK, entry("b"), status.version()).orElseThrow().go(), "released");
    gates.tell(WORK, hit("c"));
    assertFalse(gates.ask(WORK, entry("d"), status.version()).orElseThrow().go());
    gate().release(null);
    goOn(AccountGates.REMEMBERED);
    assertTrue(ask("d").go(), "asked anew");
  }

  @Test
  void a_gate_that_somebody_has_ended_is_open_and_the_next_report_starts_it_anew() {
    gates.tell(WORK, hit("a"));
    assertFalse(ask("b").go());
    environment
        .getWorkflowClient()
        .newUntypedWorkflowStub(Names.gateId("claude", "work"))
        .terminate("an operator");
    goOn(AccountGates.REMEMBERED);
    assertTrue(ask("b").go());
    gates.tell(WORK, hit("b"));
    assertFalse(ask("c").go());
  }

  @Test
  void where_agents_are_counted_one_more_starts_only_when_one_has_left() {
    GateSettings two = new GateSettings(2, null, 0, 0, null);
    assertTrue(gates.ask(WORK, new GateEntry(waiter("a", 3), two), 0).orElseThrow().go());
    assertTrue(gates.ask(WORK, new GateEntry(waiter("b", 3), two), 0).orElseThrow().go());
    assertFalse(gates.ask(WORK, new GateEntry(waiter("c", 3), two), 0).orElseThrow().go());
    gates.tell(
        WORK,
        new GateNews(
            two,
            System.nanoTime(),
            null,
            null,
            null,
            null,
            new GateNews.Left("a", System.nanoTime())));
    assertTrue(gates.ask(WORK, new GateEntry(waiter("c", 3), two), 0).orElseThrow().go());
  }

  @Test
  void where_agents_are_counted_a_gate_that_is_known_to_be_closed_is_not_asked_for_a_place() {
    assertTrue(place("works").go());
    gate().close(new GateClosure("2h", null));
    assertFalse(place("a").go());
    assertFalse(place("b").go());
    assertEquals("a", gate().status().first().run());
    assertEquals(1, gate().status().waiters(), "b was answered by what a was told");
    goOn(AccountGates.REMEMBERED);
    assertFalse(place("c").go());
    assertEquals(1, gate().status().waiters(), "a question is no entry");
    assertEquals(List.of("works"), gate().status().atWork());
    assertFalse(place("works").go());
    assertEquals(List.of(), gate().status().atWork(), "whoever asks anew does not work");

    gate().release(null);
    long released = gate().status().version();
    assertTrue(gates.ask(WORK, counted("b"), released).orElseThrow().go());
  }

  @Test
  void where_agents_are_counted_a_gate_that_is_away_is_waited_for_and_not_for_ever()
      throws Exception {
    assertTrue(place("works").go());
    try (Away away = Away.at(freePort())) {
      gates.connect(away.client);
      assertAsksAgainSoon(gates.ask(WORK, counted("a"), 5).orElseThrow(), 5);
      goOn(AccountGates.UNHEARD.minusSeconds(1));
      assertAsksAgainSoon(gates.ask(WORK, counted("b"), 0).orElseThrow(), 0);
      goOn(Duration.ofSeconds(1));
      assertEquals(Optional.empty(), gates.ask(WORK, counted("a"), 5));
    }
    gates.connect(environment.getWorkflowClient());
    assertTrue(place("a").go());
    try (Away away = Away.at(freePort())) {
      gates.connect(away.client);
      assertAsksAgainSoon(place("c"), 0);
    }
  }

  private void assertAsksAgainSoon(GateAnswer answer, long version) {
    assertFalse(answer.go() || answer.probe());
    assertEquals(answer.until(), answer.latest());
    assertEquals(version, answer.version());
    assertTrue(
        answer.opensIn().compareTo(AccountGates.HELD_BACK) >= 0
            && answer.opensIn().compareTo(AccountGates.HELD_BACK.multipliedBy(3)) < 0,
        answer::toString);
  }

  @Test
  void a_server_that_hangs_holds_nobody_up_for_longer_than_promised_and_is_told_of_once()
      throws Exception {
    try (Log log = new Log();
        Silent silent = Silent.begin();
        Away away = Away.at(silent.server().getPort())) {
      gates.connect(away.client);
      ExecutorService executor = Executors.newCachedThreadPool();
      List<CompletableFuture<Optional<GateAnswer>>> all = new ArrayList<>();
      List<CompletableFuture<Optional<GateAnswer>>> counted = new ArrayList<>();
      long begun = System.nanoTime();
      for (int i = 0; i < 20; i++) {
        String run = "run-" + i;
        all.add(CompletableFuture.supplyAsync(() -> gates.ask(WORK, entry(run), 0), executor));
        counted.add(
            CompletableFuture.supplyAsync(() -> gates.ask(WORK, counted(run), 0), executor));
        all.add(CompletableFuture.supplyAsync(() -> gates.word(WORK, waiter(run, 3), 0), executor));
        all.add(
            CompletableFuture.supplyAsync(
                () -> {
                  gates.tell(WORK, hit(run));
                  return Optional.empty();
                },
                executor));
      }
      for (CompletableFuture<Optional<GateAnswer>> each : all) {
        assertEquals(Optional.empty(), each.get(2, TimeUnit.MINUTES));
      }
      for (CompletableFuture<Optional<GateAnswer>> each : counted) {
        assertAsksAgainSoon(each.get(2, TimeUnit.MINUTES).orElseThrow(), 0);
      }
      Duration took = Duration.ofNanos(System.nanoTime() - begun);
      Duration most = Duration.ofSeconds(Gates.PATIENCE_SECONDS).plus(SLACK);
      assertTrue(took.compareTo(most) < 0, took::toString);
      assertEquals(1, log.lines().size(), () -> log.lines().size() + " lines");
      executor.shutdown();
    }
  }

  @Test
  void what_could_not_be_told_reaches_the_gate_with_the_next_question() throws Exception {
    try (Log log = new Log();
        Away away = Away.at(freePort())) {
      gates.connect(away.client);
      gates.tell(WORK, hit("a"));
      assertTrue(log.lines().get(0).contains("agent-account-claude-work"), log.lines()::toString);
      assertTrue(log.lines().get(0).contains("is kept"), log.lines()::toString);
    }
    gates.connect(environment.getWorkflowClient());
    for (int i = 0; i < 600 && ask("b").go(); i++) {
      Thread.sleep(100);
    }
    assertFalse(ask("b").go());
  }

  @Test
  void while_the_gate_is_away_an_account_that_it_had_closed_stays_closed() throws Exception {
    gates.tell(WORK, hit("a"));
    GateAnswer closed = ask("b");
    assertFalse(closed.go());
    goOn(AccountGates.REMEMBERED);
    try (Log log = new Log();
        Away away = Away.at(freePort())) {
      gates.connect(away.client);
      assertEquals(closed.until(), ask("b").until());
      assertTrue(log.lines().get(0).contains("held back"), log.lines()::toString);
      assertEquals(
          Optional.empty(),
          gates.ask(WORK, entry("b"), closed.version() + 1),
          "what is known is older than the release");
      assertEquals(closed.until(), gates.word(WORK, waiter("b", 3), 0).orElseThrow().until());
      assertEquals(
          Optional.empty(),
          gates.word(WORK, waiter("b", 3), closed.version() + 1),
          "nor does it count for a run that was limited again after that release");
      goOn(AccountGates.COMPLAINTS);
      assertFalse(ask("b").go());
      assertEquals(2, log.lines().size(), () -> log.lines().size() + " lines");
    }
    gates.connect(environment.getWorkflowClient());
    gate().close(new GateClosure("2h", null));
    assertFalse(ask("b").go());
  }

  @Test
  void while_the_gate_is_away_at_the_reset_only_the_run_that_tries_first_starts() throws Exception {
    gates.tell(WORK, hit("a"));
    GateAnswer closed = ask("b");
    goOn(AccountGates.REMEMBERED);
    try (Away away = Away.at(freePort())) {
      gates.connect(away.client);
      environment.sleep(HOUR.plusSeconds(1));
      GateAnswer heldBack = ask("b");
      assertFalse(heldBack.go());
      assertEquals(closed.latest(), heldBack.latest());
      assertEquals(Optional.empty(), gates.ask(WORK, entry("a"), 0), "it is the first");
      environment.sleep(GateAnswer.SAFETY);
      assertEquals(Optional.empty(), gates.ask(WORK, entry("b"), 0), "not for ever");
    }
  }

  @Test
  void threads_that_call_the_server_end_when_there_is_nothing_to_call() throws Exception {
    gates.tell(WORK, hit("a"));
    assertTrue(callers() > 0);
    long deadline = System.nanoTime() + Duration.ofMinutes(2).toNanos();
    while (callers() > 0 && System.nanoTime() < deadline) {
      Thread.sleep(200);
    }
    assertEquals(0, callers());
  }

  private static long callers() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("outlast-gate-"))
        .count();
  }

  private void goOn(Duration time) {
    nanos.addAndGet(time.toNanos());
  }

  private GateAnswer ask(String run) {
    return gates.ask(WORK, entry(run), 0).orElseThrow();
  }

  private GateAnswer place(String run) {
    return gates.ask(WORK, counted(run), 0).orElseThrow();
  }

  private GateEntry counted(String run) {
    return new GateEntry(waiter(run, 3), new GateSettings(2, null, 0, 0, null));
  }

  private AccountGate gate() {
    return environment
        .getWorkflowClient()
        .newWorkflowStub(AccountGate.class, Names.gateId("claude", "work"));
  }

  private GateEntry entry(String run) {
    return new GateEntry(waiter(run, 3), GateSettings.NONE);
  }

  private GateWaiter waiter(String run, int priority) {
    return new GateWaiter(run, priority, Instant.EPOCH, null);
  }

  private GateNews hit(String run) {
    long now = System.nanoTime();
    GateNews.Hit hit = new GateNews.Hit(waiter(run, 3), LimitScope.SESSION, HOUR, null, now);
    return new GateNews(GateSettings.NONE, now, hit, null, null, null, null);
  }

  private static GateNews pass(String run) {
    long now = System.nanoTime();
    return new GateNews(
        GateSettings.NONE, now, null, new GateNews.Pass(run, null, false, now), null, null, null);
  }

  /** A port on which nobody listens. */
  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  /** A server that takes all calls and answers none, but that it has no special abilities. */
  private record Silent(Server server) implements AutoCloseable {

    private static final MethodDescriptor.Marshaller<InputStream> BYTES =
        new MethodDescriptor.Marshaller<>() {
          @Override
          public InputStream stream(InputStream message) {
            return message;
          }

          @Override
          public InputStream parse(InputStream message) {
            return message;
          }
        };

    static Silent begin() throws IOException {
      HandlerRegistry all =
          new HandlerRegistry() {
            @Override
            public ServerMethodDefinition<?, ?> lookupMethod(String name, String authority) {
              return name.endsWith("/GetSystemInfo") ? null : unanswered(name);
            }
          };
      return new Silent(
          Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
              .fallbackHandlerRegistry(all)
              .build()
              .start());
    }

    private static ServerMethodDefinition<InputStream, InputStream> unanswered(String name) {
      return ServerMethodDefinition.create(
          MethodDescriptor.newBuilder(BYTES, BYTES)
              .setType(MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(name)
              .build(),
          (call, headers) -> {
            call.request(1);
            return new ServerCall.Listener<>() {};
          });
    }

    @Override
    public void close() {
      server.shutdownNow();
    }
  }

  /** A client of a server that does not answer. */
  private record Away(WorkflowServiceStubs stubs, WorkflowClient client) implements AutoCloseable {

    static Away at(int port) {
      WorkflowServiceStubs stubs =
          WorkflowServiceStubs.newServiceStubs(
              WorkflowServiceStubsOptions.newBuilder().setTarget("127.0.0.1:" + port).build());
      return new Away(stubs, WorkflowClient.newInstance(stubs));
    }

    @Override
    public void close() {
      stubs.shutdownNow();
    }
  }

  /** What is said of gates that cannot be reached. */
  private static final class Log implements AutoCloseable {
    private final Logger logger = (Logger) LoggerFactory.getLogger(AccountGates.class);
    private final ListAppender<ILoggingEvent> appender = new ListAppender<>();

    Log() {
      appender.start();
      logger.addAppender(appender);
    }

    List<String> lines() {
      return List.copyOf(appender.list).stream().map(ILoggingEvent::getFormattedMessage).toList();
    }

    @Override
    public void close() {
      logger.detachAppender(appender);
      appender.stop();
    }
  }
}
