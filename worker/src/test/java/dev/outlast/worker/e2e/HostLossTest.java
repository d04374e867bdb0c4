package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.HandoffNotes;
import dev.outlast.agent.HandoffRequest;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.HostSighting;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.TokenUsage;
import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunResult;
import dev.outlast.run.AgentRunWorkflow;
import dev.outlast.run.WaitsFor;
import io.temporal.activity.Activity;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.CanceledFailure;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.worker.WorkerFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What the real server tells a run of attempts that its host has not taken up again. */
@Tag("server")
@Execution(ExecutionMode.CONCURRENT)
@Timeout(600)
class HostLossTest {

  private static final Duration PATIENCE = Duration.ofSeconds(120);

  /** Longer than all that is done at once takes on a busy machine. */
  private static final Duration LONG_GRACE = Duration.ofSeconds(45);

  private static final String HOST = "host-1";
  private static final SessionId NAMED = new SessionId("named-by-agent");

  @TempDir Path folder;
  @AutoClose private RealTemporal temporal;

  @AutoClose("shutdownNow")
  private WorkflowServiceStubs stubs;

  private WorkflowClient client;
  private final List<WorkerFactory> workers = new ArrayList<>();
  private final Host host = new Host();

  /** A host whose agent names its session, and that dies the first time. */
  private static final class Host implements AgentActivities {
    final List<AgentInvocation> calls = new CopyOnWriteArrayList<>();
    volatile WorkerFactory dies;

    /** What the first agent has met; null if nothing. */
    volatile UsageLimit limit;

    @Override
    public ResolvedAgent resolveAgent(AgentSelection selection) {
      return new ResolvedAgent(
          "claude",
          "claude",
          "work",
          null,
          "/srv/repo",
          null,
          "go on",
          ResumePolicy.DEFAULT,
          HOST,
          Names.hostTaskQueue(Names.TASK_QUEUE, HOST),
          false,
          HostPolicy.DEFAULT,
          null,
          null,
          null);
    }

    @Override
    public AgentOutcome invokeAgent(AgentInvocation invocation) {
      calls.add(invocation);
      if (calls.size() == 1) {
        Activity.getExecutionContext()
            .heartbeat(
                new InvocationProgress(
                    InvocationProgress.Phase.WORKING,
                    NAMED,
                    true,
                    null,
                    null,
                    null,
                    HOST,
                    7,
                    1,
                    limit,
                    null));
        Activity.getExecutionContext().doNotCompleteOnReturn();
        new Thread(dies::shutdownNow).start();
        return null;
      }
      return new AgentOutcome.Completed(
          new InvocationFacts(
              NAMED, true, "1", true, TokenUsage.NONE, 0, Instant.now(), null, null),
          "done");
    }

    @Override
    public HandoffNotes handOff(HandoffRequest request) {
      throw new AssertionError(request);
    }

    @Override
    public HostSighting seeHost(String hostId) {
      return new HostSighting(null, Instant.now());
    }

    @Override
    public Worktree makeWorktree(String workspace) {
      throw new IllegalStateException("no run asks for one");
    }

    @Override
    public WorktreeEnd releaseWorktree(Worktree worktree) {
      return new WorktreeEnd(false, 0, 0);
    }
  }

  @BeforeEach
  void a_server_and_a_worker_for_runs() throws Exception {
    temporal = RealTemporal.start(folder);
    stubs = temporal.newStubs();
    client = WorkflowClient.newInstance(stubs);
    WorkerFactory runs = WorkerFactory.newInstance(client);
    var worker = runs.newWorker(Names.TASK_QUEUE);
    worker.registerWorkflowImplementationTypes(AgentRunWorkflow.class);
    worker.registerActivitiesImplementations(host);
    runs.start();
    workers.add(runs);
  }

  @AfterEach
  void workers_end() {
    workers.forEach(WorkerFactory::shutdownNow);
    workers.forEach(worker -> worker.awaitTermination(10, TimeUnit.SECONDS));
  }

