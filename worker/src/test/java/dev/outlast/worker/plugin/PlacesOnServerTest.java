package dev.outlast.worker.plugin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.gate.Account;
import dev.outlast.limit.AccountGate;
import dev.outlast.limit.AccountGateWorkflow;
import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateClosure;
import dev.outlast.limit.GateEntry;
import dev.outlast.limit.GateSettings;
import dev.outlast.limit.GateWaiter;
import dev.outlast.operator.Names;
import dev.outlast.worker.server.LocalServer;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.temporal.client.WorkflowClient;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Many runs of several hosts that want a place at once. The real server takes ten updates of a
 * workflow at a time, and refuses or forgets others.
 */
@Tag("server")
@Timeout(300)
class PlacesOnServerTest {

  private static final Account WORK = new Account("claude", "work");
  private static final int PLACES = 4;
  private static final int HOSTS = 4;
  private static final int RUNS = 160;

  @TempDir Path folder;
  private LocalServer server;
  private WorkflowServiceStubs stubs;
  private WorkerFactory factory;
  private AccountGate gate;
  private final List<Host> hosts = new ArrayList<>();
  private final ExecutorService runs = Executors.newFixedThreadPool(RUNS);

  /** What one worker's process has: its connection to the server, and its gates. */
  private static final class Host implements ClientInterceptor, AutoCloseable {
    private final AtomicInteger entering = new AtomicInteger();
    private final AtomicInteger entered = new AtomicInteger();
    private final AtomicInteger mostAtATime = new AtomicInteger();
    private final WorkflowServiceStubs stubs;
    private final AccountGates gates;

    Host(String target) {
      stubs =
          WorkflowServiceStubs.newServiceStubs(
              WorkflowServiceStubsOptions.newBuilder()
                  .setTarget(target)
                  .setGrpcClientInterceptors(List.of(this))
                  .build());
      gates = new AccountGates(Names.TASK_QUEUE, () -> false, Clock.systemUTC());
      gates.connect(WorkflowClient.newInstance(stubs));
    }

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
        MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      ClientCall<Q, A> call = next.newCall(method, options);
      return "ExecuteMultiOperation".equals(method.getBareMethodName()) ? counted(call) : call;
    }

    private <Q, A> ClientCall<Q, A> counted(ClientCall<Q, A> call) {
      return new SimpleForwardingClientCall<>(call) {
        @Override
        public void start(Listener<A> listener, Metadata headers) {
          entered.incrementAndGet();
          mostAtATime.accumulateAndGet(entering.incrementAndGet(), Math::max);
          super.start(
              new SimpleForwardingClientCallListener<>(listener) {
                @Override
                public void onClose(Status status, Metadata trailers) {
                  entering.decrementAndGet();
                  super.onClose(status, trailers);
                }
              },
              headers);
        }
      };
    }

    @Override
    public void close() {
      stubs.shutdownNow();
    }
  }

  @BeforeEach
  void start() {
    Path executable =
        LocalServer.executable(null, System.getenv())
            .orElseThrow(() -> new AssertionError(LocalServer.VARIABLE + " must be set"));
    server =
        LocalServer.real(
            executable,
            0,
            0,
            folder.resolve("temporal.sqlite"),
            folder.resolve("temporal.log"),
            Map.of());
    stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder().setTarget(server.target()).build());
    WorkflowClient client = WorkflowClient.newInstance(stubs);
    factory = WorkerFactory.newInstance(client);
    Worker worker = factory.newWorker(Names.TASK_QUEUE);
    worker.registerWorkflowImplementationTypes(AccountGateWorkflow.class);
    GateKeeper keeper = new GateKeeper();
    keeper.connect(client);
    worker.registerActivitiesImplementations(keeper);
    factory.start();
    for (int i = 0; i < HOSTS; i++) {
      hosts.add(new Host(server.target()));
    }
    gate = client.newWorkflowStub(AccountGate.class, Names.gateId("claude", "work"));
  }

  @AfterEach
  void stop() {
    runs.shutdownNow();
    hosts.forEach(Host::close);
    factory.shutdownNow();
    factory.awaitTermination(10, TimeUnit.SECONDS);
    stubs.shutdownNow();
    server.close();
  }

  @Test
  void no_agent_of_many_starts_beyond_the_places_nor_while_the_account_is_closed()
      throws Exception {
    assertTrue(hosts.get(0).gates.ask(WORK, entry("works"), 0).orElseThrow().go());
    gate.close(new GateClosure("2h", "night"));
    assertEquals(0, started("kept-out"));
    int entries = hosts.stream().mapToInt(host -> host.entered.get()).sum();
    // Each host hears it from its first runs, and their calls may be repeated.
    assertTrue(entries < RUNS / 2, () -> entries + " entries into a closed gate");

    gate.release(null);
    TimeUnit.NANOSECONDS.sleep(AccountGates.REMEMBERED.toNanos());
    int started = started("let-in");
    // That the first run has ended, since nobody has ever heard of its workflow, frees its place.
    assertTrue(started > 0 && started <= PLACES, () -> started + " of " + PLACES + " started");
    for (Host host : hosts) {
      int most = host.mostAtATime.get();
      assertTrue(most <= AccountGates.MAX_ENTRIES, () -> most + " entries of a host at a time");
    }
  }

  /** How many of many that ask at once may start. */
  private int started(String name) throws Exception {
    List<Future<Optional<GateAnswer>>> answers = new ArrayList<>();
    for (int i = 0; i < RUNS; i++) {
      AccountGates gates = hosts.get(i % HOSTS).gates;
      GateEntry entry = entry(name + "-" + i);
      answers.add(runs.submit(() -> gates.ask(WORK, entry, 0)));
    }
    int started = 0;
    for (Future<Optional<GateAnswer>> each : answers) {
      Optional<GateAnswer> answer = each.get(2, TimeUnit.MINUTES);
      started += answer.isEmpty() || answer.get().go() ? 1 : 0;
    }
    return started;
  }

  private static GateEntry entry(String run) {
    return new GateEntry(
        new GateWaiter(run, 3, Instant.now(), null),
        new GateSettings(PLACES, null, 0, 0, Duration.ofMinutes(5)));
  }
}
