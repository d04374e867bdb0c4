package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Timestamp;
import dev.outlast.limit.AccountGate;
import dev.outlast.limit.GatePart;
import dev.outlast.limit.GateState;
import dev.outlast.limit.GateStatus;
import dev.outlast.limit.RunPriority;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.RunStatus;
import dev.outlast.worker.cli.ExitCode;
import dev.outlast.worker.e2e.LedgerAgent.Event;
import dev.outlast.worker.e2e.LedgerAgent.Point;
import dev.outlast.worker.e2e.LedgerAgent.Task;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
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
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** One account, many runs, two hosts, on the real server. */
@Tag("server")
@Execution(ExecutionMode.CONCURRENT)
class AccountGateTest {

  private static final Duration PATIENCE = Duration.ofSeconds(180);

  /** Long enough for all to be waiting, on a busy machine too. */
  private static final int LIMIT_SECONDS = 70;

  /** For how long it is watched that nothing happens. */
  private static final Duration QUIET = Duration.ofSeconds(6);

  private static final int MAX_AGENTS = 20;
  private static final int MOST_TRIES = 5;
  private static final String ACCOUNT = "claude/default";
  private static final String GATE = Names.gateId("claude", "default");
  private static final int LOWEST = 5;

  @TempDir Path folder;
  @AutoClose private CrashStage stage;
  private Program here;
  private Program there;
  private final List<Program> closing = new ArrayList<>();
  private final Map<Task, Integer> runs = new LinkedHashMap<>();

  @Test
  void one_run_tries_and_the_others_follow_by_priority_and_none_starts_an_agent_before()
      throws Exception {
    begin();
    Task first = meetsTheLimit("limited-1", 2);
    Task second = meetsTheLimit("limited-2", 3);
    isLimited(first);
    isLimited(second);
    for (int i = 0; i < 8; i++) {
      run("follows-" + i, LOWEST - i % 3);
    }
    Task paused = run("paused", LOWEST);
    Task later = startsTomorrow("later");
    first.hold(Point.SESSION, 2);
    for (Task task : runs.keySet()) {
      awaitState(task, AgentState.WAITING);
    }
    stage
        .temporal()
        .command(
            "workflow",
            "signal",
            "--query",
            "WorkflowId = 'paused'",
            "--name",
            "pause",
            "--input",
            "\"a batch\"",
            "--reason",
            "test",
            "--yes");
    awaitState(paused, AgentState.PAUSED);
    assertEquals(GateState.CLOSED, gate().state());
    assertEquals(List.of("limited-1", "limited-2"), started(), "closed, and so nobody starts");

    first.awaitHeld(Point.SESSION, 2);
    assertEquals(GateState.HALF_OPEN, gate().state());
    assertEquals("limited-1", gate().part(null).map(GatePart::probe).orElseThrow().run());
    Thread.sleep(QUIET.toMillis());
    assertEquals(List.of("limited-1", "limited-2", "limited-1"), started(), "one tries");
    Instant tried = Instant.now();
    first.letGo(Point.SESSION, 2);

    List<Task> others = new ArrayList<>(runs.keySet());
    others.remove(paused);
    others.remove(later);
    for (Task task : others) {
      task.await(Event.DONE, task == first || task == second ? 2 : 1);
      assertTrue(task == first || toldAt(task).orElseThrow().isAfter(tried), task::told);
    }
    List<Task> told = new ArrayList<>(others);
    told.remove(first);
    told.sort(Comparator.comparing(task -> toldAt(task).orElseThrow()));
    List<Integer> priorities = told.stream().map(runs::get).toList();
    assertEquals(priorities.stream().sorted().toList(), priorities, told::toString);
    assertEquals(GateState.OPEN, gate().state());
    Await.until(
        PATIENCE,
        () -> toldAt(paused).isPresent(),
        () -> "paused by an operator, it is to wait for nothing afterwards; " + paused.told());
    assertEquals(AgentState.PAUSED, status(paused).state());
    assertTrue(paused.ledger().isEmpty(), paused::told);
    assertEquals(Optional.empty(), toldAt(later), "it does not wait for the account");
    for (Task task : List.of(paused, later)) {
      stage.client().newUntypedWorkflowStub(task.name()).terminate("the test is over");
    }
    stage.assertAllWell(others, PATIENCE);
  }

