package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.gate.OpenGates;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.HandoffNotes;
import dev.outlast.agent.HandoffRequest;
import dev.outlast.agent.HostSighting;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.ResumeDecision;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.operator.ErrorCode;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityOptions;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the attempts of one invocation leave to one another, as a server passes it on. */
@Timeout(300)
class RetriedInvocationTest {

  private static final SessionId SESSION = new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d");
  private static final String QUEUE = "here";

  @TempDir Path folder;

  private final TestWorkflowEnvironment temporal = TestWorkflowEnvironment.newInstance();
  private ScriptedAgent agent;
  private AgentActivitiesImpl activities;

  /** What happens before the next attempt looks at anything. */
  private volatile Runnable meanwhile = () -> {};

  /** Whether the first attempt's result does not get through. */
  private volatile boolean firstIsLost;

  /** One invocation. */
  @WorkflowInterface
  public interface Invoking {
    @WorkflowMethod
    AgentOutcome invoke(AgentInvocation invocation);
  }

  /** Retries as a run does. */
  public static final class InvokingWorkflow implements Invoking {
    @Override
    public AgentOutcome invoke(AgentInvocation invocation) {
      return Workflow.newActivityStub(
              AgentActivities.class,
              ActivityOptions.newBuilder()
                  .setStartToCloseTimeout(Duration.ofMinutes(2))
                  .setHeartbeatTimeout(Duration.ofSeconds(30))
                  .setRetryOptions(
                      RetryOptions.newBuilder()
                          .setMaximumAttempts(4)
                          .setDoNotRetry(ErrorCode.DRAINED.code())
                          .build())
                  .build())
          .invokeAgent(invocation);
    }
  }

  /** The activities, with what happens between two attempts. */
  private final class Attempts implements AgentActivities {
    @Override
    public ResolvedAgent resolveAgent(AgentSelection selection) {
      throw new UnsupportedOperationException();
    }

    @Override
    public AgentOutcome invokeAgent(AgentInvocation invocation) {
      if (Activity.getExecutionContext().getInfo().getAttempt() > 1) {
        meanwhile.run();
      }
      AgentOutcome outcome = activities.invokeAgent(invocation);
      if (firstIsLost && Activity.getExecutionContext().getInfo().getAttempt() == 1) {
        throw new IllegalStateException("nobody hears the result");
      }
      return outcome;
    }

    @Override
    public HandoffNotes handOff(HandoffRequest request) {
      throw new UnsupportedOperationException();
    }

    @Override
    public HostSighting seeHost(String host) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Worktree makeWorktree(String workspace) {
      throw new UnsupportedOperationException();
    }

    @Override
    public WorktreeEnd releaseWorktree(Worktree worktree) {
      throw new UnsupportedOperationException();
    }
  }

  /** So long that an agent on a busy host gets to its work meanwhile. */
  private static final Duration SILENCE = Duration.ofSeconds(8);

  @BeforeEach
  void anAgentThatKeepsItsSession() throws IOException {
    agent =
        new ScriptedAgent(
            folder,
            """
            mkdir -p .claude/projects/here
            file=.claude/projects/here/$session.jsonl
            echo '{"type":"user","uuid":"u-'$$'","message":{"content":"…"}}' >> $file
            init
            case "$prompt" in
              hang*) say thinking; touch working; sleep 500 ;;
              silent*) say thinking; sleep 500 ;;
              crash*) say thinking; exit 3 ;;
              limit*) say thinking; limit ${prompt#limit } ;;
              *) result done ;;
            esac
            """);
    activities = newWorker();
    var worker = temporal.newWorker(QUEUE);
    worker.registerWorkflowImplementationTypes(InvokingWorkflow.class);
    worker.registerActivitiesImplementations(new Attempts());
    temporal.start();
  }

  private AgentActivitiesImpl newWorker() {
    return newWorker(agent.host());
  }

  private static AgentActivitiesImpl newWorker(AgentHost onHost) {
    return new AgentActivitiesImpl(onHost, () -> true, host -> null, new OpenGates());
  }

  @AfterEach
  void close() {
    temporal.close();
  }

