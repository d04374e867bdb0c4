package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.claim.Answer;
import dev.outlast.activities.claim.Claim;
import dev.outlast.activities.claim.ClaimTable;
import dev.outlast.activities.claim.Claimant;
import dev.outlast.activities.claim.HeldClaim;
import dev.outlast.activities.gate.OpenGates;
import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentProcess;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.process.ProcessSpec;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.transcript.TranscriptContext;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.operator.ErrorCode;
import io.temporal.activity.ActivityOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Invocations beside other attempts and other runs, as Temporal calls them, with real agents. */
@Timeout(180)
class FencedInvocationTest {

  private static final SessionId SESSION = new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d");

  /** The run in whose name the test environment calls. */
  private static final String RUN = "test-workflow-id";

  private static final String NAMESPACE = "default";
  private static final long LONG_AGO = 1_000;

  @TempDir Path folder;

  private final TestActivityEnvironment temporal = TestActivityEnvironment.newInstance();
  private AgentRegistry registry;
  private ClaimTable claims;
  private ScriptedAgent agent;
  private AgentActivitiesImpl activities;
  private AgentActivities stub;

  @BeforeEach
  void open() {
    registry = AgentRegistry.open(folder);
    claims = ClaimTable.of(folder, registry, Clock.systemUTC());
  }

  @AfterEach
  void close() {
    temporal.close();
    registry.close();
  }

  private void agentThat(String body) throws IOException {
    agent = new ScriptedAgent(folder, body);
    activities = new AgentActivitiesImpl(agent.host(), () -> true, host -> null, new OpenGates());
    temporal.registerActivitiesImplementations(activities);
    stub =
        temporal.newActivityStub(
            AgentActivities.class,
            ActivityOptions.newBuilder()
                .setScheduleToCloseTimeout(Duration.ofMinutes(2))
                .setHeartbeatTimeout(Duration.ofSeconds(10))
                .build());
  }

  /** Later than what is invoked here, and not so late that the clock must be wrong. */
  private static long soon() {
    return System.currentTimeMillis() + 240_000;
  }

  private AgentOutcome invoke(SessionStart start) {
    return invoke(start, false);
  }

  private AgentOutcome invoke(SessionStart start, boolean stopsIfBusy) {
    return stub.invokeAgent(
        AgentInvocation.newBuilder(1, 1, "claude", start, "task")
            .setAccount("work")
            .setSession(SESSION)
            .setResumeMessage("go on")
            .setInvocationTimeout(Duration.ofMinutes(1))
            .setSilenceTimeout(Duration.ofMinutes(1))
            .setStopsIfBusy(stopsIfBusy)
            .build());
  }

  private static InvocationProgress limited(boolean taken) {
    return ToldLimit.until(Instant.ofEpochSecond(4_102_444_800L), SESSION, taken);
  }

  @Test
  void a_limit_of_the_attempt_before_is_reported_although_the_workspace_is_busy()
      throws IOException {
    agentThat("result 'done'");
    temporal.setHeartbeatDetails(limited(true));
    try (HeldClaim other = claim(attempt("nightly", LONG_AGO), null, folder)) {
      assertInstanceOf(AgentOutcome.Limited.class, invoke(SessionStart.FRESH));
      assertTrue(other.isOurs());
    }
  }

  @Test
  void no_agent_is_asked_before_the_reset_where_it_is_not_known_that_it_has_the_message()
      throws IOException {
    agentThat("result 'done'");
    temporal.setHeartbeatDetails(limited(false));
    ApplicationFailure free = failure();
    temporal.setHeartbeatDetails(limited(false));
    try (HeldClaim other = claim(attempt("nightly", LONG_AGO), null, folder)) {
      for (ApplicationFailure failure : List.of(free, failure())) {
        assertEquals(ErrorCode.DRAINED.code(), failure.getType());
        assertEquals(limited(false).limit().reset(), told(failure).limit().reset());
      }
      assertTrue(other.isOurs());
    }
    assertEquals(List.of(), agent.ledger());
  }

  private static InvocationProgress told(ApplicationFailure failure) {
    return failure.getDetails().get(InvocationProgress.class);
  }

  private ApplicationFailure failure() {
    ActivityFailure failure =
        assertThrows(ActivityFailure.class, () -> invoke(SessionStart.RESUME));
    return assertInstanceOf(ApplicationFailure.class, failure.getCause());
  }

  private static Claimant attempt(String run, long scheduledAt) {
    return new Claimant(NAMESPACE, new AgentOwner(run, "execution", "9", 1), 1, scheduledAt);
  }

  private HeldClaim claim(Claimant who, SessionId session, Path workspace) throws IOException {
    List<SessionId> sessions = session == null ? List.of() : List.of(session);
    Answer answer = claims.take(who, "claude", sessions, workspace.toRealPath(), true);
    return assertInstanceOf(Answer.Granted.class, answer).claim();
  }

