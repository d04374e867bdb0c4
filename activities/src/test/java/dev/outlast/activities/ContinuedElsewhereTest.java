package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.gate.OpenGates;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.WorkspaceState;
import io.temporal.activity.ActivityOptions;
import io.temporal.testing.TestActivityEnvironment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an invocation does about a session with which somebody has gone on since the last one. */
@Timeout(180)
class ContinuedElsewhereTest {

  private static final SessionId SESSION = new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d");

  @TempDir Path folder;

  private final TestActivityEnvironment temporal = TestActivityEnvironment.newInstance();
  private ScriptedAgent agent;
  private AgentActivities stub;

  @BeforeEach
  void anAgentThatKeepsItsSession() throws IOException {
    agent =
        new ScriptedAgent(
            folder,
            """
            mkdir -p .claude/projects/here
            file=.claude/projects/here/$session.jsonl
            echo '{"type":"user","uuid":"u-'$$'","message":{"content":"…"}}' >> $file
            init
            echo '{"type":"last-prompt","leafUuid":"u-1"}' >> $file
            case "$prompt" in
              limit*) limit 1893456000 ;;
              *) result done ;;
            esac
            """);
    temporal.registerActivitiesImplementations(
        new AgentActivitiesImpl(agent.host(), () -> true, host -> null, new OpenGates()));
    stub =
        temporal.newActivityStub(
            AgentActivities.class,
            ActivityOptions.newBuilder()
                .setScheduleToCloseTimeout(Duration.ofMinutes(2))
                .setHeartbeatTimeout(Duration.ofSeconds(5))
                .build());
  }

  @AfterEach
  void close() {
    temporal.close();
  }

  private AgentOutcome invoke(SessionStart start, String message, Checkpoint left) {
    return stub.invokeAgent(
        AgentInvocation.newBuilder(1, 1, "claude", start, message)
            .setAccount("work")
            .setSession(SESSION)
            .setResumeMessage("please go on")
            .setInvocationTimeout(Duration.ofMinutes(1))
            .setSilenceTimeout(Duration.ofMinutes(1))
            .setCheckpoint(left)
            .build());
  }

  private Path file() {
    return folder.resolve(".claude/projects/here/" + SESSION + ".jsonl");
  }

  private void person(String line) throws IOException {
    Files.writeString(file(), line + "\n", StandardOpenOption.APPEND);
  }

  private Checkpoint limited() {
    AgentOutcome.Limited limited =
        assertInstanceOf(AgentOutcome.Limited.class, invoke(SessionStart.FRESH, "limit me", null));
    return limited.facts().checkpoint();
  }

  @Test
  void every_outcome_says_how_the_session_was_left() throws IOException {
    Checkpoint limited = limited();
    AgentOutcome.Completed completed =
        assertInstanceOf(
            AgentOutcome.Completed.class, invoke(SessionStart.RESUME, "go on", limited));
    String file = Files.readString(file());
    assertTrue(file.contains("\"" + limited.session() + "\""), file);
    assertTrue(file.contains("\"" + completed.facts().checkpoint().session() + "\""), file);
    assertNotEquals(limited.session(), completed.facts().checkpoint().session());
  }

  @Test
  void a_session_that_nobody_touched_is_resumed() throws IOException {
    Checkpoint left = limited();
    person("{\"type\":\"cost-state\",\"uuid\":null}");
    assertInstanceOf(AgentOutcome.Completed.class, invoke(SessionStart.RESUME, "go on", left));
    assertEquals(2, agent.ledger().size());
  }

  @Test
  void a_session_that_a_person_has_gone_on_with_is_not_resumed_blindly() throws IOException {
    Checkpoint left = limited();
    person("{\"type\":\"user\",\"uuid\":\"of-a-person\",\"message\":{\"content\":\"hm\"}}");
    WorkspaceState workspace = new WorkspaceState("abc", "main", 0, null);
    AgentOutcome.Stopped stopped =
        assertInstanceOf(
            AgentOutcome.Stopped.class,
            invoke(SessionStart.RESUME, "go on", new Checkpoint(left.session(), workspace)));
    assertEquals(StopReason.CONTINUED_ELSEWHERE, stopped.reason());
    assertEquals(1, agent.ledger().size(), "nothing was started");
    assertEquals(SESSION, stopped.facts().session());
    assertEquals(false, stopped.facts().taken());
    assertTrue(stopped.message().contains(SESSION.value()), stopped.message());
    Checkpoint now = stopped.facts().checkpoint();
    assertEquals(new SessionMark("of-a-person"), now.session());
    assertEquals(workspace, now.workspace(), "what changed there has still to be told");

    assertInstanceOf(AgentOutcome.Completed.class, invoke(SessionStart.RESUME, "go on", now));
    assertEquals(2, agent.ledger().size(), "with the new checkpoint it is resumed");
  }

  @Test
  void without_a_checkpoint_or_without_a_mark_the_session_is_resumed() throws IOException {
    Checkpoint left = limited();
    person("{\"type\":\"user\",\"uuid\":\"of-a-person\",\"message\":{\"content\":\"hm\"}}");
    assertInstanceOf(AgentOutcome.Completed.class, invoke(SessionStart.RESUME, "go on", null));
    assertInstanceOf(
        AgentOutcome.Completed.class,
        invoke(SessionStart.RESUME, "go on", new Checkpoint(null, null)));
    Files.delete(file());
    assertInstanceOf(AgentOutcome.Completed.class, invoke(SessionStart.RESUME, "go on", left));
  }

  /** What moved the session then may be the words of that attempt's own agent. */
  @Test
  void a_retried_attempt_does_not_take_its_own_words_for_somebody_elses() throws IOException {
    Checkpoint left = limited();
    person("{\"type\":\"assistant\",\"uuid\":\"of-our-agent\"}");
    temporal.setHeartbeatDetails(
        new InvocationProgress(
            InvocationProgress.Phase.WORKING, SESSION, true, null, null, null, "host-1", 0));
    assertInstanceOf(AgentOutcome.Completed.class, invoke(SessionStart.RESUME, "go on", left));
    assertEquals("resume|" + SESSION + "|please go on", lastCall());
  }

  @Test
  void a_session_that_cannot_be_read_is_resumed_and_has_no_mark() throws IOException {
    Checkpoint left = limited();
    Files.delete(file());
    Files.createDirectories(file());
    AgentOutcome outcome = invoke(SessionStart.RESUME, "go on", left);
    assertNull(
        assertInstanceOf(AgentOutcome.Completed.class, outcome).facts().checkpoint().session());
  }

  private String lastCall() throws IOException {
    String line = agent.ledger().get(agent.ledger().size() - 1);
    return line.substring(0, line.lastIndexOf('|'));
  }
}
