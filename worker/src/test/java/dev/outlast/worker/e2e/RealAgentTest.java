package dev.outlast.worker.e2e;

import static dev.outlast.worker.e2e.LoopbackModelApi.command;
import static dev.outlast.worker.e2e.LoopbackModelApi.limit;
import static dev.outlast.worker.e2e.LoopbackModelApi.text;
import static dev.outlast.worker.e2e.LoopbackModelApi.throttle;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.SessionId;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunResult;
import dev.outlast.run.Incident;
import dev.outlast.run.RunEvent;
import dev.outlast.worker.e2e.AgentMatrix.Stage;
import dev.outlast.worker.e2e.LoopbackModelApi.Inference;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.testserver.TestServer;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What every real agent does at the usage limits of a model API on the loopback, with a worker and
 * a server of its own: the real one where there is one. {@code OUTLAST_AGENTS} names the folder of
 * the executables; {@code .ci/run agents} installs them and runs this.
 */
@Tag("agents")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Execution(ExecutionMode.CONCURRENT)
abstract class RealAgentTest {

  /** How long a limit lasts: longer than an agent takes to end on a busy machine. */
  static final Duration LIMIT = Duration.ofSeconds(30);

  /** How long a run waits where it is told to. */
  private static final Duration CHANGED = Duration.ofSeconds(10);

  /** The agents sit out a shorter wait by themselves. */
  private static final Duration ANNOUNCED = Duration.ofMinutes(6);

  static final Duration PATIENCE = Duration.ofSeconds(180);
  private static final Path SHOWN = Path.of("target", "agents.txt");

  private static final String PROMPT = "Do the first half, then the second one.";
  private static final String TOOL_OUTPUT = "first-half-done";
  private static final String RESUME_MESSAGE = "The allowance is back. Please go on.";
  static final String ANSWER = "Both halves are done.";

  /** Each run has one of its own: nobody waits for what another test's run has met. */
  private static final List<String> ACCOUNTS =
      IntStream.range(0, 40).mapToObj(i -> "account-" + i).toList();

  private static final AgentMatrix MATRIX = new AgentMatrix();

  private final RealAgent agent;
  private int requests;
  private Path folder;
  @AutoClose LoopbackModelApi api;
  @AutoClose private Place place;
  @AutoClose Program worker;

  @AutoClose("shutdownNow")
  private WorkflowServiceStubs stubs;

  RealAgentTest(RealAgent agent) {
    this.agent = agent;
  }