  /** An agent that notes when it ends. */
  private AgentProcess agentOf(Claimant who) throws IOException {
    AgentProcess process =
        registry.start(
            new ProcessSpec(
                List.of(
                    "/bin/sh",
                    "-c",
                    "trap 'echo old-agent-ended >> ledger; exit' INT TERM; touch old; sleep 600 & wait"),
                folder,
                Map.of("PATH", System.getenv("PATH")),
                null),
            who.owner(),
            SESSION.value(),
            folder.toRealPath().toString(),
            line -> {},
            line -> {});
    process.release();
    return process;
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    for (int i = 0; i < 2_400 && !condition.getAsBoolean(); i++) {
      Thread.sleep(25);
    }
    assertTrue(condition.getAsBoolean(), "did not happen within a minute");
  }

  private static InvocationProgress before(boolean taken) {
    return new InvocationProgress(
        InvocationProgress.Phase.WORKING, SESSION, taken, null, null, null, "host-1", 0);
  }

  @Test
  void while_its_agent_works_a_run_has_session_and_workspace_for_itself()
      throws IOException, InterruptedException {
    agentThat("init; say 'x'; touch working; until [ -e go ]; do sleep 0.05; done; result 'done'");
    CompletableFuture<AgentOutcome> outcome =
        CompletableFuture.supplyAsync(() -> invoke(SessionStart.FRESH));
    await(() -> Files.exists(folder.resolve("working")));

    List<Claim> held = ClaimTable.held(folder);
    assertEquals(1, held.size());
    assertEquals(RUN, held.get(0).run());
    assertEquals(List.of(SESSION.value()), held.get(0).sessions());
    assertEquals(folder.toRealPath().toString(), held.get(0).workspace());
    Answer.Busy busy =
        assertInstanceOf(
            Answer.Busy.class,
            claims.take(
                attempt("other", LONG_AGO), "claude", List.of(), folder.toRealPath(), true));
    assertEquals(RUN, busy.run());

    Files.createFile(folder.resolve("go"));
    assertInstanceOf(AgentOutcome.Completed.class, outcome.join());
    assertEquals(List.of(), ClaimTable.held(folder));
  }

  @Test
  void a_claim_is_given_back_however_the_invocation_ends() throws IOException {
    agentThat("echo boom >&2; exit 3");
    assertEquals(ErrorCode.AGENT_CRASHED.code(), failure().getType());
    assertEquals(List.of(), ClaimTable.held(folder));
  }

  @Test
  void runs_of_two_servers_are_two_runs_though_all_their_names_are_the_same() throws IOException {
    agentThat("result 'done'");
    activities.serve("namespace-id-here");
    try (HeldClaim theirs = claim(attempt(RUN, LONG_AGO), null, folder)) {
      Deferred deferred = assertInstanceOf(Deferred.class, invoke(SessionStart.FRESH));
      assertEquals(RUN, deferred.holder());
      assertTrue(theirs.isOurs(), "taken over as if it was an earlier attempt's");
    }
    assertInstanceOf(AgentOutcome.Completed.class, invoke(SessionStart.FRESH));
  }

  @Test
  void an_invocation_in_a_busy_workspace_is_deferred_and_names_the_run() throws IOException {
    agentThat("result 'done'");
    HeldClaim other = claim(attempt("nightly", LONG_AGO), null, folder);

    Deferred deferred = assertInstanceOf(Deferred.class, invoke(SessionStart.FRESH));

    assertEquals(Deferred.Cause.WORKSPACE, deferred.cause());
    assertEquals("nightly", deferred.holder());
    assertEquals(Fence.ASK_AGAIN, Duration.between(deferred.observedAt(), deferred.until()));
    assertNull(deferred.facts());
    assertEquals(List.of(), agent.ledger());
    other.close();
    assertInstanceOf(AgentOutcome.Completed.class, invoke(SessionStart.FRESH));
  }

  @Test
  void a_free_workspace_is_kept_for_a_run_that_waits_and_not_for_one_that_stops()
      throws IOException {
    agentThat("result 'done'");
    try (HeldClaim other = claim(attempt("nightly", LONG_AGO), null, folder)) {
      assertInstanceOf(Deferred.class, invoke(SessionStart.FRESH, true));
      assertTrue(other.isOurs());
    }
    try (HeldClaim next = claim(attempt("weekly", LONG_AGO), null, folder)) {
      assertInstanceOf(Deferred.class, invoke(SessionStart.FRESH, false));
      assertTrue(next.isOurs());
    }
    Answer answer =
        claims.take(attempt("third", LONG_AGO), "claude", List.of(), folder.toRealPath(), true);
    assertEquals(RUN, assertInstanceOf(Answer.Busy.class, answer).run());
  }

