package dev.outlast.worker.cli;

import dev.outlast.limit.AccountGate;
import dev.outlast.limit.GateRequest;
import dev.outlast.limit.GateStatus;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.Names;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.config.OutlastConfig;
import dev.outlast.worker.plugin.SearchAttributes;
import io.temporal.api.enums.v1.WorkflowIdConflictPolicy;
import io.temporal.client.UpdateOptions;
import io.temporal.client.WithStartWorkflowOperation;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.workflow.Functions;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What commands have in common that do one thing to one account. */
abstract class AccountSteering implements Callable<Integer> {

  /** How long a worker may take to answer. */
  private static final Duration PATIENCE = Duration.ofSeconds(15);

  private final Console console;
  @Mixin private ConnectionOptions connection;
  @Mixin private ConfigOptions config;

  @Parameters(
      index = "0",
      paramLabel = "ACCOUNT",
      description = "Such as claude/work, or work where only one provider has it.")
  private String account;

  @Option(names = "--json", description = "Answer in JSON.")
  private boolean json;

  AccountSteering(Console console) {
    this.console = console;
  }

  /** Does it to a gate that there is. */
  int steer(Function<AccountGate, GateStatus> action) {
    Optional<OutlastConfig> loaded = config.loadIfUsable(console);
    try (Connection connected = connection.connect(console)) {
      WorkflowClient client = connected.client();
      KnownAccounts known = new KnownAccounts(client, loaded);
      AccountName name = known.named(account);
      if (!known.hasGate(name)) {
        throw known.isConfigured(name)
            ? new CliException(
                ExitCode.FAILED, name + " is open: it was never limited, bounded or closed")
            : known.unknown(account);
      }
      AccountGate gate = client.newWorkflowStub(AccountGate.class, name.gateId());
      return say(answer(name, () -> action.apply(gate)));
    }
  }

  /**
   * Does it to a gate that is made if there is none.
   *
   * @param evenUnknown whether the account need not be known here
   */
  <T> int steerOrMake(
      BiFunction<AccountGate, T, GateStatus> update, T argument, boolean evenUnknown) {
    Optional<OutlastConfig> loaded = config.loadIfUsable(console);
    try (Connection connected = connection.connect(console)) {
      WorkflowClient client = connected.client();
      KnownAccounts known = new KnownAccounts(client, loaded);
      AccountName name = known.named(account);
      if (!evenUnknown && !known.isConfigured(name) && !known.hasGate(name)) {
        CliException unknown = known.unknown(account);
        throw new CliException(
            unknown.exitCode(), unknown.getMessage() + "; to do it all the same, add --new");
      }
      String taskQueue = loaded.map(OutlastConfig::taskQueue).orElse(Names.TASK_QUEUE);
      AccountGate gate =
          client.newWorkflowStub(
              AccountGate.class,
              WorkflowOptions.newBuilder()
                  .setTaskQueue(taskQueue)
                  .setWorkflowId(name.gateId())
                  .setWorkflowIdConflictPolicy(
                      WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
                  .setStaticSummary(
                      OperatorTexts.summary(name.provider(), name.account(), "account"))
                  .build());
      GateRequest request =
          new GateRequest(
              name.provider(), name.account(), SearchAttributes.obstacle(client, false).isEmpty());
      Functions.Func1<T, GateStatus> call = told -> update.apply(gate, told);
      return say(
          answer(
              name,
              () ->
                  WorkflowClient.executeUpdateWithStart(
                      call,
                      argument,
                      UpdateOptions.<GateStatus>newBuilder().build(),
                      new WithStartWorkflowOperation<>(gate::keep, request))));
    }
  }

  /**
   * Waits for what only a worker can answer. The call itself, which the SDK goes on with for more
   * than a minute, ends with the connection.
   */
  private static GateStatus answer(AccountName name, Supplier<GateStatus> update) {
    try {
      return CompletableFuture.supplyAsync(update).get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException failed) {
      if (failed.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(failed.getCause());
    } catch (TimeoutException silence) {
      throw new CliException(
          ExitCode.NO_TEMPORAL,
          "no worker answers within "
              + DurationText.of(PATIENCE)
              + "; is one running? Whether it is done when one comes, see then: outlast accounts "
              + name);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CliException(ExitCode.INTERRUPTED, "interrupted");
    }
  }

  /** What the answer says besides how the account stands; empty for nothing. */
  String besides(GateStatus status) {
    return "";
  }

  private int say(GateStatus status) {
    if (json) {
      console.json(status);
    } else {
      console.print(
          new AccountName(status.provider(), status.account())
              + ": "
              + status.state().word()
              + (status.until() == null
                  ? ""
                  : " until " + status.until() + " (" + Console.oneLine(status.why()) + ")")
              + besides(status));
    }
    return ExitCode.DONE;
  }
}
