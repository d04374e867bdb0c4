package dev.outlast.activities.provider.codex;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.SessionFile;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the file of a session adds. The records are in the form of version 0.169.0. */
class RolloutTest {

  private static final SessionId SESSION = new SessionId("01a1fd01-1fd3-7631-aa4d-57e0bee25810");
  private static final Instant NOW = Instant.parse("2026-11-21T07:34:36Z");

  /** Within the minute that the words name, 09:34. */
  private static final Instant RESET = Instant.parse("2026-11-21T09:34:36Z");

  private static final Instant WEEK = Instant.parse("2026-11-24T09:34:36Z");
  private static final String LIMIT = "You’ve hit your usage limit. Try again at 9:34 AM.";
  private static final String LATER = "You’ve hit your usage limit. Try again later.";

  private static final String META =
      record(
          "session_meta",
          "{\"id\":\"" + SESSION + "\",\"cli_version\":\"0.169.0\",\"source\":\"exec\"}");
  private static final String TURN =
      record("event_msg", "{\"type\":\"task_started\",\"turn_id\":\"t\"}");
  private static final String UNKNOWN_WINDOWS =
      record(
          "event_msg",
          "{\"type\":\"token_count\",\"info\":null,\"rate_limits\":{\"limit_id\":\"premium\",\"primary\":null,\"secondary\":null,"
              + "\"credits\":{\"has_credits\":false,\"unlimited\":false,\"balance\":\"0\"},\"rate_limit_reached_type\":null}}");

  @TempDir private Path home;
  private Path file;

  @BeforeEach
  void folders() throws IOException {
    Path day = Files.createDirectories(home.resolve(".codex/sessions/2026/11/21"));
    file = day.resolve("rollout-2026-11-21T07-27-51-" + SESSION + ".jsonl");
  }

  private static String record(String type, String payload) {
    return "{\"timestamp\":\"2026-11-21T07:34:36.300Z\",\"ordinal\":3,\"type\":\""
        + type
        + "\",\"payload\":"
        + payload
        + "}";
  }

  private static String window(double used, long minutes, Instant reset) {
    return "{\"used_percent\":"
        + used
        + ",\"window_minutes\":"
        + minutes
        + ",\"resets_at\":"
        + reset.getEpochSecond()
        + "}";
  }

  private static String windows(String primary, String secondary, boolean credits) {
    return record(
        "event_msg",
        "{\"type\":\"token_count\",\"info\":null,\"rate_limits\":{\"limit_id\":\"codex\",\"primary\":"
            + primary
            + ",\"secondary\":"
            + secondary
            + ",\"credits\":{\"has_credits\":"
            + credits
            + ",\"unlimited\":false}}}");
  }

  private static String tokens(long total, long last) {
    return record(
        "event_msg",
        "{\"type\":\"token_count\",\"info\":{\"total_token_usage\":{\"input_tokens\":"
            + total
            + ",\"cached_input_tokens\":0,\"output_tokens\":0},\"last_token_usage\":{\"input_tokens\":"
            + last
            + "}},\"rate_limits\":null}");
  }

  private static String error(String info) {
    return record(
        "event_msg",
        "{\"type\":\"task_complete\",\"error\":{\"message\":\"x\",\"codex_error_info\":"
            + info
            + "}}");
  }

  private static OutputReader read(Map<String, String> environment, String last) {
    return read(new Surroundings(ZoneOffset.UTC, environment, null), last, NOW);
  }

  private static OutputReader read(Surroundings host, String last, Instant readAt) {
    OutputReader reader =
        new CodexProvider().driver(CodexProviderTest.agent(null, null, List.of())).reader(host);
    for (String line :
        List.of(
            "{\"type\":\"thread.started\",\"thread_id\":\"" + SESSION + "\"}",
            "{\"type\":\"turn.started\"}",
            last)) {
      reader.stdout(new OutputLine(line.getBytes(StandardCharsets.UTF_8), false), readAt);
    }
    return reader;
  }

  private OutputReader failed(String message) {
    return read(
        Map.of("HOME", home.toString()),
        "{\"type\":\"turn.failed\",\"error\":{\"message\":\"" + message + "\"}}");
  }

  private Conclusion.Limited limited(String message, String... records) throws IOException {
    Files.write(file, List.of(records));
    return assertInstanceOf(Conclusion.Limited.class, failed(message).conclude(1, NOW));
  }

