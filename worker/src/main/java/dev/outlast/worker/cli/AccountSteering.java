package dev.outlast.worker.cli;

import dev.outlast.limit.AccountGate;
import dev.outlast.limit.GateRequest;
import dev.outlast.limit.GateStatus;
import dev.outlast.operator.Names;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.plugin.SearchAttributes;
import io.temporal.api.enums.v1.WorkflowIdConflictPolicy;
import io.temporal.client.UpdateOptions;
import io.temporal.client.WithStartWorkflowOperation;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.workflow.Functions;
import java.util.concurrent.Callable;
import java.util.function.BiFunction;
import java.util.function.Function;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What commands have in common that do one thing to one account. */
abstract class AccountSteering implements Callable<Integer> {

  private final Console console;
  @Mixin private ConnectionOptions connection;

  @Parameters(index = "0", paramLabel = "PROVIDER/ACCOUNT", description = "Such as claude/work.")
  private String account;

  @Option(names = "--json", description = "Answer in JSON.")
  private boolean json;

  AccountSteering(Console console) {
    this.console = console;
  }

  /** Does it to a gate that there is. */
  int steer(Function<AccountGate, GateStatus> action) {
    AccountName name = AccountName.of(account);
    try (Connection connected = connection.connect(console)) {
      return say(
          action.apply(connected.client().newWorkflowStub(AccountGate.class, name.gateId())));
    }
  }

  /** Does it to a gate that is made if there is none. */
  <T> int steerOrMake(BiFunction<AccountGate, T, GateStatus> update, T argument) {
    AccountName name = AccountName.of(account);
    try (Connection connected = connection.connect(console)) {
      WorkflowClient client = connected.client();
      AccountGate gate =
          client.newWorkflowStub(
              AccountGate.class,
              WorkflowOptions.newBuilder()
                  .setTaskQueue(Names.TASK_QUEUE)
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
          WorkflowClient.executeUpdateWithStart(
              call,
              argument,
              UpdateOptions.<GateStatus>newBuilder().build(),
              new WithStartWorkflowOperation<>(gate::keep, request)));
    }
  }

  private int say(GateStatus status) {
    if (json) {
      console.json(status);
    } else {
      console.print(
          Console.oneLine(status.provider() + "/" + status.account())
              + ": "
              + status.state().word()
              + (status.until() == null
                  ? ""
                  : " until " + status.until() + " (" + status.why() + ")"));
    }
    return ExitCode.DONE;
  }
}
