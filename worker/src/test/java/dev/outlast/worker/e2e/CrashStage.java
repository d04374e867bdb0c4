package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One host with its workers, agents and a Temporal server of its own, all of which may be killed.
 * What is killed is noted, so that what happens without any cause can be told from what a kill
 * explains. Thread-safe.
 */
final class CrashStage implements AutoCloseable {

  /** No agent outlives its worker, or the end of its run, for longer. */
  static final Duration ORPHAN_GRACE = Duration.ofSeconds(30);

  /** The agent's account needs no secret. */
  static final String AGENT = "claude";

  /** Its account's secret is what the worker reads last before it starts the agent. */
  static final String GATED_AGENT = "gated";

  /**
   * How many accounts there are. The script of each task has limits of its own, so that no two runs
   * at a time may have the same one: they would wait for each other's.
   */
  private static final int ACCOUNTS = 500;

  /** A line for each case, which {@code .ci/run server} shows. */
  private static final Path MATRIX = Path.of("target", "kill-matrix.txt");

  private final Instant began = Instant.now();
  private final Path folder;
  private final Path state;
  private final int maxAgents;
  private final RealTemporal temporal;
  private final LedgerAgent agent;
  private final AgentProcesses processes = new AgentProcesses();
  private final List<Disturbance> disturbances = Collections.synchronizedList(new ArrayList<>());
  private final List<Program> workers = Collections.synchronizedList(new ArrayList<>());
  private final Map<Program, String> marks = new ConcurrentHashMap<>();
  private final AtomicInteger started = new AtomicInteger();
  private final AtomicInteger runs = new AtomicInteger();
  private final Map<Program, Long> frozen = new ConcurrentHashMap<>();
  private final WorkflowServiceStubs stubs;
  private final WorkflowClient client;

  private CrashStage(Path folder, Path state, int maxAgents) throws Exception {
    this.folder = folder;
    this.state = state;
    this.maxAgents = maxAgents;
    agent = LedgerAgent.in(folder.resolve("agent"));
    Files.writeString(gate(), "no-secret-at-all\n");
    temporal = RealTemporal.start(folder);
    stubs = temporal.newStubs();
    client = WorkflowClient.newInstance(stubs);
  }

  static CrashStage in(Path folder, int maxAgents) throws Exception {
    return new CrashStage(folder, folder.resolve("state"), maxAgents);
  }

  /**
   * @param state the worker's state folder
   */
  static CrashStage in(Path folder, Path state, int maxAgents) throws Exception {
    return new CrashStage(folder, state, maxAgents);
  }

  RealTemporal temporal() {
    return temporal;
  }

  LedgerAgent agent() {
    return agent;
  }

  AgentProcesses processes() {
    return processes;
  }

  WorkflowClient client() {
    return client;
  }

  /** What was done so far, and lasts. */
  List<Disturbance> disturbances() {
    List<Disturbance> all = new ArrayList<>(List.copyOf(disturbances));
    frozen.forEach((worker, since) -> all.add(frozen(worker, since)));
    return all;
  }

  private Disturbance frozen(Program worker, long since) {
    return new Disturbance(
        since, System.nanoTime(), "worker " + worker.pid() + " frozen", null, marks.get(worker));
  }

  /** Notes something that lasts for a moment only. */
  void disturbed(String what) {
    long now = System.nanoTime();
    disturbances.add(new Disturbance(now, now, what, null, null));
  }

  /** Notes something that began then and has just ended. */
  void disturbed(long since, String what) {
    disturbances.add(new Disturbance(since, System.nanoTime(), what, null, null));
  }

