package dev.outlast.worker.cli;

import dev.outlast.operator.Names;
import dev.outlast.run.RunStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowNotFoundException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "unpause", mixinStandardHelpOptions = true, description = "Let a paused run go on.")
final class UnpauseCommand extends RunSteering {

  @Option(names = "--reason", paramLabel = "TEXT", description = "Kept with the run.")
  private String reason;

  UnpauseCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    return steer(
        "asked to go on",
        (client, run) -> {
          refuseIfSpent(client);
          run.unpause(reasonOr(reason));
          return null;
        });
  }

  /** A run whose budget is spent would only pause again. Where no worker answers, it is asked. */
  private void refuseIfSpent(WorkflowClient client) {
    RunStatus status;
    try {
      status = client.newUntypedWorkflowStub(id).query(Names.QUERY_STATUS, RunStatus.class);
    } catch (WorkflowNotFoundException e) {
      throw e;
    } catch (WorkflowException unanswered) {
      return;
    }
    if (Boolean.TRUE.equals(status.budgetSpent())) {
      throw new CliException(
          ExitCode.FAILED,
          id
              + " is paused because "
              + Console.oneLine(status.pausedBecause())
              + "; from here: outlast budget "
              + id);
    }
  }
}
