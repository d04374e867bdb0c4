package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowExecutionMetadata;
import io.temporal.common.SearchAttributeKey;
import io.temporal.common.SearchAttributes;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "list",
    mixinStandardHelpOptions = true,
    description = "List runs, the newest first.")
final class ListCommand implements Callable<Integer> {

  private static final int MAX = 10_000;

  private final Console console;
  @Mixin private ConnectionOptions connection;

  @Option(
      names = "--state",
      paramLabel = "STATE",
      description = "Only: running, waiting, paused, completed or stopped.")
  private String state;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "50",
      description = "At most so many (default: ${DEFAULT-VALUE}).")
  private int limit;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /**
   * One run of the list.
   *
   * @param forAccount whether it waits for its account, or has since it was last at work
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  private record Row(
      String id,
      String state,
      String provider,
      String account,
      String session,
      Instant resumeAt,
      Long limitHits,
      Instant startedAt,
      Instant endedAt,
      @JsonIgnore boolean forAccount) {}

  ListCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (limit < 1 || limit > MAX) {
      throw new CliException(ExitCode.USAGE, "--limit: expected 1 to " + MAX);
    }
    Optional<AgentState> wanted =
        Arrays.stream(AgentState.values()).filter(s -> s.word().equals(state)).findFirst();
    if (state != null && wanted.isEmpty()) {
      throw new CliException(
          ExitCode.USAGE,
          "--state: got \""
              + Console.oneLine(state)
              + "\"; expected one of "
              + Arrays.stream(AgentState.values())
                  .map(AgentState::word)
                  .collect(Collectors.joining(", ")));
    }
    String query =
        "WorkflowType = '" + Names.AGENT_RUN + "'" + wanted.map(ListCommand::inState).orElse("");
    try (Connection connected = connection.connect(console);
        Stream<WorkflowExecutionMetadata> found = connected.client().listExecutions(query)) {
      List<Row> rows = found.limit(limit).map(ListCommand::row).toList();
      if (json) {
        console.json(rows);
      } else {
        print(rows);
      }
      return ExitCode.DONE;
    } catch (StatusRuntimeException e) {
      throw refused(e);
    }
  }

  private static String inState(AgentState state) {
    // A run that was ended from outside keeps the state that it had.
    boolean open = state != AgentState.COMPLETED && state != AgentState.STOPPED;
    return " AND "
        + Names.AGENT_STATE.getName()
        + " = '"
        + state.word()
        + "'"
        + (open ? " AND ExecutionStatus = 'Running'" : "");
  }

  private static RuntimeException refused(StatusRuntimeException e) {
    if (e.getStatus().getCode() == Status.Code.UNIMPLEMENTED) {
      return new CliException(
          ExitCode.FAILED,
          "this Temporal server cannot list runs (the in-memory server keeps no index); use:"
              + " outlast show ID");
    }
    if (e.getStatus().getCode() == Status.Code.INVALID_ARGUMENT) {
      return new CliException(
          ExitCode.FAILED,
          "Temporal cannot search by state ("
              + Console.oneLine(String.valueOf(e.getStatus().getDescription()))
              + "); leave --state out, or see: outlast doctor");
    }
    return e;
  }

  private static Row row(WorkflowExecutionMetadata run) {
    SearchAttributes attributes = run.getTypedSearchAttributes();
    OffsetDateTime resumeAt = attributes.get(Names.AGENT_RESUME_AT);
    return new Row(
        run.getExecution().getWorkflowId(),
        state(run, attributes),
        attributes.get(Names.AGENT_PROVIDER),
        attributes.get(Names.AGENT_ACCOUNT),
        attributes.get(Names.AGENT_SESSION),
        resumeAt == null ? null : resumeAt.toInstant(),
        attributes.get(Names.AGENT_LIMIT_HITS),
        run.getStartTime(),
        run.getCloseTime(),
        attributes.get(Names.AGENT_WAITING_SINCE) != null);
  }

  /** The state of a run; that of Temporal for one that was ended from outside. */
  static String state(WorkflowExecutionMetadata run, SearchAttributes attributes) {
    SearchAttributeKey<String> key = Names.AGENT_STATE;
    String status =
        run.getStatus().name().replace("WORKFLOW_EXECUTION_STATUS_", "").toLowerCase(Locale.ROOT);
    boolean open = run.getStatus() == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
    String shown = open ? attributes.get(key) : null;
    // "canceled" is Temporal's spelling; everywhere else it is "cancelled".
    return shown == null ? status.replace("canceled", "cancelled").replace('_', '-') : shown;
  }

  private void print(List<Row> rows) {
    if (rows.isEmpty()) {
      console.say("no runs" + (state == null ? "" : " in state " + state));
      return;
    }
    String format = "%-44s %-11s %-9s %-12s %-6s %s";
    console.print(
        String.format(format, "ID", "STATE", "PROVIDER", "ACCOUNT", "LIMITS", "RESUMES AT"));
    Instant now = Instant.now();
    for (Row row : rows) {
      console.print(
          String.format(
              format,
              Console.oneLine(row.id()),
              row.state(),
              blank(row.provider()),
              blank(row.account()),
              row.limitHits() == null ? "-" : row.limitHits(),
              resumes(row, now)));
    }
    if (rows.stream().anyMatch(row -> row.state().equals(AgentState.WAITING.word()))) {
      console.say("why a run waits: outlast show ID; how its account stands: outlast accounts");
    }
  }

  /** A time that has passed says nothing of a run that its account's gate lets go on later. */
  private static String resumes(Row row, Instant now) {
    if (row.resumeAt() == null) {
      return "-";
    }
    return row.forAccount() && !row.resumeAt().isAfter(now)
        ? "when its account lets it"
        : row.resumeAt().truncatedTo(ChronoUnit.SECONDS).toString();
  }

  private static String blank(String text) {
    return text == null ? "-" : Console.oneLine(text);
  }
}
