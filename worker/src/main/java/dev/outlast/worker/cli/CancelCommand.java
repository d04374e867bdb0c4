package dev.outlast.worker.cli;

import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowStub;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "cancel",
    mixinStandardHelpOptions = true,
    description = "End a run and its agent; the session is kept and can be resumed.")
final class CancelCommand extends RunSteering {

  @Option(names = "--reason", paramLabel = "TEXT", description = "Kept with the run.")
  private String reason;

  CancelCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    return steer(
        "asked to end",
        (client, run) -> {
          WorkflowStub stub = client.newUntypedWorkflowStub(id);
          // The server takes a request to cancel what has ended, and does nothing.
          WorkflowExecutionStatus status = stub.describe().getStatus();
          if (status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING) {
            throw new CliException(
                ExitCode.FAILED, "run " + id + " has ended already; see: outlast show " + id);
          }
          stub.cancel(reasonOr(reason));
          return null;
        });
  }
}
