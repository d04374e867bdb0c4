package dev.outlast.activities.process;

import static dev.outlast.activities.process.Processes.await;
import static dev.outlast.activities.process.Processes.pidIn;
import static dev.outlast.activities.process.Processes.runs;
import static dev.outlast.activities.process.Processes.send;
import static dev.outlast.activities.process.Processes.switchesOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is left of agents when their worker, a JVM of its own here, is killed. */
@Timeout(300)
@ParameterizedClass
@MethodSource("dev.outlast.activities.process.Processes#tables")
class DeadWorkerTest {

  /**
   * From a worker's death until nothing of its agents runs, on a host however busy. All that an
   * agent starts here runs for longer by itself.
   */
  private static final Duration BOUND = Duration.ofMinutes(1);

  private static final String STAYS = "echo $$ > agent; while :; do sleep 1; done";

  private static final String BEATS = "echo $$ > agent; while :; do echo >> beats; sleep 0.1; done";

  /** So many that the worker has looked after its dead man's switch meanwhile. */
  private static final long SOME_BEATS = DeadMansSwitch.LOOK.multipliedBy(2).toMillis() / 100;

  @TempDir Path folder;

  @Parameter ProcessTable table;

  private final List<Process> workers = new ArrayList<>();

  /** Starts one agent, and releases it when it is told to. */
  static final class Worker {
    private static AgentProcess held(AgentRegistry registry, Path folder, String script)
        throws IOException {
      return registry.start(
          new ProcessSpec(
              List.of("/bin/sh", "-c", script),
              folder,
              Map.of("PATH", System.getenv("PATH")),
              null),
          new AgentOwner("run-1", "run-id", "7", 1),
          "session-1",
          folder.toString(),
          line -> {},
          line -> {});
    }

