package dev.outlast.worker.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "pause",
    mixinStandardHelpOptions = true,
    description = "Pause a run: a working agent is ended and its session kept until unpause.")
final class PauseCommand extends RunSteering {

  @Option(names = "--reason", paramLabel = "TEXT", description = "Kept with the run.")
  private String reason;

  PauseCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    return steer(
        "asked to pause",
        (client, run) -> {
          run.pause(reasonOr(reason));
          return null;
        });
  }
}
