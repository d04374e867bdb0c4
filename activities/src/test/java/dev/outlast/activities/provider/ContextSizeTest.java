package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.RecordedCases;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** How large a session's context is, as the agents' own programs tell it. */
class ContextSizeTest {

  private static final Instant NOW = Instant.parse("2026-11-21T12:00:00Z");

  private static Long of(OutputReader reader, String stdout) {
    stdout
        .lines()
        .map(line -> new OutputLine(line.getBytes(StandardCharsets.UTF_8), false))
        .forEach(line -> reader.stdout(line, NOW));
    reader.conclude(0, NOW);
    return reader.facts().contextTokens();
  }

  private static Long of(String provider, String stdout) {
    AgentDriver driver = Wire.valueOf(provider.toUpperCase(java.util.Locale.ROOT)).driver();
    return of(driver.reader(Surroundings.recorded(ZoneOffset.UTC)), stdout);
  }

  @ParameterizedTest
  @CsvSource({"claude-rec-ok, 13", "opencode-rec-ok, 21"})
  void recorded_output_tells_it_as_of_the_last_answer(String id, long tokens) throws Exception {
    for (JsonNode recorded : RecordedCases.all()) {
      if (recorded.path("id").asText().equals(id)) {
        StringBuilder stdout = new StringBuilder();
        recorded.path("stdout").forEach(line -> stdout.append(line.asText()).append('\n'));
        assertEquals(tokens, of(recorded.path("provider").asText(), stdout.toString()));
        return;
      }
    }
    throw new AssertionError("no case " + id);
  }

  /** Sums over many requests are no size, and a last answer is not the sum of all. */
  @ParameterizedTest
  @EnumSource(Wire.class)
  void many_answers_do_not_add_up(Wire wire) {
    StringBuilder hour = new StringBuilder(wire.opening());
    for (int i = 1; i < 50; i++) {
      hour.append(wire.tool(i, "ls", "x")).append(wire.message(i, "ok"));
    }
    Long tokens = of(wire.provider(), hour.append(wire.end("done")).toString());
    switch (wire) {
      case CLAUDE -> assertEquals(4 + 912 + 24_113 + 311, tokens);
      case OPENCODE -> assertEquals(960 + 311 + 20 + 24_113, tokens);
      default -> assertNull(tokens, "what these print are sums");
    }
  }

  @Test
  void a_subagents_context_is_not_the_sessions() {
    String own = Wire.CLAUDE.message(1, "ok");
    String childs =
        Wire.CLAUDE
            .message(2, "ok")
            .replace("24113", "99999")
            .replace("\"parent_tool_use_id\":null", "\"parent_tool_use_id\":\"toolu_1\"");
    assertEquals(4 + 912 + 24_113 + 311, of("claude", Wire.CLAUDE.opening() + own + childs));
  }

  @Test
  void a_shortened_conversation_is_as_large_as_it_is_then_or_unknown() {
    String before = Wire.CLAUDE.opening() + Wire.CLAUDE.message(1, "ok");
    String shortened =
        """
        {"type":"system","subtype":"compact_boundary","session_id":"s-1","compact_metadata":{"trigger":"auto","pre_tokens":170000%s}}
        """;
    assertEquals(9_000, of("claude", before + shortened.formatted(",\"post_tokens\":9000")));
    assertNull(of("claude", before + shortened.formatted("")));
  }

  /** The files of sessions of which the second turn was refused at once. */
  @ParameterizedTest
  @CsvSource({
    "codex, '{\"type\":\"thread.started\",\"thread_id\":\"ID\"}\n{\"type\":\"turn.started\"}', 21",
    "gemini, '{\"type\":\"init\",\"session_id\":\"ID\",\"model\":\"m\"}', 21",
    "copilot, '{\"type\":\"user.message\",\"data\":{\"content\":\"go on\"}}', 10736"
  })
  void a_session_that_is_refused_at_once_is_as_large_as_before(
      String provider, String stdout, long tokens) throws Exception {
    Path home = home(provider + "/limited");
    SessionId session = new SessionId(Files.readString(home(provider + "/id")).strip());
    AgentDriver driver = Wire.valueOf(provider.toUpperCase(java.util.Locale.ROOT)).driver();
    Surroundings host = new Surroundings(ZoneOffset.UTC, Map.of("HOME", home.toString()), null);
    OutputReader reader =
        driver.reader(
            host, new AgentCall(SessionStart.RESUME, session, "go on", null, home.toString()));
    assertEquals(tokens, of(reader, stdout.replace("ID", session.value())));
  }

  private static Path home(String name) throws URISyntaxException {
    return Path.of(ContextSizeTest.class.getResource("/sessions/" + name).toURI());
  }
}