  /** Starts a worker of the host; returns when it polls. */
  Program startWorker() throws Exception {
    String mark = processes.mark(started.incrementAndGet());
    Program worker =
        WorkerProcess.start(
            temporal.address(),
            folder,
            agent.workspaces(),
            state,
            "max-agents = " + maxAgents,
            """
            [agents.%s]
            provider = "claude"
            command = ["%s"]

            [agents.%s]
            provider = "claude"
            command = ["%s"]
            account = "gated"

            [accounts.gated]
            %s
            secrets = { GATE = "file:%s" }

            %s
            """
                .formatted(
                    AGENT,
                    agent.executable(),
                    GATED_AGENT,
                    agent.executable(),
                    account(mark),
                    gate(),
                    accounts(mark)),
            Map.of());
    marks.put(worker, mark);
    workers.add(worker);
    return worker;
  }

  /**
   * The configuration of the accounts that runs have.
   *
   * @param mark by which processes of their agents are found
   */
  static String accounts(String mark) {
    return IntStream.range(0, ACCOUNTS)
        .mapToObj(i -> "[accounts.%s]\n%s".formatted(account(i), account(mark)))
        .collect(Collectors.joining("\n"));
  }

  private static String account(String mark) {
    return """
    provider = "claude"
    env = { %s = "%s" }
    """
        .formatted(AgentProcesses.VARIABLE, mark);
  }

  /** The file that a worker reads right before it starts the agent {@link #GATED_AGENT}. */
  Path gate() {
    return folder.resolve("gate");
  }

  /** Has workers stop right before they start that agent, until somebody writes to the file. */
  void shutGate() throws IOException, InterruptedException {
    Files.delete(gate());
    Process mkfifo = new ProcessBuilder("mkfifo", gate().toString()).start();
    if (mkfifo.waitFor() != 0) {
      throw new AssertionError("mkfifo ended with " + mkfifo.exitValue());
    }
  }

  /** Lets workers pass; those that wait at the gate still do. */
  void openGate() throws IOException {
    Path open = Files.writeString(folder.resolve("gate.open"), "no-secret-at-all\n");
    Files.move(open, gate(), StandardCopyOption.REPLACE_EXISTING);
  }

  private static String account(int run) {
    return "account-" + run % ACCOUNTS;
  }

  /** Starts a run for a task. */
  AgentRun run(LedgerAgent.Task task, String agentName) {
    AgentRun run =
        client.newWorkflowStub(
            AgentRun.class,
            WorkflowOptions.newBuilder()
                .setTaskQueue(Names.TASK_QUEUE)
                .setWorkflowId(task.name())
                .build());
    WorkflowClient.start(
        run::run,
        AgentRunRequest.newBuilder()
            .setPrompt(task.prompt())
            .setAgent(agentName)
            .setAccount(agentName.equals(AGENT) ? account(runs.getAndIncrement()) : null)
            .setWorkspace(task.workspace().toString())
            .build());
    return run;
  }

  boolean closed(LedgerAgent.Task task) {
    return client.newUntypedWorkflowStub(task.name()).describe().getStatus()
        != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
  }

  /** Waits until every run has ended; those that do not are the verdict's business. */
  void awaitEnds(List<LedgerAgent.Task> tasks, Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    for (LedgerAgent.Task task : tasks) {
      while (System.nanoTime() < deadline && !closedOrUnknown(task)) {
        Thread.sleep(200);
      }
    }
  }

  /** The server may be away at the moment. */
  private boolean closedOrUnknown(LedgerAgent.Task task) {
    try {
      return closed(task);
    } catch (RuntimeException away) {
      return false;
    }
  }

  /** Kills a process of a task's agent. */
  void killAgent(LedgerAgent.Task task, long target) {
    long now = System.nanoTime();
    disturbances.add(
        new Disturbance(now, now, "agent of " + task.name() + " killed", task.name(), null));
    Signal.send("KILL", target);
  }

  void killWorker(Program worker) {
    long now = System.nanoTime();
    disturbances.add(
        new Disturbance(now, now, "worker " + worker.pid() + " killed", null, marks.get(worker)));
    worker.kill();
    workers.remove(worker);
  }

  /** Asks a worker to end, as an upgrade does, and waits until it has. */
  void endWorker(Program worker) {
    long since = System.nanoTime();
    worker.close();
    workers.remove(worker);
    disturbances.add(
        new Disturbance(
            since,
            System.nanoTime(),
            "worker " + worker.pid() + " asked to end",
            null,
            marks.get(worker)));
  }