  @Test
  void a_gate_outlives_workers_and_server_in_each_of_its_states() throws Exception {
    begin();
    Task probe = meetsTheLimit("limited-1", 1);
    isLimited(probe);
    for (int i = 0; i < 4; i++) {
      run("follows-" + i, 3);
    }
    probe.hold(Point.SESSION, 2);
    for (Task task : runs.keySet()) {
      awaitState(task, AgentState.WAITING);
    }
    final Instant until = gate().until();
    there.kill();
    stage.killServer();
    stage.startServer();
    assertEquals(GateState.CLOSED, awaitGate(GateState.CLOSED).state());
    assertEquals(until, gate().until(), "closed until then, whatever was killed");
    startThere();

    probe.awaitHeld(Point.SESSION, 2);
    awaitGate(GateState.HALF_OPEN);
    stage.killServer();
    stage.startServer();
    awaitGate(GateState.HALF_OPEN);
    assertEquals(List.of("limited-1", "limited-1"), started(), "one tries");
    probe.letGo(Point.SESSION, 2);

    Await.until(
        PATIENCE,
        () -> runs.keySet().stream().filter(task -> toldAt(task).isPresent()).count() >= 1,
        this::say);
    stage.killWorker(here);
    here = stage.startWorker();
    stage.assertAllWell(List.copyOf(runs.keySet()), PATIENCE);
    assertEquals(GateState.OPEN, gate().state());
  }

  @Test
  void operators_close_an_account_release_it_and_stop_before_the_wall_from_the_command_line()
      throws Exception {
    begin();
    assertTrue(
        command("accounts", "close", ACCOUNT, "--until", "2h", "--reason", "night")
            .contains("claude/default: closed until "));
    Task task = run("held", 3);
    awaitState(task, AgentState.WAITING);
    String shown = command("accounts");
    assertTrue(shown.contains("night"), shown);
    assertEquals(List.of(), started());

    assertTrue(command("accounts", "release", ACCOUNT).contains("claude/default: open"));
    task.await(Event.DONE, 1);
    String refused = refused("accounts", "release", ACCOUNT);
    assertTrue(refused.contains("the account is open"), refused);

    command("accounts", "pause-at", ACCOUNT, "0.9");
    assertEquals(0.9, gate().pauseAt());
    command("accounts", "pause-at", ACCOUNT);
    assertEquals(null, gate().pauseAt());
    stage.assertAllWell(List.copyOf(runs.keySet()), PATIENCE);
  }

  private void begin() throws Exception {
    stage = CrashStage.in(folder, MAX_AGENTS);
    here = stage.startWorker();
    startThere();
  }

  /** Another host, with the same agent and account. */
  private void startThere() throws Exception {
    Path other = Files.createDirectories(folder.resolve("there"));
    there =
        WorkerProcess.start(
            stage.temporal().address(),
            other,
            stage.agent().workspaces(),
            other.resolve("state"),
            "max-agents = " + MAX_AGENTS,
            """
            [agents.claude]
            provider = "claude"
            command = ["%s"]
            """
                .formatted(stage.agent().executable()),
            Map.of());
    closing.add(there);
  }

  @AfterEach
  void end() {
    closing.forEach(Program::close);
  }

  /** A run whose agent has met the limit, and is held before its worker can hear of it. */
  private Task meetsTheLimit(String name, int priority) throws Exception {
    Task task = stage.agent().task(name, "limits " + LIMIT_SECONDS);
    start(task.hold(Point.LIMIT, 1), priority);
    task.awaitHeld(Point.LIMIT, 1);
    return task;
  }

  /** Lets its worker hear of it; returns when the account is closed and the run waits. */
  private void isLimited(Task task) throws Exception {
    task.letGo(Point.LIMIT, 1);
    awaitGate(GateState.CLOSED);
    awaitState(task, AgentState.WAITING);
  }

  private Task run(String name, int priority) throws Exception {
    return start(stage.agent().task(name), priority);
  }

