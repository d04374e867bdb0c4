package dev.outlast.worker.cli;

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
          client.newUntypedWorkflowStub(id).cancel(reasonOr(reason));
          return null;
        });
  }
}
