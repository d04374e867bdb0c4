package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.gate.OpenGates;
import dev.outlast.activities.handoff.SessionReport;
import dev.outlast.activities.workspace.TestRepository;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.HandoffRequest;
import dev.outlast.agent.HostSighting;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.TranscriptReference;
import dev.outlast.operator.ErrorCode;
import io.temporal.activity.ActivityOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Sessions of real calls handed off, as Temporal asks for it. */
@Timeout(180)
class HandOffTest {

  private static final SessionId SESSION = new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d");

  @TempDir Path folder;

  private final TestActivityEnvironment temporal = TestActivityEnvironment.newInstance();
  private AgentActivitiesImpl activities;
  private AgentActivities stub;
  private TestRepository repository;

  @AfterEach
  void close() {
    temporal.close();
  }

  private void agentThat(String body) throws IOException {
    repository = TestRepository.withCommit(folder);
    ScriptedAgent agent = new ScriptedAgent(folder, body);
    activities =
        new AgentActivitiesImpl(
            agent.host(),
            () -> true,
            host -> new HostSighting(Instant.EPOCH, Instant.EPOCH),
            new OpenGates());
    temporal.registerActivitiesImplementations(activities);
    stub =
        temporal.newActivityStub(
            AgentActivities.class,
            ActivityOptions.newBuilder()
                .setScheduleToCloseTimeout(Duration.ofMinutes(1))
                .setHeartbeatTimeout(Duration.ofSeconds(10))
                .build());
  }

  private TranscriptReference limited() {
    return facts().transcript();
  }

  private InvocationFacts facts() {
    AgentOutcome outcome =
        stub.invokeAgent(
            AgentInvocation.newBuilder(1, 1, "claude", SessionStart.FRESH, "mend it")
                .setAccount("work")
                .setSession(SESSION)
                .setResumeMessage("go on")
                .setInvocationTimeout(Duration.ofMinutes(1))
                .setSilenceTimeout(Duration.ofMinutes(1))
                .build());
    return assertInstanceOf(AgentOutcome.Limited.class, outcome).facts();
  }

  private String handOff(TranscriptReference transcript) {
    return handOff(transcript, repository.folder);
  }

  private String handOff(TranscriptReference transcript, Path workspace) {
    return stub.handOff(new HandoffRequest("claude", transcript, workspace.toString(), 1)).text();
  }

  @Test
  void a_session_that_was_limited_is_told_with_its_workspace() throws IOException {
    agentThat("init; say 'half of it is done'; echo two > file.txt; echo new > made.txt; limit 9");
    String told = handOff(limited());
    assertTrue(told.contains("| mend it\n"), told);
    assertTrue(told.contains("| half of it is done\n"), told);
    assertTrue(told.contains("a usage limit of its account stopped it"), told);
    assertTrue(told.contains("| branch: main\n"), told);
    assertTrue(told.contains("| commit: " + repository.head().substring(0, 12)), told);
    assertTrue(told.contains("|   made.txt\n"), told);
    assertTrue(told.contains("|   file.txt\n"), told);
  }

  @Test
  void a_run_is_told_how_large_its_session_is_and_where() throws IOException {
    agentThat("init; say hello; limit 9");
    assertEquals(3 + 4, facts().contextTokens());
    AgentSelection selection =
        new AgentSelection(null, null, null, folder.toString(), null, false, false);
    assertEquals(
        "claude:" + folder.toRealPath().resolve(".claude/projects") + "@host-1",
        stub.resolveAgent(selection).sessionsAt());
  }

  @Test
  void secrets_that_an_agent_has_put_into_file_names_are_not_told() throws IOException {
    agentThat("init; echo new > ghp_abcdefghijklmnopqrstuvwxyz0123456789; limit 9");
    String told = handOff(limited());
    assertFalse(told.contains("ghp_abcdefghij"), told);
    assertTrue(told.contains("[secret]"), told);
  }

  @Test
  void without_a_record_or_without_a_workspace_the_rest_is_told() throws IOException {
    agentThat("init; say 'half of it'; limit 9");
    TranscriptReference transcript = limited();
    String workspaceOnly = handOff(null);
    assertTrue(workspaceOnly.contains("Nothing of that session is on record"), workspaceOnly);
    assertTrue(workspaceOnly.contains("| branch: main"), workspaceOnly);
    assertEquals(
        workspaceOnly, handOff(new TranscriptReference("file", "another-host", transcript.key())));
    assertEquals(workspaceOnly, handOff(new TranscriptReference("file", "host-1", "../../etc")));
    String recordOnly = handOff(transcript, Path.of("/"));
    assertTrue(recordOnly.contains("| half of it"), recordOnly);
    assertFalse(recordOnly.contains("branch:"), recordOnly);
    assertEquals("", handOff(null, Path.of("/")));
  }

  @Test
  void a_record_that_cannot_be_read_is_tried_again_but_not_for_ever() throws IOException {
    agentThat("init; say 'half of it'; limit 9");
    TranscriptReference transcript = limited();
    Path session = folder.resolve("transcripts/claude").resolve(SESSION.value());
    Files.move(session, folder.resolve("aside"));
    Files.writeString(session, "no folder");
    ActivityFailure failure = assertThrows(ActivityFailure.class, () -> handOff(transcript));
    ApplicationFailure cause = assertInstanceOf(ApplicationFailure.class, failure.getCause());
    assertEquals(ErrorCode.NOT_STARTED.code(), cause.getType());
    assertFalse(cause.isNonRetryable());
    assertTrue(cause.getOriginalMessage().contains(transcript.key()), cause.getOriginalMessage());

    HandoffRequest request = new HandoffRequest("claude", transcript, folder.toString(), 1);
    assertThrows(
        ApplicationFailure.class,
        () -> activities.recorded(request, "run", AgentActivitiesImpl.MAX_HANDOFF_READS - 1));
    assertSame(
        SessionReport.UNRECORDED,
        activities.recorded(request, "run", AgentActivitiesImpl.MAX_HANDOFF_READS));
  }
}