  private AgentOutcome invoke(SessionStart start, String message, Checkpoint left) {
    return temporal
        .getWorkflowClient()
        .newWorkflowStub(
            Invoking.class,
            WorkflowOptions.newBuilder().setTaskQueue(QUEUE).setWorkflowId("run-1").build())
        .invoke(invocation(start, message, left));
  }

  private static AgentInvocation invocation(SessionStart start, String message, Checkpoint left) {
    return AgentInvocation.newBuilder(1, 1, "claude", start, message)
        .setAccount("work")
        .setSession(SESSION)
        .setResumeMessage("please go on")
        .setInvocationTimeout(Duration.ofMinutes(1))
        .setSilenceTimeout(message.startsWith("silent") ? SILENCE : Duration.ofMinutes(1))
        .setCheckpoint(left)
        .build();
  }

  private void aPersonGoesOn() {
    try {
      Files.writeString(
          folder.resolve(".claude/projects/here/" + SESSION + ".jsonl"),
          "{\"type\":\"user\",\"uuid\":\"of-a-person\",\"message\":{\"content\":\"hm\"}}\n",
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private AgentOutcome.Stopped continuedElsewhere(AgentOutcome outcome) throws IOException {
    AgentOutcome.Stopped stopped = assertInstanceOf(AgentOutcome.Stopped.class, outcome);
    assertEquals(StopReason.CONTINUED_ELSEWHERE, stopped.reason());
    assertEquals(SESSION, stopped.facts().session());
    assertEquals("of-a-person", stopped.facts().checkpoint().session().value());
    assertEquals(1, agent.ledger().size(), "no agent was started for the retry");
    return stopped;
  }

  @Test
  void a_person_who_goes_on_after_a_time_limit_is_noticed_by_the_retry() throws IOException {
    meanwhile = this::aPersonGoesOn;
    AgentOutcome.Stopped stopped =
        continuedElsewhere(invoke(SessionStart.FRESH, "silent please", null));
    assertEquals(true, stopped.facts().taken(), "the prompt must not be said again");
  }

  @Test
  void a_person_who_goes_on_after_a_crash_is_noticed_by_the_retry() throws IOException {
    meanwhile = this::aPersonGoesOn;
    continuedElsewhere(invoke(SessionStart.FRESH, "crash please", null));
  }

  @Test
  void a_session_that_nobody_touched_between_two_attempts_is_resumed() throws IOException {
    assertInstanceOf(
        AgentOutcome.Completed.class, invoke(SessionStart.FRESH, "silent please", null));
    assertEquals(2, agent.ledger().size());
    assertEquals(
        "resume|" + SESSION + "|please go on", agent.ledger().get(1).replaceFirst("\\|\\d+$", ""));
  }

  @Test
  void a_limit_that_a_lost_worker_could_not_report_is_waited_for_and_not_asked_again()
      throws IOException {
    firstIsLost = true;
    Instant began = Instant.now();
    AgentOutcome.Limited limited =
        assertInstanceOf(
            AgentOutcome.Limited.class, invoke(SessionStart.FRESH, "limit 1893456000", null));
    assertEquals(1, agent.ledger().size(), "no agent was started for the retry");
    assertEquals(ResetTime.exactly(Instant.ofEpochSecond(1_893_456_000)), limited.limit().reset());
    assertEquals(LimitScope.SESSION, limited.limit().scope());
    assertFalse(limited.limit().observedAt().isBefore(began));
    assertEquals(SESSION, limited.facts().session());
    assertEquals(true, limited.facts().taken());
    assertTrue(limited.facts().progressed());
    String file = Files.readString(folder.resolve(".claude/projects/here/" + SESSION + ".jsonl"));
    assertTrue(file.contains("\"" + limited.facts().checkpoint().session() + "\""), file);
  }

  @Test
  void a_limit_whose_reset_has_passed_holds_no_retry_back() throws IOException {
    firstIsLost = true;
    long soon = Instant.now().plusSeconds(3).getEpochSecond();
    meanwhile = () -> sleepUntil(Instant.ofEpochSecond(soon).plus(ResumePolicy.DEFAULT.margin()));
    assertInstanceOf(
        AgentOutcome.Completed.class, invoke(SessionStart.FRESH, "limit " + soon, null));
    assertEquals(2, agent.ledger().size());
  }

  @Test
  void a_limit_whose_reset_has_just_passed_is_waited_for_to_the_end_of_the_margin()
      throws IOException {
    firstIsLost = true;
    // On a busy host the margin is not over either when the second attempt looks.
    ResumePolicy patient =
        new ResumePolicy(Duration.ofMinutes(2), null, null, null, null, null, 0, null);
    activities =
        newWorker(
            agent.newHost(agent.definition(), Duration.ofMillis(500)).setPolicy(patient).build());
    long soon = Instant.now().plusSeconds(3).getEpochSecond();
    meanwhile = () -> sleepUntil(Instant.ofEpochSecond(soon));
    AgentOutcome.Limited limited =
        assertInstanceOf(
            AgentOutcome.Limited.class, invoke(SessionStart.FRESH, "limit " + soon, null));
    assertEquals(1, agent.ledger().size(), "no agent was started for the retry");
    assertTrue(limited.limit().observedAt().isAfter(limited.limit().reset().latest()));
    assertEquals(
        new ResumeDecision.ResumeAfter(patient.margin(), true),
        patient.decide(limited.limit(), 0, 0, Duration.ZERO, 0));
  }

  @Test
  void a_limit_that_a_lost_worker_could_not_report_is_reported_by_one_that_is_going_away()
      throws IOException {
    firstIsLost = true;
    meanwhile = () -> activities.drain();
    assertInstanceOf(
        AgentOutcome.Limited.class, invoke(SessionStart.FRESH, "limit 1893456000", null));
    assertEquals(1, agent.ledger().size());
  }

  @Test
  void a_limit_that_a_lost_worker_could_not_report_is_reported_where_no_agent_could_be_started()
      throws IOException {
    firstIsLost = true;
    meanwhile = () -> assertTrue(agent.script.toFile().delete());
    assertInstanceOf(
        AgentOutcome.Limited.class, invoke(SessionStart.FRESH, "limit 1893456000", null));
  }

  private static void sleepUntil(Instant then) {
    while (!Instant.now().isAfter(then)) {
      sleep(Duration.ofMillis(100));
    }
  }

  @Test
  void a_session_that_forgets_what_was_refused_is_not_said_to_have_it() {
    InvocationProgress before =
        ToldLimit.until(Instant.ofEpochSecond(1_893_456_000), SESSION, false);
    Instant now = Instant.ofEpochSecond(1_893_455_000);
    for (SessionStart start : List.of(SessionStart.FRESH, SessionStart.RESUME)) {
      AgentInvocation invocation = invocation(start, "prompt", null);
      assertEquals(
          Optional.empty(),
          CallReport.unreported(invocation, before, true, Duration.ZERO, now),
          "it may have been told, or not");
      AgentOutcome outcome =
          CallReport.unreported(invocation, before, false, Duration.ZERO, now).orElseThrow();
      assertEquals(false, outcome.facts().taken());
      assertEquals(start == SessionStart.FRESH ? null : SESSION, outcome.facts().session());
    }
  }

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time.toMillis());
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void a_person_who_goes_on_after_a_drain_is_noticed_by_the_next_worker() throws IOException {
    CompletableFuture<AgentOutcome> run =
        CompletableFuture.supplyAsync(() -> invoke(SessionStart.FRESH, "hang for a while", null));
    while (!Files.exists(folder.resolve("working"))) {
      sleep(Duration.ofMillis(20));
    }
    activities.drain();
    CompletionException failed = assertThrows(CompletionException.class, run::join);
    ApplicationFailure drained =
        assertInstanceOf(
            ApplicationFailure.class,
            assertInstanceOf(
                    ActivityFailure.class,
                    assertInstanceOf(WorkflowFailedException.class, failed.getCause()).getCause())
                .getCause());
    assertEquals(ErrorCode.DRAINED.code(), drained.getType());
    Checkpoint left = drained.getDetails().get(InvocationProgress.class).checkpoint();

    aPersonGoesOn();
    activities = newWorker();
    continuedElsewhere(invoke(SessionStart.RESUME, "please go on", left));
  }
}
