package dev.outlast.samples.hello;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.outlast.run.AgentRunResult;
import dev.outlast.worker.config.OutlastConfig;
import io.temporal.client.WorkflowClient;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.WorkerFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HelloTest {

  private static final long END_SECONDS = 20;

  @TempDir Path folder;

  @Test
  void the_client_gets_what_the_workers_agent_answered() throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("outlast.toml"),
            """
            [worker]
            state-dir = "state"
            workspaces = ["."]

            [agents.echo]
            provider = "command"
            command = ["sh", "-c", "echo hello, $1", "sh"]
            args = ["{prompt}"]
            """);
    try (TestWorkflowEnvironment temporal = TestWorkflowEnvironment.newInstance()) {
      WorkerFactory factory =
          HelloWorker.start(
              WorkflowServiceStubsOptions.newBuilder(
                  temporal.getWorkflowServiceStubs().getOptions()),
              OutlastConfig.load(file));
      try {
        WorkflowClient client = WorkflowClient.newInstance(temporal.getWorkflowServiceStubs());

        AgentRunResult result = HelloClient.run(client, "world; $(exit)");

        assertEquals("completed", result.outcome());
        assertEquals("hello, world; $(exit)", result.text().strip());
      } finally {
        factory.shutdownNow();
        factory.awaitTermination(END_SECONDS, TimeUnit.SECONDS);
      }
    }
  }
}
