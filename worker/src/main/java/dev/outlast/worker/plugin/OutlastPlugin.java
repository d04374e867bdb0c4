package dev.outlast.worker.plugin;

import dev.outlast.activities.AgentActivitiesImpl;
import dev.outlast.activities.AgentHost;
import dev.outlast.activities.transcript.TranscriptCleaning;
import dev.outlast.limit.AccountGateWorkflow;
import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateEntry;
import dev.outlast.limit.GateRelease;
import dev.outlast.limit.GateReport;
import dev.outlast.limit.GateRequest;
import dev.outlast.limit.GateSettings;
import dev.outlast.limit.GateWaiter;
import dev.outlast.limit.RunPriority;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunWorkflow;
import dev.outlast.worker.config.ConfigException;
import dev.outlast.worker.config.OutlastConfig;
import io.grpc.ClientInterceptor;
import io.temporal.api.common.v1.Payload;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.common.SimplePlugin;
import io.temporal.common.converter.DataConverter;
import io.temporal.serviceclient.ServiceStubsOptions;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes workers run agents.
 *
 * <p>Set it once, on the service stubs or on the client, and make a worker for its task queue:
 *
 * <pre>{@code
 * OutlastPlugin plugin = new OutlastPlugin(OutlastConfig.load(Path.of("outlast.toml")));
 * WorkflowServiceStubs stubs = WorkflowServiceStubs.newServiceStubs(
 *     WorkflowServiceStubsOptions.newBuilder().setPlugins(plugin).build());
 * WorkerFactory factory = WorkerFactory.newInstance(WorkflowClient.newInstance(stubs));
 * factory.newWorker(plugin.taskQueue());
 * factory.start();
 * }</pre>
 *
 * <p>Set on the stubs, it also keeps the workers polling through an outage of the server: they work
 * again within 3 s of its return. This concerns every worker that uses these stubs. Set on the
 * client only, the SDK's own pauses apply, which grow to a minute.
 *
 * <p>That worker gets Outlast's workflows and activities. When the factory starts, a second worker
 * is added for this host's own queue, on which invocations arrive that need its files. Workers of
 * other queues are left alone. The identity of the two workers ends with {@code @} and the host's
 * id, so that others can tell from the server whether this host is there. When the factory is shut
 * down, agents get the configured time to finish and are then ended, to be resumed by the next
 * worker.
 *
 * <p>One instance serves one factory: a second one is refused when it starts, also after the first
 * was shut down. Thread-safe.
 */
public final class OutlastPlugin extends SimplePlugin {

  private static final Logger log = LoggerFactory.getLogger(OutlastPlugin.class);

  /**
   * How long a workflow task may stay with the worker that has the workflow in its cache, before
   * any worker may take it. Short, since it is what a killed worker's runs wait for.
   */
  private static final Duration STICKY_TIMEOUT = Duration.ofSeconds(1);

  /** How long the newest heartbeat may be held back: the session id must not be lost. */
  private static final Duration HEARTBEAT_THROTTLE = Duration.ofSeconds(1);

  /**
   * How often a lost connection is tried again. gRPC's own pauses grow to two minutes, and the SDK
   * cuts them to ten seconds.
   */
  private static final Duration RECONNECT = Duration.ofSeconds(1);

  private final AgentHost host;
  private final String hostTaskQueue;
  private final int maxAgents;
  private final AgentActivitiesImpl activities;
  private final SearchAttributes searchAttributes = new SearchAttributes();
  private final HostWorkers hostWorkers;
  private final AccountGates gates;
  private final GateKeeper gateKeeper = new GateKeeper();
  private final AtomicBoolean drained = new AtomicBoolean();

  /** Null unless a factory runs, and where no transcripts are kept. */
  private final AtomicReference<TranscriptCleaning> cleaning = new AtomicReference<>();

  /** The factory that this instance serves; null before one starts. */
  private final AtomicReference<WorkerFactory> served = new AtomicReference<>();

  /** The workers that have what they need; a worker has no equal but itself. */
  private final Set<Worker> initialized =
      Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

