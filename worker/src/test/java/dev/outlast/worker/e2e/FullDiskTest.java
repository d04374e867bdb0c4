package dev.outlast.worker.e2e;

import dev.outlast.operator.AgentState;
import dev.outlast.run.AgentRun;
import dev.outlast.worker.e2e.LedgerAgent.Point;
import dev.outlast.worker.e2e.LedgerAgent.Task;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Guarantees 1 to 5 while nothing can be written into the worker's state folder. */
@Tag("server")
@Execution(ExecutionMode.CONCURRENT)
class FullDiskTest {

  private static final Duration PATIENCE = Duration.ofSeconds(180);
  private static final Duration FULL = Duration.ofSeconds(30);
  private static final int MAX_AGENTS = 4;

  @TempDir Path folder;
  @AutoClose private TinyDisk disk;
  @AutoClose private CrashStage stage;

  @RepeatedTest(3)
  void a_state_folder_that_is_full_for_a_while_loses_nothing() throws Exception {
    Path state = folder.resolve("state");
    disk = TinyDisk.mountedAt(state);
    stage = CrashStage.in(folder, state, MAX_AGENTS);
    Program worker = stage.startWorker();
    Task working = stage.agent().task("working", "limits 5").hold(Point.SESSION, 1);
    stage.run(working, CrashStage.AGENT);
    working.awaitHeld(Point.SESSION, 1);
    // Long enough to be seen to wait.
    Task waiting = stage.agent().task("waiting", "limits 18");
    AgentRun run = stage.run(waiting, CrashStage.AGENT);
    Await.until(
        PATIENCE,
        () -> run.status().state() == AgentState.WAITING,
        () -> "the run does not wait; " + waiting.told() + worker.output());

    long since = System.nanoTime();
    disk.fill();
    working.letGo();
    Task begun = stage.agent().task("begun-meanwhile", "limits 5");
    stage.run(begun, CrashStage.AGENT);
    Thread.sleep(FULL.toMillis());
    disk.free();
    stage.disturbed(since, "disk full");

    stage.assertAllWell(
        "state folder full for a while", List.of(working, waiting, begun), PATIENCE);
  }

  @RepeatedTest(3)
  void runs_end_right_though_no_transcript_can_be_kept() throws Exception {
    Path state = folder.resolve("state");
    disk = TinyDisk.mountedAt(state.resolve("transcripts"));
    disk.fill();
    stage = CrashStage.in(folder, state, MAX_AGENTS);
    stage.startWorker();
    Task first = stage.agent().task("first", "limits 5");
    stage.run(first, CrashStage.AGENT);
    Task second = stage.agent().task("second", "limits 5 5");
    stage.run(second, CrashStage.AGENT);

    stage.assertAllWell("transcripts full", List.of(first, second), PATIENCE);
  }
}
