package dev.outlast.worker.cli;

import dev.outlast.limit.AccountGate;
import dev.outlast.limit.AccountGateWorkflow;
import dev.outlast.limit.GateClosure;
import dev.outlast.operator.DurationText;
import java.time.Instant;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "close",
    mixinStandardHelpOptions = true,
    description = "Start no agent of an account until a moment; those at work go on.")
final class AccountCloseCommand extends AccountSteering {

  @Option(
      names = "--until",
      required = true,
      paramLabel = "WHEN",
      description =
          "An instant (2026-11-21T15:00:00Z) or a duration from now (90m), at most 30 days.")
  private String until;

  @Option(names = "--reason", paramLabel = "TEXT", description = "Shown to operators.")
  private String reason;

  @Option(names = "--new", description = "The account need not be known here yet.")
  private boolean evenUnknown;

  AccountCloseCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    check(Instant.now());
    return steerOrMake(AccountGate::close, new GateClosure(until, reason), evenUnknown);
  }

  /** What the gate would refuse too is refused here first, since it may have to be made. */
  private void check(Instant now) {
    Instant moment =
        DurationText.moment(until, now)
            .orElseThrow(
                () ->
                    wrong(
                        "expected an instant such as 2026-11-21T15:00:00Z, or "
                            + DurationText.EXPECTED
                            + " from now"));
    if (!moment.isAfter(now)) {
      throw wrong("expected a moment to come; it is " + now + " now");
    }
    if (moment.isAfter(now.plus(AccountGateWorkflow.MAX_CLOSURE))) {
      throw wrong(
          "expected at most " + DurationText.of(AccountGateWorkflow.MAX_CLOSURE) + " from now");
    }
  }

  private CliException wrong(String expected) {
    return new CliException(
        ExitCode.USAGE, "--until: got \"" + Console.oneLine(until) + "\"; " + expected);
  }
}
