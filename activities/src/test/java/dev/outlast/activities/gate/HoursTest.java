package dev.outlast.activities.gate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HoursTest {

  private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

  // 2026-11-20 is a Friday.
  @ParameterizedTest
  @CsvSource({
    "22:00-07:00, 2026-11-20T21:59, ",
    "22:00-07:00, 2026-11-20T22:00, 2026-11-21T07:00",
    "22:00-07:00, 2026-11-20T06:59, 2026-11-20T07:00",
    "22:00-07:00, 2026-11-20T07:00, ",
    "Mon-Fri 09:00-18:00, 2026-11-20T12:00, 2026-11-20T18:00",
    "Mon-Fri 09:00-18:00, 2026-11-21T12:00, ",
    "Fri-Mon 20:00-24:00, 2026-11-22T23:00, 2026-11-23T00:00",
    "Fri 22:00-04:00, 2026-11-21T03:00, 2026-11-21T04:00",
    "Fri 22:00-04:00, 2026-11-20T03:00, ",
  })
  void say_when_they_end(String hours, LocalDateTime moment, LocalDateTime end) {
    assertEquals(Optional.ofNullable(end), end(List.of(hours), moment));
  }

  @Test
  void that_follow_each_other_end_together() {
    assertEquals(
        Optional.of(LocalDateTime.parse("2026-11-23T09:00")),
        end(
            List.of("Fri 18:00-24:00", "Sat,Sun 00:00-24:00", "Mon 00:00-09:00"),
            LocalDateTime.parse("2026-11-20T19:00")));
  }

  @Test
  void of_the_whole_week_end_some_time() {
    assertTrue(end(List.of("00:00-24:00"), LocalDateTime.parse("2026-11-20T19:00")).isPresent());
  }

  @Test
  void follow_the_clock_on_the_wall_when_it_is_changed() {
    Hours nights = Hours.of(List.of("01:00-04:00"));
    // In the night to the 29th of March 2026 the clock goes from 2:00 to 3:00.
    assertEquals(
        Optional.of(Instant.parse("2026-03-29T02:00:00Z")),
        nights.end(Instant.parse("2026-03-29T00:30:00Z"), BERLIN));
    // In the night to the 25th of October 2026 it goes from 3:00 back to 2:00.
    assertEquals(
        Optional.of(Instant.parse("2026-10-25T03:00:00Z")),
        nights.end(Instant.parse("2026-10-24T23:30:00Z"), BERLIN));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "9-17",
        "25:00-26:00",
        "09:60-10:00",
        "Mon-Fri",
        "Foo 09:00-10:00",
        "09:00-09:00",
        "Mon-Tue-Wed 09:00-10:00",
        "24:00-02:00"
      })
  void that_are_none_are_refused_by_name(String text) {
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Hours.of(List.of(text)));
    assertTrue(e.getMessage().startsWith("'" + text + "' is not "), e.getMessage());
  }

  private static Optional<LocalDateTime> end(List<String> hours, LocalDateTime moment) {
    return Hours.of(hours)
        .end(moment.atZone(BERLIN).toInstant(), BERLIN)
        .map(end -> LocalDateTime.ofInstant(end, BERLIN));
  }
}
