package dev.outlast.worker.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "move",
    mixinStandardHelpOptions = true,
    description =
        "Let a run that waits for its host go on on another one, in a fresh session that is told of"
            + " the task so far.")
final class MoveCommand extends RunSteering {

  @Option(names = "--reason", paramLabel = "TEXT", description = "Kept with the run.")
  private String reason;

  MoveCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    return steer("asked to move; it is", (client, run) -> run.move(reasonOr(reason)));
  }
}