  /** Stops a worker as it stands; it does not know. */
  void freeze(Program worker) {
    frozen.put(worker, System.nanoTime());
    worker.signal("STOP");
  }

  void thaw(Program worker) {
    worker.signal("CONT");
    Disturbance over = frozen(worker, frozen.get(worker));
    disturbances.add(over);
    frozen.remove(worker);
  }

  /** How the agents of the workers that are frozen at the moment are known. */
  Set<String> frozenMarks() {
    Set<String> frozenMarks = new HashSet<>();
    frozen.keySet().forEach(worker -> frozenMarks.add(marks.get(worker)));
    return frozenMarks;
  }

  void killServer() {
    disturbed("server killed");
    temporal.kill();
  }

  void startServer() throws Exception {
    long since = System.nanoTime();
    temporal.start();
    disturbed(since, "server started");
  }

  /** The living workers, frozen ones too. */
  Set<Long> workerPids() {
    Set<Long> pids = new HashSet<>();
    List.copyOf(workers).forEach(worker -> pids.add(worker.pid()));
    return pids;
  }

  /** What the workers say, for a person. */
  String workersSay() {
    StringBuilder said = new StringBuilder();
    try (var logs = Files.newDirectoryStream(folder, "worker*.log")) {
      for (Path log : logs) {
        said.append("\n== ").append(log).append('\n').append(Files.readString(log));
      }
    } catch (IOException e) {
      said.append("no logs: ").append(e);
    }
    return said.toString();
  }

  /**
   * The agents' processes that are left, when they have had their time to go.
   *
   * @return empty if that is all well
   */
  List<AgentProcesses.Found> leftOver() throws InterruptedException {
    long deadline = System.nanoTime() + ORPHAN_GRACE.toNanos();
    List<AgentProcesses.Found> left = processes.alive();
    while (!left.isEmpty() && System.nanoTime() < deadline) {
      Thread.sleep(200);
      left = processes.alive();
    }
    return left;
  }

  /**
   * Waits until every run has ended, and fails if anything has been lost, doubled, early or left
   * over on the way.
   */
  void assertAllWell(List<LedgerAgent.Task> tasks, Duration patience) throws Exception {
    fail(judge(tasks, patience).findings());
  }

  /**
   * Does the same, and adds a line to the matrix.
   *
   * @param name what was done to the runs
   */
  void assertAllWell(String name, List<LedgerAgent.Task> tasks, Duration patience)
      throws Exception {
    Verdict verdict = judge(tasks, patience);
    List<String> lines = new ArrayList<>();
    lines.add(
        "%-45s %4d s  %2d runs  %3d invocations  %2d limits, %d unheard  %s"
            .formatted(
                name,
                Duration.between(began, Instant.now()).toSeconds(),
                verdict.runs(),
                verdict.invocations(),
                verdict.limits(),
                verdict.unheard(),
                verdict.findings().isEmpty() ? "ok" : "FAILED"));
    verdict.findings().forEach(finding -> lines.add(name + ": " + finding));
    Files.write(MATRIX, lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    fail(verdict.findings());
  }

  private Verdict judge(List<LedgerAgent.Task> tasks, Duration patience) throws Exception {
    awaitEnds(tasks, patience);
    List<String> left = leftOver().stream().map(one -> "left over: " + one).toList();
    return Verdict.of(this, tasks).with(left);
  }

  private void fail(List<String> findings) {
    assertTrue(findings.isEmpty(), () -> String.join("\n", findings) + workersSay());
  }

  /** Ends everything that was started here, whatever state it is in. */
  @Override
  public void close() {
    for (Program worker : List.copyOf(workers)) {
      worker.signal("CONT");
      worker.close();
    }
    processes.alive().forEach(left -> Signal.send("KILL", left.pid()));
    stubs.shutdownNow();
    temporal.close();
  }
}