  @Test
  void the_last_known_windows_tell_the_exact_reset_of_the_one_that_the_words_mean()
      throws IOException {
    Conclusion.Limited limited =
        limited(
            LIMIT,
            META,
            TURN,
            windows(window(12, 300, RESET), window(30, 10_080, WEEK), false),
            UNKNOWN_WINDOWS,
            error("\"usage_limit_exceeded\""));
    assertEquals(ResetTime.exactly(RESET), limited.reset());
    assertEquals(LimitScope.SESSION, limited.scope());
    assertTrue(limited.basis().channel().endsWith(", rollout"), limited.toString());
  }

  /** The words are those that the CLI makes of a time: local, cut to the minute. */
  @Test
  void the_window_that_words_in_any_zone_mean_is_found() throws IOException {
    List<String> zones = ZoneId.getAvailableZoneIds().stream().sorted().toList();
    for (int i = 0; i < 1_000; i++) {
      SplittableRandom random = new SplittableRandom(i);
      ZoneId zone = ZoneId.of(zones.get(random.nextInt(zones.size())));
      Instant now = NOW.plusSeconds(random.nextLong(400L * 24 * 3600));
      Instant reset = now.plusSeconds(1 + random.nextLong(8L * 24 * 3600));
      Files.write(
          file,
          List.of(
              TURN,
              windows(window(random.nextInt(101), 300, reset), window(50, 10_080, WEEK), false)));
      OutputReader reader =
          read(
              new Surroundings(zone, Map.of("HOME", home.toString()), null),
              "{\"type\":\"turn.failed\",\"error\":{\"message\":\"You’ve hit your usage limit. Try again at "
                  + words(reset.atZone(zone), now.atZone(zone))
                  + ".\"}}",
              now);
      Conclusion.Limited limited =
          assertInstanceOf(Conclusion.Limited.class, reader.conclude(1, now), "seed " + i);
      if (zone.getRules().getValidOffsets(reset.atZone(zone).toLocalDateTime()).size() == 1) {
        assertEquals(ResetTime.exactly(reset), limited.reset(), "seed " + i + " in " + zone);
      } else {
        assertFalse(limited.reset().latest().isBefore(reset), "seed " + i + " in " + zone);
      }
    }
  }

  private static String words(ZonedDateTime reset, ZonedDateTime now) {
    int day = reset.getDayOfMonth();
    String ordinal =
        day % 10 == 1 && day != 11
            ? "st"
            : day % 10 == 2 && day != 12 ? "nd" : day % 10 == 3 && day != 13 ? "rd" : "th";
    String pattern =
        reset.toLocalDate().equals(now.toLocalDate())
            ? "h:mm a"
            : "MMM d'" + ordinal + "', yyyy h:mm a";
    return reset.format(DateTimeFormatter.ofPattern(pattern, Locale.US));
  }

  @Test
  void the_length_of_a_window_names_its_scope_and_not_its_place() throws IOException {
    String week = window(100, 10_080, RESET);
    String hours = window(3, 300, RESET.minusSeconds(3600));
    assertEquals(LimitScope.WEEKLY, limited(LIMIT, TURN, windows(week, hours, false)).scope());
    assertEquals(
        LimitScope.DAILY,
        limited(LIMIT, TURN, windows(window(100, 1440, RESET), "null", false)).scope());
    assertEquals(
        LimitScope.UNKNOWN,
        limited(LIMIT, TURN, windows(window(100, 43_200, RESET), "null", false)).scope());
  }

  @Test
  void of_several_windows_that_are_used_up_the_latest_counts() throws IOException {
    Conclusion.Limited limited =
        limited(LIMIT, TURN, windows(window(100, 300, RESET), window(100, 10_080, WEEK), false));
    assertEquals(ResetTime.exactly(WEEK), limited.reset());
    assertEquals(LimitScope.WEEKLY, limited.scope());
  }

  @Test
  void never_earlier_than_the_words_say() throws IOException {
    for (long early : List.of(37L, 60L, 3_600L)) {
      Conclusion.Limited limited =
          limited(LIMIT, TURN, windows(window(100, 300, RESET.minusSeconds(early)), "null", false));
      assertEquals(
          new ResetTime(Instant.parse("2026-11-21T09:34:00Z"), Duration.ofMinutes(1)),
          limited.reset(),
          "seconds early: " + early);
    }
  }

