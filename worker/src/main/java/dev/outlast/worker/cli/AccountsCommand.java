package dev.outlast.worker.cli;

import dev.outlast.activities.gate.Hours;
import dev.outlast.limit.GateStatus;
import dev.outlast.operator.Names;
import dev.outlast.worker.cli.AccountTable.LastSeen;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.config.OutlastConfig;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.common.SearchAttributes;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
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

  /** Task queues with gates of which no worker has answered. */
  private final SortedSet<String> silent = new TreeSet<>();

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
      if (!silent.isEmpty()) {
        console.say(
            "outlast: no worker answers, so of gates only state and time are shown, as the server"
                + " has them; is one running on task queue "
                + String.join(", ", silent)
                + "?");
      }
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
    Optional<WorkflowExecutionDescription> gate = known.gate(name);
    if (gate.isEmpty() && !configured) {
      if (accounts.isEmpty()) {
        return Optional.empty();
      }
      throw known.unknown(name.toString());
    }
    Optional<GateStatus> status =
        gate.flatMap(each -> status(client, name.gateId(), each.getTaskQueue()));
    return Optional.of(
        new AccountTable.Row(
            name.provider(),
            name.account(),
            configured,
            status.orElse(null),
            status.isPresent() ? null : gate.map(AccountsCommand::lastSeen).orElse(null),
            known.quiet(name).flatMap(AccountsCommand::end).orElse(null),
            known.reserve(name).flatMap(AccountsCommand::end).orElse(null),
            runs(client, name, "waiting"),
            runs(client, name, "running")));
  }

  /** Empty if no worker answers; then none of its task queue is asked a second time. */
  private Optional<GateStatus> status(WorkflowClient client, String gate, String taskQueue) {
    if (silent.contains(taskQueue)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          client.newUntypedWorkflowStub(gate).query(Names.QUERY_STATUS, GateStatus.class));
    } catch (WorkflowNotFoundException e) {
      throw e;
    } catch (WorkflowException unanswered) {
      silent.add(taskQueue);
      return Optional.empty();
    }
  }

  /** When the hours end that it is in now, by the clock and zone of this side. */
  private static Optional<Instant> end(Hours hours) {
    return hours.end(Instant.now(), ZoneId.systemDefault());
  }

  private static LastSeen lastSeen(WorkflowExecutionMetadata gate) {
    SearchAttributes attributes = gate.getTypedSearchAttributes();
    String state = attributes.get(Names.AGENT_STATE);
    OffsetDateTime until = attributes.get(Names.AGENT_RESUME_AT);
    return new LastSeen(
        state == null ? "unknown" : state, until == null ? null : until.toInstant());
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
