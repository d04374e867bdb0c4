package dev.outlast.worker.cli;

import dev.outlast.activities.file.WholeFile;
import dev.outlast.activities.transcript.TranscriptStore;
import dev.outlast.agent.TokenUsage;
import dev.outlast.agent.TranscriptReference;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRunResult;
import dev.outlast.run.Incident;
import dev.outlast.run.RunEvent;
import dev.outlast.run.RunStatus;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.cli.RunExport.Attempt;
import dev.outlast.worker.cli.RunExport.Invocation;
import dev.outlast.worker.cli.RunExport.Wait;
import dev.outlast.worker.config.OutlastConfig;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowExecutionDescription;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowStub;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "export",
    mixinStandardHelpOptions = true,
    description =
        "Export a run: prompts, what the agent did, usage limits with their evidence, waits, tokens"
            + " and cost. What the agent did is in the transcript, which is on the run's host.")
final class ExportCommand implements Callable<Integer> {

  /** How far the clocks of the server and of a host may be apart. */
  private static final Duration CLOCKS = Duration.ofMinutes(5);

  /** How long a worker has to answer. */
  private static final Duration ANSWER = Duration.ofSeconds(10);

  private final Console console;
  @Mixin private ConnectionOptions connection;
  @Mixin private ConfigOptions config;

