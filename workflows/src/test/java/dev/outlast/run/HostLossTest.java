package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.Worktree;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.api.enums.v1.RetryState;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowStub;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TimeoutFailure;
import io.temporal.worker.WorkerFactory;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * What a run does when its host, or the worker that has its invocation, is gone. The server does
 * not skip time while an invocation is scheduled, so that these tests wait for the shortest grace
 * that is allowed, all at once.
 */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class HostLossTest {

  private static final String QUEUE = Names.hostTaskQueue(Names.TASK_QUEUE, "host-1");
  private static final SessionId NAMED = new SessionId("named-by-agent");

  @RegisterExtension final RunFixture fixture = new RunFixture();
  private ScriptedAgent agent;

  @BeforeEach
  void the_host_has_a_queue_of_its_own() {
    agent = fixture.agent();
    agent.taskQueue = QUEUE;
    agent.seenAgo = null;
    agent.hostPolicy = HostPolicy.DEFAULT.overriddenBy(null, null, null, HostPolicy.MIN_HOST_GRACE);
  }

  @Test
  void a_host_that_is_gone_is_waited_for_visibly_and_goes_on_when_it_is_back() {
    agent.does(agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.environment().sleep(Duration.ofSeconds(1));
    assertEquals(AgentState.RUNNING, fixture.status(run).state(), "its grace is not over");
    RunStatus waiting = awaitLost(run);
    assertNull(waiting.resumeAt());
    List<String> details = fixture.details(run);
    assertTrue(details.get(0).startsWith("**waiting** for its host host-1"), details::toString);
    assertTrue(details.get(1).contains("`move`"), details::toString);
    assertEquals("waiting", run.describe().getTypedSearchAttributes().get(Names.AGENT_STATE));
    while (agent.looks.size() < 3) {
      fixture.environment().sleep(Duration.ofSeconds(1));
    }
    assertEquals(1, fixture.events(run, RunEvent.Type.HOST_LOST).size(), "it is told of once");
    assertTrue(agent.ledger().isEmpty());

    fixture.startHost(QUEUE);
    AgentRunResult result = fixture.result(run);

    assertEquals("done", result.text());
    assertEquals(1, result.invocations());
    assertEquals("fix the build", call(0).message());
    assertEquals(ScriptedAgent.CHOSEN, call(0).session());
    assertEquals(1, fixture.events(run, RunEvent.Type.INVOKED).size());
    assertEquals(1, fixture.events(run, RunEvent.Type.HOST_BACK).size());
    assertEquals(1, agent.selections.size(), "it stays on its host");
  }

  @Test
  void a_host_that_is_back_and_works_for_long_is_shown_as_running() {
    CountDownLatch working = new CountDownLatch(1);
    agent.does(
        call -> {
          await(working);
          return agent.completes("done").apply(call);
        });

    WorkflowStub run = fixture.start("fix the build");
    awaitLost(run);
    fixture.startHost(QUEUE);
    Instant back = fixture.now();
    while (fixture.status(run).state() != AgentState.RUNNING) {
      fixture.environment().sleep(Duration.ofSeconds(1));
    }
    Duration took = Duration.between(back, fixture.now());
    Duration most = HostPolicy.MIN_HOST_GRACE.plus(HostWait.TOLD_WITHIN).plusSeconds(30);
    assertTrue(took.compareTo(most) <= 0, () -> "it took " + took);
    assertNull(fixture.status(run).waitsFor());
    working.countDown();
    assertEquals("done", fixture.result(run).text());
  }

  @Test
  void a_busy_host_is_no_lost_host() {
    agent.seenAgo = Duration.ofSeconds(90);
    agent.does(agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    while (agent.looks.size() < 2) {
      fixture.environment().sleep(Duration.ofSeconds(1));
      assertEquals(AgentState.RUNNING, fixture.status(run).state());
    }
    assertEquals(List.of("host-1", "host-1"), agent.looks);
    fixture.startHost(QUEUE);
    assertEquals("done", fixture.result(run).text());
    assertTrue(fixture.events(run, RunEvent.Type.HOST_LOST).isEmpty());
    assertEquals(1, fixture.events(run, RunEvent.Type.INVOKED).size());
  }

  @Test
  void a_run_that_is_not_to_wait_for_its_host_stops() {
    WorkflowStub run =
        fixture.start(Map.of("prompt", "fix the build", "onHostLost", "stop", "hostGrace", "11s"));
    ApplicationFailure failure = fixture.failure(run);

    assertEquals(ErrorCode.HOST_LOST.code(), failure.getType());
    assertTrue(
        failure.getOriginalMessage().contains("no worker of host host-1 is heard of for 11s"),
        failure::getOriginalMessage);
    assertEquals(ScriptedAgent.CHOSEN, failure.getDetails().get(RunStatus.class).session());
  }

  @Test
  void a_host_that_cannot_be_asked_about_is_waited_for_and_never_stops_a_run_or_moves_it() {
    agent.unseeable = true;
    agent.does(agent.completes("done"), agent.completes("done"));
    WorkflowStub stops = fixture.start(Map.of("prompt", "fix the build", "onHostLost", "stop"));
    WorkflowStub moves = fixture.start(Map.of("prompt", "fix the build", "onHostLost", "move"));
    fixture.awaitStatus(moves, s -> agent.selections.size() == 2);
    agent.host = "host-2";
    while (agent.looks.size() < 4) {
      fixture.environment().sleep(Duration.ofSeconds(1));
    }

    for (WorkflowStub run : List.of(stops, moves)) {
      awaitLost(run);
      List<RunEvent> lost = fixture.events(run, RunEvent.Type.HOST_LOST);
      assertEquals(1, lost.size(), lost::toString);
      assertTrue(lost.get(0).text().contains("it is not known"), lost::toString);
    }
    fixture.startHost(QUEUE);
    for (WorkflowStub run : List.of(stops, moves)) {
      assertEquals("done", fixture.result(run).text());
      assertEquals("host-1", fixture.status(run).host());
      assertTrue(fixture.events(run, RunEvent.Type.MOVED).isEmpty());
    }
    assertEquals(2, agent.selections.size(), "nobody looks for another host");
    assertEquals(ScriptedAgent.CHOSEN, call(0).session());
    assertEquals(ScriptedAgent.CHOSEN, call(1).session());
  }

  @Test
  void a_run_moves_by_policy_in_a_fresh_session_that_is_told_of_the_task() {
    CountDownLatch queued = new CountDownLatch(1);
    agent.does(
        agent.completesAfter(queued, "the build is fixed"),
        agent.limitedFor(Duration.ofHours(1)),
        agent.completes("done"));
    WorkerFactory host = fixture.startHost(QUEUE);

    WorkflowStub run =
        fixture.start(
            Map.of("prompt", "fix the build", "onHostLost", "move", "workspace", "/srv/repo"));
    run.update(Names.UPDATE_SEND, Integer.class, "now write the notes");
    queued.countDown();
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    host.shutdownNow();
    host.awaitTermination(1, TimeUnit.MINUTES);
    agent.host = "host-2";
    agent.taskQueue = null;
    agent.chosen = new SessionId("chosen-on-host-2");
    AgentRunResult result = fixture.result(run);

    assertEquals("done", result.text());
    AgentInvocation there = call(2);
    assertEquals(SessionStart.FRESH, there.start());
    assertEquals(new SessionId("chosen-on-host-2"), there.session());
    assertTrue(there.message().contains("another computer"), there::message);
    assertTrue(there.message().contains("turn 2"), there::message);
    assertTrue(there.message().contains("the build is fixed"), there::message);
    assertTrue(there.message().endsWith("now write the notes"), there::message);
    assertNull(there.checkpoint());
    AgentSelection again = agent.selections.get(1);
    assertEquals(
        new AgentSelection("claude", "work", null, "/srv/repo", null, false, false), again);
    assertEquals("host-2", fixture.status(run).host());
    assertEquals(
        "to host host-2: onHostLost says so",
        fixture.events(run, RunEvent.Type.MOVED).get(0).text());
    assertTrue(fixture.events(run, RunEvent.Type.SESSION_LOST).isEmpty());
  }

  @Test
  void an_operator_moves_a_run_that_waits_for_its_host_and_no_other() {
    agent.does(agent.completes("done"));

    WorkflowStub run = fixture.start("fix the build");
    fixture.environment().sleep(Duration.ofSeconds(1));
    WorkflowUpdateException refused =
        assertThrows(
            WorkflowUpdateException.class,
            () -> run.update(Names.UPDATE_MOVE, String.class, "too early"));
    assertTrue(refused.getCause().getMessage().contains("does not wait for its host"));
    awaitLost(run);
    agent.host = "host-2";
    agent.taskQueue = null;
    agent.chosen = new SessionId("chosen-on-host-2");
    Instant asked = fixture.now();
    assertEquals("moving", run.update(Names.UPDATE_MOVE, String.class, "it burnt down"));
    AgentRunResult result = fixture.result(run);

    assertEquals("done", result.text());
    assertEquals(SessionStart.FRESH, call(0).start());
    assertEquals("fix the build", call(0).message(), "nothing was done, so nothing is handed on");
    assertEquals(new SessionId("chosen-on-host-2"), call(0).session());
    Duration took = Duration.between(asked, agent.ledger().get(0).at());
    assertTrue(took.compareTo(Duration.ofSeconds(30)) < 0, () -> "it took " + took);
    assertEquals(
        "to host host-2: it burnt down", fixture.events(run, RunEvent.Type.MOVED).get(0).text());
  }

  @Test
  void a_worktree_that_a_run_leaves_behind_is_named_with_its_host() {
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));
    agent.host = "host\u001b-1";
    agent.making = () -> tree("\u202ea");
    WorkerFactory host = fixture.startHost(QUEUE);

    WorkflowStub run =
        fixture.start(Map.of("prompt", "fix the build", "onHostLost", "move", "worktree", true));
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    host.shutdownNow();
    host.awaitTermination(1, TimeUnit.MINUTES);
    agent.host = "host-2";
    agent.taskQueue = null;
    agent.making = () -> tree("b");
    fixture.environment().sleep(Duration.ofHours(1));

    assertEquals("done", fixture.result(run).text());
    assertEquals("outlast/b", fixture.status(run).worktree().branch());
    assertEquals("/srv/trees/b/part", call(1).workspace());
    assertEquals(List.of(tree("b")), agent.releases);
    assertEquals(
        "to host host-2: onHostLost says so; its worktree stays on host host?-1: branch"
            + " outlast/?a (there: outlast worktrees)",
        fixture.events(run, RunEvent.Type.MOVED).get(0).text());
  }

  private static Worktree tree(String name) {
    String path = "/srv/trees/" + name;
    return new Worktree(path, path + "/part", "/srv/repo", "outlast/" + name, "abc");
  }

  @Test
  void a_host_that_does_not_make_the_worktree_is_waited_for_visibly_like_any_other() {
    agent.does(agent.completes("done"));
    agent.making = () -> tree("a");

    WorkflowStub run = fixture.start(Map.of("prompt", "fix the build", "worktree", true));
    awaitLost(run);
    assertTrue(agent.makings.isEmpty());
    fixture.startHost(QUEUE);

    assertEquals("done", fixture.result(run).text());
    assertEquals(1, agent.makings.size());
    assertEquals(1, fixture.events(run, RunEvent.Type.HOST_BACK).size());
  }

  @Test
  void a_run_that_no_other_host_can_take_goes_on_waiting_and_says_why() {
    agent.does(agent.completes("done"));

    WorkflowStub run = fixture.start(Map.of("prompt", "fix the build", "onHostLost", "move"));
    fixture.awaitStatus(run, s -> !agent.selections.isEmpty());
    agent.refusal =
        ApplicationFailure.newNonRetryableFailure(
            ErrorCode.UNKNOWN_AGENT.message("agent: 'claude' is unknown"),
            ErrorCode.UNKNOWN_AGENT.code());
    awaitLost(run);
    while (agent.selections.size() < 3) {
      fixture.environment().sleep(Duration.ofSeconds(1));
    }
    assertEquals(WaitsFor.HOST, fixture.status(run).waitsFor());
    List<RunEvent> failed = fixture.events(run, RunEvent.Type.MOVE_FAILED);
    assertEquals(1, failed.size(), "it is told of once");
    assertTrue(failed.get(0).text().contains("OUT1002"), failed::toString);

    fixture.startHost(QUEUE);
    assertEquals("done", fixture.result(run).text());
  }

  @Test
  void a_run_whose_own_host_answers_keeps_its_session() {
    agent.does(agent.limitedFor(Duration.ofHours(1)), agent.completes("done"));
    WorkerFactory host = fixture.startHost(QUEUE);

    WorkflowStub run = fixture.start("fix the build");
    fixture.awaitStatus(run, s -> s.state() == AgentState.WAITING);
    host.shutdownNow();
    host.awaitTermination(1, TimeUnit.MINUTES);
    fixture.environment().sleep(Duration.ofHours(1));
    awaitLost(run);
    run.update(Names.UPDATE_MOVE, String.class, "it burnt down");
    fixture.awaitStatus(run, s -> s.state() == AgentState.RUNNING);
    fixture.startHost(QUEUE);

    fixture.result(run);
    assertEquals(SessionStart.RESUME, call(1).start());
    assertEquals(ScriptedAgent.CHOSEN, call(1).session());
    assertTrue(fixture.events(run, RunEvent.Type.MOVED).isEmpty());
  }

  @Test
  void what_an_attempt_has_told_is_not_lost_with_its_host() {
    agent.chosen = null;
    agent.does(givesBack(NAMED, true), agent.completes("done"));
    WorkerFactory host = fixture.startHost(QUEUE);
    leaves(host);

    WorkflowStub run = fixture.start("fix the build");
    awaitLost(run);
    assertEquals(NAMED, fixture.status(run).session());
    fixture.startHost(QUEUE);
    AgentRunResult result = fixture.result(run);

    assertEquals("done", result.text());
    assertEquals(1, result.invocations(), "it is the same invocation");
    assertEquals(SessionStart.RESUME, call(1).start());
    assertEquals(NAMED, call(1).session());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, call(1).message());
    assertNull(call(1).checkpoint(), "the agent itself has moved the mark");
  }

  @Test
  void a_prompt_of_which_it_is_not_known_whether_it_got_through_is_not_said_blindly_again() {
    agent.does(
        givesBack(ScriptedAgent.CHOSEN, false),
        call ->
            new AgentOutcome.Stopped(
                new InvocationFacts(null, false, null, false, null, 0, agent.now(), null, null),
                StopReason.SESSION_UNKNOWN,
                "no such session",
                null),
        agent.completes("done"));
    leaves(fixture.startHost(QUEUE));

    WorkflowStub run = fixture.start("fix the build");
    awaitLost(run);
    fixture.startHost(QUEUE);
    AgentRunResult result = fixture.result(run);

    assertEquals(SessionStart.RESUME, call(1).start());
    assertEquals(ScriptedAgent.CHOSEN, call(1).session());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, call(1).message());
    assertEquals(SessionStart.FRESH, call(2).start());
    assertNotEquals(ScriptedAgent.CHOSEN, call(2).session());
    assertEquals("fix the build", call(2).message());
    assertEquals(1, result.invocations());
    assertTrue(fixture.events(run, RunEvent.Type.SESSION_LOST).isEmpty(), "it never was there");
  }

  @Test
  void a_mark_is_compared_only_if_no_agent_of_the_run_itself_can_have_moved_it() {
    RunMemory memory =
        RunMemory.of(AgentRunRequest.newBuilder().setPrompt("fix the build").build());
    memory.invoked();
    memory.learn(
        new InvocationFacts(
            NAMED, true, null, true, null, 0, agent.now(), ScriptedAgent.checkpoint("m"), null),
        "go on");

    memory.invoked();
    Unanswered never = new Unanswered(Unanswered.Why.NOT_TAKEN, null);
    memory.unanswered(never, SessionStart.RESUME, "go on", null);
    assertEquals(ScriptedAgent.checkpoint("m"), memory.checkpoint());

    memory.invoked();
    Unanswered begun = new Unanswered(Unanswered.Why.NOT_TAKEN, progress(NAMED, false, null));
    memory.unanswered(begun, SessionStart.RESUME, "go on", null);
    assertNull(memory.checkpoint());
    assertEquals(1, memory.invocations());

    Checkpoint left = ScriptedAgent.checkpoint("n");
    InvocationProgress over = progress(NAMED, true, null).leaving(left);
    for (Unanswered.Why why :
        List.of(Unanswered.Why.GIVEN_BACK, Unanswered.Why.WORKER_LOST, Unanswered.Why.NOT_TAKEN)) {
      memory.invoked();
      memory.unanswered(new Unanswered(why, over), SessionStart.RESUME, "go on", null);
      assertEquals(
          why == Unanswered.Why.GIVEN_BACK ? left : null,
          memory.checkpoint(),
          "after its last word an agent of a lost worker may have gone on");
    }
  }

  @Test
  void an_invocation_that_no_host_has_taken_is_paused_and_cancelled_at_once() {
    WorkflowStub run = fixture.start("fix the build");
    fixture.environment().sleep(Duration.ofSeconds(5));
    Instant asked = fixture.now();
    run.signal(Names.SIGNAL_PAUSE, "wait");
    fixture.awaitStatus(run, s -> s.state() == AgentState.PAUSED);
    run.signal(Names.SIGNAL_UNPAUSE, "go on");
    RunStatus lost = awaitLost(run);
    assertEquals(ScriptedAgent.CHOSEN, lost.session());
    run.cancel();
    WorkflowException failed =
        assertThrows(WorkflowException.class, () -> run.getResult(AgentRunResult.class));

    assertTrue(failed.getCause() instanceof CanceledFailure, failed::toString);
    Duration took = Duration.between(asked, fixture.now());
    assertTrue(took.compareTo(Duration.ofMinutes(1)) < 0, () -> "it took " + took);
  }

  @Test
  void workers_that_give_an_invocation_back_cost_no_attempt_and_no_time() {
    int drains = 3 * AgentCalls.MAX_INVOCATION_ATTEMPTS;
    for (int i = 0; i < drains; i++) {
      agent.does(
          call -> {
            throw ApplicationFailure.newFailure(
                "the worker is going away",
                ErrorCode.DRAINED.code(),
                progress(call.session(), true, ItemKind.MESSAGE));
          });
    }
    agent.does(agent.completes("done"));
    fixture.startHost(QUEUE);

    WorkflowStub run = fixture.start("fix the build");
    AgentRunResult result = fixture.result(run);

    assertEquals("done", result.text());
    assertEquals(1, result.invocations());
    Duration each =
        Duration.between(agent.ledger().get(0).at(), agent.ledger().get(drains).at())
            .dividedBy(drains);
    assertTrue(each.compareTo(Duration.ofSeconds(8)) < 0, () -> "each took " + each);
    assertEquals(ScriptedAgent.RESUME_MESSAGE, call(drains).message());
    assertEquals(ScriptedAgent.CHOSEN, call(drains).session());
  }

  @Test
  void an_invocation_that_is_given_back_again_and_again_is_made_again_after_growing_pauses() {
    int idle = 9;
    for (int i = 0; i < idle; i++) {
      Duration takes = i == 4 ? RetryPauses.GIVEN_BACK_PAUSE.plusMillis(200) : Duration.ZERO;
      agent.does(givesBackWithNothingDone(takes));
    }
    agent.does(
        call -> {
          throw ApplicationFailure.newFailure(
              "the worker is going away",
              ErrorCode.DRAINED.code(),
              progress(call.session(), true, ItemKind.MESSAGE));
        },
        givesBackWithNothingDone(Duration.ZERO),
        agent.completes("done"));
    fixture.startHost(QUEUE);

    WorkflowStub run = fixture.start("fix the build");
    AgentRunResult result = fixture.result(run);

    assertEquals("done", result.text());
    assertEquals(1, result.invocations(), "it costs none");
    int[] seconds = {1, 2, 4, 8, 16, 32, 60, 60, 60, 1, 1};
    for (int i = 0; i < seconds.length; i++) {
      Duration gap = Duration.between(agent.ledger().get(i).at(), agent.ledger().get(i + 1).at());
      long least = seconds[i] * 1000L;
      String what = "pause " + i + ": " + gap;
      // What a busy machine takes for an invocation is in it too.
      assertTrue(gap.toMillis() >= least - 200 && gap.toMillis() < least + 12_000, what);
    }
    List<RunEvent> told = fixture.events(run, RunEvent.Type.DEFERRED);
    assertEquals(1, told.size(), told::toString);
    assertTrue(told.get(0).text().contains("3 times in a row"), told::toString);
  }

  @Test
  void workers_that_keep_dying_end_a_run_only_without_progress_and_after_a_bounded_number() {
    RunMemory memory =
        RunMemory.of(AgentRunRequest.newBuilder().setPrompt("fix the build").build());
    int bound = Invocations.MAX_FRUITLESS_INVOCATIONS;
    for (int i = 0; i < 10 * bound; i++) {
      Unanswered lost = Unanswered.of(workerLost(ItemKind.COMMAND_EXECUTION), false);
      assertEquals(Unanswered.Why.WORKER_LOST, lost.why());
      assertEquals(0, memory.workerLost(lost.progressed()), "it makes progress");
    }
    for (int i = 1; i <= bound; i++) {
      assertEquals(i, memory.workerLost(Unanswered.of(workerLost(null), false).progressed()));
    }
  }

  private RunStatus awaitLost(WorkflowStub run) {
    for (int i = 0; i < 90; i++) {
      RunStatus status = fixture.status(run);
      if (status.waitsFor() == WaitsFor.HOST) {
        assertEquals(AgentState.WAITING, status.state());
        return status;
      }
      fixture.environment().sleep(Duration.ofSeconds(1));
    }
    throw new AssertionError("never missed: " + fixture.status(run));
  }

  private AgentInvocation call(int number) {
    return agent.ledger().get(number).invocation();
  }

  private static InvocationProgress progress(SessionId session, boolean taken, ItemKind item) {
    return new InvocationProgress(
        InvocationProgress.Phase.WORKING, session, taken, null, item, null, "host-1", 7);
  }

  /** The worker goes away with what it knows of the agent. */
  private static Function<AgentInvocation, AgentOutcome> givesBack(
      SessionId session, boolean taken) {
    return call -> {
      throw ApplicationFailure.newFailure(
          "the worker is going away", ErrorCode.DRAINED.code(), progress(session, taken, null));
    };
  }

  /** Another attempt has its place, or its worker goes away before it starts anything. */
  private static Function<AgentInvocation, AgentOutcome> givesBackWithNothingDone(Duration takes) {
    return call -> {
      try {
        Thread.sleep(takes.toMillis());
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      throw ApplicationFailure.newFailure("given back", ErrorCode.DRAINED.code());
    };
  }

  /** Takes no invocation but the first. */
  private void leaves(WorkerFactory host) {
    agent.onInvoked = host::shutdown;
  }

  private static ActivityFailure workerLost(ItemKind item) {
    return new ActivityFailure(
        "heartbeat",
        1,
        2,
        "invokeAgent",
        "1",
        RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED,
        "worker",
        new TimeoutFailure(
            "heartbeat", progress(NAMED, true, item), TimeoutType.TIMEOUT_TYPE_HEARTBEAT));
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
