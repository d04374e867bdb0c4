package dev.outlast.worker.cli;

import dev.outlast.agent.Budget;
import dev.outlast.operator.Names;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "budget",
    mixinStandardHelpOptions = true,
    description =
        "Change what a run may use in all before it pauses and asks, to more than it has used; a"
            + " kind that is left out has no bound any more. A run that is paused for its budget"
            + " goes on.")
final class BudgetCommand extends RunSteering {

  @Option(names = "--cost", paramLabel = "USD", description = "In US dollars, such as 5.")
  private Double cost;

  @Option(names = "--tokens", paramLabel = "N", description = "In tokens, such as 500k or 2M.")
  private String tokens;

  BudgetCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    Budget budget =
        AccountOptions.budget("--tokens", cost, tokens)
            .orElseThrow(
                () -> new CliException(ExitCode.USAGE, "give --cost, --tokens, or both of them"));
    if (cost != null && !(cost > 0 && cost < Double.POSITIVE_INFINITY)) {
      throw new CliException(
          ExitCode.USAGE, "--cost: got " + cost + "; expected more than 0, such as 5");
    }
    return steer(
        "budget is now",
        (client, run) -> {
          Budget now =
              client
                  .newUntypedWorkflowStub(id)
                  .update(Names.UPDATE_CHANGE_BUDGET, Budget.class, budget);
          return json ? now : words(now);
        });
  }

  private static String words(Budget budget) {
    String cost =
        budget.costUsd() == null ? "" : String.format(Locale.ROOT, "%.2f USD", budget.costUsd());
    String tokens =
        budget.tokens() == null ? "" : String.format(Locale.ROOT, "%,d tokens", budget.tokens());
    return cost + (cost.isEmpty() || tokens.isEmpty() ? "" : " and ") + tokens;
  }
}
