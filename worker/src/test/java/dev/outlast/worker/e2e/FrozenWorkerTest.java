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
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Guarantee 4 with a worker that is frozen for so long that its invocations are given to others,
 * and then goes on as if nothing had happened.
 */
@Tag("server")
@Execution(ExecutionMode.CONCURRENT)
class FrozenWorkerTest {

  /** Three times as long as the server waits for a heartbeat. */
  private static final Duration FROZEN = Duration.ofSeconds(90);

  private static final Duration PATIENCE = Duration.ofSeconds(240);
  private static final int MAX_AGENTS = 8;

  @TempDir Path folder;
  @AutoClose private CrashStage stage;
  @AutoClose private OutputStream gate;

  /**
   * @param beside whether another worker of the same host lives meanwhile
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false, true, false, true, false})
  void a_worker_that_comes_back_runs_no_agent_beside_the_retry(boolean beside) throws Exception {
    stage = CrashStage.in(folder, MAX_AGENTS);
    Program worker = stage.startWorker();
    Task working = stage.agent().task("working", "limits 10").hold(Point.SESSION, 1);
    stage.run(working, CrashStage.AGENT);
    Task stubborn = stage.agent().task("stubborn", "limits 10", "stubborn");
    stubborn.hold(Point.SESSION, 1);
    stage.run(stubborn, CrashStage.AGENT);
    Task reporting = stage.agent().task("reporting", "limits 10").hold(Point.EXIT, 1);
    stage.run(reporting, CrashStage.AGENT);
    Task atWork = stage.agent().task("at-work", "limits 10", "work 20000");
    stage.run(atWork, CrashStage.AGENT);
    working.awaitHeld(Point.SESSION, 1);
    stubborn.awaitHeld(Point.SESSION, 1);
    reporting.awaitHeld(Point.EXIT, 1);
    atWork.await(Event.SAID, 1);
    // Long enough to be seen to wait.
    Task waiting = stage.agent().task("waiting", "limits 40");
    AgentRun run = stage.run(waiting, CrashStage.AGENT);
    Await.until(
        PATIENCE,
        () -> run.status().state() == AgentState.WAITING,
        () -> "the run does not wait; " + waiting.told() + worker.output());
    // The last one, as a worker reads all secrets before it starts an agent.
    stage.shutGate();
    Task beforeSpawn = stage.agent().task("before-spawn", "limits 10");
    stage.run(beforeSpawn, CrashStage.GATED_AGENT);
    // Blocks until the worker reads the other end.
    gate = Files.newOutputStream(stage.gate());

    stage.freeze(worker);
    reporting.letGo(Point.EXIT, 1);
    stage.openGate();
    if (beside) {
      stage.startWorker();
    }
    Thread.sleep(FROZEN.toMillis());
    stage.thaw(worker);
    // It was about to start an agent, and now can.
    gate.write("no-secret-at-all\n".getBytes(StandardCharsets.UTF_8));
    gate.close();

    stage.assertAllWell(
        beside ? "worker frozen, another beside it" : "worker frozen",
        List.of(beforeSpawn, working, stubborn, reporting, atWork, waiting),
        PATIENCE);
  }
}