  @Test
  void windows_of_an_earlier_turn_do_not_outdo_the_words() throws IOException {
    String exhausted = windows(window(40, 300, RESET), window(100, 10_080, WEEK), false);
    assertEquals(
        ResetTime.exactly(RESET), limited(LIMIT, TURN, exhausted, TURN, UNKNOWN_WINDOWS).reset());
    assertEquals(
        ResetTime.exactly(WEEK),
        limited(LATER, TURN, exhausted, TURN, UNKNOWN_WINDOWS).reset(),
        "where the words name no time");
  }

  @Test
  void words_without_a_time_take_it_from_what_is_used_up_and_has_not_reset() throws IOException {
    assertEquals(
        ResetTime.exactly(RESET),
        limited(LATER, TURN, windows(window(100, 300, RESET), window(99, 10_080, WEEK), false))
            .reset());
    assertNull(
        limited(LATER, TURN, windows(window(100, 300, NOW.minusSeconds(5)), "null", false))
            .reset());
    assertNull(limited(LATER, TURN, windows(window(99, 300, RESET), "null", false)).reset());
  }

  @Test
  void relative_times_of_older_versions_count_from_their_record() throws IOException {
    Conclusion.Limited limited =
        limited(
            LIMIT,
            META,
            windows(
                "{\"used_percent\":100.0,\"window_minutes\":299,\"resets_in_seconds\":7200}",
                "null",
                false));
    assertEquals(ResetTime.exactly(Instant.parse("2026-11-21T09:34:36.300Z")), limited.reset());
    assertEquals(LimitScope.SESSION, limited.scope());
  }

  @Test
  void used_up_credit_returns_with_the_cap_or_the_window_that_says_when() throws IOException {
    String spent = "You hit your spend cap set by the owner of your workspace.";
    assertNull(limited(spent, TURN, UNKNOWN_WINDOWS).reset());
    Conclusion.Limited capped =
        limited(
            spent,
            TURN,
            record(
                "event_msg",
                "{\"type\":\"token_count\",\"rate_limits\":{\"primary\":null,\"individual_limit\":{\"limit\":\"50\",\"used\":\"50\",\"remaining_percent\":0,\"resets_at\":"
                    + WEEK.getEpochSecond()
                    + "}}}"));
    assertEquals(LimitScope.CREDIT, capped.scope());
    assertEquals(ResetTime.exactly(WEEK), capped.reset());
  }

  @Test
  void an_error_in_unknown_words_that_the_file_calls_a_usage_limit_is_one() throws IOException {
    Files.write(file, List.of(META, TURN, error("\"usage_limit_exceeded\"")));
    Conclusion.Limited limited =
        assertInstanceOf(
            Conclusion.Limited.class, failed("No more Codex for today.").conclude(1, NOW));
    assertEquals("codex/usage_limit_exceeded", limited.basis().rule());
    // The CLI uses the same kind for these, and waiting does not help.
    Conclusion billing =
        failed("Quota exceeded. Check your plan and billing details.").conclude(1, NOW);
    assertEquals(StopReason.BILLING, assertInstanceOf(Conclusion.Stopped.class, billing).reason());
    Files.write(file, List.of(META, TURN, error("\"usage_limit_exceeded\""), TURN));
    assertInstanceOf(
        Conclusion.Failed.class,
        failed("boom").conclude(1, NOW),
        "an earlier turn's kind of error says nothing");
  }

  @Test
  void the_status_of_an_error_in_unknown_words_is_read() throws IOException {
    String many = "{\"response_too_many_failed_attempts\":{\"http_status_code\":429}}";
    Files.write(file, List.of(META, TURN, error(many)));
    assertInstanceOf(Conclusion.Throttled.class, failed("given up").conclude(1, NOW));
    Files.write(file, List.of(META, TURN, error("\"unauthorized\"")));
    assertInstanceOf(Conclusion.Stopped.class, failed("given up").conclude(1, NOW));
  }

