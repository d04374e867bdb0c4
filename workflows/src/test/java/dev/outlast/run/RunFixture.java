package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.outlast.operator.Names;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.enums.v1.IndexedValueType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.sdk.v1.WorkflowMetadata;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestEnvironmentOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.testing.WorkflowReplayer;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerFactoryOptions;
import io.temporal.worker.WorkerOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Runs {@link AgentRunWorkflow} on the time-skipping server with a {@link ScriptedAgent}. After
 * each test the histories of its runs are replayed; with the system property {@code
 * outlast.test.recordHistories} they are also written to that folder, as golden histories.
 */
final class RunFixture implements BeforeEachCallback, AfterEachCallback {

  private static final String SUFFIX = ".json.gz";

  private final List<WorkflowExecution> started = new ArrayList<>();
  private final List<WorkerFactory> hosts = new ArrayList<>();
  private TestWorkflowEnvironment environment;
  private ScriptedAgent agent;

  @Override
  public void beforeEach(ExtensionContext context) {
    environment =
        TestWorkflowEnvironment.newInstance(
            TestEnvironmentOptions.newBuilder()
                .setWorkerFactoryOptions(
                    WorkerFactoryOptions.newBuilder()
                        .setWorkflowCacheSize(Integer.getInteger("outlast.test.workflowCache", 600))
                        .build())
                .registerSearchAttribute(
                    Names.AGENT_PRIORITY.getName(), Names.AGENT_PRIORITY.getValueType())
                .registerSearchAttribute(
                    Names.AGENT_WAITING_SINCE.getName(), Names.AGENT_WAITING_SINCE.getValueType())
                .registerSearchAttribute(
                    Names.AGENT_STATE.getName(), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
                .registerSearchAttribute(
                    Names.AGENT_PROVIDER.getName(), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
                .registerSearchAttribute(
                    Names.AGENT_ACCOUNT.getName(), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
                .registerSearchAttribute(
                    Names.AGENT_SESSION.getName(), IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
                .registerSearchAttribute(
                    Names.AGENT_RESUME_AT.getName(), IndexedValueType.INDEXED_VALUE_TYPE_DATETIME)
                .registerSearchAttribute(
                    Names.AGENT_LIMIT_HITS.getName(), IndexedValueType.INDEXED_VALUE_TYPE_INT)
                .build());
    agent = new ScriptedAgent(this::now);
    Worker worker =
        environment.newWorker(
            Names.TASK_QUEUE,
            WorkerOptions.newBuilder()
                .setMaxHeartbeatThrottleInterval(Duration.ofMillis(100))
                .build());
    worker.registerWorkflowImplementationTypes(AgentRunWorkflow.class);
    worker.registerActivitiesImplementations(agent);
    environment.start();
  }

  @Override
  public void afterEach(ExtensionContext context) throws Exception {
    try {
      for (int i = 0; i < started.size(); i++) {
        String name = context.getRequiredTestMethod().getName() + (i == 0 ? "" : "-" + i);
        WorkflowExecution first = started.get(i);
        replayAndRecord(first.getWorkflowId(), first.getRunId(), name);
        String last =
            client()
                .newUntypedWorkflowStub(first.getWorkflowId())
                .describe()
                .getExecution()
                .getRunId();
        if (!last.equals(first.getRunId())) {
          replayAndRecord(first.getWorkflowId(), last, name + "-continued");
        }
      }
    } finally {
      hosts.forEach(WorkerFactory::shutdownNow);
      environment.close();
    }
  }

  private void replayAndRecord(String workflowId, String runId, String name) throws Exception {
    WorkflowExecutionHistory history = client().fetchHistory(workflowId, runId);
    WorkflowReplayer.replayWorkflowExecution(history, AgentRunWorkflow.class);
    String folder = System.getProperty("outlast.test.recordHistories", "");
    if (!folder.isEmpty()) {
      Path file = Path.of(folder, name + SUFFIX);
      Files.createDirectories(file.getParent());
      try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
        out.write(history.toJson(false).getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  /** Starts a worker that takes the invocations of one host. */
  WorkerFactory startHost(String queue) {
    WorkerFactory factory = WorkerFactory.newInstance(client());
    factory
        .newWorker(
            queue,
            WorkerOptions.newBuilder()
                .setMaxHeartbeatThrottleInterval(Duration.ofMillis(100))
                // One that leaves in an invocation must not be polling: it would take the next one.
                .setMaxConcurrentActivityExecutionSize(1)
                .build())
        .registerActivitiesImplementations(agent);
    factory.start();
    hosts.add(factory);
    return factory;
  }

  ScriptedAgent agent() {
    return agent;
  }

  WorkflowClient client() {
    return environment.getWorkflowClient();
  }

  TestWorkflowEnvironment environment() {
    return environment;
  }

  Instant now() {
    return Instant.ofEpochMilli(environment.currentTimeMillis());
  }

  /** Starts a run with a request as Java programs make it, or with any JSON value. */
  WorkflowStub start(Object... input) {
    return startAs(Names.RUN_ID_PREFIX + UUID.randomUUID(), input);
  }

  /** Starts a run whose id is known before. */
  WorkflowStub startAs(String id, Object... input) {
    WorkflowStub run =
        client()
            .newUntypedWorkflowStub(
                Names.AGENT_RUN,
                WorkflowOptions.newBuilder()
                    .setTaskQueue(Names.TASK_QUEUE)
                    .setWorkflowId(id)
                    .build());
    started.add(run.start(input));
    return run;
  }

  WorkflowStub start(String prompt) {
    return start(AgentRunRequest.newBuilder().setPrompt(prompt).build());
  }

  /** A stub for whatever history the run is in by now. */
  WorkflowStub latest(WorkflowStub run) {
    return client().newUntypedWorkflowStub(run.getExecution().getWorkflowId());
  }

  AgentRunResult result(WorkflowStub run) {
    return run.getResult(AgentRunResult.class);
  }

  RunStatus status(WorkflowStub run) {
    return run.query(Names.QUERY_STATUS, RunStatus.class);
  }

  List<RunEvent> events(WorkflowStub run) {
    return List.of(run.query(Names.QUERY_EVENTS, RunEvent[].class, 0));
  }

  List<Incident> incidents(WorkflowStub run) {
    return List.of(run.query(Names.QUERY_INCIDENTS, Incident[].class));
  }

  List<RunEvent> events(WorkflowStub run, RunEvent.Type type) {
    return events(run).stream().filter(event -> event.type() == type).toList();
  }

  /** What the Web UI shows of the run now. */
  List<String> details(WorkflowStub run) {
    return run.query(WorkflowClient.QUERY_TYPE_WORKFLOW_METADATA, WorkflowMetadata.class)
        .getCurrentDetails()
        .lines()
        .toList();
  }

  ApplicationFailure failure(WorkflowStub run) {
    WorkflowException failed =
        assertThrows(WorkflowException.class, () -> run.getResult(AgentRunResult.class));
    return assertInstanceOf(ApplicationFailure.class, failed.getCause());
  }

  List<HistoryEvent> history(WorkflowStub run) {
    return client().fetchHistory(run.getExecution().getWorkflowId()).getEvents();
  }

  /** Lets workflow time pass in small steps until the run's status is as wanted. */
  RunStatus awaitStatus(WorkflowStub run, Predicate<RunStatus> wanted) {
    for (int i = 0; i < 600; i++) {
      RunStatus status = status(run);
      if (wanted.test(status)) {
        return status;
      }
      environment.sleep(Duration.ofMillis(100));
    }
    throw new AssertionError("never so: " + status(run));
  }

  static String goldenHistory(Path file) throws IOException {
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /** The golden histories, of this version and of every released one. */
  static List<Path> goldenHistories() {
    try (var files = Files.walk(Path.of("src/test/resources/histories"))) {
      return files.filter(file -> file.toString().endsWith(SUFFIX)).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