  private Task startsTomorrow(String name) throws Exception {
    return start(
        stage.agent().task(name),
        RunPriority.HIGHEST,
        Instant.now().plus(Duration.ofDays(1)).toString());
  }

  private Task start(Task task, int priority) {
    return start(task, priority, null);
  }

  private Task start(Task task, int priority, String startAt) {
    AgentRun run =
        stage
            .client()
            .newWorkflowStub(
                AgentRun.class,
                WorkflowOptions.newBuilder()
                    .setTaskQueue(Names.TASK_QUEUE)
                    .setWorkflowId(task.name())
                    .build());
    WorkflowClient.start(
        run::run,
        AgentRunRequest.newBuilder()
            .setPrompt(task.prompt())
            .setAgent(CrashStage.AGENT)
            .setWorkspace(task.workspace().toString())
            .setPriority(priority)
            .setStartAt(startAt)
            .build());
    runs.put(task, priority);
    return task;
  }

  private void awaitState(Task task, AgentState state) throws Exception {
    Await.until(
        PATIENCE,
        () -> status(task).state() == state,
        () -> task.name() + " is not " + state.word() + "; " + task.told() + say());
  }

  private String say() {
    StringBuilder all = new StringBuilder(stage.workersSay());
    closing.forEach(program -> all.append("\n== ").append(program.output()));
    return all.toString();
  }

  private RunStatus status(Task task) {
    return stage.client().newWorkflowStub(AgentRun.class, task.name()).status();
  }

  private GateStatus gate() {
    return stage.client().newWorkflowStub(AccountGate.class, GATE).status();
  }

  private GateStatus awaitGate(GateState state) throws Exception {
    Await.until(
        PATIENCE, () -> gate().state() == state, () -> "the gate is not " + state.word() + say());
    return gate();
  }

  /** The runs of all agents that were started, in their order. */
  private List<String> started() throws Exception {
    Map<Long, String> started = new TreeMap<>();
    for (Task task : runs.keySet()) {
      task.ledger().stream()
          .filter(entry -> entry.event() == Event.START)
          .forEach(entry -> started.put(entry.nanos(), task.name()));
    }
    return List.copyOf(started.values());
  }

  /** When a run was told that its account is open, by the server's clock. */
  private Optional<Instant> toldAt(Task task) {
    for (HistoryEvent event : stage.client().fetchHistory(task.name()).getEvents()) {
      if (event.getEventType() == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
          && event
              .getWorkflowExecutionSignaledEventAttributes()
              .getSignalName()
              .equals(Names.SIGNAL_ACCOUNT_OPENED)) {
        Timestamp at = event.getEventTime();
        return Optional.of(Instant.ofEpochSecond(at.getSeconds(), at.getNanos()));
      }
    }
    return Optional.empty();
  }

  private String command(String... arguments) throws Exception {
    try (Program program = ended(arguments)) {
      assertEquals(0, program.exitCode(), program::output);
      return program.output();
    }
  }

  private String refused(String... arguments) throws Exception {
    try (Program program = ended(arguments)) {
      assertFalse(program.exitCode() == 0, program::output);
      return program.output();
    }
  }

  /** On a very busy machine Temporal may not answer in time; then nothing was done. */
  private Program ended(String... arguments) throws Exception {
    Program program = endedOnce(arguments);
    for (int tries = 1; tries < MOST_TRIES && unreached(program); tries++) {
      program = endedOnce(arguments);
    }
    return program;
  }

  private static boolean unreached(Program program) {
    return program.endedWith(ExitCode.NO_TEMPORAL)
        && program.output().contains("cannot reach Temporal");
  }

  private Program endedOnce(String... arguments) throws Exception {
    Program program = program(arguments);
    closing.add(program);
    Await.until(PATIENCE, () -> !program.isAlive(), program::output);
    return program;
  }

  private Program program(String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.outlast.worker.cli.Outlast"));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--address", stage.temporal().address()));
    return Program.start(
        Files.createTempFile(folder, "command", ".log"),
        Map.of("PATH", System.getenv("PATH"), "HOME", folder.toString()),
        command);
  }
}