  /**
   * @throws dev.outlast.worker.config.ConfigException if the state folder cannot be used, or there
   *     is no agent at all
   */
  public OutlastPlugin(OutlastConfig config) {
    super(Names.PLUGIN);
    host = config.openHost();
    hostTaskQueue = Names.hostTaskQueue(host.taskQueue(), host.hostId());
    maxAgents = config.maxAgents();
    hostWorkers = new HostWorkers(host.taskQueue(), host.hostId(), Clock.systemUTC());
    gates = new AccountGates(host.taskQueue(), searchAttributes::known, Clock.systemUTC());
    activities =
        new AgentActivitiesImpl(host, searchAttributes::known, hostWorkers::sighting, gates);
  }

  /** The task queue of the workflows, for which the application makes a worker. */
  public String taskQueue() {
    return host.taskQueue();
  }

  /** This host's own task queue, for which the plugin makes a worker. */
  public String hostTaskQueue() {
    return hostTaskQueue;
  }

  /** The host as it was configured. */
  public AgentHost host() {
    return host;
  }

  @Override
  public void configureServiceStubs(WorkflowServiceStubsOptions.Builder builder) {
    WorkflowServiceStubsOptions options = builder.build();
    Collection<ClientInterceptor> chosen = options.getGrpcClientInterceptors();
    List<ClientInterceptor> all = new ArrayList<>(chosen == null ? List.of() : chosen);
    all.add(new PatientPolls()); // the last one is the first that a call meets
    builder.setGrpcClientInterceptors(all);
    Duration reset = options.getConnectionBackoffResetFrequency();
    if (reset == null
        || reset.equals(ServiceStubsOptions.DEFAULT_CONNECTION_BACKOFF_RESET_FREQUENCY)) {
      builder.setConnectionBackoffResetFrequency(RECONNECT);
    }
  }

  @Override
  public void configureWorker(String taskQueue, WorkerOptions.Builder builder) {
    if (taskQueue.equals(host.taskQueue()) || taskQueue.equals(hostTaskQueue)) {
      builder.setIdentity(HostWorkers.identity(builder.build().getIdentity(), host.hostId()));
    }
    if (taskQueue.equals(host.taskQueue())) {
      // A release that is called off learns of it with the answer to a heartbeat.
      builder
          .setMaxHeartbeatThrottleInterval(HEARTBEAT_THROTTLE)
          .setDefaultHeartbeatThrottleInterval(HEARTBEAT_THROTTLE);
    }
    boolean decided = builder.build().getStickyQueueScheduleToStartTimeout() != null;
    if (taskQueue.equals(host.taskQueue()) && !decided) {
      builder.setStickyQueueScheduleToStartTimeout(STICKY_TIMEOUT);
    }
    if (taskQueue.equals(hostTaskQueue)) {
      builder
          .setMaxConcurrentActivityExecutionSize(maxAgents)
          .setMaxHeartbeatThrottleInterval(HEARTBEAT_THROTTLE)
          .setDefaultHeartbeatThrottleInterval(HEARTBEAT_THROTTLE)
          // While it drains, the activities end their agents themselves; until then their
          // heartbeats have to go on.
          .setAllowActivityHeartbeatDuringShutdown(true);
    }
  }

  @Override
  public void initializeWorker(String taskQueue, Worker worker) {
    // Set on the client and on the factory, one instance is called twice for each worker.
    if (!initialized.add(worker)) {
      return;
    }
    if (taskQueue.equals(host.taskQueue())) {
      worker.registerWorkflowImplementationTypes(AgentRunWorkflow.class, AccountGateWorkflow.class);
      worker.registerActivitiesImplementations(activities, gateKeeper);
    }
    if (taskQueue.equals(hostTaskQueue)) {
      worker.registerActivitiesImplementations(activities);
    }
  }

