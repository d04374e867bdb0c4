package dev.outlast.worker.e2e;

import static dev.outlast.worker.e2e.LoopbackModelApi.command;
import static dev.outlast.worker.e2e.LoopbackModelApi.limit;
import static dev.outlast.worker.e2e.LoopbackModelApi.text;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.operator.Names;
import dev.outlast.run.AgentChoice;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunResult;
import dev.outlast.run.Incident;
import dev.outlast.run.RunEvent;
import dev.outlast.worker.e2e.LoopbackModelApi.Inference;
import io.temporal.api.common.v1.Payload;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.api.sdk.v1.WorkflowMetadata;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.common.SearchAttributes;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Two accounts of the real Claude Code, each with a model API of its own on the loopback: when one
 * is limited the other goes on with the task, and gives it back after the reset.
 */
@Tag("agents")
@Execution(ExecutionMode.CONCURRENT)
class TwoAccountsTest {

  /** How long the first account is closed. */
  private static final Duration LIMIT = Duration.ofSeconds(20);

  /** Lasts longer than the limit. The agent refuses to run {@code sleep} alone. */
  private static final String LONG_COMMAND =
      "i=0; while [ $i -lt 35 ]; do sleep 1; i=$((i+1)); done; echo slept";

  private static final Duration PATIENCE = Duration.ofSeconds(180);

  private static final String PROMPT = "Do the first half.";
  private static final String SECOND_PROMPT = "And now the second half.";
  private static final String FIRST_STEP = "first-step-done";
  private static final String TAKEN_OVER = "I have taken over and done the first half.";
  private static final String ANSWER = "Both halves are done.";

  @TempDir Path folder;
  @AutoClose private final LoopbackModelApi preferred = api();
  @AutoClose private final LoopbackModelApi other = api();
  @AutoClose private RealTemporal temporal;
  @AutoClose private Program worker;

  @AutoClose("shutdownNow")
  private WorkflowServiceStubs stubs;

