package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.transcript.TranscriptContext;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.ErrorCode;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.client.ActivityCanceledException;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.ActivityCompletionFailureException;
import io.temporal.client.ActivityNotExistsException;
import io.temporal.client.ActivityPausedException;
import io.temporal.client.ActivityWorkerShutdownException;
import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.TimeoutFailure;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the server's answers to heartbeats, and the worker's end, mean for a running agent. */
@Timeout(180)
class CallTest {

  /** So many that it takes a minute and more if each takes ten seconds. */
  private static final int MANY_LOOKS = 20;

  @TempDir Path folder;

  /** A context whose heartbeats fail in this way from the second one on. */
  private static ActivityExecutionContext context(RuntimeException answer, int attempt) {
    return new ScriptedContext().attempt(attempt).answers(2, answer).proxy();
  }

  private Call call(ScriptedAgent agent, ActivityExecutionContext context) throws IOException {
    return call(agent, context, () -> false);
  }

  private Call call(ScriptedAgent agent, ActivityExecutionContext context, BooleanSupplier drained)
      throws IOException {
    AgentHost host = agent.host();
    AgentDefinition definition = agent.definition();
    return new Call(
        context,
        new Lifeline(context),
        new Call.Setting(
            host,
            definition,
            "work",
            Providers.driver(definition),
            agent.script,
            agent.folder,
            ChildEnvironment.of(host, definition, null),
            new AgentVersions(),
            AgentRegistry.open(folder),
            new TranscriptContext("claude", null, "run-1", 1, 1, 1)),
        new Call.Bounds(Duration.ofMinutes(1), Duration.ofMinutes(1), () -> false, drained),
        agent.claim(),
        session -> null,
        null,
        Clock.systemUTC());
  }

  @Test
  void a_limit_is_told_at_once_and_taken_back_if_the_agent_goes_on_by_itself() throws IOException {
    ScriptedContext context = new ScriptedContext();
    ScriptedAgent agent =
        new ScriptedAgent(
            folder,
            "init; (limit 1893456000); awaits told; say 'on'; awaits taken-back; result 'done'");
    context.whenHeard(
        progress -> {
          if (progress.limit() != null) {
            agent.goOn("told");
          } else if (Files.exists(agent.folder.resolve("told"))) {
            agent.goOn("taken-back");
          }
        });
    AgentOutcome outcome = call(agent, context.proxy()).make(fresh(agent), false);
    assertInstanceOf(AgentOutcome.Completed.class, outcome);

    List<InvocationProgress> told = context.heartbeats();
    assertNull(told.get(0).limit());
    assertNull(told.get(told.size() - 1).limit());
    List<UsageLimit> limits =
        told.stream().map(InvocationProgress::limit).filter(Objects::nonNull).toList();
    assertFalse(limits.isEmpty(), told::toString);
    for (UsageLimit limit : limits) {
      assertEquals(ResetTime.exactly(Instant.ofEpochSecond(1_893_456_000)), limit.reset());
      assertNull(limit.evidence().text(), "an agent's words are in no heartbeat");
    }
  }

  private static AgentCall fresh(ScriptedAgent agent) {
    return new AgentCall(
        SessionStart.FRESH, new SessionId("s-1"), "task", null, agent.folder.toString());
  }

  private ApplicationFailure failureWhenTold(ActivityCompletionException answer)
      throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 500");
    Call call = call(agent, context(answer, 1));
    ApplicationFailure failure =
        assertThrows(ApplicationFailure.class, () -> call.make(fresh(agent), false));
    assertFalse(failure.isNonRetryable());
    if (!agent.ledger().isEmpty()) {
      long pid = Long.parseLong(agent.ledger().get(0).split("\\|", -1)[3]);
      assertFalse(ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
    }
    return failure;
  }

  @Test
  void an_attempt_that_the_server_has_given_up_is_ended() throws IOException {
    for (ActivityCompletionException answer :
        new ActivityCompletionException[] {
          new ActivityNotExistsException(new IllegalStateException("gone")),
          new ActivityWorkerShutdownException()
        }) {
      assertEquals(ErrorCode.DRAINED.code(), failureWhenTold(answer).getType(), answer.toString());
    }
  }

  @Test
  void an_agent_whose_activity_is_paused_is_ended_so_that_the_server_can_retry_it()
      throws IOException {
    ApplicationFailure failure = failureWhenTold(new ActivityPausedException());
    assertEquals(ErrorCode.PAUSED.code(), failure.getType());
    assertEquals(ApplicationErrorCategory.BENIGN, failure.getCategory());
  }

  @Test
  void an_agent_goes_on_while_the_server_cannot_be_reached() throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; awaits tried-twice; result done");
    ScriptedContext context = unheard();
    context.whenHeard(
        progress -> {
          if (context.own().size() > 1) {
            agent.goOn("tried-twice");
          }
        });

    AgentOutcome outcome = call(agent, context.proxy()).make(fresh(agent), false);

