package dev.outlast.activities.provider.copilot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.CommandLine;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.TokenUsage;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;

class CopilotProviderTest {

  private static final Instant NOW = Instant.parse("2026-11-21T10:00:00Z");
  private static final SessionId SESSION = new SessionId("3f2b6c1e-0d4a-4e57-9a61-5b7f0c2d8e11");

  private static final String WALL =
      event(
          "session.error",
          "\"errorType\":\"rate_limit\",\"statusCode\":429,"
              + "\"message\":\"You've reached your weekly rate limit.\"");
  private static final String TURN = event("assistant.turn_start", "\"turnId\":\"1\"");
  private static final String ANSWER =
      event("assistant.message", "\"content\":\"Done.\",\"toolRequests\":[],\"outputTokens\":7");

  private static AgentDefinition agent(String permissionMode, String sandbox) {
    return AgentDefinition.newBuilder("mine", "copilot")
        .setCommand(List.of("copilot", "--log-level", "none"))
        .setPermissionMode(permissionMode)
        .setSandbox(sandbox)
        .setArgs(List.of("--autopilot"))
        .build();
  }

  private static AgentDriver driver() {
    return new CopilotProvider().driver(agent("allow-all-tools", null));
  }

  private static String event(String type, String data) {
    return "{\"type\":\"" + type + "\",\"data\":{" + data + "}}";
  }

  private static OutputReader reader() {
    return driver().reader(Surroundings.recorded(ZoneOffset.UTC));
  }

  private static void stdout(OutputReader reader, String... lines) {
    for (String line : lines) {
      reader.stdout(new OutputLine(line.getBytes(StandardCharsets.UTF_8), false), NOW);
    }
  }

  @Test
  void is_called_with_the_message_on_standard_input() {
    CommandLine fresh =
        driver()
            .commandLine(
                new AgentCall(SessionStart.FRESH, SESSION, "--do \"it\"\n", "gpt-5", "/w"));
    assertEquals(
        List.of(
            "--log-level",
            "none",
            "--output-format",
            "json",
            "--no-ask-user",
            "--session-id",
            SESSION.value(),
            "--allow-all-tools",
            "--model",
            "gpt-5",
            "--autopilot"),
        fresh.arguments());
    assertEquals("--do \"it\"\n", fresh.stdin());
    List<String> resumed =
        driver()
            .commandLine(new AgentCall(SessionStart.RESUME, SESSION, "go on", null, "/w"))
            .arguments();
    assertEquals(SESSION.value(), resumed.get(resumed.indexOf("--resume") + 1));
    assertFalse(resumed.contains("--session-id"), resumed.toString());
    assertTrue(
        driver()
            .commandLine(new AgentCall(SessionStart.CONTINUE_LAST, null, "go on", null, "/w"))
            .arguments()
            .contains("--continue"));
  }

  @Test
  void what_copilot_does_not_know_is_refused_at_once() {
    IllegalArgumentException mode =
        assertThrows(
            IllegalArgumentException.class,
            () -> new CopilotProvider().driver(agent("acceptEdits", null)));
    assertTrue(mode.getMessage().startsWith("agents.mine.permission-mode: 'acceptEdits'"));
    assertTrue(mode.getMessage().contains("allow-all-tools"), mode.getMessage());
    IllegalArgumentException sandbox =
        assertThrows(
            IllegalArgumentException.class,
            () -> new CopilotProvider().driver(agent(null, "workspace-write")));
    assertTrue(sandbox.getMessage().startsWith("agents.mine.sandbox: "), sandbox.getMessage());
  }

  @Test
  void going_on_into_the_same_wall_is_noticed_and_stays_the_limit() {
    OutputReader reader = reader();
    stdout(reader, TURN, WALL);
    assertFalse(reader.sitsOutLimit(NOW), "it may end by itself");
    stdout(reader, TURN);
    assertTrue(reader.sitsOutLimit(NOW));
    stdout(reader, WALL);
    assertTrue(reader.sitsOutLimit(NOW));
    assertInstanceOf(Conclusion.Limited.class, reader.conclude(143, NOW));
  }

  @Test
  void an_answer_after_a_limit_is_progress_and_no_limit_any_more() {
    OutputReader reader = reader();
    stdout(reader, TURN, WALL, TURN, ANSWER);
    assertFalse(reader.sitsOutLimit(NOW));
    assertInstanceOf(Conclusion.Failed.class, reader.conclude(143, NOW));
  }

  @Test
  void going_on_after_a_throttle_or_a_subagents_limit_is_no_sitting_out() {
    OutputReader reader = reader();
    stdout(
        reader,
        event(
            "session.error",
            "\"errorType\":\"rate_limit\",\"message\":\"429 Too many requests per minute\""),
        TURN);
    assertFalse(reader.sitsOutLimit(NOW));
    OutputReader parent = reader();
    stdout(parent, WALL.replace("{\"type\"", "{\"agentId\":\"a1\",\"type\""), TURN);
    assertFalse(parent.sitsOutLimit(NOW));
  }

  @Test
  void facts_are_known_as_early_as_they_are_told() {
    OutputReader reader = reader();
    assertFalse(reader.facts().taken());
    stdout(reader, event("user.message", "\"content\":\"do it\""));
    assertTrue(reader.facts().taken());
    assertFalse(reader.facts().progressed());
    stdout(
        reader,
        event("tool.execution_start", "\"toolName\":\"bash\",\"toolCallId\":\"c\""),
        event("assistant.usage", "\"inputTokens\":12,\"outputTokens\":9,\"cacheReadTokens\":3"),
        event("assistant.usage", "\"inputTokens\":1,\"outputTokens\":1"));
    assertTrue(reader.facts().progressed());
    assertEquals("bash", reader.facts().lastTool());
    assertEquals(ItemKind.COMMAND_EXECUTION, reader.facts().lastItem());
    assertEquals(new TokenUsage(10, 10, 0, 3, 0), reader.facts().tokens());
    assertNull(reader.facts().session());
    stdout(
        reader,
        ANSWER,
        "{\"type\":\"result\",\"sessionId\":\"" + SESSION + "\",\"exitCode\":0,\"usage\":{}}");
    assertEquals(SESSION, reader.facts().session());
    assertEquals(
        "Done.", assertInstanceOf(Conclusion.Completed.class, reader.conclude(0, NOW)).text());
  }

  @Test
  void without_records_of_usage_the_messages_tokens_count() {
    OutputReader reader = reader();
    stdout(reader, ANSWER, ANSWER);
    assertEquals(new TokenUsage(0, 14, 0, 0, 0), reader.facts().tokens());
  }

  @Test
  void text_mode_names_its_session_on_standard_error() {
    OutputReader reader = reader();
    reader.stderr(
        new OutputLine(
            ("Resume     copilot --resume=" + SESSION).getBytes(StandardCharsets.UTF_8), false),
        NOW);
    assertEquals(SESSION, reader.facts().session());
  }

  @Test
  void no_text_of_an_error_is_too_much_for_its_rules() {
    for (String part : List.of("a_", "(a_b", " ", "\\n", "in 5 hours, ", "wait 1 ", "429 ")) {
      for (String field : List.of("message", "errorCode", "errorType", "errorMessage")) {
        String text = part.repeat(300_000 / part.length());
        OutputReader reader = reader();
        stdout(
            reader,
            event("model.call_failure", "\"" + field + "\":\"" + text + "\""),
            event("session.error", "\"" + field + "\":\"" + text + "\""));
        assertTrue(reader.conclude(1, NOW).basis().evidence().length() < text.length());
      }
    }
  }
}
