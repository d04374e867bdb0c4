package dev.outlast.worker.plugin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.agent.HostSighting;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunResult;
import dev.outlast.worker.config.ConfigException;
import dev.outlast.worker.config.OutlastConfig;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.MethodDescriptor;
import io.temporal.api.enums.v1.IndexedValueType;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.testserver.TestServer;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.worker.WorkerOptions;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class OutlastPluginTest {

  private static final int CACHE = Integer.getInteger("outlast.test.workflowCache", 600);

  @TempDir Path folder;

  private OutlastPlugin plugin() {
    AgentDefinition echo =
        AgentDefinition.newBuilder("echo", "command")
            .setCommand(List.of("/bin/echo", "-n"))
            .setArgs(List.of("{prompt}"))
            .setEnv(List.of("PATH"))
            .build();
    return new OutlastPlugin(
        OutlastConfig.newBuilder()
            .setStateDir(folder.resolve("state"))
            .setCurrentDirectory(folder)
            .setMaxAgents(3)
            .setDrainGrace(Duration.ofSeconds(1))
            .setEnvironment(Map.of("PATH", System.getenv("PATH"), "HOSTNAME", "box"))
            .addAgent(echo)
            .build());
  }

  private static AgentRunResult runToEnd(WorkflowClient client, String taskQueue) {
    AgentRun run =
        client.newWorkflowStub(
            AgentRun.class, WorkflowOptions.newBuilder().setTaskQueue(taskQueue).build());
    WorkflowClient.start(run::run, AgentRunRequest.newBuilder().setPrompt("hello").build());
    return WorkflowStub.fromTyped(run).getResult(AgentRunResult.class);
  }

  /** A workflow of the application that the plugin is added to. */
  @WorkflowInterface
  public interface Foreign {
    @WorkflowMethod
    String run();
  }

  /** See {@link Foreign}. */
  public static final class ForeignWorkflow implements Foreign {
    @Override
    public String run() {
      return "foreign";
    }
  }

  @Test
  void set_on_the_client_it_runs_agents_and_leaves_other_queues_alone() {
    OutlastPlugin plugin = plugin();
    TestEnvironmentOptions options =
        TestEnvironmentOptions.newBuilder()
            .setWorkflowClientOptions(WorkflowClientOptions.newBuilder().setPlugins(plugin).build())
            .setWorkerFactoryOptions(
                WorkerFactoryOptions.newBuilder().setWorkflowCacheSize(CACHE).build())
            .build();
    // This environment configures its client twice and is shut down twice.
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(options)) {
      Worker foreign = environment.newWorker("foreign");
      foreign.registerWorkflowImplementationTypes(ForeignWorkflow.class);
      environment.newWorker(plugin.taskQueue());
      environment.start();

      AgentRunResult result = runToEnd(environment.getWorkflowClient(), plugin.taskQueue());
      assertEquals("completed", result.outcome());
      assertEquals("hello", result.text());
      assertEquals(
          "foreign",
          environment
              .getWorkflowClient()
              .newWorkflowStub(
                  Foreign.class, WorkflowOptions.newBuilder().setTaskQueue("foreign").build())
              .run());
      environment.shutdown();
    }
  }

  @Test
  void set_on_the_stubs_it_makes_one_worker_more_for_the_files_of_this_host() {
    OutlastPlugin plugin = plugin();
    try (TestServer.InProcessTestServer server = TestServer.createServer(true)) {
      WorkflowServiceStubs stubs =
          WorkflowServiceStubs.newServiceStubs(
              WorkflowServiceStubsOptions.newBuilder()
                  .setChannel(server.getChannel())
                  .setPlugins(plugin)
                  .build());
      WorkerFactory factory = WorkerFactory.newInstance(WorkflowClient.newInstance(stubs));
      factory.newWorker(Names.TASK_QUEUE);
      factory.start();
      assertNotNull(factory.tryGetWorker(plugin.hostTaskQueue()));
      assertTrue(plugin.hostTaskQueue().startsWith("outlast@box-"), plugin.hostTaskQueue());
      assertEquals("hello", runToEnd(factory.getWorkflowClient(), Names.TASK_QUEUE).text());
      factory.shutdownNow();
      stubs.shutdownNow();
    }
  }

  @Test
  void a_factory_without_outlasts_queue_gets_no_worker_from_it() {
    OutlastPlugin plugin = plugin();
    TestEnvironmentOptions options =
        TestEnvironmentOptions.newBuilder()
            .setWorkflowClientOptions(WorkflowClientOptions.newBuilder().setPlugins(plugin).build())
            .build();
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(options)) {
      environment.newWorker("foreign").registerWorkflowImplementationTypes(ForeignWorkflow.class);
      environment.start();
      assertEquals(null, environment.getWorkerFactory().tryGetWorker(plugin.hostTaskQueue()));
    }
  }

  @Test
  void an_instance_that_was_shut_down_cannot_start_again() {
    OutlastPlugin plugin = plugin();
    TestEnvironmentOptions options =
        TestEnvironmentOptions.newBuilder()
            .setWorkflowClientOptions(WorkflowClientOptions.newBuilder().setPlugins(plugin).build())
            .build();
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(options)) {
      environment.newWorker(plugin.taskQueue());
      environment.start();
    }
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(options)) {
      environment.newWorker(plugin.taskQueue());
      IllegalStateException e = assertThrows(IllegalStateException.class, environment::start);
      assertTrue(e.getMessage().contains("make a new one"), e.getMessage());
    }
  }

  @Test
  void a_run_is_told_from_those_of_other_servers_by_the_id_of_its_namespace() throws IOException {
    OutlastPlugin plugin = plugin();
    TestEnvironmentOptions options =
        TestEnvironmentOptions.newBuilder()
            .setWorkflowClientOptions(WorkflowClientOptions.newBuilder().setPlugins(plugin).build())
            .build();
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(options)) {
      environment.newWorker(plugin.taskQueue());
      environment.start();
      WorkflowClient client = environment.getWorkflowClient();
      assertEquals("completed", runToEnd(client, plugin.taskQueue()).outcome());
      String id =
          client
              .getWorkflowServiceStubs()
              .blockingStub()
              .describeNamespace(
                  DescribeNamespaceRequest.newBuilder()
                      .setNamespace(client.getOptions().getNamespace())
                      .build())
              .getNamespaceInfo()
              .getId();
      assertFalse(id.isEmpty());
      try (Stream<Path> claims = Files.list(folder.resolve("state/claims/released"))) {
        String claim = Files.readString(claims.findFirst().orElseThrow());
        assertTrue(claim.contains("\"namespace\":\"" + id + "\""), claim);
      }
    }
  }

  @Test
  void a_state_folder_in_which_no_worker_can_be_noted_is_named_with_the_remedy()
      throws IOException {
    OutlastPlugin plugin = plugin();
    Path inTheWay = Files.writeString(folder.resolve("state/workers"), "a file");
    TestEnvironmentOptions options =
        TestEnvironmentOptions.newBuilder()
            .setWorkflowClientOptions(WorkflowClientOptions.newBuilder().setPlugins(plugin).build())
            .build();
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(options)) {
      environment.newWorker(plugin.taskQueue());
      ConfigException e = assertThrows(ConfigException.class, environment::start);
      String message = e.getMessage();
      assertTrue(message.startsWith("worker.state-dir: " + inTheWay + ": workers"), message);
      assertTrue(message.endsWith("make it writable for this user"), message);
    }
  }

  @Test
  void set_on_the_client_and_on_the_factory_it_runs_agents_as_if_set_once() {
    OutlastPlugin plugin = plugin();
    TestEnvironmentOptions options =
        TestEnvironmentOptions.newBuilder()
            .setWorkflowClientOptions(WorkflowClientOptions.newBuilder().setPlugins(plugin).build())
            .setWorkerFactoryOptions(
                WorkerFactoryOptions.newBuilder()
                    .setWorkflowCacheSize(CACHE)
                    .setPlugins(plugin)
                    .build())
            .build();
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(options)) {
      environment.newWorker(plugin.taskQueue());
      environment.start();
      assertEquals("hello", runToEnd(environment.getWorkflowClient(), plugin.taskQueue()).text());
    }
  }

  @Test
  void a_second_factory_is_refused_and_its_shutdown_leaves_the_first_at_work() {
    OutlastPlugin plugin = plugin();
    TestEnvironmentOptions options =
        TestEnvironmentOptions.newBuilder()
            .setWorkflowClientOptions(WorkflowClientOptions.newBuilder().setPlugins(plugin).build())
            .build();
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(options)) {
      environment.newWorker(plugin.taskQueue());
      environment.start();

      WorkerFactory second = WorkerFactory.newInstance(environment.getWorkflowClient());
      second.newWorker(plugin.taskQueue());
      IllegalStateException e = assertThrows(IllegalStateException.class, second::start);
      assertTrue(e.getMessage().contains("another WorkerFactory"), e.getMessage());
      second.shutdownNow();
      assertEquals("hello", runToEnd(environment.getWorkflowClient(), plugin.taskQueue()).text());
    }
  }

  @Test
  void workers_are_set_up_for_agents() {
    OutlastPlugin plugin = plugin();
    WorkerOptions.Builder host = WorkerOptions.newBuilder();
    plugin.configureWorker(plugin.hostTaskQueue(), host);
    assertEquals(3, host.build().getMaxConcurrentActivityExecutionSize());
    assertEquals(Duration.ofSeconds(1), host.build().getMaxHeartbeatThrottleInterval());
    assertEquals(Duration.ofSeconds(1), host.build().getDefaultHeartbeatThrottleInterval());

    WorkerOptions.Builder workflows = WorkerOptions.newBuilder();
    plugin.configureWorker(plugin.taskQueue(), workflows);
    assertEquals(Duration.ofSeconds(1), workflows.build().getStickyQueueScheduleToStartTimeout());

    WorkerOptions.Builder foreign = WorkerOptions.newBuilder();
    plugin.configureWorker("foreign", foreign);
    assertEquals(WorkerOptions.newBuilder().build(), foreign.build());
  }

  @Test
  void a_workers_identity_ends_with_the_host_id_whatever_the_application_calls_it() {
    OutlastPlugin plugin = plugin();
    String host = "@" + plugin.host().hostId();
    WorkerOptions.Builder named = WorkerOptions.newBuilder().setIdentity("blue");
    plugin.configureWorker(plugin.taskQueue(), named);
    assertEquals("blue" + host, named.build().getIdentity());
    plugin.configureWorker(plugin.taskQueue(), named);
    assertEquals("blue" + host, named.build().getIdentity(), "configured twice");

    WorkerOptions.Builder unnamed = WorkerOptions.newBuilder();
    plugin.configureWorker(plugin.hostTaskQueue(), unnamed);
    assertEquals(ProcessHandle.current().pid() + host, unnamed.build().getIdentity());
  }

  @Test
  void set_on_the_stubs_it_keeps_the_interceptors_of_the_application() {
    ClientInterceptor chosen =
        new ClientInterceptor() {
          @Override
          public <Q, R> ClientCall<Q, R> interceptCall(
              MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            return next.newCall(method, options);
          }
        };
    WorkflowServiceStubsOptions.Builder stubs =
        WorkflowServiceStubsOptions.newBuilder().setGrpcClientInterceptors(List.of(chosen));
    plugin().configureServiceStubs(stubs);
    List<ClientInterceptor> all = List.copyOf(stubs.build().getGrpcClientInterceptors());
    assertEquals(2, all.size());
    assertEquals(chosen, all.get(0));
  }

  @Test
  void a_server_that_cannot_say_it_sees_this_host_and_no_other() {
    OutlastPlugin plugin = plugin();
    TestEnvironmentOptions options =
        TestEnvironmentOptions.newBuilder()
            .setWorkflowClientOptions(WorkflowClientOptions.newBuilder().setPlugins(plugin).build())
            .build();
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(options)) {
      WorkflowClient client = environment.getWorkflowClient();
      HostWorkers workers = new HostWorkers(plugin.taskQueue(), "this", Clock.systemUTC());
      workers.connect(client);
      assertEquals(Optional.empty(), HostWorkers.of(client, plugin.taskQueue(), "this"));
      HostSighting self = workers.sighting("this");
      assertEquals(self.observedAt(), self.lastSeen());
      assertEquals(null, workers.sighting("other").lastSeen());
    }
  }

  @Test
  void missing_search_attributes_are_registered_at_the_start() {
    OutlastPlugin plugin = plugin();
    TestEnvironmentOptions options =
        TestEnvironmentOptions.newBuilder()
            .setWorkflowClientOptions(WorkflowClientOptions.newBuilder().setPlugins(plugin).build())
            // Somebody has registered one before.
            .registerSearchAttribute(
                Names.AGENT_STATE.getName(), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
            .build();
    try (TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance(options)) {
      environment.newWorker(plugin.taskQueue());
      environment.start();
      AgentRun run =
          environment
              .getWorkflowClient()
              .newWorkflowStub(
                  AgentRun.class,
                  WorkflowOptions.newBuilder().setTaskQueue(plugin.taskQueue()).build());
      WorkflowClient.start(run::run, AgentRunRequest.newBuilder().setPrompt("hello").build());
      WorkflowStub stub = WorkflowStub.fromTyped(run);
      stub.getResult(AgentRunResult.class);
      assertEquals("completed", stub.describe().getTypedSearchAttributes().get(Names.AGENT_STATE));
      assertEquals("command", stub.describe().getTypedSearchAttributes().get(Names.AGENT_PROVIDER));
    }
  }
}
