package dev.outlast.samples.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.run.AgentRunResult;
import dev.outlast.worker.config.OutlastConfig;
import dev.outlast.worker.plugin.OutlastPlugin;
import io.temporal.client.WorkflowClient;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.WorkerFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class FailoverClientTest {

  private static final long END_SECONDS = 20;

  @TempDir Path folder;

  @Test
  void the_other_agent_goes_on_when_the_preferred_one_is_limited() throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("outlast.toml"),
            """
            [worker]
            state-dir = "state"
            workspaces = ["."]

            [agents.limited]
            provider = "command"
            command = ["sh", "-c", "echo '{\\"type\\":\\"error\\",\\"message\\":\\"quota used up until 86400\\"}'; exit 1"]
            args = ["{prompt}"]
            output = "json"
            patterns = ["quota used up until (?<reset>.+)"]
            account = "work"

            [agents.spare]
            provider = "command"
            command = ["sh", "-c", "echo \\"told: $1\\"", "sh"]
            args = ["{prompt}"]
            account = "home"

            [accounts.work]
            provider = "command"
            env = { WHO = "work" }
            [accounts.home]
            provider = "command"
            env = { WHO = "home" }
            """);
    try (TestWorkflowEnvironment temporal = TestWorkflowEnvironment.newInstance()) {
      OutlastPlugin plugin = new OutlastPlugin(OutlastConfig.load(file));
      WorkflowServiceStubs stubs =
          WorkflowServiceStubs.newServiceStubs(
              WorkflowServiceStubsOptions.newBuilder(
                      temporal.getWorkflowServiceStubs().getOptions())
                  .setPlugins(plugin)
                  .build());
      WorkerFactory factory = WorkerFactory.newInstance(WorkflowClient.newInstance(stubs));
      factory.newWorker(plugin.taskQueue());
      factory.start();
      try {
        AgentRunResult result =
            FailoverClient.run(
                WorkflowClient.newInstance(temporal.getWorkflowServiceStubs()),
                "write the report",
                "limited",
                "spare");

        assertEquals("completed", result.outcome());
        assertEquals("spare", result.agent());
        assertEquals("home", result.account());
        assertEquals(1, result.limitsHit());
        assertTrue(result.text().contains("write the report"), result.text());
        assertTrue(result.waitedSeconds() < 60, () -> "waited " + result.waitedSeconds() + " s");
      } finally {
        factory.shutdownNow();
        factory.awaitTermination(END_SECONDS, TimeUnit.SECONDS);
        stubs.shutdownNow();
      }
    }
  }
}
