package dev.outlast.worker.cli;

import dev.outlast.operator.Names;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "switch",
    mixinStandardHelpOptions = true,
    description =
        "Let a run go on with another agent or account: in the same session where both share it,"
            + " else in a fresh one that is told what was done.")
final class SwitchCommand extends RunSteering {

  @Option(
      names = "--agent",
      paramLabel = "NAME",
      description = "The agent, by its name on the worker (default: the present one).")
  private String agent;

  @Option(
      names = "--account",
      paramLabel = "NAME",
      description = "Whose allowance is used (default: the agent's own).")
  private String account;

  SwitchCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    if (agent == null && account == null) {
      throw new CliException(ExitCode.USAGE, "give --agent, --account, or both of them");
    }
    return steer(
        "goes on with",
        (client, run) ->
            client
                .newUntypedWorkflowStub(id)
                .update(Names.UPDATE_SWITCH_AGENT, String.class, agent, account));
  }
}
