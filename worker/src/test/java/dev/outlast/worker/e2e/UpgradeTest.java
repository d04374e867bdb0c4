package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.worker.e2e.LedgerAgent.Entry;
import dev.outlast.worker.e2e.LedgerAgent.Event;
import dev.outlast.worker.e2e.LedgerAgent.Point;
import dev.outlast.worker.e2e.LedgerAgent.Task;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A worker is asked to end while agents work, and another one takes over on the same host. */
@Tag("server")
class UpgradeTest {

  private static final int RUNS = 3;
  private static final int MAX_AGENTS = 6;
  private static final Duration PATIENCE = Duration.ofSeconds(180);
  private static final Duration SHORT_GRACE = Duration.ofSeconds(2);
  private static final Duration LONG_GRACE = Duration.ofSeconds(60);

  private static final String SHORT_WORK = "work 6000";

  /**
   * What a hand-over may cost: the worker's pause before a retry, and what it takes to start an
   * agent; on a busy machine as long as it takes to start a worker.
   */
  private static final Duration HAND_OVER = Duration.ofSeconds(15);

  @TempDir Path folder;
  @AutoClose private CrashStage stage;
  @AutoClose private Program old;
  @AutoClose private Program fresh;
  private final List<Task> tasks = new ArrayList<>();

  @BeforeEach
  void a_server_runs() throws Exception {
    stage = CrashStage.in(folder, MAX_AGENTS);
  }

  @Test
  void a_new_worker_beside_the_old_one_takes_over_what_the_drain_ends() throws Exception {
    agentsWorkUntilTheyAreEnded(SHORT_GRACE);
    Duration handOver = startFresh();
    long asked = System.nanoTime();
    ask("TERM");
    assertEquals(0, old.exitCode(), old.output());
    stage.disturbed(asked, "worker asked to end");

    stage.assertAllWell(tasks, PATIENCE);
    for (Task task : tasks) {
      List<Entry> starts = starts(task);
      assertEquals(2, starts.size(), task::told);
      assertEquals("resume", starts.get(1).detail(), task::told);
      Duration cost = Duration.ofNanos(starts.get(1).nanos() - asked).minus(SHORT_GRACE);
      System.out.printf("%s went on %.1f s after the drain grace%n", task.name(), seconds(cost));
      assertTrue(cost.compareTo(handOver) < 0, () -> cost + " lost; " + task.told());
    }
  }

  @Test
  void a_worker_started_after_the_old_one_has_ended_goes_on_with_its_sessions() throws Exception {
    agentsWorkUntilTheyAreEnded(SHORT_GRACE);
    long asked = System.nanoTime();
    ask("TERM");
    assertEquals(0, old.exitCode(), old.output());
    stage.disturbed(asked, "worker asked to end");
    Duration handOver = startFresh();
    long ready = System.nanoTime();

    stage.assertAllWell(tasks, PATIENCE);
    for (Task task : tasks) {
      List<Entry> starts = starts(task);
      assertEquals(2, starts.size(), task::told);
      Duration cost = Duration.ofNanos(starts.get(1).nanos() - ready);
      System.out.printf("%s went on %.1f s after the start%n", task.name(), seconds(cost));
      assertTrue(cost.compareTo(handOver) < 0, () -> cost + " lost; " + task.told());
    }
  }

  @Test
  void agents_that_finish_within_the_grace_are_not_interrupted_and_no_other_is_started()
      throws Exception {
    agentsWork(LONG_GRACE);
    long asked = System.nanoTime();
    ask("TERM");
    awaitDraining();
    Task late = stage.agent().task("late", "work 0");
    stage.run(late, CrashStage.AGENT);
    assertEquals(0, old.exitCode(), old.output());
    Duration took = Duration.ofNanos(System.nanoTime() - asked);
    System.out.printf("ended %.1f s after it was asked to%n", seconds(took));
    assertTrue(took.compareTo(LONG_GRACE) < 0, () -> took + ": it waited for nothing");
    assertEquals(List.of(), late.ledger(), "a draining worker started an agent");

    fresh = startWorker(LONG_GRACE);
    tasks.add(late);
    stage.assertAllWell(tasks, PATIENCE);
    for (Task task : tasks) {
      assertEquals(1, starts(task).size(), task::told);
    }
  }

