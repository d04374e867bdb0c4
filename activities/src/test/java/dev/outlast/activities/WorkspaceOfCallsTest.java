package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.gate.OpenGates;
import dev.outlast.activities.workspace.TestRepository;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.WorkspaceState;
import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import dev.outlast.operator.ErrorCode;
import io.temporal.activity.ActivityOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the activities make of the workspaces of agents, in real repositories. */
@Timeout(180)
class WorkspaceOfCallsTest {

  private static final SessionId SESSION = new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d");
  private static final String CHANGED = "the workspace has changed since you were stopped";

  @TempDir Path temporary;

  private final TestActivityEnvironment temporal = TestActivityEnvironment.newInstance();
  private ScriptedAgent agent;
  private TestRepository repository;
  private AgentActivities stub;

  @BeforeEach
  void setUp() throws IOException {
    agent = new ScriptedAgent(Files.createDirectories(temporary.resolve("agent")), "init; limit 9");
    repository = TestRepository.withCommit(temporary.resolve("repository"));
    repository.commit(".gitignore", "ledger\n");
    stub = stub(temporal, agent.host().environment());
  }

  private AgentActivities stub(TestActivityEnvironment server, Map<String, String> environment)
      throws IOException {
    AgentHost host = agent.host();
    AgentActivitiesImpl activities =
        new AgentActivitiesImpl(
            AgentHost.newBuilder(
                    host.hostId(),
                    Files.createDirectories(temporary.resolve("state")),
                    repository.folder)
                .setAgents(host.agents())
                .setWorkspaces(List.of(temporary))
                .setZone(host.zone())
                .setEnvironment(environment)
                .build(),
            () -> true,
            any -> null,
            new OpenGates());
    server.registerActivitiesImplementations(activities);
    return server.newActivityStub(
        AgentActivities.class,
        ActivityOptions.newBuilder()
            .setScheduleToCloseTimeout(Duration.ofMinutes(1))
            .setHeartbeatTimeout(Duration.ofSeconds(30))
            .build());
  }

  @AfterEach
  void close() {
    temporal.close();
  }

  private AgentOutcome.Limited call(SessionStart start, Checkpoint checkpoint) {
    return assertInstanceOf(
        AgentOutcome.Limited.class,
        stub.invokeAgent(invocation(start, repository.folder, checkpoint)));
  }

  private static AgentInvocation invocation(
      SessionStart start, Path workspace, Checkpoint checkpoint) {
    return AgentInvocation.newBuilder(1, 1, "claude", start, "the message")
        .setAccount("work")
        .setWorkspace(workspace.toString())
        .setSession(SESSION)
        .setResumeMessage("go on")
        .setInvocationTimeout(Duration.ofMinutes(1))
        .setSilenceTimeout(Duration.ofMinutes(1))
        .setCheckpoint(checkpoint)
        .build();
  }

  /** What the agent was told in its last call. */
  private String told() throws IOException {
    String ledger = Files.readString(repository.folder.resolve("ledger"));
    Files.delete(repository.folder.resolve("ledger"));
    return ledger;
  }

  private ApplicationFailure failure(Runnable call) {
    ActivityFailure failure = assertThrows(ActivityFailure.class, call::run);
    return assertInstanceOf(ApplicationFailure.class, failure.getCause());
  }

  @Test
  void how_the_agent_left_its_workspace_is_on_the_outcome() throws IOException {
    repository.write("new", "x");
    WorkspaceState left = call(SessionStart.FRESH, null).facts().checkpoint().workspace();
    assertEquals(repository.head(), left.head());
    assertEquals("main", left.branch());
    assertEquals(1, left.changed());
    assertNotNull(left.digest());
  }

  @Test
  void a_resumed_session_is_told_of_changes_if_there_are_any() throws IOException {
    Checkpoint left = call(SessionStart.FRESH, null).facts().checkpoint();
    assertFalse(told().contains(CHANGED));
    call(SessionStart.RESUME, left);
    assertFalse(told().contains(CHANGED));

    repository.commit("others.txt", "x");
    Checkpoint now = call(SessionStart.RESUME, left).facts().checkpoint();
    String told = told();
    assertTrue(told.contains("|the message\n\nNote: " + CHANGED), told);
    assertTrue(told.contains("(1 commit more). Files: \"others.txt\". "), told);
    assertEquals(repository.head(), now.workspace().head());

    // A fresh session knows of no earlier state, and where nothing was known nothing is told.
    call(SessionStart.FRESH, left);
    assertFalse(told().contains(CHANGED));
    call(SessionStart.RESUME, new Checkpoint(null, null));
    assertFalse(told().contains(CHANGED));
  }

  @Test
  void an_attempt_that_knows_that_the_message_was_taken_tells_nothing_again() throws IOException {
    Checkpoint left = call(SessionStart.FRESH, null).facts().checkpoint();
    told();
    repository.commit("others.txt", "x");
    for (boolean taken : new boolean[] {true, false}) {
      temporal.setHeartbeatDetails(
          new InvocationProgress(
              InvocationProgress.Phase.WORKING, SESSION, taken, null, null, null, "host-1", 0));
      call(SessionStart.RESUME, left);
      String told = told();
      assertEquals(!taken, told.contains(CHANGED), told);
      assertTrue(told.startsWith("resume|" + SESSION + (taken ? "|go on" : "|the message")), told);
    }
  }

