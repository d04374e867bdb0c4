package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.Names;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.run.AgentRunResult;
import dev.outlast.run.Incident;
import dev.outlast.run.RunEvent;
import dev.outlast.run.RunStatus;
import dev.outlast.run.WaitsFor;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowStub;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "show",
    mixinStandardHelpOptions = true,
    description = "Show where a run stands, and its usage limits with their evidence.")
final class ShowCommand implements Callable<Integer> {

  /** How many changes of the agent are told of; the others are in the run's events. */
  private static final int MAX_CHANGES = 5;

  private final Console console;
  @Mixin private ConnectionOptions connection;

  @Parameters(index = "0", paramLabel = "ID", description = "The run's id; see: outlast list")
  private String id;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /** What is known of a run. Status and what follows are absent while no worker answers. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  private record View(
      String id,
      String state,
      String summary,
      Instant startedAt,
      Instant endedAt,
      RunStatus status,
      FailedAttempt failing,
      List<Incident> incidents,
      List<RunEvent> events,
      RunEnding ending) {}

  ShowCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    try (Connection connected = connection.connect(console)) {
      View view = view(connected.client());
      if (json) {
        console.json(view);
      } else {
        print(view);
      }
      return ExitCode.DONE;
    }
  }

  private View view(WorkflowClient client) {
    WorkflowStub stub = client.newUntypedWorkflowStub(id);
    WorkflowExecutionDescription run = stub.describe();
    RunStatus status = null;
    List<Incident> incidents = null;
    List<RunEvent> events = null;
    try {
      status = stub.query(Names.QUERY_STATUS, RunStatus.class);
      incidents = List.of(stub.query(Names.QUERY_INCIDENTS, Incident[].class));
      events = List.of(stub.query(Names.QUERY_EVENTS, RunEvent[].class, 0));
    } catch (WorkflowNotFoundException e) {
      throw e;
    } catch (WorkflowException unanswered) {
      console.say(
          "outlast: no worker answers, so only what the server knows is shown; is one running on"
              + " task queue "
              + run.getTaskQueue()
              + "?");
    }
    boolean open = run.getStatus() == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
    String state =
        open && status != null
            ? status.state().word()
            : ListCommand.state(run, run.getTypedSearchAttributes());
    return new View(
        id,
        state,
        run.getStaticSummary(),
        run.getStartTime(),
        run.getCloseTime(),
        status,
        FailedAttempt.of(run).orElse(null),
        incidents,
        events,
        open ? null : ending(client, stub));
  }

  private RunEnding ending(WorkflowClient client, WorkflowStub stub) {
    try {
      return RunEnding.completed(id, stub.getResult(AgentRunResult.class));
    } catch (WorkflowFailedException e) {
      return RunEnding.failed(client, id, e);
    }
  }

  private void print(View view) {
    console.print(console.bold(view.id()) + "  " + view.state());
    if (view.summary() != null) {
      line("summary", view.summary());
    }
    line("started", OperatorTexts.moment(view.startedAt()));
    if (view.endedAt() != null) {
      line("ended", OperatorTexts.moment(view.endedAt()));
    }
    if (view.status() != null) {
      print(view.status());
    }
    if (view.events() != null) {
      printChanges(view.events());
    }
    if (view.failing() != null) {
      line("failing", view.failing().text());
    }
    if (view.incidents() != null) {
      view.incidents().forEach(this::print);
    }
    if (view.ending() != null && view.ending().message() != null) {
      line(view.ending().outcome(), view.ending().message());
    }
    if (view.ending() != null && view.ending().result() != null) {
      console.print("");
      console.print(Console.harmless(view.ending().result().text()));
    }
  }

  private void print(RunStatus status) {
    // A run whose agent was not found has none of these but what it has asked for.
    line(
        "agent",
        (status.agent() == null ? "the worker's first" : status.agent())
            + (status.provider() == null ? "" : " (" + status.provider() + ")")
            + (status.account() == null ? "" : ", account " + status.account()));
    if (status.agents() != null) {
      status.agents().forEach(one -> line("may use", one.words()));
    }
    if (status.workspace() != null) {
      line("workspace", status.workspace() + (status.host() == null ? "" : " on " + status.host()));
    }
    if (status.worktree() != null) {
      Boolean kept = status.worktree().kept();
      line(
          "worktree",
          status.worktree().path()
              + ", branch "
              + status.worktree().branch()
              + (kept == null ? "" : kept ? ", kept" : ", removed"));
    }
    line("session", status.session() == null ? "not known yet" : status.session().value());
    boolean host = status.waitsFor() == WaitsFor.HOST;
    RunWait.what(status)
        .ifPresent(
            what ->
                line(
                    "waits",
                    "for " + what + (host ? "; go on elsewhere with: outlast move " + id : "")));
    if (status.resumeAt() != null) {
      line("resumes", RunWait.until(status, Instant.now()) + ", or now with: outlast resume " + id);
    }
    if (status.warning() != null) {
      line("warning", status.warning());
    }
    if (status.pausedBecause() != null) {
      boolean budget = Boolean.TRUE.equals(status.budgetSpent());
      line(
          "paused",
          status.pausedBecause()
              + (budget ? "; from here: outlast budget " : "; go on with: outlast unpause ")
              + id);
    }
    money(status).ifPresent(text -> line("cost", text));
    line(
        "so far",
        String.format(
            Locale.ROOT,
            "turn %d, invocations %d, limits %d, waited %s, tokens %,d, queued prompts %d",
            status.turn(),
            status.invocations(),
            status.limitsHit(),
            DurationText.of(Duration.ofSeconds(status.waitedSeconds())),
            status.tokens() == null ? 0 : status.tokens().total(),
            status.queuedPrompts()));
  }

  /** The newest changes from one of the run's agents to another. */
  private void printChanges(List<RunEvent> events) {
    List<RunEvent> changes =
        events.stream().filter(event -> event.type() == RunEvent.Type.AGENT_CHANGED).toList();
    changes.stream()
        .skip(Math.max(0, changes.size() - MAX_CHANGES))
        .forEach(
            change -> line("changed", OperatorTexts.moment(change.at()) + ": " + change.text()));
  }

