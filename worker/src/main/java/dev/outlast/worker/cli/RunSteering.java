package dev.outlast.worker.cli;

import dev.outlast.run.AgentRun;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import io.temporal.client.WorkflowClient;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BiFunction;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What all commands have in common that do one thing to one run. */
abstract class RunSteering implements java.util.concurrent.Callable<Integer> {

  final Console console;
  @Mixin private ConnectionOptions connection;

  @Parameters(index = "0", paramLabel = "ID", description = "The run's id; see: outlast list")
  String id;

  @Option(names = "--json", description = "Answer in JSON.")
  boolean json;

  RunSteering(Console console) {
    this.console = console;
  }

  /** Connects, does it, and says in one line what was done. */
  int steer(String what, BiFunction<WorkflowClient, AgentRun, Object> action) {
    try (Connection connected = connection.connect(console)) {
      WorkflowClient client = connected.client();
      Object answer = action.apply(client, client.newWorkflowStub(AgentRun.class, id));
      if (json) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("id", id);
        facts.put("done", what);
        if (answer != null) {
          facts.put("answer", answer);
        }
        console.json(facts);
      } else {
        console.print(id + ": " + what + (answer == null ? "" : " " + answer));
      }
      return ExitCode.DONE;
    }
  }

  /** What a signal takes for its reason. */
  static String reasonOr(String reason) {
    return reason == null ? "from the command line" : reason;
  }
}
