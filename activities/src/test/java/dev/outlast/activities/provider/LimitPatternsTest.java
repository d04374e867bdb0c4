package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.limit.LimitScope;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LimitPatternsTest {

  private static final int CASES = 3_000;
  private static final Instant NOW = Instant.parse("2026-11-21T00:00:00Z");

  private static LimitPatterns patterns(String... regexes) {
    return LimitPatterns.of(
        AgentDefinition.newBuilder("mine", "command").setPatterns(List.of(regexes)).build());
  }

  private static void refused(String regex, String said) {
    IllegalArgumentException e =
        assertTimeoutPreemptively(
            Duration.ofMinutes(1),
            () -> assertThrows(IllegalArgumentException.class, () -> patterns("ok", regex)));
    assertTrue(e.getMessage().startsWith("agents.mine.patterns[1]: "), e.getMessage());
    assertTrue(e.getMessage().contains(said), e.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(a+)+\\1b",
        "a*a*a*b",
        "\\Qab\\E(c|c)*(d+)+\\2e",
        "error(.*)*(.*)*\\1 at",
        "((?<reset>[0-9]+):?)+(\\1)?z",
      })
  void a_pattern_that_backtracks_without_end_is_refused_at_the_start(String regex) {
    refused(regex, "backtracks without end");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "quota used up until (?<reset>.+)",
        "fuel gone \\((?<scope>\\w+)\\), refill at (?<reset>.+?);",
        ".*limit.*resets?.*(?<reset>\\d+.*)",
        "(?i)(?:you(?:'ve|’ve)? (?:hit|reached)) your (?<scope>[a-z0-9 -]+) limit",
        "(?<scope>daily|weekly|5-hour) (?:limit|quota|cap)s? (?:is )?(?:gone|used up|spent)(?:[,;.]? (?:back|again) (?:at|in) (?<reset>[^.]{1,60}))?",
        "\\[QUOTA\\] wait (?<reset>\\d+)s",
        "a*a*b",
        "[^]]+\\]: over",
        "(?<!not )limited until (?<reset>\\S+)",
        "\\p{L}+ limit",
      })
  void an_honest_pattern_is_taken(String regex) {
    assertDoesNotThrow(() -> patterns(regex));
  }

  @Test
  void what_is_wrong_with_a_pattern_is_said_with_the_remedy() {
    refused("(oops", "not a regular expression: Unclosed group");
    refused("limit (?<until>.+)", "the group 'until' means nothing; named groups are reset, scope");
    refused("(limit)?", "matches an empty text");
    assertDoesNotThrow(() -> patterns("\\(?<until>"), "an escaped parenthesis is no group");
  }

  /** Whatever compiles is taken apart, and neither throws nor takes long. */
  @Test
  void any_pattern_is_taken_or_refused_in_bounded_time() {
    String[] pieces = {
      "a",
      "b",
      "1",
      " ",
      "(",
      ")",
      "[",
      "]",
      "^",
      "-",
      "\\",
      "\\w",
      "\\d",
      "\\s",
      ".",
      "*",
      "+",
      "?",
      "{1,3}",
      "|",
      "(?:",
      "(?<reset>",
      "(?=",
      "(?<!",
      "\\Q",
      "\\E",
      "\\p{L}",
      "$",
      "\\1",
      "é"
    };
    for (int i = 0; i < CASES; i++) {
      SplittableRandom random = new SplittableRandom(i);
      StringBuilder regex = new StringBuilder();
      for (int k = 1 + random.nextInt(14); k > 0; k--) {
        regex.append(pieces[random.nextInt(pieces.length)]);
      }
      boolean compiles = compiles(regex.toString());
      String message = "seed " + i + ": " + regex;
      assertTimeoutPreemptively(
          Duration.ofMinutes(1), () -> tried(regex.toString(), compiles, message), message);
    }
  }

  private static boolean compiles(String regex) {
    try {
      Pattern.compile(regex);
      return true;
    } catch (PatternSyntaxException e) {
      return false;
    }
  }

  private static void tried(String regex, boolean compiles, String message) {
    try {
      patterns(regex);
      assertTrue(compiles, message);
    } catch (IllegalArgumentException e) {
      assertEquals(!compiles, e.getMessage().contains("not a regular expression"), message);
    }
  }

  @Test
  void the_groups_say_reset_and_scope_and_without_them_the_line_does() {
    Instant readAt = NOW;
    List<LineTail.Line> line =
        List.of(new LineTail.Line("Fuel gone for the week. Come back in 3 hours.", readAt));
    ZoneId zone = ZoneId.of("UTC");
    Conclusion.Limited limited =
        assertInstanceOf(
            Conclusion.Limited.class,
            patterns("fuel gone").find(line, zone, "stderr").orElseThrow());
    assertEquals(LimitScope.WEEKLY, limited.scope());
    assertEquals(NOW.plus(Duration.ofHours(3)), limited.reset().earliest());
    assertEquals("pattern/1", limited.basis().rule());
    Conclusion.Limited grouped =
        assertInstanceOf(
            Conclusion.Limited.class,
            patterns("none", "(?<scope>fuel) gone.*back in (?<reset>3)")
                .find(line, zone, "stderr")
                .orElseThrow());
    assertEquals(LimitScope.UNKNOWN, grouped.scope());
    assertEquals(NOW.plusSeconds(3), grouped.reset().earliest());
    assertEquals("pattern/2", grouped.basis().rule());
  }
}
