package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.gate.OpenGates;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.HostSighting;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.ErrorCode;
import io.temporal.activity.ActivityOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationErrorCategory;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The activities with small scripted agents, as Temporal calls them. */
@Timeout(180)
class AgentActivitiesTest {

  private static final SessionId SESSION = new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d");
  private static final String RESUME_MESSAGE = "please go on";
  private static final Duration DRAIN_GRACE = Duration.ofSeconds(6);

  /** So long that an agent on a busy host gets to its work meanwhile. */
  private static final Duration SHORT = Duration.ofSeconds(8);

  private static final Map<String, HostSighting> SIGHTINGS =
      Map.of(
          "host-2",
          new HostSighting(
              Instant.parse("2026-11-21T03:00:00Z"), Instant.parse("2026-11-21T03:00:40Z")));

  @TempDir Path folder;

  private final TestActivityEnvironment temporal = TestActivityEnvironment.newInstance();
  private final List<InvocationProgress> heartbeats = new CopyOnWriteArrayList<>();
  private ScriptedAgent agent;
  private AgentActivitiesImpl activities;
  private AgentActivities stub;

  @AfterEach
  void close() {
    temporal.close();
  }

  private void agentThat(String body, AccountDefinition... accounts) throws IOException {
    agent = new ScriptedAgent(folder, body);
    register(agent.host(accounts));
  }

  /** It has its drain grace for itself, so that what happens meanwhile can be seen. */
  private void agentThatIsGivenTime(String body) throws IOException {
    agent = new ScriptedAgent(folder, body);
    register(agent.host(agent.definition(), DRAIN_GRACE));
  }

  private void commandThat(AgentDefinition.Output output, String body) throws IOException {
    agent = new ScriptedAgent(folder, body);
    AgentDefinition command =
        AgentDefinition.newBuilder("claude", "command")
            .setCommand(List.of(agent.script.toString()))
            .setArgs(
                List.of(
                    "{fresh?--session-id {session}}", "{resume?--resume {session}}", "{prompt}"))
            .setEnv(List.of("PATH"))
            .setAccount("work")
            .setOutput(output)
            .build();
    register(agent.host(command, Duration.ofMillis(500)));
  }

