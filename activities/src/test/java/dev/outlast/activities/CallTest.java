package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.transcript.TranscriptContext;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.operator.ErrorCode;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.client.ActivityCanceledException;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.ActivityNotExistsException;
import io.temporal.client.ActivityPausedException;
import io.temporal.client.ActivityWorkerShutdownException;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.TimeoutFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the server's answers to heartbeats, and the worker's end, mean for a running agent. */
@Timeout(60)
class CallTest {

  @TempDir Path folder;

  /** A context whose heartbeats fail in this way from the second one on. */
  private static ActivityExecutionContext context(RuntimeException answer, int attempt) {
    return new ScriptedContext().attempt(attempt).answers(2, answer).proxy();
  }

  private Call call(ScriptedAgent agent, ActivityExecutionContext context) throws IOException {
    AgentHost host = agent.host();
    AgentDefinition definition = agent.definition();
    return new Call(
        context,
        new Call.Setting(
            host,
            definition,
            "work",
            Providers.driver(definition),
            agent.script,
            agent.folder,
            ChildEnvironment.of(host, definition, null),
            new AgentVersions(),
            "mark",
            new TranscriptContext("claude", null, "run-1", 1, 1, 1)),
        new Call.Bounds(Duration.ofMinutes(1), Duration.ofMinutes(1), () -> false),
        Clock.systemUTC());
  }

  private static AgentCall fresh(ScriptedAgent agent) {
    return new AgentCall(
        SessionStart.FRESH, new SessionId("s-1"), "task", null, agent.folder.toString());
  }

  private ApplicationFailure failureWhenTold(ActivityCompletionException answer)
      throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 50");
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
          new ActivityPausedException(),
          new ActivityWorkerShutdownException()
        }) {
      assertEquals(ErrorCode.DRAINED.code(), failureWhenTold(answer).getType(), answer.toString());
    }
  }

  @Test
  void a_server_that_was_not_reached_in_time_is_no_cancellation() throws IOException {
    TimeoutFailure timeout = new TimeoutFailure(null, null, TimeoutType.TIMEOUT_TYPE_HEARTBEAT);
    assertEquals(
        ErrorCode.DRAINED.code(),
        failureWhenTold(new ActivityCanceledException(null, timeout)).getType());
  }

  @Test
  void a_cancelled_attempt_is_ended_and_answers() throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 50");
    AgentOutcome outcome =
        call(agent, context(new ActivityCanceledException(), 1)).make(fresh(agent), false);
    assertEquals(
        StopReason.INTERRUPTED, assertInstanceOf(AgentOutcome.Stopped.class, outcome).reason());
  }

  @Test
  void whatever_goes_wrong_while_it_is_watched_the_agent_is_ended() throws IOException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 50");
    IllegalStateException bug = new IllegalStateException("bug");
    Call call = call(agent, context(bug, 1));
    assertSame(
        bug, assertThrows(IllegalStateException.class, () -> call.make(fresh(agent), false)));
    assertTrue(
        ProcessHandle.current().descendants().noneMatch(process -> isAgent(process, agent)),
        "an agent is left");
  }

  private static boolean isAgent(ProcessHandle process, ScriptedAgent agent) {
    return process.info().commandLine().orElse("").contains(agent.script.toString());
  }

  @Test
  void an_interrupted_worker_ends_its_agent() throws IOException, InterruptedException {
    ScriptedAgent agent = new ScriptedAgent(folder, "init; say x; sleep 50");
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
