package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.StopReason;
import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.activity.Activity;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.ActivityCompletionException;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What becomes of a run's own worktree. */
@Timeout(300)
class OwnWorktreeTest {

  private static final Worktree TREE =
      new Worktree("/state/trees/x", "/state/trees/x/part", "/srv/repo", "outlast/x", "abc");
  private static final Map<String, Object> REQUEST =
      Map.of("prompt", "fix the build", "worktree", true);

  @RegisterExtension final RunFixture fixture = new RunFixture();
  private ScriptedAgent agent;

  @BeforeEach
  void the_host_makes_worktrees() {
    agent = fixture.agent();
    agent.making = () -> TREE;
  }

  @Test
  void a_worktree_without_changes_is_taken_away_when_the_run_is_completed() {
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));

    WorkflowStub run = fixture.start(REQUEST);
    RunStatus waiting = fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    assertEquals(new RunWorktree(TREE.path(), TREE.branch(), null), waiting.worktree());
    assertTrue(agent.releases.isEmpty(), "the run goes on in it");
    AgentRunResult result = fixture.result(run);

    assertTrue(agent.selections.get(0).worktree());
    assertEquals(List.of("/srv/repo"), agent.makings, "it is made once, from the workspace");
    agent.ledger().forEach(asked -> assertEquals(TREE.workspace(), asked.invocation().workspace()));
    assertEquals(List.of(TREE), agent.releases);
    assertEquals(new RunWorktree(TREE.path(), TREE.branch(), false), result.worktree());
  }

  @Test
  void a_worktree_with_changes_is_kept_and_the_result_names_its_branch() {
    agent.does(agent.completes("done"));
    agent.release = () -> new WorktreeEnd(true, 2, 1);

    WorkflowStub run = fixture.start(REQUEST);
    AgentRunResult result = fixture.result(run);

    assertEquals(new RunWorktree(TREE.path(), "outlast/x", true), result.worktree());
    assertEquals(
        "kept: branch outlast/x with 2 commits, 1 path not committed",
        fixture.events(run, RunEvent.Type.WORKTREE_RELEASED).get(0).text());
  }

  @Test
  void a_run_that_stopped_or_was_cancelled_gives_its_worktree_up_too() {
    agent.does(agent.stops(StopReason.AUTH, "log in"), agent.limitedFor(Duration.ofHours(1)));

    ApplicationFailure failure = fixture.failure(fixture.start(REQUEST));
    assertEquals(ErrorCode.AGENT_STOPPED.code(), failure.getType());
    assertFalse(failure.getDetails().get(RunStatus.class).worktree().kept());

    WorkflowStub cancelled = fixture.start(REQUEST);
    fixture.awaitStatus(cancelled, s -> s.state() == AgentState.WAITING);
    cancelled.cancel();
    assertThrows(WorkflowException.class, () -> cancelled.getResult(AgentRunResult.class));
    assertEquals(List.of(TREE, TREE), agent.releases);
    RunStatus kept =
        (RunStatus) cancelled.describe().getMemo(Names.MEMO_CANCELLED_STATUS, RunStatus.class);
    assertFalse(kept.worktree().kept());
  }

  @Test
  void a_run_that_is_cancelled_while_its_worktree_is_made_gives_it_back() {
    agent.making = OwnWorktreeTest::madeOnceCancelled;

    WorkflowStub run = fixture.start(REQUEST);
    fixture.awaitStatus(run, s -> !agent.makings.isEmpty());
    run.cancel();
    assertThrows(WorkflowException.class, () -> run.getResult(AgentRunResult.class));

    assertEquals(List.of(TREE), agent.releases);
    assertTrue(agent.ledger().isEmpty());
  }

  @Test
  void a_run_that_is_paused_while_its_worktree_is_made_starts_no_agent_before_it_is_unpaused() {
    agent.does(agent.completes("done"));
    agent.making = OwnWorktreeTest::madeOnceCancelled;

    WorkflowStub run = fixture.start(REQUEST);
    fixture.awaitStatus(run, s -> !agent.makings.isEmpty());
    run.signal(Names.SIGNAL_PAUSE, "look first");
    fixture.awaitStatus(run, s -> s.state() == AgentState.PAUSED);
    fixture.awaitStatus(run, s -> s.worktree() != null);
    fixture.environment().sleep(Duration.ofMinutes(1));
    assertTrue(agent.ledger().isEmpty());
    run.signal(Names.SIGNAL_UNPAUSE, "fine");

    assertEquals("done", fixture.result(run).text());
    assertEquals(1, agent.makings.size());
  }

  /** Git goes on for a while, and is done. */
  private static Worktree madeOnceCancelled() {
    try {
      while (true) {
        Thread.sleep(50);
        Activity.getExecutionContext().heartbeat(null);
      }
    } catch (ActivityCompletionException cancelled) {
      return TREE;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void a_worktree_that_cannot_be_made_fails_the_run_with_the_reason() {
    agent.making =
        () -> {
          throw ApplicationFailure.newNonRetryableFailure(
              ErrorCode.WORKSPACE.message("no commit yet"), ErrorCode.WORKSPACE.code());
        };

    ApplicationFailure failure = fixture.failure(fixture.start(REQUEST));

    assertEquals(ErrorCode.WORKSPACE.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("no commit yet"), failure::toString);
    assertEquals(List.of(), agent.releases);
  }

  @Test
  void a_worktree_that_cannot_be_made_for_now_is_waited_for_where_operators_see_it() {
    agent.does(agent.completes("done"));
    agent.making =
        () -> {
          if (agent.makings.size() <= 8) {
            throw ApplicationFailure.newFailure(
                ErrorCode.NOT_STARTED.message("worktree: No space left on device"),
                ErrorCode.NOT_STARTED.code());
          }
          return TREE;
        };

    WorkflowStub run = fixture.start(REQUEST);
    while (agent.makings.size() < 8) {
      fixture.environment().sleep(Duration.ofSeconds(10));
    }
    RunStatus waiting = fixture.awaitStatus(run, s -> s.waitsFor() == WaitsFor.WORKER);
    assertEquals(AgentState.WAITING, waiting.state());
    assertEquals("OUT3005: worktree: No space left on device", waiting.warning());
    Instant asked = fixture.now();
    run.signal(Names.SIGNAL_RESUME_NOW, "there is room again");
    assertEquals("done", fixture.result(run).text());

    assertEquals(9, agent.makings.size(), "the server repeats none by itself");
    Duration took = Duration.between(asked, agent.ledger().get(0).at());
    assertTrue(took.compareTo(Duration.ofSeconds(30)) < 0, () -> "it took " + took);
    assertEquals(1, fixture.events(run, RunEvent.Type.NOT_STARTED).size());
    assertNull(fixture.status(run).warning());
  }

  @Test
  void a_worktree_that_cannot_be_made_for_a_day_fails_the_run_with_the_reason() {
    agent.making =
        () -> {
          throw ApplicationFailure.newFailure(
              ErrorCode.NOT_STARTED.message("worktree: No space left on device"),
              ErrorCode.NOT_STARTED.code());
        };

    Instant began = fixture.now();
    ApplicationFailure failure = fixture.failure(fixture.start(REQUEST));

    assertEquals(ErrorCode.AGENT_FAILED.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains(" for 1d, in "), failure::toString);
    assertTrue(failure.getOriginalMessage().contains("No space left"), failure::toString);
    Duration tried = Duration.between(began, fixture.now());
    assertTrue(tried.compareTo(NotStarted.PATIENCE) >= 0, () -> "" + tried);
    assertEquals(List.of(), agent.releases);
  }

  @Test
  void a_worktree_that_fails_in_ways_unforeseen_is_tried_a_bounded_number_of_times() {
    agent.making =
        () -> {
          throw new IllegalStateException("unforeseen");
        };

    ApplicationFailure failure = fixture.failure(fixture.start(REQUEST));

    assertEquals(ErrorCode.AGENT_FAILED.code(), failure.getType());
    String message = failure.getOriginalMessage();
    assertTrue(message.contains("no worktree could be made in 20 attempts; the last"), message);
    assertTrue(message.contains("unforeseen"), message);
    assertEquals(AgentCalls.MAX_WORKTREE_ATTEMPTS, agent.makings.size());
  }

  @Test
  void a_worktree_that_cannot_be_looked_at_stays_and_changes_nothing_of_the_runs_end() {
    agent.does(agent.completes("done"));
    agent.release =
        () -> {
          throw ApplicationFailure.newFailure("git says no", ErrorCode.WORKSPACE.code());
        };

    WorkflowStub run = fixture.start(REQUEST);
    AgentRunResult result = fixture.result(run);

    assertEquals("done", result.text());
    assertNull(result.worktree().kept());
    assertEquals(AgentCalls.MAX_RELEASE_ATTEMPTS, agent.releases.size());
  }

  @Test
  void a_host_that_is_busy_has_minutes_to_take_the_worktree_away() {
    agent.does(agent.completes("done"));

    WorkflowStub run = fixture.start(REQUEST);
    fixture.result(run);

    assertReleaseTakenWithin(300, run);
  }

  private void assertReleaseTakenWithin(int seconds, WorkflowStub run) {
    String release =
        fixture.history(run).stream()
            .filter(HistoryEvent::hasActivityTaskScheduledEventAttributes)
            .map(HistoryEvent::getActivityTaskScheduledEventAttributes)
            .filter(scheduled -> scheduled.getActivityType().getName().equals("releaseWorktree"))
            .map(String::valueOf)
            .findFirst()
            .orElseThrow();
    assertTrue(
        release
            .replaceAll("\\s+", " ")
            .contains("schedule_to_start_timeout { seconds: " + seconds + " }"),
        release);
  }

  @Test
  void a_host_that_is_gone_does_not_hold_up_the_end_of_a_run() {
    agent.does(agent.limitedFor(Duration.ofHours(1)));
    agent.taskQueue = Names.hostTaskQueue(Names.TASK_QUEUE, "host-1");
    var host = fixture.startHost(agent.taskQueue);

    WorkflowStub run =
        fixture.start(Map.of("prompt", "fix the build", "worktree", true, "hostGrace", "11s"));
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    host.shutdownNow();
    host.awaitTermination(1, TimeUnit.MINUTES);
    run.cancel();
    assertThrows(WorkflowException.class, () -> run.getResult(AgentRunResult.class));

    assertTrue(agent.releases.isEmpty());
    assertReleaseTakenWithin(11, run);
    assertEquals(AgentState.STOPPED, fixture.status(run).state());
  }
}