    assertEquals("done", assertInstanceOf(AgentOutcome.Completed.class, outcome).text());
    assertTrue(context.own().size() > 1, "no heartbeat of our own was sent");
    assertEquals(new SessionId("s-1"), context.own().get(0).session());
  }

  @Test
  void an_agent_is_ended_when_the_server_is_back_and_has_given_the_attempt_up() throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 500");
    ScriptedContext context = unheard();
    context.ownAnswers(2, new ActivityNotExistsException(new IllegalStateException("gone")));

    ApplicationFailure failure =
        assertThrows(
            ApplicationFailure.class, () -> call(agent, context.proxy()).make(fresh(agent), false));

    assertEquals(ErrorCode.DRAINED.code(), failure.getType());
    assertFalse(left(agent));
  }

  @Test
  void a_cancellation_is_heard_also_after_the_server_was_away() throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 500");
    ScriptedContext context = unheard();
    context.ownAnswers(2, new ActivityCompletionFailureException(new ActivityCanceledException()));

    AgentOutcome outcome = call(agent, context.proxy()).make(fresh(agent), false);

    assertEquals(
        StopReason.INTERRUPTED, assertInstanceOf(AgentOutcome.Stopped.class, outcome).reason());
    assertFalse(left(agent));
  }

  /**
   * A context for which the SDK has given up; our own heartbeats do not reach the server either.
   */
  private static ScriptedContext unheard() {
    TimeoutFailure timeout = new TimeoutFailure(null, null, TimeoutType.TIMEOUT_TYPE_HEARTBEAT);
    return new ScriptedContext()
        .answers(2, new ActivityCanceledException(null, timeout))
        .ownAnswers(
            1, new ActivityCompletionFailureException(new IllegalStateException("UNAVAILABLE")));
  }

  @Test
  void a_cancelled_attempt_is_ended_and_answers() throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 500");
    AgentOutcome outcome =
        call(agent, context(new ActivityCanceledException(), 1)).make(fresh(agent), false);
    assertEquals(
        StopReason.INTERRUPTED, assertInstanceOf(AgentOutcome.Stopped.class, outcome).reason());
  }

  /** Each try to claim what the agent names takes ten seconds here, and it is tried at once. */
  @Test
  void a_session_that_cannot_be_claimed_keeps_nobody_from_watching_its_agent() throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 500");
    AtomicInteger looks = new AtomicInteger();
    // If it was tried at each look, an invocation's longest time would end it first.
    Call call =
        call(agent, new ScriptedContext().proxy(), () -> looks.incrementAndGet() >= MANY_LOOKS);
    Path lock = agent.folder.resolve("claims/lock");
    long began = System.nanoTime();
    try (FileChannel frozen = FileChannel.open(lock, StandardOpenOption.WRITE)) {
      assertTrue(frozen.lock().isValid());
      ApplicationFailure failure =
          assertThrows(ApplicationFailure.class, () -> call.make(fresh(agent), false));
      assertEquals(ErrorCode.DRAINED.code(), failure.getType());
    }
    Duration took = Duration.ofNanos(System.nanoTime() - began);
    assertTrue(took.compareTo(Duration.ofSeconds(10)) >= 0, "it was not tried: " + took);
  }

  @Test
  void whatever_goes_wrong_while_it_is_watched_the_agent_is_ended() throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 500");
    IllegalStateException bug = new IllegalStateException("bug");
    Call call = call(agent, context(bug, 1));
    assertSame(
        bug, assertThrows(IllegalStateException.class, () -> call.make(fresh(agent), false)));
    assertFalse(left(agent));
  }

  private static boolean left(ScriptedAgent agent) {
    return ProcessHandle.current().descendants().anyMatch(process -> isAgent(process, agent));
  }

  private static boolean isAgent(ProcessHandle process, ScriptedAgent agent) {
    return process.info().commandLine().orElse("").contains(agent.script.toString());
  }

  @Test
  void an_interrupted_worker_ends_its_agent() throws IOException, InterruptedException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 500");
    CompletableFuture<String> type = new CompletableFuture<>();
    Call call = call(agent, context(null, 1));
    Thread worker =
        new Thread(
            () -> {
              try {
                call.make(fresh(agent), false);
              } catch (ApplicationFailure failure) {
                type.complete(failure.getType());
              }
            });
    worker.start();
    while (!Files.exists(folder.resolve("ledger"))) {
      Thread.sleep(20);
    }
    worker.interrupt();
    assertEquals(ErrorCode.DRAINED.code(), type.join());
  }

  @Test
  void the_pause_after_a_throttle_grows_and_is_bounded() throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; error 'API Error: 529 Overloaded' 529");
    Duration before = Duration.ZERO;
    for (int attempt : new int[] {1, 2, 3, 100}) {
      Call call = call(agent, context(null, attempt));
      ApplicationFailure failure =
          assertThrows(ApplicationFailure.class, () -> call.make(fresh(agent), false));
      assertTrue(failure.getNextRetryDelay().compareTo(before) > 0);
      before = failure.getNextRetryDelay();
    }
    assertEquals(CallReport.MAX_THROTTLE_PAUSE, before);
  }
}