    public static void main(String[] args) throws IOException, InterruptedException {
      Path folder = Path.of(args[0]);
      Optional<Path> cgroups = args[1].isEmpty() ? Optional.empty() : Optional.of(Path.of(args[1]));
      ProcessTable table = args[3].isEmpty() ? new ProcTable() : new PsTable(args[3]);
      AgentRegistry registry = AgentRegistry.open(folder, cgroups, table, Clock.systemUTC());
      AgentProcess agent = held(registry, folder, args[2]);
      System.out.println("held " + agent.pid());
      BufferedReader orders =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String order = orders.readLine(); order != null; order = orders.readLine()) {
        if (order.equals("release")) {
          agent.release();
        } else if (order.equals("finish")) {
          agent.awaitExit(BOUND);
          agent.finish();
        } else if (order.equals("start another")) {
          held(registry, folder, "exit 0").end();
        }
        System.out.println("done");
      }
    }
  }

  /** Returns when the agent is held. */
  private Process worker(Path cgroups, String script) throws IOException {
    Process worker =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Worker.class.getName(),
                folder.toString(),
                cgroups.toString(),
                script,
                table.environments())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    workers.add(worker);
    assertTrue(worker.inputReader().readLine().startsWith("held "));
    return worker;
  }

  private static void tell(Process worker, String order) throws IOException {
    worker.outputWriter().write(order + "\n");
    worker.outputWriter().flush();
    assertEquals("done", worker.inputReader().readLine());
  }

  private Process workerWithAgent(Path cgroups, String script) throws IOException {
    Process worker = worker(cgroups, script);
    tell(worker, "release");
    return worker;
  }

  private static Path noCgroups() {
    return Path.of("");
  }

  private AgentRegistry nextWorker() {
    return AgentRegistry.open(folder, Cgroup.parent(), table, Clock.systemUTC());
  }

  private AgentRecord record() {
    return nextWorker().records().get(0);
  }

  @AfterEach
  void nothing_is_left() {
    for (Process worker : workers) {
      ProcessHandle.of(worker.pid()).stream()
          .flatMap(ProcessHandle::descendants)
          .forEach(ProcessHandle::destroyForcibly);
      worker.destroyForcibly();
    }
    nextWorker().reap();
    assertEquals(List.of(), nextWorker().records());
  }

  private static void awaitEnd(String what, long pid) throws Exception {
    await(what + " " + pid + " ends", BOUND, () -> !runs(pid));
  }

  @Test
  void a_worker_killed_before_the_release_leaves_an_agent_of_which_nothing_has_run()
      throws Exception {
    Process worker = worker(noCgroups(), "echo $$ > agent; sleep 600");
    long held = record().agent().pid();
    assertTrue(runs(held));
    worker.destroyForcibly();
    awaitEnd("what was held", held);
    assertFalse(Files.exists(folder.resolve("agent")));
  }

  @ParameterizedTest
  @MethodSource("dev.outlast.activities.process.Processes#waysToFindWhatLeftTheGroup")
  void a_killed_workers_agent_ends_with_all_that_it_has_started(Path cgroups) throws Exception {
    Process worker =
        workerWithAgent(
            cgroups,
            "sh -c 'echo $$ > child; exec sleep 600' &"
                // Nobody's child, and in a session of its own.
                + " (setsid sh -c 'echo $$ > escaped; exec sleep 600' &)"
                + " ; "
                + STAYS);
    List<Long> all =
        List.of(
            pidIn(folder.resolve("agent")),
            pidIn(folder.resolve("child")),
            pidIn(folder.resolve("escaped")));
    worker.destroyForcibly();
    for (long process : all) {
      awaitEnd("the agent's process", process);
    }
    String cgroup = record().cgroup();
    assertEquals(cgroups.toString().isEmpty(), cgroup == null);
    if (cgroup != null) {
      await("the control group goes", BOUND, () -> !Files.exists(Path.of(cgroup)));
    }
  }

  @ParameterizedTest
  @MethodSource("dev.outlast.activities.process.Processes#waysToFindWhatLeftTheGroup")
  void a_killed_workers_agent_that_ignores_polite_signals_ends_too(Path cgroups) throws Exception {
    Process worker =
        workerWithAgent(
            cgroups,
            "trap '' INT TERM HUP; (setsid sh -c 'echo $$ > escaped; while :; do sleep 1; done' &)"
                + " ; "
                + STAYS);
    long agent = pidIn(folder.resolve("agent"));
    long escaped = pidIn(folder.resolve("escaped"));
    long began = System.nanoTime();
    worker.destroyForcibly();
    awaitEnd("the agent", agent);
    awaitEnd("what left its group", escaped);
    assertTrue(
        System.nanoTime() - began > Duration.ofSeconds(4).toNanos(), "it was asked politely first");
  }

  @Test
  void what_left_the_group_with_an_environment_of_its_own_ends_where_there_are_control_groups()
      throws Exception {
    assumeTrue(Cgroup.parent().isPresent(), "this process may not make control groups");
    Process worker =
        workerWithAgent(
            Cgroup.parent().orElseThrow(),
            "(setsid env -i sh -c 'echo $$ > escaped; exec sleep 600' &) ; " + STAYS);
    pidIn(folder.resolve("agent"));
    long escaped = pidIn(folder.resolve("escaped"));
    worker.destroyForcibly();
    awaitEnd("what left the group", escaped);
  }

  @Test
  void what_is_in_a_control_group_that_the_agent_has_made_below_its_own_ends_too()
      throws Exception {
    assumeTrue(Cgroup.parent().isPresent(), "this process may not make control groups");
    Process worker =
        workerWithAgent(
            Cgroup.parent().orElseThrow(),
            "(setsid env -i sh -c 'echo $$ > escaped; exec sleep 600' &);"
                + " while ! [ -s escaped ]; do sleep 0.1; done; echo $$ > agent");
    long escaped = pidIn(folder.resolve("escaped"));
    long agent = pidIn(folder.resolve("agent"));
    await("the leader ends", BOUND, () -> !runs(agent));
    Path cgroup = Path.of(record().cgroup());
    Path inner = Files.createDirectories(cgroup.resolve("a b/inner"));
    Files.writeString(
        inner.resolve("cgroup.procs"), Long.toString(escaped), StandardOpenOption.WRITE);
    worker.destroyForcibly();
    awaitEnd("what left the group", escaped);
    await("the control groups go", BOUND, () -> !Files.exists(cgroup));
  }

  @Test
  void a_dead_mans_switch_that_was_killed_is_replaced_and_then_does_its_work() throws Exception {
    Process worker = workerWithAgent(noCgroups(), STAYS);
    long agent = pidIn(folder.resolve("agent"));
    long first = switchesOf(worker.toHandle()).get(0);
    send("KILL", first);
    await(
        "another one is there",
        BOUND,
        () -> switchesOf(worker.toHandle()).stream().anyMatch(pid -> pid != first));
    awaitTold(worker);
    assertTrue(runs(agent), "its death alone ends nobody");
    worker.destroyForcibly();
    awaitEnd("the agent", agent);
  }

  @Test
  void a_dead_mans_switch_that_was_frozen_is_replaced_and_then_does_its_work() throws Exception {
    Process worker = workerWithAgent(noCgroups(), STAYS);
    long agent = pidIn(folder.resolve("agent"));
    long first = switchesOf(worker.toHandle()).get(0);
    send("STOP", first);
    await("it is replaced", BOUND, () -> !runs(first));
    await("another one is there", BOUND, () -> !switchesOf(worker.toHandle()).isEmpty());
    awaitTold(worker);
    assertTrue(runs(agent), "that alone ends nobody");
    worker.destroyForcibly();
    awaitEnd("the agent", agent);
  }

  /**
   * A new dead man's switch is there a moment before it has been told of the agent. It is told of
   * another one after that.
   */
  private static void awaitTold(Process worker) throws IOException {
    tell(worker, "start another");
  }

  private static boolean frozen(Process worker) throws IOException {
    return Files.readString(Path.of("/proc/" + worker.pid() + "/stat")).contains(") T ");
  }

  private static boolean ignoresTerm(long pid) throws IOException {
    String ignored =
        Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
            .filter(line -> line.startsWith("SigIgn:"))
            .findFirst()
            .orElseThrow()
            .substring("SigIgn:".length())
            .strip();
    int term = 15;
    return (Long.parseUnsignedLong(ignored, 16) >> (term - 1) & 1) == 1;
  }

  private long beats() throws IOException {
    return Files.size(folder.resolve("beats"));
  }

  /** The agent works on; one that is ended would be so at once. */
  private void awaitBeats(String why) throws Exception {
    long before = beats();
    await(why, BOUND, () -> beats() >= before + SOME_BEATS);
  }

  @Test
  void signals_that_end_or_freeze_others_do_not_set_the_dead_mans_switch_off() throws Exception {
    Process worker = workerWithAgent(noCgroups(), BEATS);
    long agent = pidIn(folder.resolve("agent"));
    long deadMansSwitch = switchesOf(worker.toHandle()).get(0);
    await("it has begun its work", BOUND, () -> ignoresTerm(deadMansSwitch));
    for (String signal : List.of("HUP", "INT", "QUIT", "TERM", "PIPE")) {
      send(signal, deadMansSwitch);
    }
    send("STOP", worker.pid());
    await("it is frozen", BOUND, () -> frozen(worker));
    awaitBeats("a frozen worker is not dead");
    assertTrue(frozen(worker));
    send("CONT", worker.pid());
    awaitBeats("one that goes on ends nobody");
    assertTrue(runs(agent));
    assertEquals(List.of(deadMansSwitch), switchesOf(worker.toHandle()));
    assertNotEquals(
        table.entry(worker.pid()).orElseThrow().group(),
        table.entry(deadMansSwitch).orElseThrow().group(),
        "the worker's group has no part of it");
    worker.destroyForcibly();
    awaitEnd("the agent", agent);
    awaitEnd("the dead man's switch", deadMansSwitch);
  }

  @Test
  void the_dead_mans_switch_of_a_worker_without_agents_ends_with_it() throws Exception {
    Process worker = workerWithAgent(noCgroups(), "exit 0");
    tell(worker, "finish");
    assertEquals(List.of(), nextWorker().records());
    long deadMansSwitch = switchesOf(worker.toHandle()).get(0);
    worker.destroyForcibly();
    await("it ends", BOUND, () -> !runs(deadMansSwitch));
  }

  @ParameterizedTest
  @MethodSource("dev.outlast.activities.process.Processes#waysToFindWhatLeftTheGroup")
  void what_outlived_its_worker_and_its_dead_mans_switch_is_ended_by_the_next_worker(Path cgroups)
      throws Exception {
    Process worker =
        workerWithAgent(cgroups, "(setsid sh -c 'echo $$ > escaped; exec sleep 600' &) ; " + STAYS);
    long agent = pidIn(folder.resolve("agent"));
    long escaped = pidIn(folder.resolve("escaped"));
    assertEquals(0, nextWorker().reap(), "the worker lives");
    assertTrue(runs(agent));
    assertEquals(agent, record().agent().pid());

    send("STOP", worker.pid());
    if (ProcessTable.HAS_PROC) {
      // One that is not yet frozen would start another one.
      await("it is frozen", BOUND, () -> frozen(worker));
    }
    send("KILL", switchesOf(worker.toHandle()).get(0));
    assertEquals(0, nextWorker().reap(), "a frozen worker lives");
    worker.destroyForcibly();
    // Its first thread may have ended before those that keep its locks.
    assertTrue(worker.waitFor(BOUND.toSeconds(), TimeUnit.SECONDS), "the worker ends");
    assertTrue(runs(agent), "nobody is there to end it");

    String cgroup = record().cgroup();
    assertEquals(1, nextWorker().reap());

    assertFalse(runs(agent));
    assertFalse(runs(escaped));
    assertEquals(List.of(), nextWorker().records());
    assertTrue(cgroup == null || !Files.exists(Path.of(cgroup)));
    assertEquals(0, nextWorker().reap());
  }

  @Test
  void an_agent_of_another_workers_is_ended_by_its_record_and_its_worker_takes_notice()
      throws Exception {
    Process worker = workerWithAgent(noCgroups(), STAYS);
    long agent = pidIn(folder.resolve("agent"));
    assertTrue(nextWorker().end(record -> record.owner().workflowId().equals("run-2")));
    assertTrue(runs(agent));
    assertTrue(nextWorker().end(record -> record.owner().workflowId().equals("run-1")));
    assertFalse(runs(agent));
    assertEquals(List.of(), nextWorker().records());
    tell(worker, "finish");
  }
}
