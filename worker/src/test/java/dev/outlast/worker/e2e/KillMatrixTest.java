package dev.outlast.worker.e2e;

import dev.outlast.operator.AgentState;
import dev.outlast.run.AgentRun;
import dev.outlast.worker.e2e.LedgerAgent.Event;
import dev.outlast.worker.e2e.LedgerAgent.Point;
import dev.outlast.worker.e2e.LedgerAgent.Task;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Guarantees 1 to 5, with {@code kill -9} on the real server. One kill hits runs that are at every
 * point of an invocation, and one that waits for its reset.
 */
@Tag("server")
@Execution(ExecutionMode.CONCURRENT)
class KillMatrixTest {

  private static final Duration PATIENCE = Duration.ofSeconds(240);

  /** Every run of a case at once. */
  private static final int MAX_AGENTS = 12;

  private static final String PLAN = "limits 10";

  /** Longer than it takes to bring all other runs to their points. */
  private static final String LONG_PLAN = "limits 60";

  @TempDir Path folder;
  @AutoClose private CrashStage stage;
  private Program worker;
  private final List<Task> tasks = new ArrayList<>();

  /** The worker waits at the gate for as long as this is open. */
  @AutoClose private OutputStream gate;

  private Task reporting;

  @BeforeEach
  void runs_are_at_every_point() throws Exception {
    stage = CrashStage.in(folder, MAX_AGENTS);
    worker = stage.startWorker();
    for (Point point : List.of(Point.START, Point.FIRST_LINE, Point.SESSION, Point.LIMIT)) {
      held(task("at-" + point.name().toLowerCase(Locale.ROOT), PLAN), point);
    }
    held(task("stubborn", PLAN, "stubborn"), Point.SESSION);
    held(task("leaves-child", PLAN, "leaves-child"), Point.SESSION);
    reporting = task("reporting", PLAN);
    held(reporting, Point.EXIT);
    for (Task task : tasks) {
      task.awaitHeld(pointOf(task), 1);
    }
    Task waiting = task("waiting", LONG_PLAN);
    AgentRun run = stage.run(waiting, CrashStage.AGENT);
    Await.until(
        PATIENCE,
        () -> run.status().state() == AgentState.WAITING,
        () -> "the run does not wait; " + waiting.told() + worker.output());
    // The last one, as a worker reads all secrets before it starts an agent.
    stage.shutGate();
    stage.run(task("before-spawn", PLAN), CrashStage.GATED_AGENT);
    // Blocks until the worker reads the other end.
    gate = Files.newOutputStream(stage.gate());
  }

  /**
   * @param downSeconds how long no worker lives
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 3, 40})
  void a_worker_killed_at_any_point_loses_nothing_and_does_nothing_twice(int downSeconds)
      throws Exception {
    // What the agent says last is on its way to a worker that does not read it any more.
    worker.signal("STOP");
    reporting.letGo(Point.EXIT, 1);
    reporting.await(Event.END, 1);
    stage.killWorker(worker);
    gate.close();
    stage.openGate();
    Thread.sleep(Duration.ofSeconds(downSeconds).toMillis());
    worker = stage.startWorker();

    stage.assertAllWell("worker killed, away for %d s".formatted(downSeconds), tasks, PATIENCE);
  }

  /**
   * @param downSeconds how long no server lives; the longest is beyond the heartbeat timeout
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 5, 40})
  void a_server_killed_at_any_point_loses_nothing_and_does_nothing_twice(int downSeconds)
      throws Exception {
    worker.signal("STOP");
    reporting.letGo(Point.EXIT, 1);
    reporting.await(Event.END, 1);
    stage.killServer();
    worker.signal("CONT");
    gate.write("no-secret-at-all\n".getBytes(StandardCharsets.UTF_8));
    gate.close();
    stage.openGate();
    Thread.sleep(Duration.ofSeconds(downSeconds).dividedBy(2).toMillis());
    for (Task task : tasks) {
      task.letGo();
    }
    Thread.sleep(Duration.ofSeconds(downSeconds).dividedBy(2).toMillis());
    stage.startServer();

    stage.assertAllWell("server killed, away for %d s".formatted(downSeconds), tasks, PATIENCE);
  }

  private Task task(String name, String... plan) throws Exception {
    Task task = stage.agent().task(name, plan);
    tasks.add(task);
    return task;
  }

  private void held(Task task, Point point) throws Exception {
    task.hold(point, 1);
    stage.run(task, CrashStage.AGENT);
  }

  private static Point pointOf(Task task) {
    return switch (task.name()) {
      case "at-start" -> Point.START;
      case "at-first_line" -> Point.FIRST_LINE;
      case "at-limit" -> Point.LIMIT;
      case "reporting" -> Point.EXIT;
      default -> Point.SESSION;
    };
  }
}