  @Parameters(index = "0", paramLabel = "ID", description = "The run's id; see: outlast list")
  private String id;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "markdown",
      description = "markdown or json (default: ${DEFAULT-VALUE}).")
  private String format;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "Write to a file that nobody else may read, in place of standard output.")
  private Path output;

  private final List<String> remarks = new ArrayList<>();
  private boolean incomplete;

  /** What a worker answers; empty while none does. */
  private record Answers(RunStatus status, List<Incident> incidents, List<RunEvent> events) {}

  ExportCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    boolean markdown = format.equals("markdown");
    if (!markdown && !format.equals("json")) {
      throw new CliException(
          ExitCode.USAGE,
          "--format: got \"" + Console.oneLine(format) + "\"; expected markdown or json");
    }
    OutlastConfig loaded = config.load(console);
    RunExport run;
    try (Connection connected = connection.connect(console)) {
      run = gather(connected.client(), loaded);
    }
    remarks.forEach(remark -> console.say("outlast: " + Console.oneLine(remark)));
    String text = markdown ? MarkdownExport.of(run) : Console.asciiJson(run) + "\n";
    if (output == null) {
      console.out().print(text);
      console.out().flush();
    } else {
      write(console.currentDirectory().resolve(output), text);
    }
    return incomplete ? ExitCode.FAILED : ExitCode.DONE;
  }

  /** Replaces the file as a whole, so that it never is more widely readable than it ends up. */
  private static void write(Path file, String text) {
    try {
      WholeFile.write(file, text.getBytes(StandardCharsets.UTF_8), Set.of());
    } catch (IOException e) {
      throw new CliException(
          ExitCode.FAILED, "--output: " + Console.oneLine(file + " cannot be written (" + e + ")"));
    }
  }

  private RunExport gather(WorkflowClient client, OutlastConfig loaded) {
    WorkflowStub stub = client.newUntypedWorkflowStub(id);
    WorkflowExecutionDescription run = stub.describe();
    boolean open = run.getStatus() == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
    Answers answers = answers(stub, run, open);
    RunHistory history = RunHistory.of(client, id, run.getExecution().getRunId());
    remarks.addAll(history.remarks());
    RunEnding ending = open ? null : ending(client, stub);
    Instant began = history.began() == null ? run.getStartTime() : history.began();
    List<Invocation> invocations = history.invocations();
    RecordedAttempts recorded = new RecordedAttempts(id, began.minus(CLOCKS));
    List<TranscriptReference> transcripts =
        transcripts(loaded, recorded, answers.status(), invocations);
    List<Incident> incidents = incidents(answers.incidents(), invocations, run.getCloseTime());
    TokenUsage tokens = RunHistory.tokens(invocations);
    double cost = invocations.stream().mapToDouble(Invocation::costUsd).sum();
    if (ending != null && ending.result() != null) {
      tokens = ending.result().tokens();
      cost = ending.result().costUsd();
    } else if (answers.status() != null) {
      tokens = answers.status().tokens();
      cost = answers.status().costUsd();
    }
    return new RunExport(
        RunExport.VERSION,
        Instant.now(),
        id,
        open && answers.status() != null
            ? answers.status().state().word()
            : ListCommand.state(run, run.getTypedSearchAttributes()),
        run.getStaticSummary(),
        began,
        run.getCloseTime(),
        answers.status(),
        ending,
        tokens,
        cost,
        incidents,
        incidents.stream()
            .filter(incident -> incident.end() != Incident.End.GIVEN_UP)
            .map(Wait::of)
            .toList(),
        List.of(),
        merged(invocations, recorded),
        answers.events(),
        transcripts,
        List.copyOf(remarks));
  }

  private Answers answers(WorkflowStub stub, WorkflowExecutionDescription run, boolean open) {
    CompletableFuture<Answers> answers = new CompletableFuture<>();
    Thread asking = new Thread(() -> ask(stub, answers), "export-queries");
    asking.setDaemon(true);
    asking.start();
    try {
      return answers.get(ANSWER.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CliException(ExitCode.INTERRUPTED, "interrupted");
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof WorkflowException)
          || e.getCause() instanceof WorkflowNotFoundException) {
        throw e.getCause() instanceof RuntimeException unexpected
            ? unexpected
            : new IllegalStateException(e.getCause());
      }
      return unanswered(run, open);
    } catch (TimeoutException silence) {
      return unanswered(run, open);
    }
  }

  private static void ask(WorkflowStub stub, CompletableFuture<Answers> answers) {
    try {
      answers.complete(
          new Answers(
              stub.query(Names.QUERY_STATUS, RunStatus.class),
              Arrays.asList(stub.query(Names.QUERY_INCIDENTS, Incident[].class)),
              Arrays.asList(stub.query(Names.QUERY_EVENTS, RunEvent[].class, 0))));
    } catch (RuntimeException e) {
      answers.completeExceptionally(e);
    }
  }

  private Answers unanswered(WorkflowExecutionDescription run, boolean open) {
    remarks.add(
        "no worker answers on task queue "
            + run.getTaskQueue()
            + ", so "
            + (open ? "the state is the last that the server was told, " : "")
            + "usage limits are taken from the history, and the run's own events are left out");
    return new Answers(null, List.of(), List.of());
  }

  private RunEnding ending(WorkflowClient client, WorkflowStub stub) {
    try {
      return RunEnding.completed(id, stub.getResult(AgentRunResult.class));
    } catch (WorkflowFailedException e) {
      return RunEnding.failed(client, id, e);
    }
  }

  /** Reads what there is on this host, and says what is elsewhere. */
  private List<TranscriptReference> transcripts(
      OutlastConfig loaded,
      RecordedAttempts recorded,
      RunStatus status,
      List<Invocation> invocations) {
    Set<TranscriptReference> all = new LinkedHashSet<>();
    invocations.stream().map(Invocation::transcript).forEach(all::add);
    all.remove(null);
    TranscriptStore store = null;
    if (Files.isDirectory(loaded.stateDir())) {
      store = loaded.transcripts();
      try {
        Set<TranscriptReference> here = new LinkedHashSet<>(store.ofRun(id));
        for (TranscriptReference claim : here) {
          recorded.read(store, claim);
        }
        all.addAll(here);
      } catch (IOException e) {
        incomplete = true;
        remarks.add("the transcript cannot be read: " + e);
      }
    }
    Set<String> elsewhere = new TreeSet<>();
    String here = store == null ? null : loaded.hostId();
    for (TranscriptReference claim : all) {
      if (claim.host() != null && !claim.host().equals(here)) {
        elsewhere.add(claim.host());
      }
    }
    if (all.isEmpty() && status != null && status.host() != null && !status.host().equals(here)) {
      elsewhere.add(status.host());
    }
    for (String host : elsewhere) {
      incomplete = true;
      remarks.add(
          "what the agent did on host "
              + host
              + " is in the transcript there; export the run on that host, with its configuration");
    }
    if (elsewhere.isEmpty() && recorded.byInvocation().isEmpty() && !invocations.isEmpty()) {
      remarks.add(
          all.isEmpty()
              ? "no transcript of this run was kept"
              : "the transcript of this run is not kept any more");
    }
    return List.copyOf(all);
  }

  /** What a worker knows, and of what it does not know (any more) what the history says. */
  private static List<Incident> incidents(
      List<Incident> known, List<Invocation> invocations, Instant runEnded) {
    Map<Integer, Incident> byInvocation = new HashMap<>();
    known.forEach(incident -> byInvocation.put(incident.invocation(), incident));
    List<Incident> all = new ArrayList<>();
    for (int i = 0; i < invocations.size(); i++) {
      Invocation invocation = invocations.get(i);
      Incident incident = byInvocation.remove(invocation.number());
      if (incident != null) {
        all.add(incident);
      } else if (invocation.limit() != null && invocation.endedAt() != null) {
        Instant next = i + 1 < invocations.size() ? invocations.get(i + 1).scheduledAt() : runEnded;
        boolean resumed = i + 1 < invocations.size();
        all.add(
            new Incident(
                "limit-" + (all.size() + 1),
                invocation.turn(),
                invocation.number(),
                invocation.limit(),
                invocation.endedAt(),
                null,
                false,
                next,
                resumed ? Incident.End.RESUMED : next == null ? null : Incident.End.OTHER));
      }
    }
    all.addAll(byInvocation.values());
    all.sort(Comparator.comparing(Incident::detectedAt));
    return all;
  }

  /** The history's invocations with what was recorded, and what was recorded without a history. */
  private static List<Invocation> merged(List<Invocation> invocations, RecordedAttempts recorded) {
    Map<Integer, List<Attempt>> left = new HashMap<>(recorded.byInvocation());
    List<Invocation> all = new ArrayList<>();
    for (Invocation invocation : invocations) {
      List<Attempt> attempts = left.remove(invocation.number());
      all.add(attempts == null ? invocation : invocation.with(attempts));
    }
    left.forEach((number, attempts) -> all.add(unknown(number, recorded.turn(number), attempts)));
    all.sort(Comparator.comparingInt(Invocation::number));
    return all;
  }

  private static Invocation unknown(int number, int turn, List<Attempt> attempts) {
    Attempt last = attempts.get(attempts.size() - 1);
    return new Invocation(
        number,
        turn,
        null,
        null,
        null,
        null,
        last.session(),
        attempts.get(0).prompt(),
        attempts.get(0).startedAt(),
        attempts.get(0).startedAt(),
        last.endedAt(),
        attempts.size(),
        last.ending() == null ? null : last.ending().toLowerCase(Locale.ROOT),
        null,
        last.said(),
        null,
        null,
        TokenUsage.NONE,
        0,
        null,
        attempts);
  }
}