  @Test
  void without_a_repository_nothing_is_known_and_nothing_told() throws IOException {
    Path plain = Files.createDirectories(temporary.resolve("plain")).toRealPath();
    Checkpoint left =
        assertInstanceOf(
                AgentOutcome.Limited.class,
                stub.invokeAgent(invocation(SessionStart.FRESH, plain, null)))
            .facts()
            .checkpoint();
    assertNull(left.workspace());
    Files.writeString(plain.resolve("new"), "x");
    stub.invokeAgent(invocation(SessionStart.RESUME, plain, left));
    assertFalse(Files.readString(plain.resolve("ledger")).contains(CHANGED));
  }

  @Test
  void no_agent_is_started_in_a_workspace_that_has_become_a_link() throws IOException {
    Path workspace = Files.createDirectories(temporary.resolve("workspace")).toRealPath();
    Files.delete(workspace);
    Files.createSymbolicLink(workspace, repository.folder);
    ApplicationFailure failure =
        failure(() -> stub.invokeAgent(invocation(SessionStart.RESUME, workspace, null)));
    assertEquals(ErrorCode.WORKSPACE.code(), failure.getType());
    assertTrue(failure.isNonRetryable());
    assertTrue(failure.getOriginalMessage().contains("has been replaced"), "" + failure);
    assertFalse(Files.exists(repository.folder.resolve("ledger")));
  }

  @Test
  void a_workspace_that_is_not_mounted_yet_is_waited_for() throws IOException {
    Path workspace = Files.createDirectories(temporary.resolve("disk")).toRealPath();
    Files.delete(workspace);
    ApplicationFailure failure =
        failure(() -> stub.invokeAgent(invocation(SessionStart.RESUME, workspace, null)));
    assertEquals(ErrorCode.NOT_STARTED.code(), failure.getType());
    assertTrue(
        failure.getOriginalMessage().contains("workspace: '" + workspace + "' does not exist any"),
        "" + failure);
    Files.createDirectory(workspace);
    assertInstanceOf(
        AgentOutcome.Limited.class,
        stub.invokeAgent(invocation(SessionStart.RESUME, workspace, null)));
  }

  @Test
  void a_worktree_that_cannot_be_made_at_the_moment_is_waited_for() throws IOException {
    Path records = temporary.resolve("state/worktree-records");
    Files.writeString(records, "in the way");
    ApplicationFailure failure = failure(() -> stub.makeWorktree(repository.folder.toString()));
    assertEquals(ErrorCode.NOT_STARTED.code(), failure.getType());
    assertTrue(failure.getOriginalMessage().contains("make room"), "" + failure);
    Files.delete(records);
    stub.makeWorktree(repository.folder.toString());
  }

  @Test
  void a_run_may_have_a_worktree_works_there_and_gives_it_back() throws IOException {
    ResolvedAgent resolved =
        stub.resolveAgent(new AgentSelection(null, null, null, null, null, false, true));
    assertNull(resolved.worktree());
    Worktree made = stub.makeWorktree(resolved.workspace());
    Path workspace = Path.of(made.workspace());
    assertEquals(made.path(), made.workspace());
    assertEquals(repository.folder.toString(), made.repository());
    assertEquals(repository.head(), made.base());
    AgentOutcome outcome = stub.invokeAgent(invocation(SessionStart.FRESH, workspace, null));
    assertTrue(Files.exists(workspace.resolve("ledger")));
    assertEquals(
        made.branch(),
        assertInstanceOf(AgentOutcome.Limited.class, outcome)
            .facts()
            .checkpoint()
            .workspace()
            .branch());
    // The ledger is ignored by git.
    assertEquals(new WorktreeEnd(false, 0, 0), stub.releaseWorktree(made));
    assertFalse(Files.exists(workspace));
  }

  @Test
  void a_worktree_that_takes_long_to_make_or_to_remove_is_told_to_live_meanwhile()
      throws IOException {
    Path bin = Files.createDirectories(temporary.resolve("bin"));
    Path heard = temporary.resolve("heard");
    Path waited = temporary.resolve("waited");
    Path slow =
        Files.writeString(
            bin.resolve("git"),
            """
            #!/bin/sh
            case " $* " in
              *" worktree add "*|*" worktree remove "*)
                until [ -e '%1$s' ]; do sleep 0.1; done
                echo heard >> '%2$s' ;;
            esac
            PATH='%3$s' exec git "$@"
            """
                .formatted(heard, waited, System.getenv("PATH")));
    assertTrue(slow.toFile().setExecutable(true));
    Map<String, String> environment = new HashMap<>(agent.host().environment());
    environment.put("PATH", bin + ":" + environment.get("PATH"));
    TestActivityEnvironment server = TestActivityEnvironment.newInstance();
    try {
      server.setActivityHeartbeatListener(Object.class, told -> ScriptedAgent.create(heard));
      AgentActivities host = stub(server, environment);
      Worktree made = host.makeWorktree(repository.folder.toString());
      Files.delete(waited);
      Files.delete(heard);
      assertEquals(new WorktreeEnd(false, 0, 0), host.releaseWorktree(made));
      assertTrue(Files.exists(waited), "the removal was not waited for");
    } finally {
      server.close();
    }
  }

  @Test
  void what_cannot_have_a_worktree_is_refused_with_its_reason() throws IOException {
    Path plain = Files.createDirectories(temporary.resolve("plain"));
    ApplicationFailure failure =
        failure(
            () ->
                stub.resolveAgent(
                    new AgentSelection(null, null, null, plain.toString(), null, false, true)));
    assertEquals(ErrorCode.WORKSPACE.code(), failure.getType());
    assertTrue(failure.isNonRetryable());
    assertTrue(failure.getOriginalMessage().contains("is in no git repository"), "" + failure);
    ApplicationFailure last =
        failure(
            () -> stub.resolveAgent(new AgentSelection(null, null, null, null, null, true, true)));
    assertEquals(ErrorCode.INVALID_REQUEST.code(), last.getType());
  }
}