  @Test
  void a_call_has_used_what_its_own_turn_has_added_to_the_session() throws IOException {
    Files.write(
        file,
        List.of(META, TURN, tokens(10, 10), tokens(25, 15), TURN, tokens(40, 15), tokens(60, 20)));
    OutputReader limited = failed(LIMIT);
    limited.conclude(1, NOW);
    assertEquals(new TokenUsage(35, 0, 0, 0, 0), limited.facts().tokens(), "also when limited");
    OutputReader done =
        read(
            Map.of("HOME", home.toString()),
            "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":60}}");
    assertEquals(60, done.facts().tokens().total(), "all that the output tells");
    assertInstanceOf(Conclusion.Completed.class, done.conclude(0, NOW));
    assertEquals(35, done.facts().tokens().total());
    assertNull(done.facts().agentVersion(), "an older program may have begun the session");
  }

  @Test
  void a_session_that_this_call_began_tells_the_version() throws IOException {
    Files.write(file, List.of(META, TURN, tokens(10, 10)));
    OutputReader reader = failed(LIMIT);
    reader.conclude(1, NOW);
    assertEquals("0.169.0", reader.facts().agentVersion());
    assertEquals(10, reader.facts().tokens().total());
  }

  @Test
  void work_beyond_a_used_up_window_is_paid() throws IOException {
    String done = "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":60}}";
    Files.write(file, List.of(META, TURN, windows(window(100, 300, RESET), "null", true)));
    OutputReader paid = read(Map.of("HOME", home.toString()), done);
    assertInstanceOf(Conclusion.Completed.class, paid.conclude(0, NOW));
    assertTrue(paid.facts().usingOverage());
    Files.write(file, List.of(META, TURN, windows(window(99, 300, RESET), "null", true)));
    OutputReader free = read(Map.of("HOME", home.toString()), done);
    free.conclude(0, NOW);
    assertFalse(free.facts().usingOverage());
  }

  @Test
  void the_file_is_found_by_its_session_in_the_home_that_the_agent_has() throws IOException {
    Path old = Files.createDirectories(home.resolve("other/sessions/2025/01/02"));
    Files.writeString(home.resolve("other/sessions/notes.txt"), "no folder");
    Files.write(
        old.resolve("rollout-2025-01-02T00-00-00-" + SESSION + ".jsonl"),
        List.of(TURN, windows(window(100, 300, WEEK), "null", false)));
    Files.write(file, List.of(TURN, windows(window(100, 300, RESET), "null", false)));
    Map<String, String> environment =
        Map.of("HOME", home.toString(), "CODEX_HOME", home.resolve("other").toString());
    String failed = "{\"type\":\"turn.failed\",\"error\":{\"message\":\"" + LATER + "\"}}";
    assertEquals(
        ResetTime.exactly(WEEK),
        ((Conclusion.Limited) read(environment, failed).conclude(1, NOW)).reset());
    assertEquals(
        ResetTime.exactly(RESET), ((Conclusion.Limited) failed(LATER).conclude(1, NOW)).reset());
    assertNull(
        ((Conclusion.Limited) read(Map.of(), failed).conclude(1, NOW)).reset(),
        "recorded output reads no file");
  }

  @Test
  void what_cannot_be_read_changes_nothing() throws IOException {
    Conclusion expected =
        read(Map.of(), "{\"type\":\"turn.failed\",\"error\":{\"message\":\"" + LIMIT + "\"}}")
            .conclude(1, NOW);
    assertEquals(expected, failed(LIMIT).conclude(1, NOW), "no file");
    Files.createDirectory(file);
    assertEquals(expected, failed(LIMIT).conclude(1, NOW), "a folder");
    Files.delete(file);
    Files.createSymbolicLink(file, Path.of("/dev/zero"));
    assertEquals(expected, failed(LIMIT).conclude(1, NOW), "a device without end");
    Files.delete(file);
    byte[] good =
        String.join(
                "\n",
                META,
                TURN,
                windows(window(1e300, 300, RESET), "{\"resets_at\":1e999999999}", false),
                error("\"x\""))
            .getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < 500; i++) {
      SplittableRandom random = new SplittableRandom(i);
      byte[] bytes = good.clone();
      for (int k = random.nextInt(20); k >= 0; k--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      Files.write(file, bytes);
      Conclusion.Limited limited =
          assertInstanceOf(Conclusion.Limited.class, failed(LIMIT).conclude(1, NOW), "seed " + i);
      assertFalse(
          limited.reset().earliest().isBefore(Instant.parse("2026-11-21T09:34:00Z")), "seed " + i);
    }
  }

  @Test
  void only_the_end_of_a_long_file_is_read() throws IOException {
    Files.write(
        file, List.of(META, TURN, windows(window(100, 300, WEEK), "null", false), tokens(5, 5)));
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      byte[] end =
          ("\n" + tokens(90, 20) + "\n" + tokens(95, 5) + "\n").getBytes(StandardCharsets.UTF_8);
      channel.write(ByteBuffer.wrap(end), SessionFile.MAX_TAIL + 10_000);
    }
    OutputReader reader = failed(LATER);
    assertNull(((Conclusion.Limited) reader.conclude(1, NOW)).reset(), "too far back");
    assertEquals(25, reader.facts().tokens().total(), "what the end shows of it");
  }
}