  @Test
  void a_second_signal_ends_a_worker_and_its_agents_at_once() throws Exception {
    agentsWorkUntilTheyAreEnded(LONG_GRACE);
    ask("TERM");
    awaitDraining();
    assertTrue(old.isAlive(), old.output());
    long asked = System.nanoTime();
    ask("TERM"); // one that nobody has told a process to ignore
    assertEquals(130, old.exitCode(), old.output());
    Await.until(
        CrashStage.ORPHAN_GRACE,
        () -> stage.processes().alive().isEmpty(),
        () -> "agents are left: " + stage.processes().alive());
    stage.disturbed(asked, "worker ended at once");

    fresh = startWorker(LONG_GRACE);
    stage.assertAllWell(tasks, PATIENCE);
  }

  @Test
  void a_worker_without_agents_ends_at_once_also_while_the_server_is_away() throws Exception {
    old = startWorker(LONG_GRACE);
    fresh = startWorker(LONG_GRACE);
    long asked = System.nanoTime();
    ask("TERM");
    assertEquals(0, old.exitCode(), old.output());
    System.out.printf("ended in %.1f s%n", (System.nanoTime() - asked) / 1e9);

    stage.killServer();
    Thread.sleep(3000);
    asked = System.nanoTime();
    fresh.signal("INT");
    assertEquals(130, fresh.exitCode(), fresh.output());
    System.out.printf("ended without a server in %.1f s%n", (System.nanoTime() - asked) / 1e9);
  }

  /** Starts the new worker; returns what the hand-over to it may cost. */
  private Duration startFresh() throws Exception {
    long since = System.nanoTime();
    fresh = startWorker(SHORT_GRACE);
    Duration took = Duration.ofNanos(System.nanoTime() - since);
    return took.compareTo(HAND_OVER) > 0 ? took : HAND_OVER;
  }

  /** Also if it takes long to start a worker; when they are resumed they end soon. */
  private void agentsWorkUntilTheyAreEnded(Duration grace) throws Exception {
    for (int i = 1; i <= RUNS; i++) {
      tasks.add(stage.agent().task("run-" + i).hold(Point.SESSION, 1));
    }
    startTasks(grace);
  }

  private void agentsWork(Duration grace) throws Exception {
    for (int i = 1; i <= RUNS; i++) {
      tasks.add(stage.agent().task("run-" + i, SHORT_WORK));
    }
    startTasks(grace);
  }

  private void startTasks(Duration grace) throws Exception {
    old = startWorker(grace);
    for (Task task : tasks) {
      stage.run(task, CrashStage.AGENT);
    }
    for (Task task : tasks) {
      task.await(Event.SAID, 1);
    }
  }

  private void awaitDraining() throws InterruptedException {
    Await.until(
        PATIENCE, () -> old.output().contains("Draining: "), () -> "no drain: " + old.output());
  }

  private void ask(String signal) {
    old.signal(signal);
  }

  private static List<Entry> starts(Task task) throws Exception {
    return task.ledger().stream().filter(e -> e.event() == Event.START).toList();
  }

  private static double seconds(Duration duration) {
    return duration.toMillis() / 1000.0;
  }

  private Program startWorker(Duration grace) throws Exception {
    return WorkerProcess.start(
        stage.temporal().address(),
        folder,
        stage.agent().workspaces(),
        folder.resolve("state"),
        "max-agents = %d%ndrain-grace = \"%ds\"".formatted(MAX_AGENTS, grace.toSeconds()),
        """
        [agents.claude]
        command = ["%s"]

        %s
        """
            .formatted(stage.agent().executable(), CrashStage.accounts(stage.processes().mark())),
        Map.of());
  }
}
