package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Timestamp;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import io.temporal.api.common.v1.Priority;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a server does with the priority of runs that goes by it. */
@Tag("server")
class UrgentRunsTest {

  private static final Duration PATIENCE = Duration.ofMinutes(3);

  /** Each takes about a second, and one is at work at a time. */
  private static final int BACKLOG = 60;

  private static final int URGENT = 3;

  /**
   * What may be on its way already when an urgent run comes: a queue has four partitions, each of
   * which offers the next one on its own, and the more of them the busier the machine is. Last
   * come, without its priority it would be the last.
   */
  private static final int UNDER_WAY = 24;

  /** How many have to wait for this to say anything. */
  private static final int ENOUGH = 44;

  @TempDir Path folder;
  @AutoClose RealTemporal temporal;
  @AutoClose Program worker;

  @AutoClose("shutdownNow")
  WorkflowServiceStubs stubs;

  @Test
  void a_host_with_a_backlog_takes_urgent_runs_first() throws Exception {
    temporal = RealTemporal.start(folder, "--dynamic-config-value", "matching.useNewMatcher=true");
    stubs = temporal.newStubs();
    WorkflowClient client = WorkflowClient.newInstance(stubs);
    // Nothing is taken from the queue before all that this is about waits there.
    Path hold = Files.createFile(folder.resolve("hold"));
    worker = startWorker();

    for (int i = 0; i < BACKLOG; i++) {
      start(client, "run-" + i, null);
    }
    for (int i = 0; i < URGENT; i++) {
      start(client, "urgent-" + i, 1);
    }
    for (int i = 0; i < URGENT; i++) {
      String urgent = "urgent-" + i;
      Await.until(
          PATIENCE,
          () -> scheduled(client, urgent) != null,
          () -> urgent + " does not wait; the worker says: " + worker.output());
    }
    Files.delete(hold);
    Await.until(
        PATIENCE,
        () -> ScaleLedger.in(folder).count("DONE") == BACKLOG + URGENT,
        () -> "not all have ended; the worker says: " + worker.output());

    List<ScaleLedger.Entry> starts = ScaleLedger.in(folder).starts();
    for (int i = 0; i < URGENT; i++) {
      String urgent = "urgent-" + i;
      Instant waits = scheduled(client, urgent);
      List<String> after =
          starts.stream()
              .filter(start -> start.at().isAfter(waits))
              .map(start -> start.run())
              .filter(run -> run.equals(urgent) || run.startsWith("run-"))
              .toList();
      assertTrue(after.size() > ENOUGH, () -> "no backlog is left: " + after);
      assertTrue(
          after.indexOf(urgent) <= UNDER_WAY,
          () -> "begun since " + urgent + " waits, in this order: " + after);
    }
    assertEquals(1, stored(client, "urgent-0").getPriorityKey());
    assertEquals("claude/work", stored(client, "urgent-0").getFairnessKey());
    assertEquals(0, stored(client, "run-0").getPriorityKey());
  }

  private Program startWorker() throws Exception {
    Program started =
        Program.start(
            folder.resolve("worker.log"),
            Map.of("PATH", System.getenv("PATH"), "HOME", folder.toString()),
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                "dev.outlast.worker.plugin.ScaleWorker",
                temporal.address(),
                "a",
                Instant.EPOCH.toString(),
                Instant.EPOCH.toString(),
                Duration.ofSeconds(10).toString(),
                "1",
                folder.toString()));
    Await.until(
        PATIENCE,
        () -> started.runs() && started.output().contains("Ready: "),
        () -> "the worker does not start: " + started.output());
    return started;
  }

  private static void start(WorkflowClient client, String id, Integer priority) {
    AgentRun run =
        client.newWorkflowStub(
            AgentRun.class,
            WorkflowOptions.newBuilder().setTaskQueue(Names.TASK_QUEUE).setWorkflowId(id).build());
    WorkflowClient.start(
        run::run, AgentRunRequest.newBuilder().setPrompt("Do it.").setPriority(priority).build());
  }

  /** What the server has kept of an invocation's priority. */
  private static Priority stored(WorkflowClient client, String id) {
    return invocation(client, id).getActivityTaskScheduledEventAttributes().getPriority();
  }

  /** Since when a run's invocation waits for the host. */
  private static Instant scheduled(WorkflowClient client, String id) {
    Timestamp at = invocation(client, id).getEventTime();
    return Instant.ofEpochSecond(at.getSeconds(), at.getNanos());
  }

  private static HistoryEvent invocation(WorkflowClient client, String id) {
    return client.fetchHistory(id).getEvents().stream()
        .filter(event -> event.getEventType() == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
        .filter(
            event ->
                event
                    .getActivityTaskScheduledEventAttributes()
                    .getActivityType()
                    .getName()
                    .equals("invokeAgent"))
        .findFirst()
        .orElseThrow();
  }
}
