package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.outlast.limit.AccountGate;
import dev.outlast.limit.GateState;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentChoice;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunRequest.OnLimit;
import dev.outlast.run.AgentRunResult;
import dev.outlast.worker.config.OutlastConfig;
import dev.outlast.worker.plugin.OutlastPlugin;
import io.temporal.api.enums.v1.EventType;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.WorkerFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A run that has gone to another account is told when the one that it prefers is released. On the
 * server in memory, with the gates, the keeper and the agents that a worker has.
 */
@Timeout(300)
class FailoverReleaseTest {

  private static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final long END_SECONDS = 20;
  private static final String RUN = "goes-back";

  @TempDir Path folder;

  private TestWorkflowEnvironment temporal;
  private WorkflowServiceStubs stubs;
  private WorkerFactory factory;
  private WorkflowClient client;
  private AgentRun run;

  /** Each agent works unless its file says that it is limited, the other one until it may end. */
  @BeforeEach
  void begin() throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("outlast.toml"),
            """
            [worker]
            state-dir = "state"
            workspaces = ["."]

            [agents.first]
            provider = "command"
            command = ["sh", "-c", "if [ -e '%1$s/first-limited' ]; then echo '{\\"type\\":\\"error\\",\\"message\\":\\"quota used up until 86400\\"}'; exit 1; fi; echo first"]
            args = ["{prompt}"]
            output = "json"
            patterns = ["quota used up until (?<reset>.+)"]
            account = "work"

            [agents.second]
            provider = "command"
            command = ["sh", "-c", "if [ -e '%1$s/second-limited' ]; then echo '{\\"type\\":\\"error\\",\\"message\\":\\"quota used up until 3600\\"}'; exit 1; fi; : > '%1$s/second-works'; i=0; while [ ! -e '%1$s/second-may-end' ] && [ $i -lt 6000 ]; do sleep 0.1; i=$((i+1)); done; echo second"]
            args = ["{prompt}"]
            output = "json"
            patterns = ["quota used up until (?<reset>.+)"]
            account = "home"

            [accounts.work]
            provider = "command"
            env = { WHO = "work" }
            [accounts.home]
            provider = "command"
            env = { WHO = "home" }
            """
                .formatted(folder));
    temporal =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder().setUseTimeskipping(false).build());
    OutlastPlugin plugin = new OutlastPlugin(OutlastConfig.load(file));
    stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder(temporal.getWorkflowServiceStubs().getOptions())
                .setPlugins(plugin)
                .build());
    factory = WorkerFactory.newInstance(WorkflowClient.newInstance(stubs));
    factory.newWorker(plugin.taskQueue());
    factory.start();
    client = temporal.getWorkflowClient();
    set("first-limited");
  }

  @AfterEach
  void end() {
    factory.shutdownNow();
    factory.awaitTermination(END_SECONDS, TimeUnit.SECONDS);
    stubs.shutdownNow();
    temporal.close();
  }

  @Test
  void a_run_that_works_elsewhere_is_back_at_its_next_invocation() throws Exception {
    start();
    Await.until(PATIENCE, () -> isSet("second-works"), this::say);
    WorkflowStub.fromTyped(run).update(Names.UPDATE_SEND, Integer.class, "and now the docs");
    release("work");
    Await.until(PATIENCE, this::isTold, this::say);
    set("second-may-end");
    assertEquals("work", result().account(), this::say);
  }

  @Test
  void a_run_that_waits_elsewhere_as_all_are_closed_goes_on_at_once() throws Exception {
    set("second-limited");
    start();
    Await.until(PATIENCE, () -> run.status().state() == AgentState.WAITING, this::say);
    assertEquals("home", run.status().account(), "it waits for the one that opens first");
    release("work");
    assertEquals("work", result().account(), this::say);
  }

  private void start() {
    run =
        client.newWorkflowStub(
            AgentRun.class,
            WorkflowOptions.newBuilder().setTaskQueue(Names.TASK_QUEUE).setWorkflowId(RUN).build());
    WorkflowClient.start(
        run::run,
        AgentRunRequest.newBuilder()
            .setPrompt("write the report")
            .setAgents(
                List.of(
                    new AgentChoice("first", null, null), new AgentChoice("second", null, null)))
            .setOnLimit(OnLimit.FAILOVER)
            .build());
  }

  /** The account's allowance is there again, and an operator says so. */
  private void release(String account) throws Exception {
    AccountGate gate = client.newWorkflowStub(AccountGate.class, Names.gateId("command", account));
    Await.until(PATIENCE, () -> gate.status().state() == GateState.CLOSED, this::say);
    Files.delete(folder.resolve("first-limited"));
    gate.release("the allowance was raised");
  }

  private AgentRunResult result() throws Exception {
    return WorkflowStub.fromTyped(run)
        .getResult(PATIENCE.toSeconds(), TimeUnit.SECONDS, AgentRunResult.class);
  }

  private boolean isTold() {
    return client.fetchHistory(RUN).getEvents().stream()
        .anyMatch(
            event ->
                event.getEventType() == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
                    && event
                        .getWorkflowExecutionSignaledEventAttributes()
                        .getSignalName()
                        .equals(Names.SIGNAL_ACCOUNT_OPENED));
  }

  private void set(String flag) throws Exception {
    Files.createFile(folder.resolve(flag));
  }

  private boolean isSet(String flag) {
    return Files.exists(folder.resolve(flag));
  }

  private String say() {
    return String.valueOf(run.events(0));
  }
}
