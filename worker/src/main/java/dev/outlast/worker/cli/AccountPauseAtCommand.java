package dev.outlast.worker.cli;

import dev.outlast.limit.AccountGate;
import dev.outlast.limit.GateStatus;
import dev.outlast.operator.OperatorTexts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
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

  @Option(names = "--new", description = "The account need not be known here yet.")
  private boolean evenUnknown;

  AccountPauseAtCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    if (share != null && !(share > 0 && share <= 1)) {
      throw new CliException(
          ExitCode.USAGE,
          "SHARE: got " + share + "; expected over 0 and at most 1, such as 0.95 for 95 %");
    }
    return steerOrMake(AccountGate::pauseAt, share, evenUnknown);
  }

  @Override
  String besides(GateStatus status) {
    return status.pauseAt() == null
        ? "; pauses as the workers are configured"
        : "; pauses at " + OperatorTexts.percent(status.pauseAt()) + " of every window";
  }
}