  @Test
  void what_an_attempt_has_told_is_not_lost_when_its_host_does_not_take_the_next_one()
      throws Exception {
    host.dies = startHost();
    AgentRun run = start("lost");
    awaitHostMissed(run);
    assertEquals(NAMED, run.status().session());
    startHost();
    AgentRunResult result =
        WorkflowStub.fromTyped(run)
            .getResult(PATIENCE.toSeconds(), TimeUnit.SECONDS, AgentRunResult.class);

    assertEquals("done", result.text());
    assertEquals(1, result.invocations());
    AgentInvocation second = host.calls.get(1);
    assertEquals(SessionStart.RESUME, second.start());
    assertEquals(NAMED, second.session());
    assertEquals("go on", second.message());
    assertNull(second.checkpoint());
  }

  @Test
  void a_limit_that_an_attempt_has_told_is_waited_for_when_its_host_does_not_take_the_next_one()
      throws Exception {
    Instant reset = Instant.now().plusSeconds(150);
    host.limit =
        new UsageLimit(
            "claude",
            "work",
            LimitScope.SESSION,
            ResetTime.exactly(reset),
            UsageLimit.SetBy.WINDOW,
            Instant.now(),
            new LimitEvidence("rule", null, "stderr", null, "UTC"),
            null);
    host.dies = startHost();
    AgentRun run = start("lost");
    Await.until(
        PATIENCE.plus(HostPolicy.MIN_HOST_GRACE),
        () -> run.status().waitsFor() == WaitsFor.LIMIT,
        () -> "the limit is not waited for: " + run.status());
    startHost();
    AgentRunResult result =
        WorkflowStub.fromTyped(run)
            .getResult(
                PATIENCE.multipliedBy(2).toSeconds(), TimeUnit.SECONDS, AgentRunResult.class);

    assertFalse(Instant.now().isBefore(reset.plus(ResumePolicy.DEFAULT.margin())));
    assertEquals(1, result.limitsHit());
    assertEquals(2, host.calls.size());
    assertEquals(SessionStart.RESUME, host.calls.get(1).start());
  }

  @Test
  void an_invocation_that_no_host_has_taken_is_paused_moved_and_cancelled_at_once()
      throws Exception {
    AgentRun run = start("never-taken", LONG_GRACE);
    awaitHostMissed(run);
    Instant asked = Instant.now();
    run.pause("wait");
    Await.until(PATIENCE, () -> run.status().state() == AgentState.PAUSED, () -> "not paused");
    run.unpause("go on");
    Await.until(PATIENCE, () -> run.status().state() == AgentState.WAITING, () -> "not on");
    assertEquals("moving", run.move("this answers from the same host"));
    Await.until(PATIENCE, () -> run.status().state() == AgentState.RUNNING, () -> "not moved");
    WorkflowStub stub = WorkflowStub.fromTyped(run);
    stub.cancel();
    WorkflowException ended =
        assertThrows(WorkflowException.class, () -> stub.getResult(AgentRunResult.class));

    assertTrue(ended.getCause() instanceof CanceledFailure, ended::toString);
    Duration took = Duration.between(asked, Instant.now());
    assertTrue(took.compareTo(LONG_GRACE) < 0, () -> "it took " + took);
    assertTrue(host.calls.isEmpty());
  }

  private AgentRun start(String id) {
    return start(id, HostPolicy.MIN_HOST_GRACE);
  }

  private AgentRun start(String id, Duration grace) {
    AgentRun run =
        client.newWorkflowStub(
            AgentRun.class,
            WorkflowOptions.newBuilder().setTaskQueue(Names.TASK_QUEUE).setWorkflowId(id).build());
    WorkflowClient.start(
        run::run,
        AgentRunRequest.newBuilder().setPrompt("fix the build").setHostGrace(grace).build());
    return run;
  }

  private void awaitHostMissed(AgentRun run) throws Exception {
    Await.until(
        PATIENCE,
        () -> run.status().waitsFor() == WaitsFor.HOST,
        () -> "the host is not missed: " + run.status());
  }

  private WorkerFactory startHost() {
    WorkerFactory factory = WorkerFactory.newInstance(client);
    factory
        .newWorker(Names.hostTaskQueue(Names.TASK_QUEUE, HOST))
        .registerActivitiesImplementations(host);
    factory.start();
    workers.add(factory);
    return factory;
  }
}
