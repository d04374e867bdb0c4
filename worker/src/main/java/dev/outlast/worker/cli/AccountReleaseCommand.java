package dev.outlast.worker.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "release",
    mixinStandardHelpOptions = true,
    description = "Open a closed account at once, and release its waiting runs, spread out.")
final class AccountReleaseCommand extends AccountSteering {

  @Option(
      names = "--reason",
      paramLabel = "TEXT",
      description = "Kept in the history of the account's gate.")
  private String reason;

  AccountReleaseCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    return steer(gate -> gate.release(RunSteering.reasonOr(reason)));
  }
}
