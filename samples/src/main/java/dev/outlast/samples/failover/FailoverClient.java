package dev.outlast.samples.failover;

import dev.outlast.agent.Budget;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentChoice;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunRequest.OnLimit;
import dev.outlast.run.AgentRunResult;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.util.List;

/**
 * Starts a run that two agents may work on, with a budget. Needs {@code outlast-workflows} only.
 */
public final class FailoverClient {

  /** The run pauses, and asks, when it has used so much: {@code outlast budget} lets it go on. */
  private static final Budget BUDGET = new Budget(5.0, 2_000_000L);

  private FailoverClient() {}

  /** Runs one task: {@code FailoverClient "fix the failing test" claude codex}. */
  public static void main(String[] args) {
    WorkflowServiceStubs stubs = WorkflowServiceStubs.newLocalServiceStubs();
    try {
      AgentRunResult result = run(WorkflowClient.newInstance(stubs), args[0], args[1], args[2]);
      System.out.println(result.agent() + ": " + result.text());
    } finally {
      stubs.shutdown();
    }
  }

  /**
   * Runs one task.
   *
   * @param preferred the agent that works on it while its account is open
   * @param other the one that goes on meanwhile
   */
  static AgentRunResult run(WorkflowClient client, String prompt, String preferred, String other) {
    AgentRun run =
        client.newWorkflowStub(
            AgentRun.class, WorkflowOptions.newBuilder().setTaskQueue(Names.TASK_QUEUE).build());
    return run.run(
        AgentRunRequest.newBuilder()
            .setPrompt(prompt)
            .setAgents(
                List.of(new AgentChoice(preferred, null, null), new AgentChoice(other, null, null)))
            .setOnLimit(OnLimit.FAILOVER)
            .setBudget(BUDGET)
            .build());
  }
}