  @Test
  void an_invocation_on_a_busy_session_is_deferred_and_names_the_run() throws IOException {
    agentThat("result 'done'");
    Path elsewhere = Files.createTempDirectory(folder.toRealPath().getParent(), "elsewhere");
    try (HeldClaim other = claim(attempt("nightly", LONG_AGO), SESSION, elsewhere)) {
      Deferred deferred = assertInstanceOf(Deferred.class, invoke(SessionStart.RESUME));
      assertEquals(Deferred.Cause.SESSION, deferred.cause());
      assertEquals("nightly", deferred.holder());
      assertEquals(List.of(), agent.ledger());
      assertTrue(other.isOurs());
    } finally {
      Files.delete(elsewhere);
    }
  }

  @Test
  void a_deferral_of_a_retry_tells_of_the_session_that_may_have_the_prompt() throws IOException {
    agentThat("result 'done'");
    temporal.setHeartbeatDetails(before(false));
    try (HeldClaim other = claim(attempt("nightly", LONG_AGO), null, folder)) {
      Deferred fresh = assertInstanceOf(Deferred.class, invoke(SessionStart.FRESH));
      assertEquals(SESSION, fresh.facts().session());
      assertEquals(true, fresh.facts().taken(), "sent again, it would be done twice");
      temporal.setHeartbeatDetails(before(false));
      Deferred resumed = assertInstanceOf(Deferred.class, invoke(SessionStart.RESUME));
      assertEquals(false, resumed.facts().taken(), "the session is there, without the message");
      temporal.setHeartbeatDetails(before(true));
      Deferred taken = assertInstanceOf(Deferred.class, invoke(SessionStart.RESUME));
      assertEquals(true, taken.facts().taken());
      assertTrue(other.isOurs());
    }
  }

  @Test
  void a_retry_ends_the_agent_of_the_attempt_before_and_only_then_starts_its_own()
      throws IOException, InterruptedException {
    agentThat("init; say 'x'; result 'done'");
    Claimant frozen = attempt(RUN, LONG_AGO);
    HeldClaim claim = claim(frozen, SESSION, folder);
    AgentProcess old = agentOf(frozen);
    await(() -> Files.exists(folder.resolve("old")));

    assertInstanceOf(AgentOutcome.Completed.class, invoke(SessionStart.RESUME));

    // It is seen to have ended a moment after it has.
    assertTrue(old.awaitExit(Duration.ofMinutes(1)));
    assertEquals(2, agent.ledger().size(), agent.ledger().toString());
    assertEquals("old-agent-ended", agent.ledger().get(0));
    assertFalse(claim.isOurs());
    old.end();
  }

  @Test
  void what_an_attempt_before_has_told_is_told_again_while_claims_are_waited_for()
      throws IOException, InterruptedException {
    agentThat("init; say 'x'; result 'done'");
    List<InvocationProgress> told = new CopyOnWriteArrayList<>();
    temporal.setHeartbeatDetails(before(true));
    claim(attempt("other", LONG_AGO), null, folder).close();
    try (FileChannel lock =
        FileChannel.open(folder.resolve("claims/lock"), StandardOpenOption.WRITE)) {
      assertTrue(lock.lock().isValid());
      temporal.setActivityHeartbeatListener(
          InvocationProgress.class,
          progress -> {
            told.add(progress);
            // At once, since claims are not waited for for long.
            close(lock);
          });
      assertInstanceOf(AgentOutcome.Completed.class, invoke(SessionStart.RESUME));
    }
    assertEquals(before(true), told.get(0), told::toString);
    assertEquals(1, agent.ledger().size(), agent.ledger().toString());
    assertEquals("resume|" + SESSION + "|go on", call(0));
  }

