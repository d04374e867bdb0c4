package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.worker.e2e.LedgerAgent.Entry;
import dev.outlast.worker.e2e.LedgerAgent.Event;
import dev.outlast.worker.e2e.LedgerAgent.Point;
import dev.outlast.worker.e2e.LedgerAgent.Task;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What becomes of an agent at work while the real server is away. */
@Tag("server")
@Execution(ExecutionMode.CONCURRENT)
class OutageTest {

  /** Longer than the heartbeat timeout (30 s) and the 5 s by which the SDK outlasts it. */
  private static final Duration LONG = Duration.ofSeconds(45);

  private static final Duration SHORT = Duration.ofSeconds(10);

  /** The server gives an invocation up that it has not heard of for so long. */
  private static final Duration HEARTBEAT = Duration.ofSeconds(30);

  /** How long the worker may not have been heard of before an outage, and after it. */
  private static final Duration AROUND = Duration.ofSeconds(10);

  private static final Duration PATIENCE = Duration.ofSeconds(180);

  @TempDir Path folder;
  @AutoClose private CrashStage stage;
  private Program worker;
  private Task task;

  @BeforeEach
  void an_agent_works() throws Exception {
    stage = CrashStage.in(folder, 2);
    worker = stage.startWorker();
    task = stage.agent().task("through-an-outage").hold(Point.SESSION, 1);
    stage.run(task, CrashStage.AGENT);
    task.awaitHeld(Point.SESSION, 1);
  }

  @Test
  void an_agent_works_on_through_a_long_outage_and_its_session_goes_on_after_it() throws Exception {
    stage.killServer();
    Thread.sleep(LONG.toMillis());
    assertEquals(1, stage.processes().alive().size(), () -> "agents; " + worker.output());
    stage.startServer();

    stage.assertAllWell(List.of(task), PATIENCE);
    List<Entry> starts = starts();
    assertEquals(2, starts.size(), task::told);
    assertEquals("resume", starts.get(1).detail(), task::told);
  }

  @Test
  void an_answer_given_during_a_short_outage_is_not_lost() throws Exception {
    long away = System.nanoTime();
    stage.killServer();
    Thread.sleep(SHORT.dividedBy(2).toMillis());
    task.letGo(Point.SESSION, 1);
    task.await(Event.END, 1);
    Thread.sleep(SHORT.dividedBy(2).toMillis());
    stage.startServer();
    Duration outage = Duration.ofNanos(System.nanoTime() - away);

    stage.assertAllWell(List.of(task), PATIENCE);
    // A busy machine may take so long to start the server that the outage was no short one.
    int most = outage.plus(AROUND).compareTo(HEARTBEAT) < 0 ? 1 : 2;
    assertTrue(starts().size() <= most, () -> "after " + outage + ": " + task.told());
  }

  private List<Entry> starts() throws Exception {
    return task.ledger().stream().filter(e -> e.event() == Event.START).toList();
  }
}
