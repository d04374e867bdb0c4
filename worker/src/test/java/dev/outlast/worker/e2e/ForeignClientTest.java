package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.operator.ErrorCode;
import dev.outlast.run.AgentRunResult;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowStub;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.failure.ApplicationFailure;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runs that a client without any code of ours starts and reads: the {@code temporal} command. */
@Tag("server")
class ForeignClientTest {

  private static final Duration LIMIT = Duration.ofSeconds(40);
  private static final Duration PATIENCE = Duration.ofSeconds(180);

  /**
   * A run with a wrong request ends at once; it does not block its workflow task and be retried.
   */
  private static final long AT_ONCE_SECONDS = 60;

  @TempDir static Path folder;
  @AutoClose private static RealTemporal temporal;
  private static ScriptedClaude agent;
  @AutoClose private static Program worker;

  @AutoClose("shutdownNow")
  private static WorkflowServiceStubs stubs;

  private static WorkflowClient client;

  @BeforeAll
  static void a_worker_polls() throws Exception {
    temporal = RealTemporal.start(folder);
    agent = ScriptedClaude.in(folder.resolve("agent"), LIMIT);
    worker =
        WorkerProcess.start(
            temporal.address(),
            folder,
            "[agents.claude]\ncommand = [\"" + agent.executable() + "\"]\n",
            Map.of());
    stubs = temporal.newStubs();
    client = WorkflowClient.newInstance(stubs);
  }

  @Test
  void the_temporal_command_starts_a_run_and_the_server_shows_how_it_stands() throws Exception {
    String id = "from-the-command";
    start(id, "{\"prompt\":\"Do both halves.\",\"agent\":\"claude\"}");

    Await.until(
        PATIENCE,
        () -> list("AgentState='waiting'").contains(id),
        () -> "no list query finds the waiting run; the worker says: " + worker.output());
    String session = agent.ledger().get(0).session();
    String everySearchAttribute =
        "AgentProvider='claude' AND AgentAccount='default' AND AgentSession='"
            + session
            + "' AND AgentLimitHits=1 AND AgentResumeAt IS NOT NULL";
    assertTrue(list(everySearchAttribute).contains(id), everySearchAttribute);

    AgentRunResult result =
        client
            .newUntypedWorkflowStub(id)
            .getResult(PATIENCE.toSeconds(), TimeUnit.SECONDS, AgentRunResult.class);

    assertEquals("completed", result.outcome());
    assertEquals("Done after 2 messages.", result.text());
    assertEquals(session, result.session().value());
    Await.until(
        PATIENCE,
        () -> list("AgentState='completed' AND AgentResumeAt IS NULL").contains(id),
        () -> "no list query finds the completed run");
    assertTrue(
        timerSummaries(id).stream()
            .anyMatch(s -> s.startsWith("claude/default session limit: resumes ")),
        () -> "labels of timers: " + timerSummaries(id));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "wrong-duration | {\"prompt\":\"x\",\"maxWait\":\"soon\"} | maxWait: got \"soon\"; expected",
        "no-prompt | {\"agent\":\"claude\"} | prompt: missing",
        "list | [1] | input: got a list; expected an object",
        "text | \"do it\" | input: got a text; expected an object",
        "null | null | input: got nothing; expected an object",
        "nothing | '' | input: got nothing; expected an object",
      })
  void wrong_input_fails_the_run_at_once_and_says_what_is_wrong(
      String name, String input, String message) throws Exception {
    String id = "wrong-" + name;
    start(id, input);

    ApplicationFailure failure = failure(id);

    assertEquals(ErrorCode.INVALID_REQUEST.code(), failure.getType());
    assertTrue(failure.isNonRetryable(), "retryable");
    assertTrue(failure.getOriginalMessage().contains(message), () -> failure.getOriginalMessage());
  }

  @Test
  void an_unknown_agent_fails_the_run_at_once_and_names_the_known_ones() throws Exception {
    start("unknown-agent", "{\"prompt\":\"x\",\"agent\":\"cloud\"}");

    ApplicationFailure failure = failure("unknown-agent");

    assertEquals(ErrorCode.UNKNOWN_AGENT.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("cloud"), failure.getOriginalMessage());
    assertTrue(failure.getOriginalMessage().contains("claude"), failure.getOriginalMessage());
  }

  private static ApplicationFailure failure(String id) {
    WorkflowStub run = client.newUntypedWorkflowStub(id);
    WorkflowFailedException failed =
        assertThrows(
            WorkflowFailedException.class,
            () -> run.getResult(AT_ONCE_SECONDS, TimeUnit.SECONDS, AgentRunResult.class),
            () -> "the worker says: " + worker.output());
    Throwable cause = failed;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return assertInstanceOf(ApplicationFailure.class, cause);
  }

  private static void start(String id, String input) throws Exception {
    List<String> command =
        new java.util.ArrayList<>(
            List.of(
                "workflow",
                "start",
                "--type",
                "AgentRun",
                "--task-queue",
                "outlast",
                "--workflow-id",
                id));
    if (!input.isEmpty()) {
      command.addAll(List.of("--input", input));
    }
    temporal.command(command.toArray(String[]::new));
  }

  private static String list(String query) throws Exception {
    return temporal.command("workflow", "list", "--query", query);
  }

  private static List<String> timerSummaries(String id) {
    return client.fetchHistory(id).getHistory().getEventsList().stream()
        .filter(e -> e.getEventType() == EventType.EVENT_TYPE_TIMER_STARTED)
        .map(HistoryEvent::getUserMetadata)
        .map(
            metadata ->
                DefaultDataConverter.STANDARD_INSTANCE.fromPayload(
                    metadata.getSummary(), String.class, String.class))
        .toList();
  }
}
