package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.transcript.TranscriptContext;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.InvocationProgress.Phase;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.ErrorCode;
import io.temporal.client.ActivityCanceledException;
import io.temporal.failure.ApplicationFailure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a call does about the habits that an agent's driver tells of. */
@Timeout(180)
class CallHabitsTest {

  private static final SessionId SESSION = new SessionId("s-1");
  private static final ResetTime RESET = ResetTime.exactly(Instant.parse("2030-01-01T00:00:00Z"));
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final Checkpoint STANDS = new Checkpoint(new SessionMark("as-it-stands"), null);

  @TempDir Path folder;

  private final ScriptedContext context = new ScriptedContext();
  private ScriptedAgent agent;
  private ScriptedDriver driver;
  private BooleanSupplier draining = () -> false;
  private BooleanSupplier drained = () -> false;
  private Duration silence = LONG;
  private InvocationProgress before;

  private void agentThat(String body) throws IOException {
    agent = new ScriptedAgent(folder, body);
    driver = new ScriptedDriver(agent);
  }

  /** Creates a file that the agent awaits as soon as the server has heard of something. */
  private void goesOnWhen(String file, Predicate<InvocationProgress> heard) {
    context.whenHeard(
        progress -> {
          if (heard.test(progress)) {
            agent.goOn(file);
          }
        });
  }

  private AgentOutcome make(SessionStart start, boolean taken) {
    return make(start, taken, null);
  }

  private AgentOutcome make(SessionStart start, boolean taken, Checkpoint left) {
    AgentHost host = agent.host();
    Call call =
        new Call(
            context.proxy(),
            new Lifeline(context.proxy()),
            new Call.Setting(
                host,
                agent.definition(),
                "work",
                driver,
                agent.script,
                agent.folder,
                ChildEnvironment.of(host, agent.definition(), null),
                new AgentVersions(),
                AgentRegistry.open(folder),
                new TranscriptContext("claude", null, "run-1", 1, 1, 1)),
            new Call.Bounds(LONG, silence, draining, drained),
            agent.claim(),
            session -> STANDS,
            before,
            Clock.systemUTC());
    return call.make(
        new AgentCall(start, SESSION, "task", null, agent.folder.toString()), taken, left);
  }

  private AgentOutcome fresh() {
    return make(SessionStart.FRESH, false);
  }

  private ApplicationFailure failure() {
    return assertThrows(ApplicationFailure.class, this::fresh);
  }

  private AgentOutcome.Limited limited() {
    return assertInstanceOf(AgentOutcome.Limited.class, fresh());
  }

  private static Conclusion.Limited limit(String rule, LimitScope scope, ResetTime reset) {
    return new Conclusion.Limited(basis(rule), scope, reset, UsageLimit.SetBy.WINDOW);
  }

  private static Conclusion.Basis basis(String rule) {
    return new Conclusion.Basis(rule, "words of the agent", "stderr");
  }

  private boolean agentIsGone() throws IOException {
    long pid = Long.parseLong(agent.ledger().get(0).split("\\|", -1)[3]);
    return ProcessHandle.of(pid).map(p -> !p.isAlive()).orElse(true);
  }

  @Test
  void the_host_is_made_ready_first_and_the_agent_gets_the_variables_that_it_needs()
      throws IOException {
    agentThat("echo \"$NEEDED\" > needed; init; say 'x'; result 'done'");
    driver.needed = Map.of("NEEDED", "settings.json");

    assertInstanceOf(AgentOutcome.Completed.class, fresh());

    assertEquals("settings.json", Files.readString(folder.resolve("needed")).strip());
    assertEquals("settings.json", driver.surroundings.environment().get("NEEDED"));
    assertEquals("Europe/Berlin", driver.surroundings.environment().get("TZ"));
  }

