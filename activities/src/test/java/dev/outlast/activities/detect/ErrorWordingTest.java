package dev.outlast.activities.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.detect.ErrorWording.Meaning;
import dev.outlast.limit.LimitScope;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ErrorWordingTest {

  private static final Instant NOW = Instant.parse("2026-11-21T00:00:00Z");
  private static final ZoneId ZONE = ZoneId.of("UTC");

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "Claude AI usage limit reached|1795233891; UNKNOWN",
        "5-hour limit reached ∙ resets 2am; SESSION",
        "Session limit reached ∙ resets 8pm; SESSION",
        "Weekly limit reached ∙ resets Nov 25, 6:11pm; WEEKLY",
        "Opus weekly limit reached ∙ resets Oct 24; MODEL",
        "Spending cap reached resets 5:04am; CREDIT",
        "Opus limit resets 5am ∙ contact an admin to keep working, limit reached; MODEL",
        "You've hit your limit · resets 4:50am (Europe/Rome); UNKNOWN",
        "You’ve hit your session limit · resets 5:04am (Europe/Berlin); SESSION",
        "You've hit your Fable limit · resets Nov 25, 6:06pm (Europe/Berlin); MODEL",
        "You've hit your Zephyr limit · resets Nov 25, 6:06pm (Europe/Berlin); MODEL",
        "You've hit your weekly limit · resets Nov 25, 6pm (UTC) · progress saved; WEEKLY",
        "You've hit your session limit · resets 6pm (UTC) · out of usage credits; SESSION",
        "You're out of extra usage · resets 1pm (America/Los_Angeles); CREDIT",
        "You've hit your org's monthly spend limit · ask your admin to raise it at https://x.y · your 5-hour limit resets 4am (UTC); SESSION",
        "Your daily allowance is used up. Come back in 3 hours.; DAILY",
        "Daily quota exceeded. Try again tomorrow at 9am.; DAILY",
        "You have exhausted your capacity on this model. Your quota will reset after 8h44m7s.; MODEL",
        "You've hit your usage limit. Upgrade to Pro, visit https://x.y to purchase more credits or try again at 4:58 AM.; UNKNOWN",
        "You have exceeded your weekly usage allocation, which renews Monday at 9am; WEEKLY",
        "Sorry, you've exceeded your 5 hour session limits. Please retry after 2733 seconds.; SESSION",
        "You've reached your weekly rate limit. Please wait for your limit to reset on April 20, 2027 at 2:00 AM; WEEKLY",
        "Claude usage limit reached. Your limit will reset at 3pm (America/New_York).; UNKNOWN",
        "You've used up your 5-hour allowance, it refreshes at 21:00 UTC; SESSION",
        "Usage quota depleted — back at 6 PM; UNKNOWN",
        "No usage left in this window. Available again in 45 minutes.; UNKNOWN",
        "You have no remaining usage. Resets at 5:30 p.m.; UNKNOWN",
        "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.; UNKNOWN",
        "You have run out of messages: usage available again in 2h 5m; UNKNOWN",
        "You have 0 requests remaining. Resets in 4 hours.; UNKNOWN",
        "0 premium requests left - resets in 4 hours; CREDIT",
      })
  void a_used_up_allowance_is_a_limit_in_many_words(String text, LimitScope scope) {
    ErrorWording.Reading reading = ErrorWording.read(text, NOW, ZONE);
    assertEquals(Meaning.LIMIT, reading.meaning());
    if (!text.contains("credits or try")) {
      assertEquals(scope, reading.scope());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "API Error: Server is temporarily limiting requests (not your usage limit) · retry; THROTTLE",
        "API Error: Request rejected (429) · x; THROTTLE",
        "API Error: 529 Overloaded. Try again in 5 minutes; THROTTLE",
        "Rate limit exceeded: 60 requests per minute. Please try again in 1.054s.; THROTTLE",
        "No capacity available for model X on the server; THROTTLE",
        "API Error: 500 Internal server error. This is a server-side issue, usually temporary — try again in a moment.; OTHER",
        "Credit balance is too low; BILLING",
        "You've hit your monthly spend limit; CREDIT",
        "Your org is out of usage · add funds to continue; CREDIT",
        "You've hit your usage limit · contact your admin to increase it; CREDIT",
        "You've hit your team's pooled group budget; CREDIT",
        "Your usage allocation has been disabled by your admin · x; PLAN",
        "Your seat type doesn't include usage credits; PLAN",
        "API Error: Usage credits required for 1M context · run /model to switch to standard context; PLAN",
        "Your group's usage limit is set to $0 · x; PLAN",
        "Failed to authenticate. API Error: 401 Invalid token; AUTH",
        "Invalid API key · Please run /login; AUTH",
        "Your organization has disabled Claude subscription access for Claude Code · Use an API key instead, or ask your admin to enable access; AUTH",
        "Could not refresh your login: can't save to the Keychain · If locked, run security unlock-keychain; AUTH",
        "Prompt is too long · the request is ~214500 tokens (limit 200000); CONTEXT",
        "input length and max_tokens exceed context limit: 190000; CONTEXT",
        "No conversation found with session ID: 0b1e6a3e; SESSION_UNKNOWN",
        "API Error: Claude Code is unable to respond to this request, which appears to violate our Usage Policy; REFUSED",
        "error: unknown option '--foo'; CONFIG",
        "You've used 93% of your weekly limit · resets 5pm; OTHER",
        "Approaching usage limit · resets 5pm; OTHER",
        "You're now using usage credits · Your session limit resets 5pm; OTHER",
        "File size limit exceeded; OTHER",
        "Connection error. Try again later.; OTHER",
        "segmentation fault; OTHER",
      })
  void what_is_no_limit_is_told_apart(String text, Meaning meaning) {
    assertEquals(meaning, ErrorWording.read(text, NOW, ZONE).meaning());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "Plan usage paused until 3pm",
        "Quota cooldown in effect, come back later",
        "Your allowance renews in 2 hours",
        "We have temporarily limited your usage. Try again at 3pm.",
        "Access paused, resumes at 3pm",
        "Your plan's compute hours are used up. Next refill at 15:00.",
      })
  void what_looks_like_a_limit_in_unknown_words_is_one_perhaps(String text) {
    assertEquals(Meaning.PERHAPS_LIMIT, ErrorWording.read(text, NOW, ZONE).meaning());
  }

  /** A worker's threads may have far less stack than the one that runs tests. */
  @Test
  void no_text_takes_more_stack_than_a_small_thread_has() throws InterruptedException {
    for (String part : List.of("a_", "a ", "in 5 hours, ", "[x] ", "wait 1 ", "a: ")) {
      AtomicReference<Throwable> thrown = new AtomicReference<>();
      Thread small =
          new Thread(
              null,
              () -> ErrorWording.readLine(part.repeat(ErrorWording.MAX_TEXT), NOW, ZONE),
              "small",
              180 * 1024);
      small.setUncaughtExceptionHandler((thread, e) -> thrown.set(e));
      small.start();
      small.join();
      assertNull(thrown.get(), part);
    }
  }

  @TestFactory
  Stream<DynamicTest> every_known_wording_is_understood() throws IOException, URISyntaxException {
    List<String> rows =
        Files.readAllLines(Path.of(ErrorWordingTest.class.getResource("/wordings.tsv").toURI()));
    List<String[]> wordings =
        rows.stream().filter(row -> !row.startsWith("#")).map(row -> row.split("\t", -1)).toList();
    assertTrue(wordings.size() >= 330, "wordings: " + wordings.size());
    return wordings.stream().map(w -> DynamicTest.dynamicTest(w[2], () -> check(w)));
  }

  @Test
  void no_text_is_too_deep_for_a_small_stack() throws InterruptedException {
    List<Throwable> thrown = new ArrayList<>();
    for (String part : List.of("a_", "a.", "(", "limit ", "error: ", "in 5 hours, ", "\n")) {
      String text = part.repeat(ErrorWording.MAX_TEXT / part.length());
      Thread small =
          new Thread(null, () -> ErrorWording.readLine(text, NOW, ZONE), "small", 180 * 1024);
      small.setUncaughtExceptionHandler((thread, error) -> thrown.add(error));
      small.start();
      small.join();
    }
    assertEquals(List.of(), thrown);
  }

  private static void check(String[] wording) {
    ErrorWording.Reading reading = ErrorWording.read(wording[2].replace("\\n", "\n"), NOW, ZONE);
    assertEquals(Meaning.valueOf(wording[0]), reading.meaning());
    if (!wording[1].isEmpty()) {
      assertEquals(LimitScope.valueOf(wording[1]), reading.scope());
    }
  }
}
