package dev.outlast.worker.cli;

import dev.outlast.limit.AccountGate;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
    name = "pause-at",
    mixinStandardHelpOptions = true,
    description =
        "Leave the rest of every window of an account alone from a share on; without a share, go by"
            + " the workers' configuration again.")
final class AccountPauseAtCommand extends AccountSteering {

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "SHARE",
      description = "Over 0 and at most 1: 0.95 is 95 %%.")
  private Double share;

  AccountPauseAtCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    return steerOrMake(AccountGate::pauseAt, share);
  }
}
