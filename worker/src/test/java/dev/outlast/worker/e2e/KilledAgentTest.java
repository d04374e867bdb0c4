package dev.outlast.worker.e2e;

import dev.outlast.worker.e2e.LedgerAgent.Point;
import dev.outlast.worker.e2e.LedgerAgent.Task;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Agents that are killed at every point: the leader alone, and the leader with all its group. */
@Tag("server")
@Execution(ExecutionMode.CONCURRENT)
class KilledAgentTest {

  private static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final int MAX_AGENTS = 16;

  @TempDir Path folder;
  @AutoClose private CrashStage stage;

  @RepeatedTest(3)
  void an_agent_killed_at_any_point_loses_nothing_and_does_nothing_twice() throws Exception {
    stage = CrashStage.in(folder, MAX_AGENTS);
    stage.startWorker();
    List<Task> tasks = new ArrayList<>();
    for (boolean whole : new boolean[] {false, true}) {
      for (Point point : Point.values()) {
        String name = (whole ? "whole-" : "leader-") + point.name().toLowerCase(Locale.ROOT);
        // The last two are in the second invocation, after the limit.
        int invocation = afterLimit(point) ? 2 : 1;
        Task task = stage.agent().task(name, "limits 5", "leaves-child").hold(point, invocation);
        stage.run(task, CrashStage.AGENT);
        tasks.add(task);
      }
    }

    for (Task task : tasks) {
      Point point = Point.valueOf(task.name().replaceFirst(".*-", "").toUpperCase(Locale.ROOT));
      int invocation = afterLimit(point) ? 2 : 1;
      task.awaitHeld(point, invocation);
      long leader = task.pid(invocation);
      stage.killAgent(task, task.name().startsWith("whole-") ? -leader : leader);
    }

    stage.assertAllWell("agents killed", tasks, PATIENCE);
  }

  private static boolean afterLimit(Point point) {
    return point == Point.RESULT || point == Point.EXIT;
  }
}