  @BeforeAll
  void a_worker_has_the_agent(@TempDir Path empty) throws Exception {
    folder = empty;
    String installed = System.getenv("OUTLAST_AGENTS");
    assertNotNull(installed, "OUTLAST_AGENTS must name the folder of the agents' executables");
    Path executable = Path.of(installed).toAbsolutePath().resolve(agent.program());
    assertTrue(Files.isExecutable(executable), () -> "not an executable: " + executable);
    Path home = Files.createDirectories(folder.resolve("home"));
    MATRIX.version(agent, version(executable));
    api = new LoopbackModelApi(Clock.systemUTC());
    agent.prepare(home, api.baseUrl());
    place = Place.start(folder);
    worker =
        WorkerProcess.start(
            place.address(),
            folder,
            agent.configuration(executable, api.baseUrl(), ACCOUNTS),
            Map.of(
                "DUMMY_KEY",
                "a-dummy-key",
                // Some agents leave reports there.
                "TMPDIR",
                Files.createDirectories(folder.resolve("tmp")).toString()));
    stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder().setTarget(place.address()).build());
  }

  private String version(Path executable) throws Exception {
    Path log = Files.createTempFile(folder, "version", ".log");
    Map<String, String> environment =
        Map.of("PATH", System.getenv("PATH"), "HOME", folder.resolve("home").toString());
    try (Program program =
        Program.start(log, environment, List.of(executable.toString(), "--version"))) {
      int exit = program.exitCode();
      assertEquals(0, exit, () -> executable + " does not run here: " + program.output());
      return program.output();
    }
  }

  @AfterEach
  void no_agent_is_left() throws Exception {
    Await.until(
        Duration.ofMinutes(1),
        () -> worker.agents().isEmpty(),
        () -> worker.agents() + " are left; the worker says: " + worker.output());
  }

  @AfterAll
  void show_what_was_found() throws IOException {
    Files.writeString(SHOWN, MATRIX.toString());
  }

  @Execution(ExecutionMode.SAME_THREAD)
  @ParameterizedTest
  @MethodSource("walls")
  void a_limited_session_waits_durably_and_goes_on_where_it_was(Wall wall) throws Exception {
    api.script(
        command("echo " + TOOL_OUTPUT),
        limit(wall.refusal(), wall.endsAtShortLimits() ? LIMIT : ANNOUNCED),
        text(ANSWER));
    try (AgentCount count = new AgentCount(worker)) {
      AgentRun run = start(request().build());
      SessionId limitedSession = awaitWait(run);
      Incident incident = run.incidents().get(0);
      the_limit_was_understood(wall, incident);
      assertEquals(List.of(), worker.agents(), "an agent is kept over the wait");
      MATRIX.reached(
          wall,
          Stage.LIMIT,
          incident.limit().scope().word() + ": " + incident.limit().evidence().rule());
      Instant resumeAt = incident.resumeAt();
      if (!wall.endsAtShortLimits()) {
        api.endLimit();
        resumeAt = Instant.parse(run.changeResume(CHANGED.toSeconds() + "s"));
      }
      AgentRunResult result = result(run);

      MATRIX.reached(wall, Stage.WAIT, result.waitedSeconds() + " s");
      assertEquals(limitedSession, result.session(), "another session");
      the_session_went_on_with_all_it_knew(api.inferences(), resumeAt, result.session());
      MATRIX.reached(wall, Stage.RESUME, "same session");
      assertEquals(ANSWER, result.text());
      assertEquals(1, result.limitsHit());
      assertTrue(result.tokens().input() > 0, result.tokens()::toString);
      assertEquals(1, count.most().size(), () -> "at one time: " + count.most());
      MATRIX.reached(wall, Stage.COMPLETION, "answered, tokens in: " + result.tokens().input());
    }
  }

  private List<Wall> walls() {
    return Wall.allOf(agent);
  }

  private void the_limit_was_understood(Wall wall, Incident incident) {
    assertEquals(wall.scope(), incident.limit().scope(), () -> "incident: " + incident);
    LimitEvidence evidence = incident.limit().evidence();
    assertFalse(evidence.rule().isBlank(), () -> "no rule: " + evidence);
    assertFalse(evidence.text().isBlank(), () -> "no evidence: " + evidence);
    assertNotNull(evidence.agentVersion(), () -> "no version: " + evidence);
    assertTrue(
        MATRIX.version(wall.agent()).contains(evidence.agentVersion()),
        () -> evidence.agentVersion() + " is not " + MATRIX.version(wall.agent()));
    assertEquals(wall.namesReset(), incident.fromReset(), () -> "incident: " + incident);
    if (wall.namesReset()) {
      Duration off = Duration.between(api.reset(), incident.limit().reset().latest()).abs();
      assertTrue(
          off.compareTo(wall.exactTo()) <= 0,
          () -> incident.limit().reset() + " was announced as " + api.reset());
    }
  }

  private static void the_session_went_on_with_all_it_knew(
      List<Inference> inferences, Instant resumeAt, SessionId session) {
    Inference resumed = inferences.get(inferences.size() - 1);
    assertFalse(resumed.at().isBefore(resumeAt), () -> resumed.at() + " is before " + resumeAt);
    assertTrue(resumed.carries(PROMPT), () -> "the prompt is gone: " + resumed);
    assertTrue(resumed.carries(TOOL_OUTPUT), () -> "the tool result is gone: " + resumed);
    assertTrue(resumed.carries(RESUME_MESSAGE), () -> "no resume message: " + resumed);
    for (Inference inference : inferences) {
      assertTrue(
          inference.session() == null || inference.session().equals(session.value()),
          () -> "another session: " + inference);
      assertTrue(
          inference == resumed || inference.at().isBefore(resumeAt),
          () -> "the agent was started twice: " + inferences);
    }
  }

  @Execution(ExecutionMode.SAME_THREAD)
  @Test
  void a_prompt_that_is_refused_at_once_is_not_lost() throws Exception {
    Wall wall = Wall.of(agent);
    api.script(limit(wall.refusal(), ANNOUNCED), text(ANSWER));
    AgentRun run = start(request().build());
    awaitWait(run);
    api.endLimit();
    run.resumeNow("the allowance is back already");

    assertEquals(ANSWER, result(run).text());
    Inference last = api.inferences().get(api.inferences().size() - 1);
    assertEquals(
        1,
        last.texts().stream().filter(said -> said.contains(PROMPT)).count(),
        () -> "the prompt was not said once: " + last);
    assertFalse(events(run).contains(RunEvent.Type.SESSION_LOST), "it was known to be forgotten");
  }

  @Execution(ExecutionMode.SAME_THREAD)
  @Test
  void a_second_prompt_that_is_refused_is_answered_in_the_same_session() throws Exception {
    api.script(
        text("The first half is done."), limit(Wall.of(agent).refusal(), ANNOUNCED), text(ANSWER));
    AgentRun run = start(request().build());
    run.send("And now the second half?");
    SessionId limitedSession = awaitWait(run);
    api.endLimit();
    run.resumeNow("the allowance is back already");

    AgentRunResult result = result(run);
    assertEquals(ANSWER, result.text());
    assertEquals(limitedSession, result.session());
    Inference last = api.inferences().get(api.inferences().size() - 1);
    assertTrue(last.carries(PROMPT), () -> "the first turn is gone: " + last);
    assertTrue(last.carries("The first half is done."), () -> "its answer is gone: " + last);
    assertTrue(last.carries("And now the second half?"), () -> "the prompt is gone: " + last);
  }

  @Execution(ExecutionMode.SAME_THREAD)
  @Test
  void a_session_that_is_gone_after_the_wait_is_followed_by_a_fresh_one() throws Exception {
    api.script(
        command("echo " + TOOL_OUTPUT), limit(Wall.of(agent).refusal(), ANNOUNCED), text(ANSWER));
    AgentRun run = start(request().build());
    SessionId lost = awaitWait(run);
    delete(folder.resolve("home").resolve(agent.sessions()));
    api.endLimit();
    run.resumeNow("the allowance is back already");

    AgentRunResult result = result(run);
    assertEquals(ANSWER, result.text());
    assertNotEquals(lost, result.session());
    assertTrue(events(run).contains(RunEvent.Type.SESSION_LOST), "nobody was told");
    Inference last = api.inferences().get(api.inferences().size() - 1);
    assertTrue(last.carries(PROMPT), () -> "the fresh session does not know the task: " + last);
  }

  /** That a session is not taken for gone on with when it was not, each other wait here shows. */
  @Execution(ExecutionMode.SAME_THREAD)
  @Test
  void a_session_that_somebody_goes_on_with_in_the_wait_is_not_resumed_blindly() throws Exception {
    api.script(
        command("echo " + TOOL_OUTPUT),
        limit(Wall.of(agent).refusal(), ANNOUNCED),
        text("I have taken over."),
        text(ANSWER));
    AgentRun run = start(request().build());
    SessionId session = awaitWait(run);
    api.endLimit();
    AgentRun somebody =
        start(request().setSession(session).setPrompt("Let me have a look.").build());
    assertEquals("I have taken over.", result(somebody).text());
    int said = api.inferences().size();

    run.resumeNow("the allowance is back already");
    Await.until(
        PATIENCE,
        () -> run.status().state() == AgentState.PAUSED,
        () -> "it does not pause; events: " + run.events(0) + "\nworker: " + worker.output());
    assertEquals(said, api.inferences().size(), () -> "said more: " + api.inferences());

    run.unpause("I have seen it");
    AgentRunResult result = result(run);
    assertEquals(ANSWER, result.text());
    assertEquals(session, result.session());
    Inference last = api.inferences().get(api.inferences().size() - 1);
    assertTrue(last.carries("Let me have a look."), () -> "their turn is gone: " + last);
    assertTrue(last.carries(RESUME_MESSAGE), () -> "no resume message: " + last);
  }

  @Execution(ExecutionMode.SAME_THREAD)
  @Test
  void a_session_that_never_was_stops_the_run() {
    api.script(text(ANSWER));
    AgentRun run = start(request().setSession(new SessionId(agent.unknownSession())).build());

    WorkflowFailedException failed = assertThrows(WorkflowFailedException.class, () -> result(run));
    ApplicationFailure cause = (ApplicationFailure) failed.getCause();
    assertEquals(ErrorCode.AGENT_STOPPED.code(), cause.getType(), cause::toString);
    assertTrue(cause.getOriginalMessage().contains("session-unknown: "), cause::getOriginalMessage);
    assertEquals(List.of(), api.inferences());
  }

  @Execution(ExecutionMode.SAME_THREAD)
  @Test
  void a_short_rate_limit_is_no_usage_limit() throws Exception {
    api.script(throttle(), text(ANSWER));
    AgentRun run = start(request().build());

    AgentRunResult result = result(run);
    assertEquals(ANSWER, result.text());
    assertEquals(0, result.limitsHit(), () -> "incidents: " + run.incidents());
  }

  AgentRunRequest.Builder request() {
    return AgentRunRequest.newBuilder()
        .setAgent(agent.program())
        .setAccount(ACCOUNTS.get(requests++))
        .setPrompt(PROMPT)
        .setResumeMessage(RESUME_MESSAGE);
  }

  AgentRun start(AgentRunRequest request) {
    AgentRun run =
        WorkflowClient.newInstance(stubs)
            .newWorkflowStub(
                AgentRun.class,
                WorkflowOptions.newBuilder()
                    .setTaskQueue(Names.TASK_QUEUE)
                    .setWorkflowId(agent.program() + "-" + UUID.randomUUID())
                    .build());
    WorkflowClient.start(run::run, request);
    return run;
  }

  /** Returns the session when the run waits for the end of its first limit. */
  SessionId awaitWait(AgentRun run) throws InterruptedException {
    Await.until(
        PATIENCE,
        () -> run.status().state() == AgentState.WAITING,
        () -> "it does not wait; events: " + run.events(0) + "\nworker: " + worker.output());
    assertEquals(1, run.incidents().size(), () -> "incidents: " + run.incidents());
    assertNotNull(run.status().resumeAt(), "it waits for nothing");
    return run.status().session();
  }

  static AgentRunResult result(AgentRun run) throws Exception {
    return WorkflowStub.fromTyped(run)
        .getResult(PATIENCE.toSeconds(), TimeUnit.SECONDS, AgentRunResult.class);
  }

  private static List<RunEvent.Type> events(AgentRun run) {
    return run.events(0).stream().map(RunEvent::type).toList();
  }

  private static void delete(Path path) throws IOException {
    try (Stream<Path> files = Files.walk(path)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** A server that workers can reach: the real one, or else the one of temporal-testing. */
  private record Place(String address, Closeable server) implements Closeable {

    static Place start(Path folder) throws Exception {
      if (RealTemporal.available()) {
        RealTemporal temporal = RealTemporal.start(folder);
        return new Place(temporal.address(), temporal);
      }
      int port = RealTemporal.freePort();
      // Its clock must be the world's: the agents and their model APIs live there.
      return new Place("127.0.0.1:" + port, TestServer.createPortBoundServer(port, true));
    }

    @Override
    public void close() throws IOException {
      server.close();
    }
  }
}
