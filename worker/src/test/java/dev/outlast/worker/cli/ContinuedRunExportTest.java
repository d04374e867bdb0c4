package dev.outlast.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRunResult;
import dev.outlast.worker.cli.Cli.Called;
import dev.outlast.worker.server.LocalServer;
import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityMethod;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowOptions;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerFactory;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A run that goes on in a new history is one run. */
@Timeout(180)
class ContinuedRunExportTest {

  private static final int HISTORIES = 3;

  @TempDir Path folder;

  /** Like the run, as far as a history shows it. */
  @WorkflowInterface
  public interface ShortHistories {
    @WorkflowMethod(name = Names.AGENT_RUN)
    AgentRunResult run(int history);
  }

  /** Like the activities of agents. */
  @ActivityInterface
  public interface Agent {
    @ActivityMethod(name = "invokeAgent")
    AgentOutcome invokeAgent(AgentInvocation invocation);
  }

  /** Makes one invocation in each history. */
  public static final class ShortHistoriesWorkflow implements ShortHistories {
    @Override
    public AgentRunResult run(int history) {
      Agent agent =
          Workflow.newActivityStub(
              Agent.class,
              ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofMinutes(1)).build());
      agent.invokeAgent(
          AgentInvocation.newBuilder(1, history, "mine", SessionStart.FRESH, "message " + history)
              .setAccount("work")
              .setSession(new SessionId("s-1"))
              .setResumeMessage("go on")
              .setInvocationTimeout(Duration.ofMinutes(1))
              .setSilenceTimeout(Duration.ofMinutes(1))
              .build());
      if (history < HISTORIES) {
        Workflow.newContinueAsNewStub(ShortHistories.class).run(history + 1);
      }
      return new AgentRunResult(
          "completed",
          "done",
          new SessionId("s-1"),
          "mine",
          "work",
          1,
          3,
          2,
          0,
          new TokenUsage(30, 3, 0, 0, 0),
          0.75,
          null,
          null,
          null,
          null,
          null,
          null);
    }
  }

  /** Limited, until the last time. */
  public static final class Limited implements Agent {
    @Override
    public AgentOutcome invokeAgent(AgentInvocation invocation) {
      InvocationFacts facts =
          new InvocationFacts(
              invocation.session(),
              true,
              "1.2",
              true,
              new TokenUsage(10, 1, 0, 0, 0),
              0.25,
              Instant.now(),
              null,
              null);
      UsageLimit limit =
          new UsageLimit(
              "claude",
              "work",
              LimitScope.SESSION,
              null,
              UsageLimit.SetBy.WINDOW,
              Instant.now(),
              new LimitEvidence("rule", "the limit " + invocation.number(), "stdout", "1.2", "UTC"),
              null);
      return invocation.number() < HISTORIES
          ? new AgentOutcome.Limited(facts, limit)
          : new AgentOutcome.Completed(facts, "done");
    }
  }

  @Test
  void all_histories_of_a_run_are_exported_as_one() throws Exception {
    Cli cli = new Cli(folder);
    try (LocalServer server = LocalServer.inMemory(0)) {
      ConnectionOptions options = new ConnectionOptions();
      options.address = server.target();
      try (ConnectionOptions.Connection connected = options.connect(cli.console())) {
        WorkerFactory factory = WorkerFactory.newInstance(connected.client());
        Worker worker = factory.newWorker("test");
        worker.registerWorkflowImplementationTypes(ShortHistoriesWorkflow.class);
        worker.registerActivitiesImplementations(new Limited());
        factory.start();
        connected
            .client()
            .newWorkflowStub(
                ShortHistories.class,
                WorkflowOptions.newBuilder().setWorkflowId("long").setTaskQueue("test").build())
            .run(1);
        Called exported =
            cli.call("export", "long", "--format", "json", "--address", server.target());
        factory.shutdownNow();
        assertEquals(ExitCode.DONE, exported.exitCode(), exported.err());
        assertOneRun(exported.json());
      }
    }
  }

  private static void assertOneRun(JsonNode run) {
    assertEquals(HISTORIES, run.path("invocations").size(), run::toPrettyString);
    for (int i = 0; i < HISTORIES; i++) {
      assertEquals("message " + (i + 1), run.at("/invocations/" + i + "/message").asText());
    }
    assertEquals(2, run.path("incidents").size());
    assertEquals("the limit 2", run.at("/incidents/1/limit/evidence/text").asText());
    assertEquals("resumed", run.at("/incidents/1/end").asText());
    assertEquals(30, run.at("/tokens/input").asInt());
    assertEquals(0.75, run.path("costUsd").asDouble());
    assertEquals("done", run.at("/ending/result/text").asText());
    assertTrue(
        !Instant.parse(run.path("startedAt").asText())
            .isAfter(Instant.parse(run.at("/invocations/0/scheduledAt").asText())));
    assertTrue(run.path("remarks").toString().contains("no transcript"), run::toPrettyString);
  }
}
