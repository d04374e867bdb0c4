package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.limit.LimitScope;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunResult;
import dev.outlast.run.Incident;
import dev.outlast.worker.e2e.LoopbackModelApi.Inference;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testserver.TestServer;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The real Claude Code meets the usage limit of a model API on the loopback, on the real server
 * where there is one. {@code OUTLAST_CLAUDE} names the executable; {@code .ci/run agents} installs
 * one and runs this.
 */
@Tag("agents")
class RealClaudeTest {

  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Duration PATIENCE = Duration.ofSeconds(180);
  private static final String PROMPT = "Do the first half, then the second one.";
  private static final String RESUME_MESSAGE = "The allowance is back. Please go on.";

  @TempDir Path folder;

  @Test
  void the_real_claude_waits_for_the_announced_reset_and_goes_on_in_the_same_session()
      throws Exception {
    try (LoopbackModelApi api = new LoopbackModelApi(Clock.systemUTC(), LIMIT);
        Place place = Place.start(folder);
        Program worker =
            WorkerProcess.start(
                place.address(), folder, agents(api), Map.of("WORK_TOKEN", "a-dummy-token"))) {
      WorkflowServiceStubs stubs =
          WorkflowServiceStubs.newServiceStubs(
              WorkflowServiceStubsOptions.newBuilder().setTarget(place.address()).build());
      try {
        AgentRun run =
            WorkflowClient.newInstance(stubs)
                .newWorkflowStub(
                    AgentRun.class,
                    WorkflowOptions.newBuilder()
                        .setTaskQueue(Names.TASK_QUEUE)
                        .setWorkflowId("real-claude")
                        .build());
        WorkflowClient.start(
            run::run,
            AgentRunRequest.newBuilder()
                .setPrompt(PROMPT)
                .setResumeMessage(RESUME_MESSAGE)
                .build());
        Await.until(
            PATIENCE,
            () -> !run.incidents().isEmpty(),
            () -> "no limit was noticed; the worker says: " + worker.output());

        AgentRunResult result =
            WorkflowStub.fromTyped(run)
                .getResult(PATIENCE.toSeconds(), TimeUnit.SECONDS, AgentRunResult.class);

        assertEquals(LoopbackModelApi.ANSWER, result.text());
        assertEquals(1, result.limitsHit());
        the_limit_was_understood(run.incidents(), api.reset());
        the_same_session_went_on_with_all_it_knew(
            api.inferences(), api.reset(), result.session().value());
      } finally {
        stubs.shutdownNow();
      }
    }
  }

  private static void the_limit_was_understood(List<Incident> incidents, Instant reset) {
    assertEquals(1, incidents.size(), () -> "incidents: " + incidents);
    Incident incident = incidents.get(0);
    assertEquals(LimitScope.SESSION, incident.limit().scope());
    assertEquals(reset, incident.limit().reset().latest());
    assertTrue(incident.fromReset(), () -> "not the reset set the wait: " + incident);
  }

  private static void the_same_session_went_on_with_all_it_knew(
      List<Inference> inferences, Instant reset, String session) {
    List<Inference> limited = inferences.stream().filter(Inference::limited).toList();
    assertEquals(1, limited.size(), () -> "the agent was started too early: " + inferences);
    assertEquals(3, inferences.size(), () -> "inferences: " + inferences);
    for (Inference inference : inferences) {
      assertEquals(session, inference.session());
    }
    Inference resumed = inferences.get(2);
    assertFalse(resumed.at().isBefore(reset), () -> resumed.at() + " is before " + reset);
    assertTrue(resumed.carries(PROMPT), () -> "the prompt is gone: " + resumed);
    assertTrue(
        resumed.carries(LoopbackModelApi.TOOL_OUTPUT), () -> "the tool result is gone: " + resumed);
    assertTrue(resumed.carries(RESUME_MESSAGE), () -> "no resume message: " + resumed);
    assertTrue(resumed.roles().contains("assistant"), () -> "no earlier turn: " + resumed);
  }

  private static String agents(LoopbackModelApi api) {
    String claude = System.getenv("OUTLAST_CLAUDE");
    assertNotNull(claude, "OUTLAST_CLAUDE must name a Claude Code executable");
    assertTrue(Files.isExecutable(Path.of(claude)), () -> "not an executable: " + claude);
    return """
    [agents.claude]
    command = ["%s"]
    env = ["PATH", "HOME"]
    account = "work"

    [accounts.work]
    provider = "claude"
    secrets = { CLAUDE_CODE_OAUTH_TOKEN = "env:WORK_TOKEN" }

    [accounts.work.env]
    ANTHROPIC_BASE_URL = "%s"
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = "1"
    DISABLE_AUTOUPDATER = "1"
    DISABLE_ERROR_REPORTING = "1"
    DISABLE_TELEMETRY = "1"
    """
        .formatted(claude, api.baseUrl());
  }

  /** A server that workers can reach: the real one, or else the one of temporal-testing. */
  private record Place(String address, Closeable server) implements Closeable {

    static Place start(Path folder) throws Exception {
      if (RealTemporal.available()) {
        RealTemporal temporal = RealTemporal.start(folder);
        return new Place(temporal.address(), temporal);
      }
      int port = RealTemporal.freePort();
      // Its clock must be the world's: the agent and the model API live there.
      return new Place("127.0.0.1:" + port, TestServer.createPortBoundServer(port, true));
    }

    @Override
    public void close() throws IOException {
      server.close();
    }
  }
}
