package dev.outlast.activities.provider.codex;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CodexReaderTest {

  private static final Instant NOW = Instant.parse("2026-11-21T07:27:51Z");
  private static final SessionId SESSION = new SessionId("01a1fd01-1fd3-7631-aa4d-57e0bee25810");
  private static final String STARTED =
      "{\"type\":\"thread.started\",\"thread_id\":\"" + SESSION + "\"}";
  private static final String TURN = "{\"type\":\"turn.started\"}";
  private static final String WARNING =
      "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_0\",\"type\":\"error\",\"message\":\"Model metadata not found.\"}}";
  private static final String LIMIT =
      "You’ve hit your usage limit. Upgrade to Pro (https://chatgpt.com/explore/pro), or try again at 9:27 AM.";

  private static OutputReader reader() {
    return new CodexProvider()
        .driver(CodexProviderTest.agent(null, null, List.of()))
        .reader(Surroundings.recorded(ZoneOffset.UTC));
  }

  private static void read(OutputReader reader, String... lines) {
    for (String line : lines) {
      reader.stdout(bytes(line), NOW);
    }
  }

  private static OutputLine bytes(String line) {
    return new OutputLine(line.getBytes(StandardCharsets.UTF_8), false);
  }

  @Test
  void the_session_is_known_at_once_and_the_prompt_is_taken_when_the_turn_starts() {
    OutputReader reader = reader();
    read(reader, STARTED);
    assertEquals(SESSION, reader.facts().session());
    assertFalse(reader.facts().taken());
    read(reader, "{\"type\":\"thread.started\",\"thread_id\":\"a-subagent\"}", WARNING);
    assertEquals(SESSION, reader.facts().session());
    assertFalse(reader.facts().taken());
    read(reader, TURN);
    assertTrue(reader.facts().taken());
    assertFalse(reader.facts().progressed());
    read(reader, "{\"type\":\"turn.failed\",\"error\":{\"message\":\"" + LIMIT + "\"}}");
    assertFalse(reader.facts().progressed(), "a limit is no progress");
    assertInstanceOf(Conclusion.Limited.class, reader.conclude(1, NOW));
  }

  @ParameterizedTest
  @CsvSource({
    "agent_message, MESSAGE, ",
    "reasoning, REASONING, ",
    "command_execution, COMMAND_EXECUTION, command_execution",
    "file_change, FILE_CHANGE, file_change",
    "mcp_tool_call, TOOL_CALL, docs.search",
    "web_search, TOOL_CALL, web_search",
    "todo_list, PLAN, todo_list",
    "something_new, TOOL_CALL, something_new",
  })
  void what_the_model_does_is_progress_of_a_kind(String type, ItemKind kind, String tool) {
    OutputReader reader = reader();
    read(
        reader,
        STARTED,
        TURN,
        "{\"type\":\"item.started\",\"item\":{\"id\":\"i\",\"type\":\""
            + type
            + "\",\"server\":\"docs\",\"tool\":\"search\"}}");
    CallFacts facts = reader.facts();
    assertTrue(facts.progressed());
    assertEquals(kind, facts.lastItem());
    assertEquals(tool, facts.lastTool());
  }

  @Test
  void the_last_usage_is_the_sum_of_the_session_and_cached_tokens_are_told_apart() {
    OutputReader reader = reader();
    String done =
        "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":%d,\"cached_input_tokens\":60,\"cache_write_input_tokens\":5,\"output_tokens\":20,\"reasoning_output_tokens\":8}}";
    read(reader, STARTED, TURN, done.formatted(90), TURN, done.formatted(100));
    assertEquals(new TokenUsage(35, 12, 8, 60, 5), reader.facts().tokens());
  }

  @Test
  void an_answer_without_its_end_is_none() {
    OutputReader reader = reader();
    read(
        reader,
        STARTED,
        TURN,
        "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":\"half\"}}");
    assertInstanceOf(Conclusion.Failed.class, reader.conclude(0, NOW));
  }

  @Test
  void an_agent_that_tries_again_and_again_at_a_limit_sits_it_out() {
    OutputReader reader = reader();
    read(
        reader,
        STARTED,
        TURN,
        "{\"type\":\"error\",\"message\":\"Reconnecting... 1/9 (stream disconnected)\"}");
    assertFalse(reader.sitsOutLimit(NOW));
    read(
        reader,
        "{\"type\":\"error\",\"message\":\"Reconnecting... 1/9 (Your allotted cap, try later)\"}");
    assertInstanceOf(Conclusion.Limited.class, reader.conclude(1, NOW), "it looks like one");
    assertFalse(reader.sitsOutLimit(NOW), "and may be none");
    read(reader, "{\"type\":\"error\",\"message\":\"Reconnecting... 2/9 (" + LIMIT + ")\"}");
    assertTrue(reader.sitsOutLimit(NOW));
    read(reader, "{\"type\":\"item.completed\",\"item\":{\"type\":\"reasoning\",\"text\":\"\"}}");
    assertFalse(reader.sitsOutLimit(NOW), "it went on");
  }

  @Test
  void the_program_names_its_version_and_session_before_the_prompt_and_nothing_after_it_does() {
    OutputReader reader = reader();
    for (String line :
        List.of(
            "Reading additional input from stdin...",
            "OpenAI Codex v0.169.0",
            "--------",
            "workdir: /srv/repo",
            "session id: " + SESSION,
            "--------",
            "user",
            "OpenAI Codex v9.9.9",
            "session id: 0199f0aa-7c1d-7b02-8f33-2b1e4d5c6a70")) {
      reader.stderr(bytes(line), NOW);
    }
    assertEquals(SESSION, reader.facts().session());
    assertEquals("0.169.0", reader.facts().agentVersion());
    assertTrue(reader.facts().taken());
  }
}
