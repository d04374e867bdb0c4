package dev.outlast.worker.cli;

import dev.outlast.activities.AccountDefinition;
import dev.outlast.activities.gate.Hours;
import dev.outlast.operator.Names;
import dev.outlast.worker.config.OutlastConfig;
import dev.outlast.worker.config.Suggestion;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.client.WorkflowNotFoundException;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The accounts that can be named: those configured here, and those with a gate on the server. */
final class KnownAccounts {

  /** How many gates are looked at. */
  static final int MAX_GATES = 1_000;

  private final WorkflowClient client;
  private final Optional<OutlastConfig> config;
  private final SortedSet<AccountName> configured;
  private final Optional<SortedSet<AccountName>> gates;

  /**
   * @param config of this side; empty if it has none that can be read
   */
  KnownAccounts(WorkflowClient client, Optional<OutlastConfig> config) {
    this.client = client;
    this.config = config;
    configured = config.map(KnownAccounts::configured).orElseGet(TreeSet::new);
    gates = gates(client);
  }

  private static SortedSet<AccountName> configured(OutlastConfig config) {
    SortedSet<AccountName> names = new TreeSet<>();
    config.accounts().values().stream()
        .map(account -> new AccountName(account.provider(), account.name()))
        .forEach(names::add);
    config.agents().values().stream()
        .map(agent -> new AccountName(agent.provider(), agent.account()))
        .forEach(names::add);
    return names;
  }

  private static Optional<SortedSet<AccountName>> gates(WorkflowClient client) {
    String query = "WorkflowType = '" + Names.ACCOUNT_GATE + "' AND ExecutionStatus = 'Running'";
    try (Stream<WorkflowExecutionMetadata> found = client.listExecutions(query)) {
      return Optional.of(
          found
              .limit(MAX_GATES)
              .flatMap(gate -> AccountName.ofGate(gate.getExecution().getWorkflowId()).stream())
              .collect(Collectors.toCollection(TreeSet::new)));
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Whether the server can list gates; without it, those that are not configured are not known. */
  boolean listed() {
    return gates.isPresent();
  }

  boolean isConfigured(AccountName name) {
    return configured.contains(name);
  }

  /** The hours in which no agent is started; empty for an account that is not configured here. */
  Optional<Hours> quiet(AccountName name) {
    return config.filter(any -> isConfigured(name)).map(OutlastConfig::quiet);
  }

  /** The hours in which only urgent runs start; empty if the account is not configured here. */
  Optional<Hours> reserve(AccountName name) {
    return config
        .map(known -> known.accounts().get(name.account()))
        .filter(account -> account.provider().equals(name.provider()))
        .map(AccountDefinition::reserve);
  }

  /** All of them in order. */
  SortedSet<AccountName> all() {
    SortedSet<AccountName> all = new TreeSet<>(configured);
    gates.ifPresent(all::addAll);
    return all;
  }

  /** Whether an account has a gate; the server's index may not yet have a new one. */
  boolean hasGate(AccountName name) {
    return gate(name).isPresent();
  }

  /** What the server itself knows of an account's gate; empty if it has none. */
  Optional<WorkflowExecutionDescription> gate(AccountName name) {
    try {
      return Optional.of(client.newUntypedWorkflowStub(name.gateId()).describe())
          .filter(
              gate ->
                  gate.getStatus() == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING);
    } catch (WorkflowNotFoundException none) {
      return Optional.empty();
    }
  }

  /**
   * The account that is meant by {@code claude/work}, or by {@code work} where only one provider
   * has it.
   *
   * @throws CliException if it is none, or may be several
   */
  AccountName named(String text) {
    if (text.indexOf('/') >= 0) {
      return AccountName.of(text);
    }
    List<AccountName> meant = all().stream().filter(name -> name.account().equals(text)).toList();
    if (meant.size() == 1) {
      return meant.get(0);
    }
    if (meant.isEmpty()) {
      throw unknown(text);
    }
    throw new CliException(
        ExitCode.USAGE,
        "several providers have an account \""
            + Console.oneLine(text)
            + "\"; name one of them: "
            + meant.stream().map(AccountName::toString).collect(Collectors.joining(", ")));
  }

  private List<String> bare() {
    return all().stream().map(AccountName::account).toList();
  }

  /** What to say of an account that is not configured here and has no gate. */
  CliException unknown(String text) {
    List<String> names = all().stream().map(AccountName::toString).toList();
    return new CliException(
        ExitCode.FAILED,
        "unknown account \""
            + Console.oneLine(text)
            + "\": it is not configured here, and was never limited, bounded or closed"
            + Suggestion.didYouMean(text, text.indexOf('/') >= 0 ? names : bare())
            + (names.isEmpty() ? "" : "; known: " + String.join(", ", names)));
  }
}
