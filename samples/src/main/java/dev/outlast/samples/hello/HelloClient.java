package dev.outlast.samples.hello;

import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunResult;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;

/** Starts a run and waits for its result. Needs {@code outlast-workflows} only. */
public final class HelloClient {

  private HelloClient() {}

  /** Runs one task: {@code HelloClient "fix the failing test"}. */
  public static void main(String[] args) {
    WorkflowServiceStubs stubs = WorkflowServiceStubs.newLocalServiceStubs();
    try {
      System.out.println(run(WorkflowClient.newInstance(stubs), args[0]).text());
    } finally {
      stubs.shutdown();
    }
  }

  static AgentRunResult run(WorkflowClient client, String prompt) {
    AgentRun run =
        client.newWorkflowStub(
            AgentRun.class, WorkflowOptions.newBuilder().setTaskQueue(Names.TASK_QUEUE).build());
    return run.run(AgentRunRequest.newBuilder().setPrompt(prompt).build());
  }
}
