package dev.outlast.worker.plugin;

import dev.outlast.limit.AccountGateWorkflow;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRunWorkflow;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.worker.WorkerOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * A worker as the plugin makes it, with agents that cost nothing: the workflows, the gates and what
 * keeps them are those of production. A process of its own; arguments are the server's address, the
 * host's id, the reset as it is said, when the provider really opens, the spread, how many agents
 * may be at work, and an empty folder or one of another such worker.
 */
public final class ScaleWorker {

  /** What the figures are about. */
  private static final int WORKFLOW_CACHE = 600;

  private static final Duration STICKY_TIMEOUT = Duration.ofSeconds(1);
  private static final Duration TELLING = Duration.ofSeconds(1);

  private ScaleWorker() {}

  public static void main(String[] args) throws Exception {
    String address = args[0];
    String hostId = args[1];
    Instant reset = Instant.parse(args[2]);
    Instant opens = Instant.parse(args[3]);
    Duration spread = Duration.parse(args[4]);
    int agents = Integer.parseInt(args[5]);
    Path folder = Path.of(args[6]);
    String pid = Long.toString(ProcessHandle.current().pid());

    Calls calls = new Calls();
    WorkflowServiceStubs stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder()
                .setTarget(address)
                .setGrpcClientInterceptors(List.of(calls))
                .build());
    WorkflowClient client =
        WorkflowClient.newInstance(
            stubs, WorkflowClientOptions.newBuilder().setIdentity(pid + "@" + hostId).build());
    SearchAttributes attributes = new SearchAttributes();
    attributes.register(client);
    OutlastPlugin.warmUp(client.getOptions().getDataConverter());
    AccountGates gates = new AccountGates(Names.TASK_QUEUE, attributes::known, Clock.systemUTC());
    gates.connect(client);
    GateKeeper keeper = new GateKeeper();
    keeper.connect(client);
    ScaleAgent agent =
        new ScaleAgent(
            hostId, gates, reset, opens, spread, agents, folder.resolve("ledger-" + pid));

    WorkerFactory factory =
        WorkerFactory.newInstance(
            client, WorkerFactoryOptions.newBuilder().setWorkflowCacheSize(WORKFLOW_CACHE).build());
    Worker everybody =
        factory.newWorker(
            Names.TASK_QUEUE,
            WorkerOptions.newBuilder()
                .setStickyQueueScheduleToStartTimeout(STICKY_TIMEOUT)
                .build());
    everybody.registerWorkflowImplementationTypes(
        AgentRunWorkflow.class, AccountGateWorkflow.class);
    everybody.registerActivitiesImplementations(agent, keeper);
    Worker own =
        factory.newWorker(
            Names.hostTaskQueue(Names.TASK_QUEUE, hostId),
            WorkerOptions.newBuilder().setMaxConcurrentActivityExecutionSize(agents).build());
    own.registerActivitiesImplementations(agent);
    factory.start();
    System.out.println("Ready: " + pid);
    while (true) {
      Thread.sleep(TELLING.toMillis());
      calls.write(folder.resolve("calls-" + pid));
    }
  }

  /** Counts what the server is asked, by the method's name. */
  private static final class Calls implements ClientInterceptor {

    private final Map<String, LongAdder> counts = new ConcurrentSkipListMap<>();

    @Override
    public <Q, A> ClientCall<Q, A> interceptCall(
        MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
      counts.computeIfAbsent(method.getBareMethodName(), name -> new LongAdder()).increment();
      return next.newCall(method, options);
    }

    /** One line for each method; whoever reads sees all of it. */
    void write(Path file) throws Exception {
      StringBuilder text = new StringBuilder();
      counts.forEach((name, count) -> text.append(name + " " + count.sum() + "\n"));
      Path whole = Files.writeString(file.resolveSibling(file.getFileName() + ".new"), text);
      Files.move(whole, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }
  }
}
