package dev.outlast.worker.cli;

import dev.outlast.operator.DurationText;
import dev.outlast.operator.Names;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunResult;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.server.LocalServer;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The demonstration. The agent is a script, but all else is what runs in earnest: a Temporal
 * server, workers in processes of their own, the real activities. What the agent was asked, and
 * when, is read from the ledger that the script keeps.
 */
final class Demo implements AutoCloseable {

  static final String PROMPT = "Write the report in two steps";
  private static final String ID = Names.RUN_ID_PREFIX + "demo";
  private static final String SCRIPT = "demo-agent.sh";
  private static final String LEDGER = "ledger";
  private static final String RESET = "reset";
  private static final String LABEL = "demo";
  private static final Duration LIMIT = Duration.ofSeconds(15);

  /** How long to wait for each step; a slow machine takes longer to start a worker. */
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  /** How long a killed worker may take to be gone. */
  private static final Duration ENDING = Duration.ofSeconds(5);

  private static final Duration POLL = Duration.ofMillis(300);

  private final Console console;
  private final boolean json;
  private final Instant began = Instant.now();
  private final Path folder;
  private final List<Process> workers = new ArrayList<>();
  private final Thread cleanUp = new Thread(this::clean);
  private LocalServer server;
  private Connection connection;

  Demo(Console console, boolean json) throws IOException {
    this.console = console;
    this.json = json;
    folder = Files.createTempDirectory("outlast-demo");
    Runtime.getRuntime().addShutdownHook(cleanUp);
  }

  int play(ServerOptions options, int port) throws IOException, InterruptedException {
    Path config = writeFiles();
    server =
        options.start(
            console, port, 0, folder.resolve("server.sqlite"), folder.resolve("server.log"));
    step("Temporal server on " + server.target());
    server.webUi().ifPresent(ui -> step("watch it in the Web UI: " + ui));

    Process first = startWorker(config);
    step("worker 1 started, process " + first.pid());
    ConnectionOptions where = new ConnectionOptions();
    where.address = server.target();
    where.namespace = "default";
    connection = where.connect(console);

    WorkflowStub run = startRun(connection.client());
    step("run " + ID + ": \"" + PROMPT + "\"");
    Instant resumeAt = awaitTimer(first);
    step(
        "the agent worked, then hit its usage limit, in session "
            + DemoLedger.read(folder.resolve(LEDGER)).get(0).session());
    step(
        "its allowance is back at "
            + OperatorTexts.moment(DemoLedger.reset(folder.resolve(RESET)))
            + "; a durable timer resumes the run at "
            + OperatorTexts.moment(resumeAt));

    killHard(first);
    step("kill -9 of worker 1: nobody is left but the Temporal server");
    TimeUnit.SECONDS.sleep(2);
    Process second = startWorker(config);
    step("worker 2 started, process " + second.pid());

    AgentRunResult result = awaitResult(run, second);
    step("the agent finished: " + Console.oneLine(result.text()));
    return judge(result);
  }

  /** Compares what the agent saw with what was promised. */
  private int judge(AgentRunResult result) throws IOException {
    List<DemoLedger.Entry> asked = DemoLedger.read(folder.resolve(LEDGER));
    Instant reset = DemoLedger.reset(folder.resolve(RESET));
    List<String> wrong = new ArrayList<>();
    if (asked.size() != 2) {
      wrong.add("the agent was asked " + asked.size() + " times instead of twice");
    } else {
      DemoLedger.Entry resumed = asked.get(1);
      if (!resumed.session().equals(asked.get(0).session())
          || !resumed.how().equals("resume")
          || !resumed.session().equals(String.valueOf(result.session()))) {
        wrong.add("the agent was not resumed in the same session");
      }
      if (resumed.at().isBefore(reset)) {
        wrong.add("the agent was resumed before the reset");
      }
      if (resumed.message().equals(PROMPT)) {
        wrong.add("the agent was given the task a second time");
      }
      if (wrong.isEmpty()) {
        step(
            "same session "
                + resumed.session()
                + ", resumed "
                + DurationText.of(Duration.between(reset, resumed.at()))
                + " after the reset, with: \""
                + Console.oneLine(resumed.message())
                + "\"");
      }
    }
    wrong.forEach(problem -> console.say("outlast: the demo failed: " + problem));
    if (json) {
      Map<String, Object> facts = new LinkedHashMap<>();
      facts.put("ok", wrong.isEmpty());
      facts.put("problems", wrong);
      facts.put("resetAt", reset);
      facts.put("asked", asked);
      facts.put("result", result);
      console.json(facts);
    } else if (wrong.isEmpty()) {
      console.print("");
      console.print("The run outlasted its usage limit and its worker. Next: outlast doctor");
    }
    return wrong.isEmpty() ? ExitCode.DONE : ExitCode.FAILED;
  }

  private Path writeFiles() throws IOException {
    try (InputStream script = Demo.class.getResourceAsStream(SCRIPT)) {
      Files.copy(script, folder.resolve(SCRIPT));
    }
    Path workspace = Files.createDirectory(folder.resolve("workspace"));
    String toml =
        """
        [worker]
        state-dir = "state"
        workspaces = ["workspace"]
        drain-grace = "1s"

        [limits]
        margin = "1s"
        jitter = "1s"

        [agents.demo]
        provider = "claude"
        command = ["sh", "%s", "%d"]
        """
            .formatted(folder.resolve(SCRIPT), LIMIT.toSeconds());
    Files.writeString(workspace.resolve("README.txt"), "The demo's agent works here.\n");
    return Files.writeString(folder.resolve("outlast.toml"), toml);
  }