  private void register(AgentHost host) {
    activities = new AgentActivitiesImpl(host, () -> true, SIGHTINGS::get, new OpenGates());
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

  private static AgentInvocation invocation(SessionStart start, String message) {
    return invocation(start, message, Duration.ofMinutes(1), Duration.ofMinutes(1));
  }

  private static AgentInvocation invocation(
      SessionStart start, String message, Duration longest, Duration silence) {
    return AgentInvocation.newBuilder(1, 1, "claude", start, message)
        .setAccount("work")
        .setSession(start == SessionStart.CONTINUE_LAST ? null : SESSION)
        .setResumeMessage(RESUME_MESSAGE)
        .setInvocationTimeout(longest)
        .setSilenceTimeout(silence)
        .build();
  }

  private AgentOutcome fresh(String message) {
    return stub.invokeAgent(invocation(SessionStart.FRESH, message));
  }

  private static InvocationProgress before(boolean taken) {
    return new InvocationProgress(
        InvocationProgress.Phase.WORKING, SESSION, taken, null, null, null, "host-1", 0);
  }

  private ApplicationFailure failure(Runnable call) {
    ActivityFailure failure = assertThrows(ActivityFailure.class, call::run);
    return assertInstanceOf(ApplicationFailure.class, failure.getCause());
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    for (int i = 0; i < 2_400 && !condition.getAsBoolean(); i++) {
      Thread.sleep(25);
    }
    assertTrue(condition.getAsBoolean(), "did not happen within a minute");
  }

  private boolean called() {
    try {
      return !agent.ledger().isEmpty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private boolean agentIsGone() throws IOException {
    long pid = Long.parseLong(agent.ledger().get(0).split("\\|", -1)[3]);
    return isGone(pid);
  }

  /** Also of an agent that may not have got as far as the ledger. */
  private static boolean agentIsGone(ApplicationFailure failure) {
    return isGone(failure.getDetails().get(InvocationProgress.class).pid());
  }

  private static boolean isGone(long pid) {
    assertTrue(pid > 1, "no agent was started");
    return ProcessHandle.of(pid).map(p -> !p.isAlive()).orElse(true);
  }

  @Test
  void a_fresh_call_uses_the_chosen_session_and_reports_the_answer() throws IOException {
    agentThat("init; say 'working'; result 'all done'");
    AgentOutcome.Completed done =
        assertInstanceOf(AgentOutcome.Completed.class, fresh("fix $(the) `build`; \"now\""));
    assertEquals("all done", done.text());
    assertEquals(SESSION, done.facts().session());
    assertEquals("2.1.329", done.facts().agentVersion());
    assertEquals(30, done.facts().tokens().total());
    assertEquals(0.5, done.facts().costUsd());
    assertTrue(done.facts().progressed());
    assertTrue(
        agent.ledger().get(0).startsWith("fresh|" + SESSION + "|fix $(the) `build`; \"now\"|"),
        agent.ledger().toString());
  }

  @Test
  void the_chosen_session_is_in_the_heartbeat_before_the_agent_starts()
      throws IOException, InterruptedException {
    agentThat("sleep 0.3; init; say 'working'; sleep 1; result 'done'");
    fresh("task");
    InvocationProgress first = heartbeats.get(0);
    assertEquals(SESSION, first.session());
    assertEquals(InvocationProgress.Phase.STARTING, first.phase());
    assertFalse(first.taken());
    assertTrue(heartbeats.stream().anyMatch(InvocationProgress::taken), heartbeats.toString());
  }

  @Test
  void a_usage_limit_is_an_outcome_with_its_reset_and_evidence() throws IOException {
    agentThat("init; limit 1795233500");
    AgentOutcome.Limited limited = assertInstanceOf(AgentOutcome.Limited.class, fresh("task"));
    assertEquals(LimitScope.SESSION, limited.limit().scope());
    assertEquals(ResetTime.exactly(Instant.ofEpochSecond(1_795_233_500)), limited.limit().reset());
    assertEquals("claude", limited.limit().provider());
    assertEquals("work", limited.limit().account());
    assertEquals("Europe/Berlin", limited.limit().evidence().zone());
    assertTrue(limited.limit().evidence().text().contains("1795233500"));
    assertFalse(limited.facts().progressed());
  }

  @Test
  void a_limit_says_when_the_agent_was_last_heard_however_long_its_end_took() throws IOException {
    agentThat("init; (limit 1795233500) || true; awaits heard; sleep 2; exit 1");
    temporal.setActivityHeartbeatListener(
        InvocationProgress.class,
        progress -> {
          if (progress.limit() != null) {
            agent.goOn("heard");
          }
        });
    UsageLimit limit = assertInstanceOf(AgentOutcome.Limited.class, fresh("task")).limit();
    assertTrue(
        !limit.heardAt().plusSeconds(1).isAfter(limit.observedAt()),
        () -> "heard at " + limit.heardAt() + ", ended at " + limit.observedAt());
  }

  @Test
  void a_command_is_known_by_the_session_that_was_chosen_for_it_once_it_has_met_its_limit()
      throws IOException {
    commandThat(AgentDefinition.Output.TEXT, "echo 'usage limit reached, resets 3pm' >&2; exit 1");
    AgentOutcome.Limited limited =
        assertInstanceOf(AgentOutcome.Limited.class, fresh("fix the build"));
    assertEquals(SESSION, limited.facts().session());
    assertTrue(limited.facts().taken());
  }

  @Test
  void a_session_named_with_the_last_words_is_reported_with_the_failure() throws IOException {
    commandThat(AgentDefinition.Output.JSON, "echo '{\"session_id\":\"own-1\"}'; exit 1");
    ApplicationFailure failure = failure(() -> fresh("fix the build"));
    InvocationProgress last = failure.getDetails().get(InvocationProgress.class);
    assertEquals("own-1", last.session().value());
    assertTrue(last.taken());
  }

  @Test
  void an_agent_that_was_interrupted_before_its_answer_has_not_completed() throws IOException {
    agentThat("init; say 'working'; exit 0");
    ApplicationFailure failure = failure(() -> fresh("fix the build"));
    assertEquals(ErrorCode.AGENT_CRASHED.code(), failure.getType());
  }

  @Test
  void an_agent_that_says_nothing_has_not_completed() throws IOException {
    agentThat("exit 0");
    ApplicationFailure failure = failure(() -> fresh("fix the build"));
    assertEquals(ErrorCode.AGENT_CRASHED.code(), failure.getType());
  }

  @Test
  void a_resume_names_the_session() throws IOException {
    agentThat("init; say 'x'; result 'done'");
    stub.invokeAgent(invocation(SessionStart.RESUME, "go on then"));
    assertTrue(
        agent.ledger().get(0).startsWith("resume|" + SESSION + "|go on then|"),
        agent.ledger().toString());
  }

  @Test
  void a_retried_attempt_resumes_and_does_not_send_the_prompt_again() throws IOException {
    agentThat("init; say 'x'; result 'done'");
    temporal.setHeartbeatDetails(before(true));
    fresh("task");
    assertEquals(1, agent.ledger().size());
    assertTrue(
        agent.ledger().get(0).startsWith("resume|" + SESSION + "|" + RESUME_MESSAGE + "|"),
        agent.ledger().toString());
  }

  @Test
  void a_retried_resume_that_was_taken_does_not_send_its_message_again() throws IOException {
    agentThat("init; say 'x'; result 'done'");
    temporal.setHeartbeatDetails(before(true));
    stub.invokeAgent(invocation(SessionStart.RESUME, "the next prompt"));
    assertTrue(
        agent.ledger().get(0).startsWith("resume|" + SESSION + "|" + RESUME_MESSAGE + "|"),
        agent.ledger().toString());
  }

  @Test
  void a_prompt_that_was_taken_is_never_sent_to_a_second_session() throws IOException {
    agentThat("[ $mode = resume ] && unknown; init; say 'x'; result 'done'");
    temporal.setHeartbeatDetails(before(true));
    assertInstanceOf(AgentOutcome.Stopped.class, fresh("task"));
    assertEquals(1, agent.ledger().size(), agent.ledger().toString());
  }

  @Test
  void the_last_session_of_a_folder_is_resumed_by_id_once_it_is_known() throws IOException {
    agentThat("init; say 'x'; result 'done'");
    stub.invokeAgent(invocation(SessionStart.CONTINUE_LAST, "go on"));
    temporal.setHeartbeatDetails(before(true));
    stub.invokeAgent(invocation(SessionStart.CONTINUE_LAST, "go on"));
    assertTrue(agent.ledger().get(0).startsWith("last|of-last-time|go on|"));
    assertTrue(
        agent.ledger().get(1).startsWith("resume|" + SESSION + "|" + RESUME_MESSAGE + "|"),
        agent.ledger().toString());
  }

  @Test
  void a_retried_attempt_whose_session_never_came_to_be_starts_it_with_the_prompt()
      throws IOException {
    agentThat("[ $mode = resume ] && unknown; init; say 'x'; result 'done'");
    temporal.setHeartbeatDetails(before(false));
    assertInstanceOf(AgentOutcome.Completed.class, fresh("task"));
    assertEquals(2, agent.ledger().size(), agent.ledger().toString());
    assertTrue(agent.ledger().get(0).startsWith("resume|" + SESSION + "|" + RESUME_MESSAGE + "|"));
    String[] again = agent.ledger().get(1).split("\\|", -1);
    assertEquals(List.of("fresh", "task"), List.of(again[0], again[2]));
    assertFalse(again[1].equals(SESSION.value()) || again[1].isEmpty(), "an id that is not taken");
  }

  @Test
  void a_retried_resume_that_was_not_taken_sends_its_message_again() throws IOException {
    agentThat("init; say 'x'; result 'done'");
    temporal.setHeartbeatDetails(before(false));
    stub.invokeAgent(invocation(SessionStart.RESUME, "the next prompt"));
    assertTrue(
        agent.ledger().get(0).startsWith("resume|" + SESSION + "|the next prompt|"),
        agent.ledger().toString());
  }

  @Test
  void an_unknown_session_is_said_to_be_unknown() throws IOException {
    agentThat("unknown");
    AgentOutcome.Stopped stopped =
        assertInstanceOf(
            AgentOutcome.Stopped.class, stub.invokeAgent(invocation(SessionStart.RESUME, "go on")));
    assertEquals(StopReason.SESSION_UNKNOWN, stopped.reason());
    assertTrue(stopped.message().contains("(by rule "), stopped.message());
    assertEquals(1, agent.ledger().size());
  }

  @Test
  void cancelling_ends_the_agent_and_keeps_its_session() throws IOException, InterruptedException {
    agentThat("init; say 'x'; sleep 500 & sleep 500");
    CompletableFuture<AgentOutcome> outcome = CompletableFuture.supplyAsync(() -> fresh("task"));
    await(this::called);
    temporal.requestCancelActivity();
    AgentOutcome.Stopped stopped = assertInstanceOf(AgentOutcome.Stopped.class, outcome.join());
    assertEquals(StopReason.INTERRUPTED, stopped.reason());
    assertEquals(SESSION, stopped.facts().session());
    assertTrue(agentIsGone());
  }

  @Test
  void cancelling_an_agent_that_has_met_its_limit_keeps_the_limit()
      throws IOException, InterruptedException {
    agentThat("init; (limit 4102444800) || true; touch told; sleep 500");
    CompletableFuture<AgentOutcome> outcome = CompletableFuture.supplyAsync(() -> fresh("task"));
    await(() -> Files.exists(folder.resolve("told")));
    temporal.requestCancelActivity();
    AgentOutcome.Limited limited = assertInstanceOf(AgentOutcome.Limited.class, outcome.join());
    assertEquals(ResetTime.exactly(Instant.ofEpochSecond(4_102_444_800L)), limited.limit().reset());
    assertEquals(SESSION, limited.facts().session());
    assertTrue(agentIsGone());
  }

  @Test
  void draining_ends_the_agent_after_its_grace_so_that_it_is_retried()
      throws IOException, InterruptedException {
    agentThatIsGivenTime("init; say 'x'; sleep 500");
    CompletableFuture<ApplicationFailure> failed =
        CompletableFuture.supplyAsync(() -> failure(() -> fresh("task")));
    await(this::called);
    long began = System.nanoTime();
    activities.drain();
    assertFalse(agentIsGone(), "drain returns at once");
    ApplicationFailure failure = failed.join();
    assertEquals(ErrorCode.DRAINED.code(), failure.getType());
    assertFalse(failure.isNonRetryable());
    assertEquals(ApplicationErrorCategory.BENIGN, failure.getCategory());
    assertTrue(System.nanoTime() - began >= DRAIN_GRACE.toNanos(), "the drain grace was kept");
    assertTrue(agentIsGone());
  }

  @Test
  void a_host_is_seen_as_the_server_says() throws IOException {
    agentThat("result 'done'");
    assertEquals(SIGHTINGS.get("host-2"), stub.seeHost("host-2"));
  }

  @Test
  void a_draining_worker_starts_no_agent() throws IOException {
    agentThat("result 'done'");
    activities.drain();
    assertEquals(ErrorCode.DRAINED.code(), failure(() -> fresh("task")).getType());
    assertEquals(List.of(), agent.ledger());
  }

  @Test
  void an_agent_that_takes_too_long_is_ended_and_retried() throws IOException {
    agentThat("init; while :; do say 'x'; sleep 0.1; done");
    ApplicationFailure failure =
        failure(
            () ->
                stub.invokeAgent(
                    invocation(
                        SessionStart.FRESH, "t", Duration.ofSeconds(1), Duration.ofMinutes(1))));
    assertEquals(ErrorCode.TIMED_OUT.code(), failure.getType());
    assertFalse(failure.isNonRetryable());
    assertTrue(agentIsGone(failure));
  }

  @Test
  void an_agent_that_is_silent_for_too_long_is_ended_and_retried() throws IOException {
    agentThat("init; sleep 500");
    ApplicationFailure failure =
        failure(
            () ->
                stub.invokeAgent(
                    invocation(
                        SessionStart.FRESH, "t", Duration.ofMinutes(1), Duration.ofSeconds(1))));
    assertEquals(ErrorCode.TIMED_OUT.code(), failure.getType());
    assertTrue(failure.getMessage().contains("silenceTimeout"), failure.getMessage());
    assertTrue(agentIsGone(failure));
  }

  @Test
  void an_agent_that_reports_its_limit_and_hangs_was_limited() throws IOException {
    agentThat("init; (limit 1795233500); sleep 500");
    AgentOutcome outcome =
        stub.invokeAgent(invocation(SessionStart.FRESH, "t", Duration.ofMinutes(1), SHORT));
    assertInstanceOf(AgentOutcome.Limited.class, outcome);
  }

  @Test
  void a_crash_is_retried_and_quotes_no_secret_and_no_control_character() throws IOException {
    agentThat(
        "printf 'boom \\033[31m%s\\033[0m\\n' \"$MY_KEY\" >&2; exit 3",
        new AccountDefinition("work", "claude", Map.of(), Map.of("MY_KEY", "env:WORK_KEY")));
    ApplicationFailure failure = failure(() -> fresh("task"));
    assertEquals(ErrorCode.AGENT_CRASHED.code(), failure.getType());
    assertFalse(failure.isNonRetryable());
    assertTrue(failure.getMessage().contains("boom [secret]"), failure.getMessage());
  }

  @Test
  void the_pause_after_a_crash_grows_from_two_seconds_to_five_minutes() throws IOException {
    agentThat("exit 3");
    ApplicationFailure crashed = failure(() -> fresh("task"));
    assertEquals(Duration.ofSeconds(2), crashed.getNextRetryDelay());

    int[] seconds = {2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
    for (int attempt = 1; attempt <= seconds.length; attempt++) {
      ApplicationFailure failure = ApplicationFailure.newFailure("exit 3", "OUT3001");
      assertEquals(
          Duration.ofSeconds(seconds[attempt - 1]),
          Failures.paced(failure, attempt).getNextRetryDelay(),
          "after attempt " + attempt);
    }
  }

  @Test
  void a_throttle_is_retried_after_a_pause() throws IOException {
    agentThat("init; error 'API Error: 529 Overloaded' 529");
    ApplicationFailure failure = failure(() -> fresh("task"));
    assertEquals(ErrorCode.THROTTLED.code(), failure.getType());
    assertEquals(CallReport.THROTTLE_PAUSE, failure.getNextRetryDelay());
  }

  @Test
  void a_missing_secret_names_its_reference() throws IOException {
    agentThat(
        "result 'done'",
        new AccountDefinition("work", "claude", Map.of(), Map.of("MY_KEY", "env:NOT_THERE")));
    ApplicationFailure atOnce =
        failure(
            () ->
                stub.resolveAgent(
                    new AgentSelection("claude", null, null, null, null, false, false)));
    assertTrue(atOnce.isNonRetryable());
    assertTrue(atOnce.getMessage().contains("env:NOT_THERE"), atOnce.getMessage());
    waitsFor("env:NOT_THERE");
  }

  @Test
  void a_program_that_is_being_replaced_is_waited_for() throws IOException {
    agentThat("result 'done'");
    Path away = Files.move(agent.script, folder.resolve("agent.old"));
    waitsFor("'" + agent.script + "' does not exist; install it on the worker's host");
    Files.move(away, agent.script);
    assertInstanceOf(AgentOutcome.Completed.class, fresh("task"));
  }

  /** Nothing is started, and what an attempt before has done is not forgotten. */
  private void waitsFor(String missing) throws IOException {
    temporal.setHeartbeatDetails(before(true));
    ApplicationFailure failure =
        failure(() -> stub.invokeAgent(invocation(SessionStart.RESUME, "task")));
    temporal.setHeartbeatDetails(null);
    assertEquals(ErrorCode.NOT_STARTED.code(), failure.getType());
    assertTrue(failure.getMessage().contains(missing), failure.getMessage());
    assertEquals(before(true), failure.getDetails().get(InvocationProgress.class));
    assertEquals(List.of(), agent.ledger());
  }

  @Test
  void the_agent_sees_only_what_is_allowed() throws IOException {
    Path secret = Files.writeString(folder.resolve("key"), "from-a-file\nsecond line\n");
    agentThat(
        "env | cut -d= -f1 | sort | tr '\\n' ' ' > names; echo \"$TZ $PLAIN $SECRET\" > values;"
            + " result 'done'",
        new AccountDefinition(
            "work", "claude", Map.of("PLAIN", "yes"), Map.of("SECRET", "file:" + secret)));
    fresh("task");
    List<String> names = List.of(Files.readString(folder.resolve("names")).strip().split(" "));
    for (String name : names) {
      assertTrue(
          List.of(
                  "PATH",
                  "HOME",
                  "TZ",
                  "PLAIN",
                  "SECRET",
                  AgentRegistry.MARK,
                  "PWD",
                  "OLDPWD",
                  "SHLVL",
                  "_")
              .contains(name),
          names.toString());
    }
    assertEquals(
        "Europe/Berlin yes from-a-file", Files.readString(folder.resolve("values")).strip());
  }

  @Test
  void a_long_answer_is_cut_between_two_characters() throws IOException {
    agentThat("result \"$(yes '日本語€' | head -n 20000 | tr -d '\\n')\"");
    AgentOutcome.Completed done = assertInstanceOf(AgentOutcome.Completed.class, fresh("task"));
    int bytes = done.text().getBytes(StandardCharsets.UTF_8).length;
    assertTrue(bytes <= AgentOutcome.MAX_TEXT_BYTES && bytes > AgentOutcome.MAX_TEXT_BYTES - 4);
    assertFalse(done.text().contains("\ufffd"));
  }

  @Test
  void a_prompt_that_looks_like_an_option_goes_through_standard_input() throws IOException {
    agentThat("cat > stdin; result 'done'");
    fresh("--dangerously-skip-permissions");
    assertEquals("--dangerously-skip-permissions", Files.readString(folder.resolve("stdin")));
  }

  @Test
  void resolving_chooses_a_session_and_this_hosts_queue() throws IOException {
    agentThat("result 'done'");
    ResolvedAgent resolved =
        stub.resolveAgent(new AgentSelection(null, null, null, null, null, false, false));
    assertEquals("claude", resolved.agent());
    assertEquals("work", resolved.account());
    assertNotNull(resolved.session());
    assertEquals(agent.folder.toString(), resolved.workspace());
    assertEquals("outlast@host-1", resolved.taskQueue());
    assertTrue(resolved.searchAttributes());
    ResolvedAgent last =
        stub.resolveAgent(new AgentSelection(null, null, null, null, null, true, false));
    assertNull(last.session());
  }

  @Test
  void what_cannot_be_resolved_says_what_can() throws IOException {
    agentThat("result 'done'", new AccountDefinition("codex-one", "codex", Map.of(), Map.of()));
    Files.createSymbolicLink(folder.resolve("way-out"), Path.of("/tmp"));
    Files.writeString(folder.resolve("file"), "");
    wrong(ErrorCode.UNKNOWN_AGENT, "has claude", "nobody", null, null);
    wrong(ErrorCode.UNKNOWN_ACCOUNT, "may use work", null, "nowhere", null);
    wrong(ErrorCode.UNKNOWN_ACCOUNT, "provider codex", null, "codex-one", null);
    wrong(ErrorCode.WORKSPACE, "does not exist", null, null, "missing");
    wrong(ErrorCode.WORKSPACE, "is not a folder", null, null, "file");
    wrong(ErrorCode.WORKSPACE, "outside", null, null, "/");
    wrong(ErrorCode.WORKSPACE, "outside", null, null, "way-out");
    wrong(ErrorCode.WORKSPACE, "outside", null, null, "../..");
    assertTrue(agent.script.toFile().setExecutable(false));
    wrong(ErrorCode.EXECUTABLE, "not executable", null, null, null);
    Files.delete(agent.script);
    wrong(ErrorCode.EXECUTABLE, "does not exist", null, null, null);
  }

  private void wrong(
      ErrorCode code, String part, String agentName, String account, String workspace) {
    ApplicationFailure failure =
        failure(
            () ->
                stub.resolveAgent(
                    new AgentSelection(agentName, account, null, workspace, null, false, false)));
    assertEquals(code.code(), failure.getType(), failure.getMessage());
    assertTrue(failure.isNonRetryable());
    assertTrue(failure.getMessage().contains(part), failure.getMessage());
  }
}