  @Test
  void an_agent_that_cannot_be_put_on_record_is_not_started_and_attempts_before_are_not_forgotten()
      throws IOException {
    agentThat("result 'done'");
    driver.beforeStart =
        () -> {
          try {
            Files.writeString(folder.resolve("agents"), "in the way");
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        };
    before =
        new InvocationProgress(
            InvocationProgress.Phase.WORKING, SESSION, true, null, null, null, "host-1", 7);

    ApplicationFailure failure = failure();

    assertEquals(ErrorCode.NOT_STARTED.code(), failure.getType());
    assertFalse(failure.isNonRetryable());
    assertEquals(before, failure.getDetails().get(InvocationProgress.class));
    String message = failure.getOriginalMessage();
    assertTrue(message.contains(folder.resolve("agents").toString()), message);
    assertTrue(message.contains("worker.state-dir (" + folder + ")"), message);
    assertEquals(List.of(), agent.ledger());
  }

  @Test
  void an_agent_whose_output_cannot_be_read_on_is_ended_and_not_quoted() throws IOException {
    agentThat("init; say x; echo '" + ScriptedDriver.BREAKS + "its words' >&2; exec sleep 600");
    ApplicationFailure failure = failure();
    assertEquals(ErrorCode.AGENT_CRASHED.code(), failure.getType());
    assertFalse(failure.isNonRetryable());
    String message = failure.getOriginalMessage();
    assertTrue(
        message.contains("StackOverflowError at " + ScriptedDriver.class.getName()), message);
    assertFalse(message.contains("its words"), message);
    assertTrue(agentIsGone());
  }

  @Test
  void a_host_that_cannot_be_made_ready_starts_no_agent_and_names_the_file() throws IOException {
    agentThat("result 'done'");
    driver.unready = new IOException("/state/settings.json: no space left on device");
    ApplicationFailure failure = failure();
    assertEquals(ErrorCode.NOT_STARTED.code(), failure.getType());
    assertFalse(failure.isNonRetryable(), "a disk may be emptied");
    assertTrue(failure.getOriginalMessage().contains("/state/settings.json"));

    assertNull(failure.getDetails().get(InvocationProgress.class), "nothing was started before");

    driver.unready = new AccessDeniedException("/state/settings.json");
    failure = failure();
    assertEquals(ErrorCode.EXECUTABLE.code(), failure.getType());
    assertTrue(failure.isNonRetryable());
    assertTrue(failure.getOriginalMessage().contains("/state/settings.json: permission denied"));
    assertEquals(List.of(), agent.ledger());
  }

  @Test
  void a_session_that_has_to_settle_is_not_touched_before_and_operators_see_it()
      throws IOException {
    agentThat("date +%s%N > at; init; say 'x'; result 'done'");
    driver.settles = Duration.ofMillis(1_500);
    Instant began = Instant.now();

    make(SessionStart.RESUME, false);

    long nanos = Long.parseLong(Files.readString(folder.resolve("at")).strip());
    Instant at = Instant.ofEpochSecond(0, nanos);
    assertFalse(at.isBefore(began.plus(driver.settles)), () -> began + " and " + at);
    List<Phase> phases = context.heartbeats().stream().map(InvocationProgress::phase).toList();
    assertEquals(List.of(Phase.STARTING, Phase.SETTLING), phases.subList(0, 2));
  }

  @Test
  void a_run_that_is_cancelled_while_its_session_settles_starts_no_agent() throws IOException {
    agentThat("result 'done'");
    driver.settles = AgentDriver.MAX_SETTLING;
    context.answers(3, new ActivityCanceledException());
    long began = System.nanoTime();

    AgentOutcome.Stopped stopped = assertInstanceOf(AgentOutcome.Stopped.class, fresh());

    assertEquals(StopReason.INTERRUPTED, stopped.reason());
    assertEquals(List.of(), agent.ledger());
    assertTrue(System.nanoTime() - began < driver.settles.toNanos());
  }

  @Test
  void a_worker_that_drains_while_a_session_settles_starts_no_agent() throws IOException {
    agentThat("result 'done'");
    driver.settles = AgentDriver.MAX_SETTLING;
    long began = System.nanoTime();
    draining = () -> System.nanoTime() - began > Duration.ofMillis(500).toNanos();

    assertEquals(ErrorCode.DRAINED.code(), failure().getType());
    assertEquals(List.of(), agent.ledger());
  }

  @Test
  void a_session_settles_for_no_longer_than_is_allowed() {
    Instant now = Instant.parse("2026-11-21T03:00:00Z");
    assertEquals(AgentDriver.MAX_SETTLING, Call.settling(now, now.plus(Duration.ofDays(1))));
    assertEquals(Duration.ofSeconds(7), Call.settling(now, now.plusSeconds(7)));
    assertEquals(Duration.ZERO, Call.settling(now, now.minusSeconds(7)));
  }

  @Test
  void an_agent_that_sits_out_a_limit_is_ended_and_was_limited_until_the_reset_it_announced()
      throws IOException {
    agentThat("init; echo '" + ScriptedDriver.SLEEPS + "' >&2; sleep 500");
    driver.conclusion = limit("gemini/retry", LimitScope.DAILY, RESET);
    long began = System.nanoTime();

    AgentOutcome.Limited limited = limited();

    assertTrue(System.nanoTime() - began < LONG.toNanos(), "it slept on");

    assertEquals(RESET, limited.limit().reset());
    assertEquals(LimitScope.DAILY, limited.limit().scope());
    assertTrue(agentIsGone());
  }

  @Test
  void an_agent_that_sits_out_a_limit_in_unknown_words_was_limited_nevertheless()
      throws IOException {
    agentThat("init; echo '" + ScriptedDriver.SLEEPS + "' >&2; sleep 500");
    driver.conclusion = new Conclusion.Failed(basis("exit-code"));

    AgentOutcome.Limited limited = limited();

    assertTrue(limited.limit().unrecognised());
    assertEquals("words of the agent", limited.limit().evidence().text());
    assertNull(limited.limit().reset());
    assertTrue(agentIsGone());
  }

  @Test
  void an_agent_that_fell_silent_on_what_looks_like_a_limit_was_limited() throws IOException {
    agentThat("init; sleep 500");
    silence = Duration.ofSeconds(1);
    driver.conclusion = limit(LimitEvidence.UNRECOGNISED, LimitScope.UNKNOWN, null);

    assertTrue(limited().limit().unrecognised());
  }

  @Test
  void what_looks_like_a_limit_proves_nothing_of_an_agent_that_was_ended_in_its_work()
      throws IOException {
    agentThat("init; sleep 500");
    drained = () -> Files.exists(folder.resolve("ledger"));
    driver.conclusion = limit(LimitEvidence.UNRECOGNISED, LimitScope.UNKNOWN, null);
    assertEquals(ErrorCode.DRAINED.code(), failure().getType());

    driver.conclusion = limit("text/limit", LimitScope.UNKNOWN, RESET);
    assertEquals(RESET, limited().limit().reset());
  }

  @Test
  void a_session_that_forgets_what_was_refused_was_never_opened_by_it() throws IOException {
    agentThat("init; limit 1893456000");
    driver.keepsRefusedPrompt = false;

    AgentOutcome.Limited first = limited();
    assertNull(first.facts().session());
    assertEquals(false, first.facts().taken());

    AgentOutcome.Limited resumed =
        assertInstanceOf(AgentOutcome.Limited.class, make(SessionStart.RESUME, false));
    assertEquals(SESSION, resumed.facts().session());
    assertEquals(false, resumed.facts().taken());

    AgentOutcome.Limited retried =
        assertInstanceOf(AgentOutcome.Limited.class, make(SessionStart.RESUME, true));
    assertEquals(true, retried.facts().taken(), "an earlier attempt got through");
  }

  @Test
  void a_session_that_forgets_what_was_refused_keeps_what_was_answered() throws IOException {
    agentThat("init; say 'working'; limit 1893456000");
    driver.keepsRefusedPrompt = false;

    AgentOutcome.Limited limited = limited();

    assertEquals(SESSION, limited.facts().session());
    assertEquals(true, limited.facts().taken());
    assertTrue(context.heartbeats().stream().anyMatch(InvocationProgress::taken));
  }

  @Test
  void the_next_attempt_is_told_that_a_throttled_session_was_never_opened() throws IOException {
    agentThat("init; error 'API Error: 529 Overloaded' 529");
    driver.keepsRefusedPrompt = false;

    ApplicationFailure failure = failure();

    assertEquals(ErrorCode.THROTTLED.code(), failure.getType());
    List<InvocationProgress> heartbeats = context.heartbeats();
    InvocationProgress last = heartbeats.get(heartbeats.size() - 1);
    assertNull(last.session());
    assertFalse(last.taken());
    assertEquals(SESSION, heartbeats.get(0).session());
    assertNull(failure.getDetails().get(InvocationProgress.class).session());
  }

  private Checkpoint toldAtLast() {
    List<InvocationProgress> heartbeats = context.heartbeats();
    return heartbeats.get(heartbeats.size() - 1).checkpoint();
  }

  @Test
  void the_next_attempt_is_told_how_the_agent_has_left_its_session_but_not_while_it_works()
      throws IOException {
    agentThat("init; say 'x'; sleep 1; exit 3");
    ApplicationFailure crashed = failure();
    assertEquals(STANDS, crashed.getDetails().get(InvocationProgress.class).checkpoint());
    assertEquals(STANDS, toldAtLast());

    agentThat("init; say 'x'; sleep 500");
    silence = Duration.ofSeconds(1);
    ApplicationFailure silent = failure();
    assertEquals(ErrorCode.TIMED_OUT.code(), silent.getType());
    assertEquals(STANDS, silent.getDetails().get(InvocationProgress.class).checkpoint());

    silence = LONG;
    drained = () -> true;
    ApplicationFailure ended = failure();
    assertEquals(ErrorCode.DRAINED.code(), ended.getType());
    assertEquals(STANDS, ended.getDetails().get(InvocationProgress.class).checkpoint());
    assertTrue(
        context.heartbeats().stream()
            .filter(told -> told.phase() == Phase.WORKING || told.phase() == Phase.STARTING)
            .allMatch(told -> told.checkpoint() == null),
        () -> context.heartbeats().toString());
  }

  @Test
  void an_attempt_that_starts_no_agent_passes_on_how_the_session_was_left() throws IOException {
    Checkpoint left = new Checkpoint(new SessionMark("as-it-was-left"), null);
    agentThat("result 'done'");
    driver.unready = new IOException("no space left on device");
    draining = () -> true;
    assertThrows(ApplicationFailure.class, () -> make(SessionStart.RESUME, false, left));
    assertEquals(List.of(), context.heartbeats(), "what is known is what was told before");

    driver.unready = null;
    ApplicationFailure failure =
        assertThrows(ApplicationFailure.class, () -> make(SessionStart.RESUME, false, left));
    assertEquals(left, failure.getDetails().get(InvocationProgress.class).checkpoint());
    assertEquals(left, toldAtLast());

    draining = () -> false;
    driver.beforeStart =
        () -> {
          try {
            Files.writeString(folder.resolve("agents"), "in the way of its record");
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        };
    failure = assertThrows(ApplicationFailure.class, () -> make(SessionStart.RESUME, false, left));
    assertEquals(ErrorCode.NOT_STARTED.code(), failure.getType());
    assertEquals(left, toldAtLast());
    assertEquals(List.of(), agent.ledger());
  }

  @Test
  void a_session_that_only_the_log_names_is_reported_at_once() throws IOException {
    agentThat("echo log:ses_1 >&2; awaits reported; exit 1");
    SessionId logged = new SessionId("ses_1");
    goesOnWhen("reported", told -> told.phase() == Phase.WORKING && logged.equals(told.session()));

    ApplicationFailure failure = failure();

    assertEquals(logged, failure.getDetails().get(InvocationProgress.class).session());
    assertTrue(
        context.heartbeats().stream()
            .anyMatch(p -> p.phase() == Phase.WORKING && logged.equals(p.session())),
        () -> context.heartbeats().toString());
  }

  @Test
  void what_the_conclusion_learns_is_told_also_of_an_agent_that_had_to_be_ended()
      throws IOException {
    agentThat("echo '" + ScriptedDriver.SLEEPS + "' >&2; sleep 500");
    driver.conclusion = limit("text/limit", LimitScope.SESSION, RESET);
    driver.learnt = new SessionId("ses_2");
    assertEquals(driver.learnt, limited().facts().session());

    agentThat("exit 1");
    driver.conclusion = limit("text/limit", LimitScope.SESSION, RESET);
    driver.learnt = new SessionId("ses_3");
    assertEquals(driver.learnt, limited().facts().session());
  }

  @Test
  void a_session_that_is_named_beside_an_unknown_one_does_not_take_its_place() throws IOException {
    agentThat("session=made-up; unknown");

    AgentOutcome.Stopped stopped =
        assertInstanceOf(AgentOutcome.Stopped.class, make(SessionStart.RESUME, false));

    assertEquals(StopReason.SESSION_UNKNOWN, stopped.reason());
    assertNull(stopped.facts().session());
    assertEquals(false, stopped.facts().taken());

    agentThat(
        "session=made-up; unknown() { echo '{\"type\":\"result\",\"subtype\":"
            + "\"error_during_execution\",\"is_error\":true,\"errors\":[\"Error: --resume requires a"
            + " valid session ID or session title. Provided value s-1 is not a UUID and does not match"
            + " any session title.\"],\"session_id\":\"made-up\"}'; exit 1; }; unknown");
    stopped = assertInstanceOf(AgentOutcome.Stopped.class, make(SessionStart.RESUME, false));
    assertEquals(StopReason.SESSION_UNKNOWN, stopped.reason());
    assertNull(stopped.facts().session());
    assertTrue(context.heartbeats().stream().noneMatch(InvocationProgress::taken));
  }

  @Test
  void a_fork_of_the_session_that_was_to_be_resumed_is_what_the_run_goes_on_with()
      throws IOException {
    agentThat("session=fork; init; say 'working'; limit 1893456000");

    AgentOutcome.Limited limited =
        assertInstanceOf(AgentOutcome.Limited.class, make(SessionStart.RESUME, false));

    assertEquals(new SessionId("fork"), limited.facts().session());
  }

  @Test
  void operators_see_what_the_agent_did_last() throws IOException {
    agentThat("init; say 'working'; awaits seen; result 'done'");
    goesOnWhen("seen", told -> told.lastItem() == ItemKind.MESSAGE);
    assertInstanceOf(AgentOutcome.Completed.class, fresh(), () -> "" + context.heartbeats());
  }

  @Test
  void the_program_is_asked_for_its_version_where_its_output_does_not_say_it() throws IOException {
    agentThat(
        "init; [ -e limited ] && { say 'x'; result 'done'; exit 0; };"
            + " touch limited; limit 1893456000");
    Path program = Files.writeString(folder.resolve("version"), "#!/bin/sh\necho 'agent 7.8.9'\n");
    assertTrue(program.toFile().setExecutable(true));
    Files.writeString(
        agent.script,
        "#!/bin/sh\n[ \"$1\" = --version ] && { echo asked >> asked; exec ./version; }\n"
            + Files.readString(agent.script));
    driver.versionArguments = List.of("--version");

    AgentOutcome.Limited limited = limited();
    assertEquals("7.8.9", limited.limit().evidence().agentVersion());
    assertEquals("7.8.9", limited.facts().agentVersion());
    assertInstanceOf(AgentOutcome.Completed.class, fresh());
    assertEquals(List.of("asked"), Files.readAllLines(folder.resolve("asked")), "no need to ask");
  }

  @Test
  void a_program_that_does_not_say_its_version_fails_no_call() throws IOException {
    agentThat("[ \"$mode\" = fresh ] && [ -z \"$prompt\" ] && exit 3; init; limit 1893456000");
    driver.versionArguments = List.of("--version");

    assertNull(limited().limit().evidence().agentVersion());
  }

  @Test
  void what_a_run_may_wait_for_nevertheless_comes_with_the_reason_to_stop() throws IOException {
    agentThat("exit 1");
    driver.conclusion = new Conclusion.Stopped(basis("text/plan"), StopReason.PLAN);
    AgentOutcome.Stopped plan = assertInstanceOf(AgentOutcome.Stopped.class, fresh());
    assertEquals("words of the agent", plan.limit().evidence().text());
    assertEquals("text/plan", plan.limit().evidence().rule());
    assertEquals(SESSION, plan.facts().session());

    driver.conclusion = new Conclusion.Stopped(basis("text/auth"), StopReason.AUTH);
    assertNull(assertInstanceOf(AgentOutcome.Stopped.class, fresh()).limit());

    driver.conclusion = limit("text/credit", LimitScope.CREDIT, null);
    assertTrue(limited().limit().endless());
  }

  @Test
  void a_failure_names_its_rule_and_the_agents_version() throws IOException {
    agentThat("init; error 'API Error: 529 Overloaded' 529");
    String throttled = failure().getOriginalMessage();
    assertTrue(throttled.contains("throttled agent 'claude' with account 'work'"), throttled);
    assertTrue(throttled.contains("(by rule "), throttled);
    assertTrue(throttled.endsWith("version 2.1.329)"), throttled);

    driver.conclusion = new Conclusion.Failed(basis("exit-code"));
    String failed = failure().getOriginalMessage();
    assertTrue(failed.contains("agent 'claude' failed: words of the agent"), failed);
    assertTrue(failed.endsWith("(by rule exit-code, version 2.1.329)"), failed);
  }

  @Test
  void no_agent_goes_where_a_link_leads_that_took_its_workspaces_place_in_the_last_moment()
      throws IOException {
    agent =
        new ScriptedAgent(
            Files.createDirectory(folder.resolve("workspace")), "init; result 'done'");
    driver = new ScriptedDriver(agent);
    Path elsewhere = agent.folder.resolveSibling("elsewhere");
    driver.meanwhile =
        () -> {
          try {
            Files.move(agent.folder, elsewhere);
            Files.createSymbolicLink(agent.folder, elsewhere);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        };
    ApplicationFailure failure = failure();
    assertEquals(ErrorCode.WORKSPACE.code(), failure.getType());
    assertTrue(failure.isNonRetryable());
    assertFalse(Files.exists(elsewhere.resolve("ledger")));
  }
}
