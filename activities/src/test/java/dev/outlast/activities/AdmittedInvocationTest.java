package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.claim.HeldClaim;
import dev.outlast.activities.gate.GateNews;
import dev.outlast.activities.gate.Hours;
import dev.outlast.activities.gate.RecordingGates;
import dev.outlast.agent.AccountTurn;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Completed;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.AgentOutcome.Limited;
import dev.outlast.agent.AgentOutcome.Stopped;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateReport.Spent;
import dev.outlast.limit.GateSettings;
import dev.outlast.limit.GateWord;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import io.temporal.activity.ActivityOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How invocations with small scripted agents go through the gate of their account. */
@Timeout(180)
class AdmittedInvocationTest {

  private static final SessionId SESSION = new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d");
  private static final String RUN = "test-workflow-id";
  private static final long FAR = 4_102_444_800L;

  @TempDir Path folder;

  private final TestActivityEnvironment temporal = TestActivityEnvironment.newInstance();
  private final List<InvocationProgress> heartbeats = new CopyOnWriteArrayList<>();
  private final RecordingGates gates = new RecordingGates();
  private Clock clock = Clock.systemUTC();
  private Hours quiet = Hours.NONE;
  private Hours reserve = Hours.NONE;
  private AccountTurn turn = AccountTurn.DEFAULT;
  private String model;
  private ScriptedAgent agent;
  private AgentActivitiesImpl activities;
  private AgentActivities stub;

  @AfterEach
  void close() {
    temporal.close();
  }

  private void agentThat(String body) throws IOException {
    agent = new ScriptedAgent(folder, body);
    AccountDefinition account =
        new AccountDefinition(
            "work", "claude", Map.of(), Map.of(), new GateSettings(2, null, 0, 0, null), reserve);
    AgentHost host =
        agent.newHost(agent.definition(), Duration.ofMillis(500), account).setQuiet(quiet).build();
    activities = new AgentActivitiesImpl(host, () -> true, id -> null, gates, clock);
    temporal.registerActivitiesImplementations(activities);
    temporal.setActivityHeartbeatListener(InvocationProgress.class, heartbeats::add);
    stub =
        temporal.newActivityStub(
            AgentActivities.class,
            ActivityOptions.newBuilder()
                .setScheduleToCloseTimeout(Duration.ofMinutes(2))
                .setHeartbeatTimeout(Duration.ofMillis(500))
                .build());
  }

  private AgentOutcome invoke() {
    return stub.invokeAgent(
        AgentInvocation.newBuilder(1, 1, "claude", SessionStart.FRESH, "task")
            .setAccount("work")
            .setModel(model)
            .setSession(SESSION)
            .setResumeMessage("go on")
            .setInvocationTimeout(Duration.ofMinutes(1))
            .setSilenceTimeout(Duration.ofMinutes(1))
            .setAccountTurn(turn)
            .build());
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    for (int i = 0; i < 2_400 && !condition.getAsBoolean(); i++) {
      Thread.sleep(25);
    }
    assertTrue(condition.getAsBoolean(), "did not happen within a minute");
  }

  private void placeIsFree() {
    assertEquals(List.of(RUN), gates.left());
  }

  private static GateAnswer closed(boolean probe) {
    return RecordingGates.closed(Instant.now(), Duration.ofHours(2), probe, 7);
  }

  private static InvocationProgress lostAttempt(boolean taken, boolean limited) {
    UsageLimit limit =
        new UsageLimit(
            "claude",
            "work",
            LimitScope.SESSION,
            ResetTime.exactly(Instant.ofEpochSecond(FAR)),
            UsageLimit.SetBy.WINDOW,
            Instant.now(),
            new LimitEvidence("rule", null, "stderr", null, "UTC"),
            null);
    return new InvocationProgress(
        InvocationProgress.Phase.WORKING,
        SESSION,
        taken,
        null,
        null,
        null,
        "host-1",
        7,
        1,
        limited ? limit : null,
        null);
  }

  @Test
  void no_agent_is_started_while_the_gate_says_no() throws IOException {
    agentThat("result 'done'");
    gates.answer = closed(true);
    Deferred deferred = assertInstanceOf(Deferred.class, invoke());
    assertEquals(Deferred.Cause.ACCOUNT, deferred.cause());
    assertEquals(gates.answer.until(), deferred.until());
    assertEquals(new GateWord(true, Duration.ofMinutes(25), 7), deferred.gate());
    assertNull(deferred.facts());
    assertEquals(List.of(), agent.ledger());
    assertEquals(List.of(), gates.told);
  }