  private static Optional<String> money(RunStatus status) {
    if (status.budget() == null && status.overageUsd() == null && status.costUsd() == 0) {
      return Optional.empty();
    }
    StringBuilder text = new StringBuilder(OperatorTexts.usd(status.costUsd()));
    if (status.budget() != null) {
      text.append(", of a budget of ")
          .append(OperatorTexts.budget(status.budget().costUsd(), status.budget().tokens()));
    }
    if (status.overageUsd() != null) {
      text.append(", ").append(OperatorTexts.onOverage(status.overageUsd()));
    }
    return Optional.of(text.toString());
  }

  private void print(Incident incident) {
    UsageLimit limit = incident.limit();
    line(
        incident.id(),
        (limit.unrecognised() ? "unrecognised" : limit.scope().word())
            + " limit at "
            + OperatorTexts.moment(incident.detectedAt())
            + (limit.reset() == null
                ? ", no reset known"
                : ", resets " + OperatorTexts.moment(limit.reset().latest()))
            + (incident.end() == null
                ? ""
                : ", " + incident.end().name().toLowerCase(Locale.ROOT).replace('_', '-')));
    LimitEvidence evidence = limit.evidence();
    line(
        "  rule",
        evidence.rule()
            + ", read from "
            + evidence.channel()
            + (evidence.agentVersion() == null ? "" : ", version " + evidence.agentVersion())
            + (evidence.zone() == null ? "" : ", zone " + evidence.zone()));
    if (evidence.text() != null) {
      line("  evidence", evidence.text());
    }
  }

  private void line(String name, String text) {
    console.print(String.format("  %-10s %s", name, Console.oneLine(String.valueOf(text))));
  }
}