  private static LoopbackModelApi api() {
    try {
      return new LoopbackModelApi(Clock.systemUTC());
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @BeforeEach
  void a_server_is_there() throws Exception {
    temporal = RealTemporal.start(folder);
    stubs = temporal.newStubs();
    preferred.script(
        command("echo " + FIRST_STEP),
        limit(Wall.of(RealAgent.CLAUDE).refusal(), LIMIT),
        text(ANSWER));
    other.script(command(LONG_COMMAND), text(TAKEN_OVER));
  }

  @Test
  void another_account_takes_over_in_a_fresh_session_and_the_first_one_gets_the_task_back()
      throws Exception {
    startWorker(
        "env.CLAUDE_CONFIG_DIR = \"" + Files.createDirectories(folder.resolve("private")) + "\"");
    AgentRun run = start("hand-over");
    AgentRunResult result = result(run);

    assertEquals(ANSWER, result.text(), () -> run.events(0) + " other: " + other.inferences());
    assertEquals("work", result.account());
    Inference taking = other.inferences().get(0);
    Inference last = last(preferred);
    assertNotEquals(last.session(), taking.session(), "one session in two places");
    assertTrue(taking.carries(PROMPT), () -> "the task is not known: " + taking);
    assertTrue(taking.carries(FIRST_STEP), () -> "what was done is not known: " + taking);
    assertEquals(preferred.inferences().get(0).session(), last.session(), "not the old session");
    assertTrue(last.carries(TAKEN_OVER), () -> "what was done meanwhile is not known: " + last);
    assertTrue(last.carries(SECOND_PROMPT), () -> "the prompt is gone: " + last);
    the_first_one_was_left_alone_until_its_reset(run);
    people_can_read_who_did_what("hand-over");
  }

  @Test
  void another_account_goes_on_with_the_same_session_where_both_keep_it_in_one_place()
      throws Exception {
    startWorker("");
    AgentRun run = start("same-session");
    AgentRunResult result = result(run);

    assertEquals(ANSWER, result.text(), () -> run.events(0) + " other: " + other.inferences());
    assertEquals("work", result.account());
    List<Inference> all = other.inferences();
    Inference taking = all.get(0);
    Inference last = last(preferred);
    assertEquals(last.session(), taking.session(), "another session");
    assertTrue(taking.carries(FIRST_STEP), () -> "the conversation is not known: " + taking);
    assertTrue(last.carries(TAKEN_OVER), () -> "the conversation is not known: " + last);
    assertEquals(
        1,
        taking.texts().stream().filter(said -> said.contains(PROMPT)).count(),
        () -> "the prompt was sent again: " + taking);
    the_first_one_was_left_alone_until_its_reset(run);
    people_can_read_who_did_what("same-session");
  }

  private void the_first_one_was_left_alone_until_its_reset(AgentRun run) {
    Instant reset = preferred.reset();
    List<Inference> asked = preferred.inferences();
    assertEquals(1, asked.stream().filter(Inference::limited).count(), asked::toString);
    assertFalse(last(preferred).at().isBefore(reset), () -> last(preferred).at() + ": too early");
    List<RunEvent> events = run.events(0);
    assertEquals(
        2,
        events.stream().filter(event -> event.type() == RunEvent.Type.AGENT_CHANGED).count(),
        events::toString);
    List<Incident> incidents = run.incidents();
    assertEquals(1, incidents.size(), incidents::toString);
    assertEquals("work", incidents.get(0).limit().account());
    assertNotNull(incidents.get(0).end(), incidents::toString);
  }

  /** As the Web UI shows the run and both gates, none of which needs a word of JSON. */
  private void people_can_read_who_did_what(String id) {
    WorkflowClient client = WorkflowClient.newInstance(stubs);
    List<String> invocations =
        client.fetchHistory(id).getEvents().stream()
            .filter(event -> event.hasActivityTaskScheduledEventAttributes())
            .filter(TwoAccountsTest::invokes)
            .map(event -> words(event.getUserMetadata().getSummary()))
            .toList();
    assertEquals(
        List.of("claude/work", "claude/private", "claude/work"),
        invocations.stream().map(summary -> summary.split(" ")[0]).toList(),
        invocations::toString);
    String details = details(client, id);
    assertTrue(details.contains("Agents: claude/work (present), claude/private"), details);

    for (String account : List.of("work", "private")) {
      String gate = Names.gateId("claude", account);
      SearchAttributes indexed =
          client.newUntypedWorkflowStub(gate).describe().getTypedSearchAttributes();
      assertEquals("open", indexed.get(Names.AGENT_STATE), gate);
      assertEquals("claude", indexed.get(Names.AGENT_PROVIDER), gate);
      assertEquals(account, indexed.get(Names.AGENT_ACCOUNT), gate);
      String shown = details(client, gate);
      assertTrue(shown.startsWith("**open**"), shown);
      assertTrue(shown.contains("Spent"), shown);
    }
  }

  private static boolean invokes(HistoryEvent event) {
    return event
        .getActivityTaskScheduledEventAttributes()
        .getActivityType()
        .getName()
        .equals("invokeAgent");
  }

  private static String words(Payload payload) {
    return DefaultDataConverter.STANDARD_INSTANCE.fromPayload(payload, String.class, String.class);
  }

  private static String details(WorkflowClient client, String id) {
    return client
        .newUntypedWorkflowStub(id)
        .query(WorkflowClient.QUERY_TYPE_WORKFLOW_METADATA, WorkflowMetadata.class)
        .getCurrentDetails();
  }

  private static Inference last(LoopbackModelApi api) {
    List<Inference> all = api.inferences();
    return all.get(all.size() - 1);
  }

  /**
   * @param variable one more setting of the second account
   */
  private void startWorker(String variable) throws Exception {
    Path executable = Path.of(System.getenv("OUTLAST_AGENTS")).toAbsolutePath().resolve("claude");
    worker =
        WorkerProcess.start(
            temporal.address(),
            folder,
            """
            [agents.claude]
            command = ["%s"]
            args = ["--allowedTools", "Bash"]
            account = "work"

            %s
            %s
            %s
            """
                .formatted(
                    executable,
                    RealAgent.CLAUDE.account("work", preferred.baseUrl()),
                    RealAgent.CLAUDE.account("private", other.baseUrl()),
                    variable),
            Map.of("DUMMY_KEY", "a-dummy-key"));
  }

  private AgentRun start(String id) {
    AgentRun run =
        WorkflowClient.newInstance(stubs)
            .newWorkflowStub(
                AgentRun.class,
                WorkflowOptions.newBuilder()
                    .setTaskQueue(Names.TASK_QUEUE)
                    .setWorkflowId(id)
                    .build());
    WorkflowClient.start(
        run::run,
        AgentRunRequest.newBuilder()
            .setPrompt(PROMPT)
            .setAgents(
                List.of(
                    new AgentChoice("claude", "work", null),
                    new AgentChoice("claude", "private", null)))
            .setOnLimit(AgentRunRequest.OnLimit.FAILOVER)
            .build());
    run.send(SECOND_PROMPT);
    return run;
  }

  private AgentRunResult result(AgentRun run) throws Exception {
    try {
      return WorkflowStub.fromTyped(run)
          .getResult(PATIENCE.toSeconds(), TimeUnit.SECONDS, AgentRunResult.class);
    } catch (Exception e) {
      throw new AssertionError("events: " + run.events(0) + "\nworker: " + worker.output(), e);
    }
  }
}
