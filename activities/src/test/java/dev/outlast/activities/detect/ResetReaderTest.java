package dev.outlast.activities.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.limit.ResetTime;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ResetReaderTest {

  private static final int CASES = 10_000;

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        // text; now; zone; earliest; seconds of precision
        "usage limit reached|1795233891; 2026-11-21T02:04:46Z; UTC; 2026-11-21T04:04:51Z; 0",
        "resets at 1795233891000; 2026-11-21T02:04:46Z; UTC; 2026-11-21T04:04:51Z; 0",
        "resets at 2026-11-21T05:06:07Z; 2026-11-21T02:00:00Z; UTC; 2026-11-21T05:06:07Z; 0",
        "resets 2026-11-21T05:06:07.123+02:00.; 2026-11-21T02:00:00Z; UTC; 2026-11-21T03:06:07.123Z; 0",
        "try again at 2026-11-21 05:06 (Europe/Berlin); 2026-11-21T02:00:00Z; UTC; 2026-11-21T04:06:00Z; 60",
        "resets 2026-11-22; 2026-11-21T02:00:00Z; UTC; 2026-11-22T00:00:00Z; 86400",
        "resets 3pm; 2026-11-21T02:00:00Z; Europe/Berlin; 2026-11-21T14:00:00Z; 60",
        "resets 3:45pm (Europe/Berlin); 2026-11-21T02:00:00Z; UTC; 2026-11-21T14:45:00Z; 60",
        "resets 3:45 PM UTC; 2026-11-21T02:00:00Z; Asia/Tokyo; 2026-11-21T15:45:00Z; 60",
        "resets 3 p.m. PST; 2026-11-21T02:00:00Z; UTC; 2026-11-21T23:00:00Z; 60",
        "resets 3:45pm (utc); 2026-11-21T02:00:00Z; Asia/Tokyo; 2026-11-21T15:45:00Z; 60",
        "resets 3pm (GMT+05:30); 2026-11-21T02:00:00Z; UTC; 2026-11-21T09:30:00Z; 60",
        "resets 1:30am (local time); 2026-11-21T02:00:00Z; UTC; 2026-11-22T01:30:00Z; 60",
        "resets 4:50am; 2026-11-21T04:50:59Z; UTC; 2026-11-21T04:50:00Z; 60",
        "resets 4:50am; 2026-11-21T04:51:00Z; UTC; 2026-11-22T04:50:00Z; 60",
        "resets 12am; 2026-11-21T04:51:00Z; UTC; 2026-11-22T00:00:00Z; 60",
        "resets at midnight; 2026-11-21T04:51:00Z; UTC; 2026-11-22T00:00:00Z; 60",
        "resets at noon (Asia/Calcutta); 2026-11-21T04:51:00Z; UTC; 2026-11-21T06:30:00Z; 60",
        "resets 18:05; 2026-11-21T04:51:00Z; UTC; 2026-11-21T18:05:00Z; 60",
        "resets at 18:05:09; 2026-11-21T04:51:00Z; UTC; 2026-11-21T18:05:09Z; 0",
        "resets Nov 25, 6:11pm; 2026-11-21T02:04:40Z; Europe/Berlin; 2026-11-25T17:11:00Z; 60",
        "resets Jun 9 at 1am (America/Sao_Paulo); 2026-06-05T00:00:00Z; UTC; 2026-06-09T04:00:00Z; 60",
        "try again at Nov 25th, 2026 12:11 PM.; 2026-11-21T02:04:40Z; UTC; 2026-11-25T12:11:00Z; 60",
        "reset on April 20, 2026 at 2:00 AM or switch; 2026-04-18T00:00:00Z; UTC; 2026-04-20T02:00:00Z; 60",
        "resets 25 November 2026 at 18:11; 2026-11-21T02:04:40Z; UTC; 2026-11-25T18:11:00Z; 60",
        "resets Wed, Nov 25, 6pm; 2026-11-21T02:04:40Z; UTC; 2026-11-25T18:00:00Z; 60",
        "resets 6pm on Nov 25; 2026-11-21T02:04:40Z; UTC; 2026-11-25T18:00:00Z; 60",
        "resets 6pm (Europe/Berlin) on Nov 25; 2026-11-21T02:04:40Z; UTC; 2026-11-25T17:00:00Z; 60",
        "resets Monday at 9am; 2026-11-21T02:04:40Z; UTC; 2026-11-23T09:00:00Z; 60",
        "resets Saturday 1am; 2026-11-21T02:04:40Z; UTC; 2026-11-28T01:00:00Z; 60",
        "resets tomorrow at 9am; 2026-11-21T02:04:40Z; UTC; 2026-11-22T09:00:00Z; 60",
        "resets Oct 24; 2025-10-20T10:00:00Z; UTC; 2025-10-24T00:00:00Z; 86400",
        "resets Jan 2, 9am; 2026-12-29T05:00:00Z; America/Chicago; 2027-01-02T15:00:00Z; 60",
        "resets Feb 29, 9am; 2026-12-29T05:00:00Z; UTC; 2028-02-29T09:00:00Z; 60",
        "resets Dec 31, 11pm (America/Los_Angeles); 2027-01-01T03:00:00Z; UTC; 2027-01-01T07:00:00Z; 60",
        "try again in 3 days 4 hours 2 minutes.; 2026-11-21T00:00:00Z; UTC; 2026-11-24T04:02:00Z; 60",
        "try again in 58 hours.; 2026-11-21T00:00:00Z; UTC; 2026-11-23T10:00:00Z; 3600",
        "It will reset in 1 hour 30 minutes; 2026-11-21T00:00:00Z; UTC; 2026-11-21T01:30:00Z; 60",
        "Your quota will reset after 8h44m7s.; 2026-11-21T00:00:00Z; UTC; 2026-11-21T08:44:07Z; 0",
        "Please retry in 7200.5s.; 2026-11-21T00:00:00Z; UTC; 2026-11-21T02:00:00.500Z; 0",
        "Please retry after 2733 seconds. (x); 2026-11-21T00:00:00Z; UTC; 2026-11-21T00:45:33Z; 0",
        "Retry-After: 3600; 2026-11-21T00:00:00Z; UTC; 2026-11-21T01:00:00Z; 0",
        "retryDelayMs: 7200000; 2026-11-21T00:00:00Z; UTC; 2026-11-21T02:00:00Z; 0",
        "Retrying after 7489271ms...; 2026-11-21T00:00:00Z; UTC; 2026-11-21T02:04:49.271Z; 0",
        "try again in less than a minute.; 2026-11-21T00:00:00Z; UTC; 2026-11-21T00:00:00Z; 60",
        "try again in an hour; 2026-11-21T00:00:00Z; UTC; 2026-11-21T01:00:00Z; 3600",
        "2 hours; 2026-11-21T00:00:00Z; UTC; 2026-11-21T02:00:00Z; 3600",
        "3pm; 2026-11-21T00:00:00Z; UTC; 2026-11-21T15:00:00Z; 60",
        "5-hour limit reached ∙ resets 2am; 2026-11-21T00:00:00Z; UTC; 2026-11-21T02:00:00Z; 60",
        "5 hour usage limit reached. It will reset in 1 hour 30 minutes; 2026-11-21T00:00:00Z; UTC; 2026-11-21T01:30:00Z; 60",
        "weekly limit resets Nov 25, 6pm, 5-hour limit resets 3pm; 2026-11-21T00:00:00Z; UTC; 2026-11-25T18:00:00Z; 60",
        // As programs in other languages and libraries print times.
        "Retry-After: Sat, 21 Nov 2026 15:00:00 GMT; 2026-11-21T02:00:00Z; Asia/Tokyo; 2026-11-21T15:00:00Z; 0",
        "retry after Wed, 25 Nov 2026 18:11:09 GMT; 2026-11-21T02:00:00Z; UTC; 2026-11-25T18:11:09Z; 0",
        "resets 2026-11-25 6:11 PM (Europe/Berlin); 2026-11-21T02:00:00Z; UTC; 2026-11-25T17:11:00Z; 60",
        "resets 2026-11-25 at 6:11pm; 2026-11-21T02:00:00Z; UTC; 2026-11-25T18:11:00Z; 60",
        "resets at 2026-11-21T05:06:07.1234567Z; 2026-11-21T02:00:00Z; UTC; 2026-11-21T05:06:07.123456700Z; 0",
        "resets 2026-11-21 18:00 +05:45; 2026-11-21T02:00:00Z; UTC; 2026-11-21T12:15:00Z; 60",
        "resets at 3:45\u202fPM; 2026-11-21T02:00:00Z; UTC; 2026-11-21T15:45:00Z; 60",
        "resets at ３:４５ PM; 2026-11-21T02:00:00Z; UTC; 2026-11-21T15:45:00Z; 60",
        "resets at 3:45\u2009p.m.; 2026-11-21T02:00:00Z; UTC; 2026-11-21T15:45:00Z; 60",
        "Access resets at 10:57 PM GMT-3.; 2026-11-21T02:00:00Z; UTC; 2026-11-22T01:57:00Z; 60",
        "Access resets at 3:45 PM GMT+5:30.; 2026-11-21T02:00:00Z; UTC; 2026-11-21T10:15:00Z; 60",
        "resets 3:45pm (UTC+2); 2026-11-21T02:00:00Z; UTC; 2026-11-21T13:45:00Z; 60",
        "resets 3:45pm (UTC+5:45); 2026-11-21T02:00:00Z; UTC; 2026-11-21T10:00:00Z; 60",
        "resets 3:45pm -0500; 2026-11-21T02:00:00Z; UTC; 2026-11-21T20:45:00Z; 60",
        "resets at 15:00 UTC; 2026-11-21T02:00:00Z; Asia/Tokyo; 2026-11-21T15:00:00Z; 60",
        "resets 5pm America/Port-au-Prince; 2026-11-21T02:00:00Z; UTC; 2026-11-21T22:00:00Z; 60",
        "resets at midnight Pacific Time; 2026-11-21T02:00:00Z; UTC; 2026-11-21T08:00:00Z; 60",
        "Quota resets daily at midnight PT; 2026-11-21T02:00:00Z; UTC; 2026-11-21T08:00:00Z; 60",
        "resets 9 p.m. Eastern; 2026-11-21T02:00:00Z; UTC; 2026-11-21T02:00:00Z; 60",
        "resets 9am (Pacific/Auckland); 2026-11-21T02:00:00Z; UTC; 2026-11-21T20:00:00Z; 60",
        "resets 9am Pacific/Auckland; 2026-11-21T02:00:00Z; UTC; 2026-11-21T20:00:00Z; 60",
        "resets at midnight PT; 2026-11-21T02:00:00Z; UTC; 2026-11-21T08:00:00Z; 60",
        "resets tonight at midnight; 2026-11-21T02:00:00Z; UTC; 2026-11-22T00:00:00Z; 60",
        "resets 1pm (Etc/GMT+5); 2026-11-21T02:00:00Z; UTC; 2026-11-21T18:00:00Z; 60",
        "resets 3pm (US/Pacific); 2026-11-21T02:00:00Z; UTC; 2026-11-21T23:00:00Z; 60",
        "resets Nov 25, 18h; 2026-11-21T02:00:00Z; UTC; 2026-11-25T18:00:00Z; 60",
        "resets at 18h30; 2026-11-21T02:00:00Z; UTC; 2026-11-21T18:30:00Z; 60",
        "resets in 18h; 2026-11-21T02:00:00Z; UTC; 2026-11-21T20:00:00Z; 3600",
        "Expected quota reset within 24h.; 2026-11-21T02:00:00Z; UTC; 2026-11-21T02:00:00Z; 86400",
        "retry after 5h17m19.5s; 2026-11-21T02:00:00Z; UTC; 2026-11-21T07:17:19.500Z; 0",
        "resets_in_seconds=602705; 2026-03-28T16:20:26Z; UTC; 2026-04-04T15:45:31Z; 0",
        "resets Sun 3am; 2026-11-21T02:00:00Z; UTC; 2026-11-22T03:00:00Z; 60",
        "resets in 2 days, 3 hours and 20 minutes; 2026-11-21T02:00:00Z; UTC; 2026-11-23T05:20:00Z; 60",
        // The time first.
        "3pm: your limit resets; 2026-11-21T02:00:00Z; UTC; 2026-11-21T15:00:00Z; 60",
        "At 3:45pm (Europe/Berlin) your 5-hour limit resets.; 2026-11-21T02:00:00Z; UTC; 2026-11-21T14:45:00Z; 60",
        "Nov 25, 6pm is when your weekly limit resets; 2026-11-21T02:00:00Z; UTC; 2026-11-25T18:00:00Z; 60",
        // A date without a year that has just passed.
        "resets Nov 21, 1:59am; 2026-11-21T02:00:10Z; UTC; 2026-11-21T01:59:00Z; 60",
        "resets Nov 20, 6pm (UTC); 2026-11-21T02:00:10Z; UTC; 2026-11-20T18:00:00Z; 60",
        "resets Nov 20; 2026-11-21T02:00:10Z; UTC; 2026-11-20T00:00:00Z; 86400",
        "resets Dec 31, 11pm; 2027-01-01T00:00:10Z; UTC; 2026-12-31T23:00:00Z; 60",
        "resets Apr 20, 11pm; 2026-11-21T02:00:10Z; UTC; 2027-04-20T23:00:00Z; 60",
        "resets 11/25, 6pm; 2026-11-21T02:00:00Z; UTC; 2026-11-25T18:00:00Z; 60",
        "resets 25.11.2026 18:00; 2026-11-21T02:00:00Z; UTC; 2026-11-25T18:00:00Z; 60",
        "resets 6:10am +02:00; 2026-11-21T02:00:00Z; UTC; 2026-11-21T04:10:00Z; 60",
        "resets 11am (+02:00); 2026-11-21T02:00:00Z; UTC; 2026-11-21T09:00:00Z; 60",
        "resets 11am (HST); 2026-11-21T02:00:00Z; UTC; 2026-11-21T21:00:00Z; 60",
        "resets in 3:20:00; 2026-11-21T02:00:00Z; UTC; 2026-11-21T05:20:00Z; 0",
        "7800; 2026-11-21T02:00:00Z; UTC; 2026-11-21T04:10:00Z; 0",
        "PT2H10M; 2026-11-21T02:00:00Z; UTC; 2026-11-21T04:10:00Z; 0",
        "session limit · 4:10am (UTC); 2026-11-21T02:00:00Z; UTC; 2026-11-21T04:10:00Z; 60",
        // Clocks go forward over 2:30, and 1:30 comes twice.
        "resets 2:30am (Europe/Berlin); 2026-03-28T23:30:00Z; UTC; 2026-03-29T01:30:00Z; 60",
        "resets 1:30am (America/New_York); 2026-11-01T04:00:00Z; UTC; 2026-11-01T06:30:00Z; 60",
        "resets 1:30am (America/New_York); 2026-11-01T05:45:00Z; UTC; 2026-11-01T06:30:00Z; 60",
      })
  void the_reset_is_read_as_it_was_meant(
      String text, Instant now, String zone, Instant earliest, long precision) {
    Optional<ResetTime> reset = ResetReader.read(text, now, ZoneId.of(zone));
    assertEquals(Optional.of(new ResetTime(earliest, Duration.ofSeconds(precision))), reset);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "5-hour limit reached",
        "You've hit your 5 hour limit",
        "wait for limits to reset (every 5h and every week.)",
        "try again later",
        "5 hours: your limit resets",
        "2026-11-21T02:00:00Z your limit resets soon",
        "2026-11-21 02:00 your limit resets soon",
        "02:00:00 your limit resets soon",
        "You hit your limit at 3pm",
        "your 18h window resets later",
        "resets Feb 31, 9am",
        "resets 25:99",
        "resets 13pm",
        "version 2.1.329 at 127.0.0.1:18080",
        "resets 99999999999999999999999 hours",
        "(limit 200000) but this conversation is only ~2638 tokens",
      })
  void what_names_no_time_gives_none(String text) {
    assertEquals(
        Optional.empty(),
        ResetReader.read(text, Instant.parse("2026-11-21T00:00:00Z"), ZoneId.of("UTC")));
  }

  /** What the CLIs print is made here from a true instant; reading must find that instant. */
  @Test
  void the_true_reset_is_within_what_is_read_in_every_zone() {
    List<String> zones = ZoneId.getAvailableZoneIds().stream().sorted().toList();
    int cases = 0;
    for (int i = 0; cases < CASES; i++) {
      SplittableRandom random = new SplittableRandom(i);
      ZoneId zone = ZoneId.of(zones.get(random.nextInt(zones.size())));
      Instant now = Instant.ofEpochSecond(1_700_000_000L + random.nextInt(200_000_000));
      boolean soon = random.nextBoolean();
      Instant at =
          now.plusSeconds(60 + random.nextInt(soon ? 23 * 3600 : 20 * 86_400))
              .truncatedTo(ChronoUnit.SECONDS);
      ZonedDateTime local = at.atZone(zone);
      boolean twice = zone.getRules().getValidOffsets(local.toLocalDateTime()).size() > 1;
      boolean sameDay = local.toLocalDate().equals(LocalDate.ofInstant(now, zone));
      if (twice || (soon && !sameDay && local.getHour() == now.atZone(zone).getHour())) {
        continue;
      }
      cases++;
      String pattern = soon ? "h:mma" : random.nextBoolean() ? "MMM d, h:mma" : "MMM d, yyyy, H:mm";
      boolean named = random.nextBoolean() && zone.getId().matches("[A-Za-z].*");
      String text =
          "limit reached · resets "
              + DateTimeFormatter.ofPattern(pattern, Locale.US).format(local)
              + (named ? " (" + zone + ")" : "");
      Optional<ResetTime> reset =
          ResetReader.read(text, now, named ? ZoneId.of("Pacific/Chatham") : zone);
      String message = "seed " + i + ": " + text + " read at " + now + " in " + zone + ": " + reset;
      assertTrue(reset.isPresent(), message);
      assertFalse(at.isBefore(reset.get().earliest()), message);
      assertFalse(at.isAfter(reset.get().latest()), message);
    }
  }

  /** Printed just before a reset and read just after it, or read in a recording days later. */
  @Test
  void a_date_that_has_just_passed_is_not_the_one_in_a_year() {
    int cases = 0;
    for (int i = 0; cases < CASES; i++) {
      SplittableRandom random = new SplittableRandom(i);
      Instant now = Instant.ofEpochSecond(1_700_000_000L + random.nextInt(200_000_000));
      Instant at =
          now.minusSeconds(61 + random.nextInt(20 * 86_400)).truncatedTo(ChronoUnit.MINUTES);
      String text =
          "limit reached · resets "
              + DateTimeFormatter.ofPattern("MMM d, h:mma", Locale.US)
                  .format(at.atZone(ZoneId.of("UTC")));
      if (text.contains("Feb 29")) {
        continue;
      }
      cases++;
      assertEquals(
          Optional.of(new ResetTime(at, Duration.ofMinutes(1))),
          ResetReader.read(text, now, ZoneId.of("UTC")),
          "seed " + i + ": " + text + " read at " + now);
    }
  }

  @Test
  void relative_texts_count_from_when_they_were_read() {
    for (int i = 0; i < CASES; i++) {
      SplittableRandom random = new SplittableRandom(i);
      Instant now = Instant.ofEpochSecond(1_700_000_000L + random.nextInt(200_000_000));
      int d = random.nextInt(8);
      int h = random.nextInt(24);
      int m = random.nextInt(60);
      String text =
          random.nextBoolean()
              ? "try again in " + d + " days " + h + " hours " + m + " minutes."
              : "will reset after " + (24 * d + h) + "h" + m + "m0s.";
      Optional<ResetTime> reset = ResetReader.read(text, now, ZoneId.of("UTC"));
      Instant at = now.plus(Duration.ofDays(d).plusHours(h).plusMinutes(m));
      assertEquals(Optional.of(at), reset.map(ResetTime::earliest), "seed " + i + ": " + text);
    }
  }

  @Test
  void reading_never_throws() {
    String[] words = {
      "resets",
      "try again",
      "at",
      "in",
      "3",
      "59",
      "99",
      ":",
      "am",
      "pm",
      "Nov",
      "31",
      ",",
      "2026",
      "(",
      ")",
      "UTC",
      "Europe/Berlin",
      "h",
      "m",
      "days",
      "|",
      "1795233891",
      "-",
      "T",
      "Z",
      "+02:00",
      "Monday",
      "noon",
      "a",
      "an hour",
      "\u0000",
      "\ud800",
      "İ",
      "less than",
      " ",
      " ",
      "every",
      "."
    };
    for (int i = 0; i < CASES; i++) {
      SplittableRandom random = new SplittableRandom(i);
      StringBuilder text = new StringBuilder("resets ");
      for (int k = random.nextInt(30); k > 0; k--) {
        text.append(words[random.nextInt(words.length)]);
        text.append(random.nextBoolean() ? " " : "");
      }
      try {
        assertNotNull(
            ResetReader.read(
                text.toString(),
                Instant.ofEpochSecond(random.nextInt()),
                ZoneId.of("Pacific/Chatham")));
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + i + ": " + text, e);
      }
    }
    String long_ = "resets " + " at in ".repeat(100_000) + " 1 hour";
    assertNotNull(ResetReader.read(long_, Instant.EPOCH, ZoneId.of("UTC")));
  }
}
