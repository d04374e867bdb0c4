package dev.outlast.worker.cli;

import dev.outlast.worker.cli.ConnectionOptions.Connection;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "follow",
    mixinStandardHelpOptions = true,
    description = "Follow a run to its end; its result goes to standard output.")
final class FollowCommand implements Callable<Integer> {

  private final Console console;
  @Mixin private ConnectionOptions connection;

  @Parameters(index = "0", paramLabel = "ID", description = "The run's id; see: outlast list")
  private String id;

  @Option(names = "--wait", description = "Wait for the end without showing any progress.")
  private boolean waitSilently;

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  FollowCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    try (Connection connected = connection.connect(console)) {
      connected.client().newUntypedWorkflowStub(id).describe();
      return new RunFollower(console, connected.client(), id, json, !waitSilently).follow();
    }
  }
}
