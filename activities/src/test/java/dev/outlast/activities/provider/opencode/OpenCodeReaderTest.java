package dev.outlast.activities.provider.opencode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class OpenCodeReaderTest {

  private static final Instant NOW = Instant.parse("2026-11-21T10:00:00Z");
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final SessionId SESSION = new SessionId("ses_6f1c2a9bdffeA1b2C3d4E5f6G7");

  private static final String CREATED =
      "timestamp=2026-11-21T10:00:00.000Z level=INFO run=1 message=created id="
          + SESSION
          + " parentID=undefined title=\"New session\"";
  private static final String LIMIT = refused("AI_APICallError: The usage limit has been reached");
  private static final String RATE =
      refused("AI_APICallError: Rate limit exceeded. Please try again later.");
  private static final String ANSWER = event("text", "\"type\":\"text\",\"text\":\"going on\"");

  private final OutputReader reader =
      new OpenCodeProvider()
          .driver(AgentDefinition.newBuilder("mine", "opencode").build())
          .reader(Surroundings.recorded(ZoneOffset.UTC));

  private static String refused(String error) {
    return "timestamp=2026-11-21T10:00:01.000Z level=ERROR run=1 message=\"stream error\""
        + " session.id="
        + SESSION
        + " small=false agent=build error.error=\""
        + error
        + "\"";
  }

  private static String retry(String message, Instant next) {
    return "{\"outlast\":\"session.status\",\"sessionID\":\""
        + SESSION
        + "\",\"status\":{\"type\":\"retry\",\"attempt\":1,\"message\":\""
        + message
        + "\",\"next\":"
        + next.toEpochMilli()
        + "}}";
  }

  private static String event(String type, String part) {
    return "{\"type\":\"" + type + "\",\"sessionID\":\"" + SESSION + "\",\"part\":{" + part + "}}";
  }

  private static OutputLine line(String text) {
    return new OutputLine(text.getBytes(StandardCharsets.UTF_8), false);
  }

  private void stdout(String... lines) {
    for (String text : lines) {
      reader.stdout(line(text), NOW);
    }
  }

  private void stderr(Instant readAt, String... lines) {
    for (String text : lines) {
      reader.stderr(line(text), readAt);
    }
  }

  @Test
  void a_sleep_until_a_late_reset_is_noticed_at_once_with_the_exact_reset() {
    Instant reset = NOW.plusSeconds(5_400);
    stderr(NOW, RATE, retry("Rate limit exceeded. Please try again later.", reset));
    assertTrue(reader.sitsOutLimit(NOW));
    Conclusion.Limited limited =
        assertInstanceOf(Conclusion.Limited.class, reader.conclude(143, NOW.plus(SECOND)));
    assertEquals(ResetTime.exactly(reset), limited.reset());
  }

  @Test
  void a_pause_between_two_tries_is_not_taken_for_a_reset() {
    stderr(NOW, LIMIT, retry("The usage limit has been reached", NOW.plusSeconds(36)));
    assertFalse(reader.sitsOutLimit(NOW.plusSeconds(36)), "it may yet tell the reset, and end");
    Conclusion.Limited limited =
        assertInstanceOf(Conclusion.Limited.class, reader.conclude(143, NOW));
    assertNull(limited.reset());
  }

  @Test
  void silence_after_a_limit_in_the_log_is_a_sleep() {
    stderr(NOW, LIMIT);
    assertFalse(reader.sitsOutLimit(NOW.plus(Refusals.LONGEST_OWN_PAUSE)));
    assertTrue(reader.sitsOutLimit(NOW.plus(Refusals.LONGEST_OWN_PAUSE).plus(SECOND)));
  }

  @Test
  void silence_after_a_rate_limit_is_one_only_when_it_lasts() {
    stderr(NOW, RATE);
    assertFalse(reader.sitsOutLimit(NOW.plus(ErrorWording.SHORT)));
    assertInstanceOf(
        Conclusion.Throttled.class,
        reader.conclude(143, NOW.plus(ErrorWording.SHORT.dividedBy(2))));
    Instant late = NOW.plus(ErrorWording.SHORT).plus(SECOND);
    assertTrue(reader.sitsOutLimit(late));
    Conclusion.Limited limited =
        assertInstanceOf(Conclusion.Limited.class, reader.conclude(143, late));
    assertEquals(Conclusion.UNRECOGNISED, limited.basis().rule());
    assertEquals(LimitScope.UNKNOWN, limited.scope());
    assertNull(limited.reset());
  }

  @Test
  void tries_without_end_are_noticed_however_short_their_pauses() {
    Instant at = NOW;
    for (; !at.isAfter(NOW.plus(ErrorWording.SHORT)); at = at.plusSeconds(30)) {
      assertFalse(reader.sitsOutLimit(at), at.toString());
      stderr(at, RATE);
    }
    assertTrue(reader.sitsOutLimit(at));
  }

  @Test
  void an_answer_ends_what_was_refused_before() {
    stderr(NOW, LIMIT);
    stdout(ANSWER);
    assertFalse(reader.sitsOutLimit(NOW.plus(Duration.ofHours(1))));
    assertInstanceOf(Conclusion.Failed.class, reader.conclude(143, NOW));
    stderr(NOW, LIMIT, CREATED.replace("message=created id", "message=loop step=2 session.id"));
    assertFalse(reader.sitsOutLimit(NOW.plus(Duration.ofHours(1))));
  }

  @Test
  void neither_a_busy_service_nor_the_request_for_a_title_is_a_limit() {
    stderr(NOW, retry("Provider is overloaded", NOW.plusSeconds(3_600)));
    assertFalse(reader.sitsOutLimit(NOW.plus(Duration.ofHours(1))));
    stdout(ANSWER);
    stderr(NOW, LIMIT.replace("small=false agent=build", "small=true agent=title"));
    assertFalse(reader.sitsOutLimit(NOW.plus(Duration.ofHours(1))));
    assertInstanceOf(Conclusion.Failed.class, reader.conclude(143, NOW));
  }

  @Test
  void the_session_is_known_from_the_log_long_before_the_first_event() {
    stderr(NOW, CREATED);
    assertNull(reader.facts().session());
    assertEquals(SESSION, reader.facts().resumable());
    stderr(NOW, CREATED.replace(SESSION.value(), "ses_child"));
    assertEquals(SESSION, reader.facts().resumable(), "a subagent's session comes later");
    assertFalse(reader.facts().taken());
    stderr(NOW, LIMIT);
    assertTrue(reader.facts().taken());
    assertFalse(reader.facts().progressed());
  }

  @Test
  void the_session_is_known_from_the_plug_in_and_not_its_subagents() {
    stderr(
        NOW,
        "{\"outlast\":\"session.created\",\"sessionID\":\"ses_child\",\"parentID\":\""
            + SESSION
            + "\"}",
        "{\"outlast\":\"session.created\",\"sessionID\":\"" + SESSION + "\"}");
    assertEquals(SESSION, reader.facts().resumable());
  }

  @Test
  void steps_add_up_and_the_last_ones_text_is_the_answer() {
    String spent =
        "\"tokens\":{\"input\":12,\"output\":9,\"reasoning\":1,\"cache\":{\"read\":2,\"write\":3}},"
            + "\"cost\":0.25";
    stdout(
        event("step_start", ""),
        event("text", "\"text\":\"Let me look.\""),
        event("tool_use", "\"tool\":\"edit\",\"state\":{\"status\":\"completed\"}"),
        event("step_finish", "\"reason\":\"tool-calls\"," + spent));
    assertEquals("edit", reader.facts().lastTool());
    assertEquals(ItemKind.FILE_CHANGE, reader.facts().lastItem());
    stdout(
        event("step_start", ""),
        event("text", "\"text\":\"Done.\""),
        event("text", "\"text\":\"Both of them.\""),
        event("text", "\"synthetic\":true,\"text\":\"Continue if you have next steps\""),
        event("step_finish", "\"reason\":\"stop\"," + spent));
    assertEquals(new TokenUsage(24, 18, 2, 4, 6), reader.facts().tokens());
    assertEquals(0.5, reader.facts().costUsd());
    assertEquals(SESSION, reader.facts().session());
    assertEquals(
        "Done.\nBoth of them.",
        assertInstanceOf(Conclusion.Completed.class, reader.conclude(0, NOW)).text());
  }

  @Test
  void no_bytes_on_standard_error_make_it_throw() {
    byte[] seed =
        String.join(
                "\n",
                CREATED,
                LIMIT,
                retry("Rate limit exceeded", NOW.plusSeconds(9_000)),
                "{\"outlast\":\"session.status\",\"status\":{\"type\":\"retry\",\"next\":1e999999}}",
                "ERROR 2025-11-02T10:00:03 +9ms service=llm error={\"error\":{\"message\":\"x\","
                    + "\"responseHeaders\":{\"retry-after\":\"9\"},\"responseBody\":\"[{}]\"}}"
                    + " stream error")
            .getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < 2_500; i++) {
      SplittableRandom random = new SplittableRandom(i);
      byte[] bytes = seed.clone();
      for (int k = random.nextInt(12); k >= 0; k--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      try {
        for (String text : new String(bytes, StandardCharsets.ISO_8859_1).split("\n")) {
          reader.stderr(
              new OutputLine(text.getBytes(StandardCharsets.ISO_8859_1), random.nextBoolean()),
              NOW);
        }
        reader.sitsOutLimit(NOW.plusSeconds(random.nextInt(1_000)));
        assertNotNull(reader.conclude(random.nextInt(256), NOW));
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + i, e);
      }
    }
  }

  @Test
  void no_text_of_an_error_is_too_much_for_its_rules() {
    for (String part : List.of("a_", "ab ", " ", "x=", "in 5 hours, ", "{")) {
      String text = part.repeat(300_000 / part.length());
      for (String field : List.of("message", "responseBody", "statusCode")) {
        stdout(
            "{\"type\":\"error\",\"error\":{\"name\":\"APIError\",\"data\":{\""
                + field
                + "\":\""
                + text
                + "\"}}}");
        assertTrue(reader.conclude(1, NOW).basis().evidence().length() < text.length());
      }
      stderr(NOW, refused(text), "ERROR 2025-11-02T10:00:03 error=" + text + " stream error");
      reader.sitsOutLimit(NOW);
      assertTrue(reader.conclude(143, NOW).basis().evidence().length() < text.length());
    }
  }
}
