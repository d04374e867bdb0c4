package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Timestamp;
import dev.outlast.operator.AgentState;
import dev.outlast.run.AgentRun;
import dev.outlast.worker.e2e.LedgerAgent.Event;
import dev.outlast.worker.e2e.LedgerAgent.Task;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.history.v1.WorkflowTaskTimedOutEventAttributes;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A worker is killed and started again at once, just when many runs are due. */
@Tag("server")
class RestartTest {

  private static final int RUNS = 20;
  private static final Duration PATIENCE = Duration.ofSeconds(180);

  /** Long enough for all to be waiting, on a busy machine too. */
  private static final String PLAN = "limits 60";

  /**
   * How long the server may hold back half of what is due for a worker that is dead, by its own
   * clock: a second, and what a busy machine takes. With the SDK's own sticky queue timeout it is 5
   * s.
   */
  private static final Duration HELD_BACK = Duration.ofSeconds(3);

  /**
   * What half of the runs may be late, beyond the worker's start; on a busy machine no more than
   * the start itself took.
   */
  private static final Duration MEDIAN = Duration.ofSeconds(8);

  /** How long before the first run is due the worker is killed. */
  private static final Duration BEFORE = Duration.ofSeconds(2);

  @TempDir Path folder;
  @AutoClose private CrashStage stage;

  @Test
  void a_worker_killed_and_restarted_at_once_resumes_what_is_due_within_seconds() throws Exception {
    stage = CrashStage.in(folder, RUNS);
    Program worker = stage.startWorker();
    List<Task> tasks = new ArrayList<>();
    List<AgentRun> runs = new ArrayList<>();
    for (int i = 1; i <= RUNS; i++) {
      Task task = stage.agent().task("run-" + i, PLAN);
      tasks.add(task);
      runs.add(stage.run(task, CrashStage.AGENT));
    }
    List<Instant> due = new ArrayList<>();
    for (AgentRun run : runs) {
      Await.until(PATIENCE, () -> run.status().state() == AgentState.WAITING, stage::workersSay);
      due.add(run.status().resumeAt());
    }
    Instant first = Collections.min(due);
    Thread.sleep(Math.max(0, Duration.between(Instant.now(), first.minus(BEFORE)).toMillis()));
    stage.killWorker(worker);
    long killed = System.nanoTime();
    stage.startWorker();
    Duration start = Duration.ofNanos(System.nanoTime() - killed);
    Instant ready = Instant.now();

    stage.assertAllWell(tasks, PATIENCE);
    List<Duration> heldBack = new ArrayList<>();
    for (Task task : tasks) {
      heldBack.addAll(heldBack(stage.client().fetchHistory(task.name()).getEvents()));
    }
    List<Duration> late = new ArrayList<>();
    for (int i = 0; i < RUNS; i++) {
      Instant possible = due.get(i).isAfter(ready) ? due.get(i) : ready;
      Instant resumed =
          tasks.get(i).ledger().stream()
              .filter(e -> e.event() == Event.START && e.invocation() == 2)
              .findFirst()
              .orElseThrow()
              .at();
      late.add(Duration.between(possible, resumed));
    }
    Collections.sort(heldBack);
    Collections.sort(late);
    Duration median = late.get(RUNS / 2);
    Duration longest = late.get(RUNS - 1);
    System.out.printf(
        "%d runs, of which %d were held back for the dead worker, at most %s; the new one started"
            + " in %d ms; after that or their time they were late by p50 %d ms, max %d ms%n",
        RUNS,
        heldBack.size(),
        heldBack.isEmpty() ? "" : heldBack.get(heldBack.size() - 1),
        start.toMillis(),
        median.toMillis(),
        longest.toMillis());
    assertFalse(heldBack.isEmpty(), "nothing was due while the worker was dead");
    assertTrue(
        heldBack.get(heldBack.size() / 2).compareTo(HELD_BACK) < 0,
        () -> "held back for a dead worker: " + heldBack);
    Duration allowed = start.compareTo(MEDIAN) > 0 ? start : MEDIAN;
    assertTrue(median.compareTo(allowed) < 0, () -> "late: " + late);
    assertTrue(longest.compareTo(allowed.multipliedBy(2)) < 0, () -> "late: " + late);
  }

  /** For how long each workflow task was kept for a worker that did not take it. */
  private static List<Duration> heldBack(List<HistoryEvent> events) {
    List<Duration> heldBack = new ArrayList<>();
    for (HistoryEvent event : events) {
      if (event.getEventType() != EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT) {
        continue;
      }
      WorkflowTaskTimedOutEventAttributes timeout = event.getWorkflowTaskTimedOutEventAttributes();
      if (timeout.getTimeoutType() == TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START) {
        Timestamp from = events.get((int) timeout.getScheduledEventId() - 1).getEventTime();
        Timestamp until = event.getEventTime();
        heldBack.add(
            Duration.ofSeconds(
                until.getSeconds() - from.getSeconds(), until.getNanos() - from.getNanos()));
      }
    }
    return heldBack;
  }
}