  @Override
  public void startWorkerFactory(WorkerFactory factory, Consumer<WorkerFactory> next) {
    if (factory.tryGetWorker(host.taskQueue()) == null) {
      next.accept(factory);
      return;
    }
    if (drained.get()) {
      throw new IllegalStateException(
          "this OutlastPlugin was shut down; make a new one for a new WorkerFactory");
    }
    boolean first = served.compareAndSet(null, factory);
    if (!first && served.get() != factory) {
      throw new IllegalStateException(
          "this OutlastPlugin serves another WorkerFactory already; make one for each, on a client"
              + " of its own, or make all workers with the one WorkerFactory");
    }
    try {
      if (factory.tryGetWorker(hostTaskQueue) == null) {
        factory.newWorker(hostTaskQueue);
      }
      reap();
      activities.serve(namespaceId(factory.getWorkflowClient()));
      hostWorkers.connect(factory.getWorkflowClient());
      gates.connect(factory.getWorkflowClient());
      gateKeeper.connect(factory.getWorkflowClient());
      searchAttributes.register(factory.getWorkflowClient());
      warmUp(factory.getWorkflowClient().getOptions().getDataConverter());
      cleanTranscripts();
      tellOfImpatientPolls(factory.getWorkflowClient().getWorkflowServiceStubs().getOptions());
      next.accept(factory);
      ServerWatch.begin(factory.getWorkflowClient().getWorkflowServiceStubs().getRawChannel());
    } catch (RuntimeException e) {
      if (first) {
        // A factory that does not start may be replaced by one that does.
        served.compareAndSet(factory, null);
      }
      throw e;
    }
  }

  private void reap() {
    try {
      activities.reap();
    } catch (UncheckedIOException e) {
      ConfigException unusable = new ConfigException(null, "worker.state-dir", e.getMessage());
      unusable.initCause(e);
      throw unusable;
    }
  }

  /** What a factory that starts asks for too; if the server has no answer, neither starts. */
  private static String namespaceId(WorkflowClient client) {
    return client
        .getWorkflowServiceStubs()
        .blockingStub()
        .describeNamespace(
            DescribeNamespaceRequest.newBuilder()
                .setNamespace(client.getOptions().getNamespace())
                .build())
        .getNamespaceInfo()
        .getId();
  }

  private static void tellOfImpatientPolls(WorkflowServiceStubsOptions options) {
    Collection<ClientInterceptor> interceptors = options.getGrpcClientInterceptors();
    if (interceptors == null || interceptors.stream().noneMatch(PatientPolls.class::isInstance)) {
      log.info(
          "The plugin is not set on the service stubs: after an outage of the server, workers may"
              + " pause for up to a minute before they poll again");
    }
  }

  @Override
  public void shutdownWorkerFactory(WorkerFactory factory, Consumer<WorkerFactory> next) {
    if (served.get() == factory && drained.compareAndSet(false, true)) {
      activities.drain();
      TranscriptCleaning started = cleaning.getAndSet(null);
      if (started != null) {
        started.close();
      }
    }
    next.accept(factory);
  }

  private void cleanTranscripts() {
    if (host.transcripts() != null && cleaning.get() == null) {
      cleaning.set(TranscriptCleaning.start(host.transcripts(), Clock.systemUTC()));
    }
  }

  // The first use of the converter takes more than a second on a busy machine, and Temporal takes
  // a workflow that is slow for so long for one that hangs.
  static void warmUp(DataConverter converter) {
    GateWaiter waiter = new GateWaiter("warm-up", RunPriority.DEFAULT, Instant.EPOCH, null);
    List<Object> all =
        List.of(
            AgentRunRequest.newBuilder().setPrompt("warm-up").build(),
            new GateRequest("warm-up", "warm-up", false),
            new GateReport(GateSettings.NONE, null, null, null, null, List.of("warm-up")),
            new GateEntry(waiter, GateSettings.NONE),
            GateAnswer.open(),
            new GateRelease("warm-up", "warm-up", null, 0, 0, null, 0, List.of(waiter)));
    for (Object value : all) {
      Payload payload = converter.toPayload(value).orElseThrow();
      Objects.requireNonNull(converter.fromPayload(payload, value.getClass(), value.getClass()));
    }
  }
}