  private static void close(FileChannel lock) {
    try {
      lock.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String call(int number) throws IOException {
    String line = agent.ledger().get(number);
    return line.substring(0, line.lastIndexOf('|'));
  }

  @Test
  void an_attempt_that_the_server_has_given_up_starts_nothing() throws IOException {
    agentThat("result 'done'");
    try (HeldClaim newer = claim(attempt(RUN, soon()), SESSION, folder)) {
      ApplicationFailure failure = failure();
      assertEquals(ErrorCode.DRAINED.code(), failure.getType());
      assertFalse(failure.isNonRetryable());
      assertEquals(ApplicationErrorCategory.BENIGN, failure.getCategory());
      assertTrue(newer.isOurs());
    }
    assertEquals(ErrorCode.DRAINED.code(), failure().getType(), "also when the newer has ended");
    assertEquals(List.of(), agent.ledger());
  }

  @Test
  void an_attempt_that_is_overtaken_while_its_agent_works_reports_nothing()
      throws IOException, InterruptedException {
    // Asked to end, it says that it has completed.
    agentThat(
        "trap \"result 'done'; exit 0\" INT TERM; init; say 'x'; touch working; sleep 500 & wait");
    CompletableFuture<ApplicationFailure> failed = CompletableFuture.supplyAsync(this::failure);
    await(() -> Files.exists(folder.resolve("working")));

    HeldClaim newer = claim(attempt(RUN, soon()), SESSION, folder);

    long pid = Long.parseLong(agent.ledger().get(0).split("\\|", -1)[3]);
    // It counts as alive until this process has heard of its end; the newer one may start its own.
    await(() -> !ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false));
    ApplicationFailure failure = failed.join();
    assertEquals(ErrorCode.DRAINED.code(), failure.getType());
    assertTrue(failure.getMessage().contains("newer attempt"), failure.getMessage());
    assertTrue(newer.isOurs());
    newer.close();
  }

  @Test
  void an_attempt_that_loses_its_claim_unnoticed_ends_its_agent()
      throws IOException, InterruptedException {
    agentThat("init; say 'x'; touch working; sleep 500");
    CompletableFuture<ApplicationFailure> failed = CompletableFuture.supplyAsync(this::failure);
    await(() -> Files.exists(folder.resolve("working")));
    try (var files = Files.newDirectoryStream(folder.resolve("claims"), "*.json")) {
      for (Path file : files) {
        Files.delete(file);
      }
    }
    assertEquals(ErrorCode.DRAINED.code(), failed.join().getType());
  }

  @Test
  void an_agent_is_not_let_go_when_the_claim_was_lost_before() throws IOException {
    agent = new ScriptedAgent(folder, "result 'done'");
    activities = new AgentActivitiesImpl(agent.host(), () -> true, host -> null, new OpenGates());
    HeldClaim claim = agent.claim("run", 1);
    ScriptedDriver driver = new ScriptedDriver(agent);
    // The last step before the agent is started.
    driver.beforeStart = () -> agent.claim("run", 2);
    Call call =
        new Call(
            new ScriptedContext().proxy(),
            new Lifeline(new ScriptedContext().proxy()),
            new Call.Setting(
                agent.host(),
                agent.definition(),
                "work",
                driver,
                agent.script,
                agent.folder,
                ChildEnvironment.of(agent.host(), agent.definition(), null),
                new AgentVersions(),
                registry,
                new TranscriptContext("claude", null, "run", 1, 1, 1)),
            new Call.Bounds(Duration.ofMinutes(1), Duration.ofMinutes(1), () -> false, () -> false),
            claim,
            session -> null,
            null,
            Clock.systemUTC());
    AgentCall fresh =
        new AgentCall(SessionStart.FRESH, SESSION, "task", null, agent.folder.toString());
    ApplicationFailure failure =
        assertThrows(ApplicationFailure.class, () -> call.make(fresh, false));
    assertEquals(ErrorCode.DRAINED.code(), failure.getType());
    assertEquals(List.of(), agent.ledger());
    assertEquals(List.of(), registry.records());
  }

  @Test
  void an_agent_that_goes_on_with_another_runs_session_is_ended()
      throws IOException, InterruptedException {
    agentThat("session=named-otherwise; init; say 'x'; sleep 500");
    Path elsewhere = Files.createTempDirectory(folder.toRealPath().getParent(), "elsewhere");
    SessionId named = new SessionId("named-otherwise");
    try (HeldClaim other = claim(attempt("nightly", LONG_AGO), named, elsewhere)) {
      ApplicationFailure failure = failure();
      assertEquals(ErrorCode.DRAINED.code(), failure.getType());
      assertTrue(failure.getMessage().contains("nightly"), failure.getMessage());
      assertFalse(failure.isNonRetryable());
      assertTrue(other.isOurs());
    } finally {
      Files.delete(elsewhere);
    }
  }

  @Test
  void nothing_is_started_where_nothing_can_be_claimed() throws IOException {
    agentThat("result 'done'");
    Files.writeString(folder.resolve("claims"), "in the way");
    ApplicationFailure failure = failure();
    assertEquals(ErrorCode.NOT_STARTED.code(), failure.getType());
    assertFalse(failure.isNonRetryable());
    assertNull(failure.getDetails().get(InvocationProgress.class), "there was no attempt before");
    temporal.setHeartbeatDetails(before(true));
    assertEquals(before(true), failure().getDetails().get(InvocationProgress.class));
    assertTrue(
        failure.getMessage().contains(folder.resolve("claims").toString()), failure.getMessage());
    assertTrue(
        failure.getMessage().contains("worker.state-dir (" + folder + ")"), failure.getMessage());
    assertEquals(List.of(), agent.ledger());
  }
}
