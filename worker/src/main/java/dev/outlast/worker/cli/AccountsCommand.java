package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.limit.GateHold;
import dev.outlast.limit.GatePart;
import dev.outlast.limit.GateReport;
import dev.outlast.limit.GateState;
import dev.outlast.limit.GateStatus;
import dev.outlast.operator.Names;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionMetadata;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "accounts",
    mixinStandardHelpOptions = true,
    description =
        "Show the accounts that were ever limited, bounded or closed: whether they are open, how"
            + " much of their windows is used, and who waits for them.")
final class AccountsCommand implements Callable<Integer> {

  private static final int MAX = 1_000;

  private final Console console;
  @Mixin private ConnectionOptions connection;

  @Parameters(
      arity = "0..*",
      paramLabel = "PROVIDER/ACCOUNT",
      description = "Only these, such as claude/work; needed where the server cannot list.")
  private List<String> accounts = List.of();

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /**
   * An account of the list.
   *
   * @param waitingRuns null where the server cannot count
   * @param runningRuns null where the server cannot count
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  private record Row(GateStatus gate, Long waitingRuns, Long runningRuns) {}

  AccountsCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    try (Connection connected = connection.connect(console)) {
      WorkflowClient client = connected.client();
      List<String> ids =
          accounts.isEmpty()
              ? known(client)
              : accounts.stream().map(AccountName::of).map(AccountName::gateId).toList();
      List<Row> rows = new ArrayList<>();
      for (String id : ids) {
        GateStatus gate =
            client.newUntypedWorkflowStub(id).query(Names.QUERY_STATUS, GateStatus.class);
        rows.add(new Row(gate, runs(client, gate, "waiting"), runs(client, gate, "running")));
      }
      if (json) {
        console.json(rows);
      } else if (rows.isEmpty()) {
        console.say("no account was ever limited, bounded or closed");
      } else {
        rows.forEach(this::print);
      }
      return ExitCode.DONE;
    }
  }

  private static List<String> known(WorkflowClient client) {
    String query = "WorkflowType = '" + Names.ACCOUNT_GATE + "' AND ExecutionStatus = 'Running'";
    try (Stream<WorkflowExecutionMetadata> found = client.listExecutions(query)) {
      return found
          .limit(MAX)
          .map(gate -> gate.getExecution().getWorkflowId())
          .distinct()
          .sorted()
          .toList();
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        throw new CliException(
            ExitCode.FAILED,
            "this Temporal server cannot list accounts (the in-memory server keeps no index); name"
                + " them: outlast accounts claude/work");
      }
      throw e;
    }
  }

  private static Long runs(WorkflowClient client, GateStatus gate, String state) {
    String query =
        "WorkflowType = '%s' AND ExecutionStatus = 'Running' AND %s = '%s' AND %s = '%s' AND %s = '%s'"
            .formatted(
                Names.AGENT_RUN,
                Names.AGENT_STATE.getName(),
                state,
                Names.AGENT_PROVIDER.getName(),
                gate.provider(),
                Names.AGENT_ACCOUNT.getName(),
                gate.account().replace("'", "\\'"));
    try {
      return client.countWorkflows(query).getCount();
    } catch (StatusRuntimeException e) {
      Status.Code code = e.getStatus().getCode();
      if (code == Status.Code.UNIMPLEMENTED || code == Status.Code.INVALID_ARGUMENT) {
        return null;
      }
      throw e;
    }
  }

  private void print(Row row) {
    GateStatus gate = row.gate();
    console.print(
        console.bold(Console.oneLine(gate.provider() + "/" + gate.account()))
            + ": "
            + gate.state().word()
            + (gate.until() == null ? "" : " until " + gate.until() + " (" + gate.why() + ")"));
    if (gate.warning() != null) {
      console.print("  warning: " + Console.oneLine(gate.warning()));
    }
    gate.parts().stream()
        .filter(part -> part.state() != GateState.OPEN)
        .forEach(part -> console.print("  " + limit(part)));
    for (GateHold hold : gate.holds()) {
      console.print("  held until " + hold.until() + ": " + Console.oneLine(hold.why()));
    }
    for (Map.Entry<String, GateReport.WindowUse> window : gate.windows().entrySet()) {
      console.print(
          String.format(
              Locale.ROOT,
              "  window %s: %.0f %% used%s",
              Console.oneLine(window.getKey()),
              100 * window.getValue().used(),
              window.getValue().resetsAt() == null
                  ? ""
                  : ", begins anew " + window.getValue().resetsAt()));
    }
    console.print(
        "  runs: "
            + (row.waitingRuns() == null
                ? gate.waiters() + " waiting, as far as it has heard of them"
                : row.waitingRuns() + " waiting, " + row.runningRuns() + " running")
            + (gate.settings().maxAgents() == 0
                ? ""
                : "; agents at work: "
                    + gate.atWork().size()
                    + " of "
                    + gate.settings().maxAgents()));
    if (!gate.spent().isEmpty()) {
      GateReport.Spent day = gate.spent().get(gate.spent().size() - 1);
      console.print(
          String.format(
              Locale.ROOT,
              "  spent on %s: %.2f USD (%.2f beyond the allowance), %d tokens, %d invocations",
              day.day(),
              day.costUsd(),
              day.overageUsd(),
              day.tokens(),
              day.invocations()));
    }
  }

  private static String limit(GatePart part) {
    return (part.model() == null ? "account" : "model " + Console.oneLine(part.model()))
        + ": "
        + part.state().word()
        + ", "
        + part.scope().word()
        + " limit until "
        + part.until()
        + (part.probe() == null
            ? ""
            : part.state() == GateState.HALF_OPEN
                ? ", tries now: " + Console.oneLine(part.probe().run())
                : ", tries first: " + Console.oneLine(part.probe().run()));
  }
}
