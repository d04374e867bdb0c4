package dev.outlast.worker.cli;

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
          run.unpause(reasonOr(reason));
          return null;
        });
  }
}
