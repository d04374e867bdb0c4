package dev.outlast.worker.cli;

import dev.outlast.limit.AccountGate;
import dev.outlast.limit.GateClosure;
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
      description = "An instant (2026-11-21T15:00:00Z) or a duration from now (90m).")
  private String until;

  @Option(names = "--reason", paramLabel = "TEXT", description = "Shown to operators.")
  private String reason;

  AccountCloseCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    return steerOrMake(AccountGate::close, new GateClosure(until, reason));
  }
}
