package dev.outlast.activities.provider.gemini;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.LimitPatterns;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class GeminiReaderTest {

  private static final int CASES = 10_000;
  private static final Instant NOW = Instant.parse("2026-11-21T02:00:00Z");
  private static final String INIT =
      "{\"type\":\"init\",\"session_id\":\"0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d\",\"model\":\"m\"}";
  private static final String USER =
      "{\"type\":\"message\",\"role\":\"user\",\"content\":\"do it\"}";
  private static final String DAILY =
      "{\"type\":\"result\",\"status\":\"error\",\"error\":{\"type\":\"unknown\",\"message\":\"[API"
          + " Error: You have exhausted your daily quota on this model.]\"},\"stats\":{}}";
  private static final String SLEEPS =
      "Attempt 1 failed: You have exhausted your capacity on this model. Your quota will reset after"
          + " 2h0m0s.. Retrying after 7489271ms...";

  private final GeminiReader reader = reader(List.of());

  private static GeminiReader reader(List<String> patterns) {
    return new GeminiReader(
        LimitPatterns.of(AgentDefinition.newBuilder("g", "gemini").setPatterns(patterns).build()),
        ZoneOffset.UTC,
        Optional.empty());
  }

  private void out(String line) {
    reader.stdout(line(line), NOW);
  }

  private static OutputLine line(String text) {
    return new OutputLine(text.getBytes(StandardCharsets.UTF_8), false);
  }

  private static String says(String text, Instant at) {
    return "{\"type\":\"message\",\"timestamp\":\""
        + at
        + "\",\"role\":\"assistant\",\"content\":\""
        + text
        + "\",\"delta\":true}";
  }

  @Test
  void an_agent_that_sleeps_until_the_reset_sits_it_out() {
    out(INIT);
    out(USER);
    assertFalse(reader.sitsOutLimit(NOW));
    reader.stderr(line(SLEEPS), NOW);
    assertTrue(reader.sitsOutLimit(NOW));
    Conclusion.Limited limited =
        assertInstanceOf(
            Conclusion.Limited.class, reader.conclude(143, NOW.plus(Duration.ofSeconds(3))));
    assertEquals(LimitScope.MODEL, limited.scope());
    assertEquals(
        NOW.plus(Duration.ofHours(2)),
        limited.reset().earliest(),
        "from when it was read, not from when it was ended");
    assertFalse(reader.facts().taken(), "a prompt that was refused at once is not kept");
  }

  @Test
  void an_agent_that_answers_after_its_sleep_sits_nothing_out() {
    out(INIT);
    reader.stderr(line(SLEEPS), NOW);
    out(says("earlier, read late", NOW.minusSeconds(1)));
    assertTrue(reader.sitsOutLimit(NOW), "the two streams are read by two threads");
    out(says("I go on.", NOW.plusSeconds(7_490)));
    assertFalse(reader.sitsOutLimit(NOW));
    assertInstanceOf(Conclusion.Failed.class, reader.conclude(137, NOW));
  }

  @Test
  void a_sleep_that_is_over_is_not_sat_out_any_more() {
    reader.stderr(line(SLEEPS), NOW);
    assertTrue(reader.sitsOutLimit(NOW.plusMillis(7_489_270)));
    assertFalse(reader.sitsOutLimit(NOW.plusMillis(7_489_271)));
  }

  @Test
  void attempts_that_wait_for_minutes_at_most_sit_nothing_out() {
    reader.stderr(line("Attempt 3 failed: No capacity available. Retrying after 300000ms..."), NOW);
    assertFalse(reader.sitsOutLimit(NOW));
    reader.stderr(
        line("Attempt 4 failed with status 429. Retrying with backoff... _ApiError: {}"), NOW);
    assertFalse(reader.sitsOutLimit(NOW));
    reader.stderr(line(SLEEPS), NOW);
    reader.stderr(line("Attempt 2 failed: busy. Retrying after 1182ms..."), NOW.plusSeconds(9));
    assertFalse(reader.sitsOutLimit(NOW.plusSeconds(9)), "only the last attempt counts");
  }

  @Test
  void what_a_model_or_a_tool_prints_of_sleeping_is_no_sleep() {
    out(INIT);
    out(says(SLEEPS, NOW));
    out("{\"type\":\"tool_result\",\"tool_id\":\"t\",\"output\":\"" + SLEEPS + "\"}");
    out(SLEEPS);
    reader.stderr(line("tool: " + SLEEPS), NOW);
    assertFalse(reader.sitsOutLimit(NOW));
  }

  @Test
  void progress_is_known_while_it_is_made() {
    out(INIT);
    assertEquals("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d", reader.facts().session().value());
    out(USER);
    assertFalse(reader.facts().taken());
    assertFalse(reader.facts().progressed());
    out("{\"type\":\"tool_use\",\"tool_name\":\"run_shell_command\",\"tool_id\":\"t\"}");
    assertTrue(reader.facts().taken());
    assertTrue(reader.facts().progressed());
    assertEquals("run_shell_command", reader.facts().lastTool());
    assertEquals(ItemKind.COMMAND_EXECUTION, reader.facts().lastItem());
    out("{\"type\":\"tool_use\",\"tool_name\":\"replace\",\"tool_id\":\"t\"}");
    assertEquals(ItemKind.FILE_CHANGE, reader.facts().lastItem());
    out(says("done", NOW));
    assertEquals(ItemKind.MESSAGE, reader.facts().lastItem());
    out(
        "{\"type\":\"result\",\"status\":\"success\",\"stats\":{\"total_tokens\":150,"
            + "\"input_tokens\":100,\"output_tokens\":30,\"cached\":40,\"input\":60}}");
    assertEquals(new TokenUsage(60, 30, 20, 40, 0), reader.facts().tokens());
  }

  @Test
  void the_answer_is_what_was_said_after_the_last_tool() {
    out(INIT);
    out(says("I look. ", NOW));
    out("{\"type\":\"tool_use\",\"tool_name\":\"read_file\",\"tool_id\":\"t\"}");
    out("{\"type\":\"tool_result\",\"tool_id\":\"t\",\"status\":\"success\"}");
    out(says("It is ", NOW));
    out(says("well.", NOW));
    out("{\"type\":\"result\",\"status\":\"success\",\"stats\":{}}");
    assertEquals(
        "It is well.",
        assertInstanceOf(Conclusion.Completed.class, reader.conclude(0, NOW)).text());
  }

  @Test
  void an_answer_of_any_length_is_kept_up_to_a_bound() {
    out(INIT);
    for (int i = 0; i < 40; i++) {
      out(says("x".repeat(10_000), NOW));
    }
    reader.stdout(
        new OutputLine("{\"type\":\"message\",\"content".getBytes(StandardCharsets.UTF_8), true),
        NOW);
    out("{\"type\":\"result\",\"status\":\"success\",\"stats\":{}}");
    String text = assertInstanceOf(Conclusion.Completed.class, reader.conclude(0, NOW)).text();
    assertEquals(64 * 1024, text.length());
  }

  @Test
  void the_format_json_is_read_too() {
    for (String line :
        """
        {
          "session_id": "0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d",
          "response": "all is well",
          "stats": {
            "models": {
              "a": { "tokens": { "prompt": 12, "candidates": 9, "cached": 2, "thoughts": 3 } },
              "b": { "tokens": { "prompt": 1, "candidates": 1 } }
            }
          }
        }\
        """
            .split("\n")) {
      out(line);
    }
    assertEquals(
        "all is well",
        assertInstanceOf(Conclusion.Completed.class, reader.conclude(0, NOW)).text());
    assertEquals(new TokenUsage(11, 10, 3, 2, 0), reader.facts().tokens());
    assertEquals("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d", reader.facts().session().value());
  }

  @Test
  void a_pattern_of_the_user_comes_first_wherever_an_error_is() {
    List<String> patterns = List.of("well runs dry until (?<reset>\\S+)");
    GeminiReader inResult = reader(patterns);
    inResult.stdout(
        line(
            "{\"type\":\"result\",\"status\":\"error\",\"error\":{\"message\":\"[API Error: the well"
                + " runs dry until 3pm]\"}}"),
        NOW);
    GeminiReader inSleep = reader(patterns);
    inSleep.stderr(
        line("Attempt 1 failed: the well runs dry until 3pm. Retrying after 400000ms..."), NOW);
    GeminiReader inLine = reader(patterns);
    inLine.stderr(line("the well runs dry until 3pm"), NOW);
    GeminiReader inService = reader(List.of("check your plan.*until (?<reset>\\S+)"));
    inService.stdout(
        line(
            "{\"type\":\"result\",\"status\":\"error\",\"error\":{\"message\":\"[API Error: please"
                + " check your plan and billing details until 3pm]\"}}"),
        NOW);
    for (GeminiReader each : List.of(inResult, inSleep, inLine, inService)) {
      Conclusion.Limited limited =
          assertInstanceOf(Conclusion.Limited.class, each.conclude(1, NOW));
      assertEquals("pattern/1", limited.basis().rule());
      assertEquals(Instant.parse("2026-11-21T15:00:00Z"), limited.reset().earliest());
    }
  }

  @Test
  void a_daily_quota_has_no_reset_that_nobody_named() {
    out(INIT);
    out(DAILY);
    reader.stderr(
        line(
            "Error when talking to Gemini API Full report available at: /r.json TerminalQuotaError:"
                + " You have exhausted your daily quota on this model."),
        NOW);
    reader.stderr(line("    message: 'Please retry in 7200.5s.',"), NOW);
    reader.stderr(line("  retryDelayMs: undefined,"), NOW);
    Conclusion.Limited limited =
        assertInstanceOf(Conclusion.Limited.class, reader.conclude(173, NOW));
    assertEquals(LimitScope.DAILY, limited.scope());
    assertNull(limited.reset());
  }

  @Test
  void the_last_error_on_stderr_counts_only_if_nothing_was_done_after_it() {
    reader.stderr(
        line("TerminalQuotaError: You have exhausted your daily quota on this model."), NOW);
    out(says("another model goes on", NOW.plusSeconds(5)));
    assertInstanceOf(Conclusion.Failed.class, reader.conclude(137, NOW));
  }

  @Test
  void a_session_that_cannot_be_opened_is_told_apart() {
    reader.stderr(
        line("Error resuming session: No previous sessions found for this project."), NOW);
    assertEquals(
        StopReason.SESSION_UNKNOWN,
        assertInstanceOf(Conclusion.Stopped.class, reader.conclude(42, NOW)).reason());
  }

  @Test
  void any_announced_sleep_is_understood_to_the_millisecond() {
    for (int seed = 0; seed < CASES; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      long millis = random.nextLong(300_001, Duration.ofDays(30).toMillis());
      GeminiReader each = reader(List.of());
      int lines = random.nextInt(4);
      each.stderr(line("Attempt " + random.nextInt(1, 11) + " failed: used up"), NOW);
      for (int i = 0; i < lines; i++) {
        each.stderr(line("and more of it"), NOW);
      }
      each.stderr(line("at last. Retrying after " + millis + "ms..."), NOW);
      assertTrue(each.sitsOutLimit(NOW), "seed " + seed);
      Conclusion.Limited limited =
          assertInstanceOf(Conclusion.Limited.class, each.conclude(137, NOW), "seed " + seed);
      assertEquals(ResetTime.exactly(NOW.plusMillis(millis)), limited.reset(), "seed " + seed);
    }
  }

  @Test
  void an_error_within_errors_is_read_at_any_depth() {
    String body =
        "{\"error\":{\"code\":429,\"message\":\"used up\",\"details\":[{\"retryDelay\":\"7200s\"}]}}";
    for (int depth = 0; depth < 3; depth++) {
      ReportedFault fault = ReportedFault.of("[API Error: " + body + "]\n", 0);
      assertEquals("used up", fault.text());
      assertEquals(429, fault.status());
      assertEquals("7200s", fault.returns());
      body =
          "{\"error\":{\"message\":\""
              + body.replace("\\", "\\\\").replace("\"", "\\\"")
              + "\",\"code\":500}}";
    }
    String endless = "{\"error\":".repeat(5_000);
    assertTrue(ReportedFault.of(endless, 0).body().isMissingNode());
  }
}