  private Process startWorker(Path config) throws IOException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    List<String> command =
        List.of(
            java,
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-cp",
            System.getProperty("java.class.path"),
            Outlast.class.getName(),
            "worker",
            "--address",
            server.target(),
            "--namespace",
            "default",
            "--config",
            config.toString());
    Process worker =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(workerLog().toFile()))
            .start();
    synchronized (workers) {
      workers.add(worker);
    }
    return worker;
  }

  private Path workerLog() {
    return folder.resolve("worker.log");
  }

  private WorkflowStub startRun(WorkflowClient client) {
    AgentRunRequest request =
        AgentRunRequest.newBuilder()
            .setPrompt(PROMPT)
            .setWorkspace(folder.resolve("workspace").toString())
            .setLabel(LABEL)
            .build();
    AgentRun run =
        client.newWorkflowStub(
            AgentRun.class,
            WorkflowOptions.newBuilder()
                .setWorkflowId(ID)
                .setTaskQueue(Names.TASK_QUEUE)
                .setStaticSummary(OperatorTexts.summary("demo", null, LABEL))
                .build());
    WorkflowClient.start(run::run, request);
    return WorkflowStub.fromTyped(run);
  }

  /**
   * Waits for the timer of the wait, and gives the moment when it ends. Asks the server only, since
   * a query would hang as long as no worker is there.
   */
  private Instant awaitTimer(Process worker) throws InterruptedException {
    Instant until = Instant.now().plus(PATIENCE);
    while (Instant.now().isBefore(until)) {
      alive(worker);
      Optional<HistoryEvent> timer =
          connection.client().fetchHistory(ID).getEvents().stream()
              .filter(HistoryEvent::hasTimerStartedEventAttributes)
              .findFirst();
      if (timer.isPresent()) {
        var delay = timer.get().getTimerStartedEventAttributes().getStartToFireTimeout();
        return Instant.ofEpochSecond(
                timer.get().getEventTime().getSeconds(), timer.get().getEventTime().getNanos())
            .plusSeconds(delay.getSeconds())
            .plusNanos(delay.getNanos());
      }
      TimeUnit.MILLISECONDS.sleep(POLL.toMillis());
    }
    throw failed("the run did not come to its usage limit within " + DurationText.of(PATIENCE));
  }

  private AgentRunResult awaitResult(WorkflowStub run, Process worker) throws InterruptedException {
    Instant until = Instant.now().plus(PATIENCE);
    var result = run.getResultAsync(AgentRunResult.class);
    while (Instant.now().isBefore(until)) {
      alive(worker);
      try {
        return result.get(1, TimeUnit.SECONDS);
      } catch (TimeoutException goesOn) {
        continue;
      } catch (ExecutionException e) {
        throw failed("the run failed: " + Console.oneLine(String.valueOf(e.getCause())));
      }
    }
    throw failed("the run did not end within " + DurationText.of(PATIENCE));
  }

  private void alive(Process worker) {
    if (!worker.isAlive()) {
      throw failed("the worker ended with code " + worker.exitValue());
    }
  }

  private CliException failed(String why) {
    StringBuilder text = new StringBuilder("the demo failed: ").append(why);
    try (Stream<String> lines = Files.lines(workerLog())) {
      List<String> log = lines.toList();
      text.append("\nThe worker's last words:");
      log.subList(Math.max(0, log.size() - 20), log.size())
          .forEach(line -> text.append("\n  ").append(Console.oneLine(line)));
    } catch (IOException | UncheckedIOException e) {
      text.append(" (and the worker's log cannot be read: ").append(e).append(')');
    }
    if (connection != null) {
      text.append("\nThe run's history: ")
          .append(
              connection.client().fetchHistory(ID).getEvents().stream()
                  .map(event -> event.getEventType().name().replace("EVENT_TYPE_", ""))
                  .collect(Collectors.joining(", ")));
    }
    return new CliException(ExitCode.FAILED, text.toString());
  }

  private static void killHard(Process worker) throws InterruptedException {
    worker.destroyForcibly().waitFor();
  }

  private void step(String what) {
    Duration since = Duration.between(began, Instant.now());
    String line = String.format("%3d s  %s", since.toSeconds(), what);
    if (json) {
      console.say(line);
    } else {
      console.print(line);
    }
  }

  /** Ends every process and deletes every file of the demo. */
  @Override
  public void close() {
    clean();
    Runtime.getRuntime().removeShutdownHook(cleanUp);
  }

  private synchronized void clean() {
    synchronized (workers) {
      for (Process worker : workers) {
        worker.descendants().forEach(ProcessHandle::destroyForcibly);
        worker.destroyForcibly();
        awaitEnd(worker);
      }
      workers.clear();
    }
    if (connection != null) {
      connection.close();
      connection = null;
    }
    if (server != null) {
      server.close();
      server = null;
    }
    delete(folder);
  }

  private static void awaitEnd(Process worker) {
    try {
      worker.waitFor(ENDING.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void delete(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException e) {
      System.err.println("outlast: " + folder + " cannot be deleted (" + e + ")");
    }
  }
}