  @Test
  void a_deferred_attempt_after_a_lost_one_keeps_what_that_has_left_behind() throws IOException {
    agentThat("result 'done'");
    gates.answer = closed(false);
    temporal.setHeartbeatDetails(lostAttempt(true, false));
    Deferred deferred = assertInstanceOf(Deferred.class, invoke());
    assertEquals(SESSION, deferred.facts().session());
    assertTrue(deferred.facts().taken());
    assertEquals(List.of(), agent.ledger());
    placeIsFree();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void what_the_attempt_before_has_spent_is_told_only_if_it_was_lost(boolean lost)
      throws IOException {
    agentThat("result 'done'");
    gates.answer = closed(false);
    InvocationProgress before =
        new InvocationProgress(
            InvocationProgress.Phase.WORKING,
            SESSION,
            true,
            null,
            null,
            new TokenUsage(70, 0, 0, 0, 0),
            "host-1",
            7,
            1,
            null,
            null,
            0.25,
            null,
            null);
    temporal.setHeartbeatDetails(lost ? before : before.leaving(null));
    assertInstanceOf(Deferred.class, invoke());
    Spent told = gates.told.get(0).spent();
    assertEquals(lost, told != null);
    assertTrue(!lost || (told.costUsd() == 0.25 && told.tokens() == 70), () -> "" + told);
    placeIsFree();
  }

  @Test
  void an_agent_whose_gate_cannot_be_reached_is_started() throws IOException {
    agentThat("result 'done'");
    gates.answer = null;
    assertInstanceOf(Completed.class, invoke());
    placeIsFree();
  }

  @Test
  void an_agent_that_completes_is_a_pass_and_tells_what_it_cost() throws IOException {
    agentThat("init; say x; result 'done'");
    assertInstanceOf(Completed.class, invoke());
    assertTrue(!gates.passes().isEmpty());
    GateNews last = gates.told.get(gates.told.size() - 1);
    assertEquals(0.5, last.spent().costUsd());
    assertEquals(30, last.spent().tokens());
    assertEquals(1, last.spent().invocations());
    assertEquals(2, last.settings().maxAgents());
    placeIsFree();
  }

  @Test
  void the_pass_is_told_long_before_the_agent_ends()
      throws IOException, InterruptedException, ExecutionException {
    agentThat("init; say x; while [ ! -e on ]; do sleep 0.1; done; result 'done'");
    CompletableFuture<AgentOutcome> outcome = CompletableFuture.supplyAsync(this::invoke);
    await(() -> !gates.passes().isEmpty());
    assertTrue(gates.left().isEmpty());
    Files.createFile(agent.folder.resolve("on"));
    assertInstanceOf(Completed.class, outcome.get());
    placeIsFree();
  }

  @Test
  void what_the_agent_says_of_its_windows_is_told_before_it_has_answered()
      throws IOException, InterruptedException, ExecutionException {
    agentThat(
        """
        init
        echo '{"type":"rate_limit_event","rate_limit_info":{"status":"allowed","resetsAt":4102444800,"rateLimitType":"five_hour","isUsingOverage":false,"unifiedWindows":{"five_hour":{"utilization":0.42,"resetsAt":4102444800}}},"session_id":"'$session'"}'
        while [ ! -e on ]; do sleep 0.1; done
        result 'done'""");
    CompletableFuture<AgentOutcome> outcome = CompletableFuture.supplyAsync(this::invoke);
    await(() -> !gates.passes().isEmpty());
    assertTrue(gates.passes().get(0).said());
    assertEquals(0.42, gates.told.get(0).windows().get("five_hour").used());
    assertEquals(
        Instant.ofEpochSecond(FAR), gates.told.get(0).windows().get("five_hour").resetsAt());
    Files.createFile(agent.folder.resolve("on"));
    assertInstanceOf(Completed.class, outcome.get());
  }

  @Test
  void the_server_hears_that_an_agent_lives_whose_gate_does_not_answer()
      throws IOException, InterruptedException, ExecutionException {
    gates.deaf = new CountDownLatch(1);
    agentThat("init; say x; while [ ! -e on ]; do sleep 0.1; done; result 'done'");
    CompletableFuture<AgentOutcome> outcome = CompletableFuture.supplyAsync(this::invoke);
    await(() -> !heartbeats.isEmpty());
    // The first one tells of the start, this one of an agent that was seen at work for a while.
    int before = heartbeats.size();
    await(() -> heartbeats.size() >= before + 2);
    gates.deaf.countDown();
    Files.createFile(agent.folder.resolve("on"));
    assertInstanceOf(Completed.class, outcome.get());
  }

  @Test
  void a_limit_is_told_and_answered_with_what_the_gate_says() throws IOException {
    agentThat("init; limit " + FAR);
    gates.word = closed(false);
    Limited limited = assertInstanceOf(Limited.class, invoke());
    assertEquals(new GateWord(false, limited.gate().grace(), 7), limited.gate());
    assertTrue(limited.gate().grace().compareTo(Duration.ofMinutes(25)) >= 0);
    assertEquals(Instant.ofEpochSecond(FAR), gates.hits().get(0).reset());
    assertEquals(RUN, gates.hits().get(0).waiter().run());
    assertEquals(List.of(), gates.passes());
    placeIsFree();
  }

  @Test
  void the_model_that_was_asked_for_is_the_one_that_a_limit_closes() throws IOException {
    model = "opus";
    agentThat("init; say x; limit " + FAR);
    assertInstanceOf(Limited.class, invoke());
    assertEquals("opus", gates.asked.get(0).waiter().model());
    assertEquals("opus", gates.hits().get(0).waiter().model());
  }

  @Test
  void a_limit_that_a_lost_attempt_could_not_report_is_told() throws IOException {
    agentThat("result 'done'");
    gates.word = closed(false);
    temporal.setHeartbeatDetails(lostAttempt(true, true));
    Limited limited = assertInstanceOf(Limited.class, invoke());
    assertEquals(7, limited.gate().version());
    assertEquals(Instant.ofEpochSecond(FAR), gates.hits().get(0).reset());
    assertEquals(List.of(), gates.asked);
    assertEquals(List.of(), agent.ledger());
    placeIsFree();
  }

  @Test
  void a_limit_is_told_also_where_the_run_cannot_be_told() throws IOException {
    agentThat("result 'done'");
    temporal.setHeartbeatDetails(lostAttempt(false, true));
    assertThrows(ActivityFailure.class, this::invoke);
    assertEquals(Instant.ofEpochSecond(FAR), gates.hits().get(0).reset());
    assertEquals(List.of(), agent.ledger());
    placeIsFree();
  }

  @Test
  void a_place_is_free_after_a_stop() throws IOException {
    agentThat("init; error 'Invalid API key · Please run /login' 401");
    assertInstanceOf(Stopped.class, invoke());
    placeIsFree();
  }

  @Test
  void a_place_is_free_after_a_crash() throws IOException {
    agentThat("init; say x; exit 3");
    assertThrows(ActivityFailure.class, this::invoke);
    placeIsFree();
    assertEquals(7, gates.told.get(gates.told.size() - 1).spent().tokens());
  }

  @Test
  void a_place_is_free_after_the_run_was_cancelled()
      throws IOException, InterruptedException, ExecutionException {
    agentThat("init; say x; sleep 500");
    CompletableFuture<AgentOutcome> outcome = CompletableFuture.supplyAsync(this::invoke);
    await(() -> !gates.passes().isEmpty());
    temporal.requestCancelActivity();
    assertInstanceOf(Stopped.class, outcome.get());
    placeIsFree();
  }

  @Test
  void a_place_is_free_after_the_worker_has_drained()
      throws IOException, InterruptedException, ExecutionException {
    agentThat("init; say x; sleep 500");
    CompletableFuture<AgentOutcome> outcome = CompletableFuture.supplyAsync(this::invoke);
    await(() -> !gates.passes().isEmpty());
    activities.drain();
    assertInstanceOf(
        ActivityFailure.class,
        assertThrows(ExecutionException.class, () -> outcome.get(1, TimeUnit.MINUTES)).getCause());
    placeIsFree();
  }

  @Test
  void a_place_is_free_after_an_agent_could_not_be_started() throws IOException {
    agentThat("result 'done'");
    gates.whileAsked =
        () -> assertTrue(agent.script.toFile().setExecutable(false), "made unusable");
    assertThrows(ActivityFailure.class, this::invoke);
    assertEquals(1, gates.asked.size());
    assertEquals(List.of(), agent.ledger());
    placeIsFree();
  }

  @Test
  void a_run_whose_workspace_is_busy_takes_no_place_and_keeps_no_other_from_trying()
      throws IOException {
    agentThat("result 'done'");
    HeldClaim other = agent.claim("nightly", 1_000);
    try (other) {
      Deferred deferred = assertInstanceOf(Deferred.class, invoke());
      assertEquals(Deferred.Cause.WORKSPACE, deferred.cause());
    }
    assertEquals(List.of(), gates.asked);
    assertEquals(List.of(), gates.told);
    assertInstanceOf(Completed.class, invoke());
  }

  @Test
  void no_agent_is_started_in_quiet_hours_and_none_of_low_priority_in_reserved_ones()
      throws IOException {
    clock = Clock.fixed(Instant.parse("2026-10-25T01:30:00Z"), ZoneId.of("UTC"));
    quiet = Hours.of(List.of("Sun 02:00-03:00"));
    reserve = Hours.of(List.of("Sun 00:00-12:00"));
    turn = new AccountTurn(2, null, 0, false, false, false);
    agentThat("result 'done'");
    Deferred deferred = assertInstanceOf(Deferred.class, invoke());
    assertEquals(Instant.parse("2026-10-25T02:00:00Z"), deferred.until());
    assertEquals(Instant.parse("2026-10-25T01:30:00Z"), deferred.observedAt());
    turn = new AccountTurn(3, null, 0, false, false, false);
    deferred = assertInstanceOf(Deferred.class, invoke());
    assertEquals(Instant.parse("2026-10-25T11:00:00Z"), deferred.until());
    assertEquals(List.of(), agent.ledger());
    turn = new AccountTurn(5, null, 0, false, true, false);
    assertInstanceOf(Completed.class, invoke());
    assertEquals(List.of(), gates.asked);
  }
}
