package dev.outlast.worker.cli;

import dev.outlast.limit.GateStatus;
import dev.outlast.operator.Names;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.config.OutlastConfig;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.client.WorkflowClient;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "accounts",
    mixinStandardHelpOptions = true,
    description =
        "Show the accounts that are configured here, and all that were ever limited, bounded or"
            + " closed: whether they are open, how much of their windows is used, who waits for"
            + " them, and what was spent.")
final class AccountsCommand implements Callable<Integer> {

  private final Console console;
  @Mixin private ConnectionOptions connection;
  @Mixin private ConfigOptions config;

  @Parameters(
      arity = "0..*",
      paramLabel = "ACCOUNT",
      description = "Only these: claude/work, or work where only one provider has it.")
  private List<String> accounts = List.of();

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  AccountsCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    Optional<OutlastConfig> loaded = config.loadIfUsable(console);
    try (Connection connected = connection.connect(console)) {
      WorkflowClient client = connected.client();
      KnownAccounts known = new KnownAccounts(client, loaded);
      Collection<AccountName> names =
          accounts.isEmpty()
              ? known.all()
              : accounts.stream().map(known::named).collect(Collectors.toCollection(TreeSet::new));
      List<AccountTable.Row> rows =
          names.stream().flatMap(name -> row(client, known, name).stream()).toList();
      if (json) {
        console.json(rows);
      } else {
        new AccountTable(console, Instant.now()).print(rows);
        if (!known.listed()) {
          console.say(
              "this Temporal server keeps no index: accounts that are not configured here, and the"
                  + " runs that work or wait, are not all shown");
        }
      }
      return ExitCode.DONE;
    }
  }

  /** Empty for one whose gate has been ended since it was listed. */
  private Optional<AccountTable.Row> row(
      WorkflowClient client, KnownAccounts known, AccountName name) {
    boolean configured = known.isConfigured(name);
    boolean gate = known.hasGate(name);
    if (!gate && !configured) {
      if (accounts.isEmpty()) {
        return Optional.empty();
      }
      throw known.unknown(name.toString());
    }
    GateStatus status =
        gate
            ? client
                .newUntypedWorkflowStub(name.gateId())
                .query(Names.QUERY_STATUS, GateStatus.class)
            : null;
    return Optional.of(
        new AccountTable.Row(
            name.provider(),
            name.account(),
            configured,
            status,
            runs(client, name, "waiting"),
            runs(client, name, "running")));
  }

  /** Null where the server cannot count. */
  private static Long runs(WorkflowClient client, AccountName name, String state) {
    String query =
        "WorkflowType = '%s' AND ExecutionStatus = 'Running' AND %s = '%s' AND %s = '%s' AND %s = '%s'"
            .formatted(
                Names.AGENT_RUN,
                Names.AGENT_STATE.getName(),
                state,
                Names.AGENT_PROVIDER.getName(),
                name.provider(),
                Names.AGENT_ACCOUNT.getName(),
                name.account().replace("\\", "\\\\").replace("'", "\\'"));
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
}
