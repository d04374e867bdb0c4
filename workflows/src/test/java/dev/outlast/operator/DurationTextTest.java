package dev.outlast.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurationTextTest {

  @ParameterizedTest
  @CsvSource({
    "90s, PT90S", "10m, PT10M", "1h30m, PT1H30M", "8d, P8D", "250ms, PT0.25S", "PT90S, PT90S",
    "P2D, P2D", "90, PT90S", "1.5, PT1.5S", "86400.000000000, PT24H", "0s, PT0S", " 1H , PT1H"
  })
  void reads_durations_as_people_and_programs_write_them(String text, Duration expected) {
    assertEquals(Optional.of(expected), DurationText.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        "soon",
        "-5m",
        "PT-5M",
        "5 minutes",
        "1m1h",
        "9999999d",
        "1e9",
        "5m!",
        "h",
        "P",
        "9999999999999999999999999999999999999999999999999999999999999999999999s"
      })
  void refuses_everything_else(String text) {
    assertEquals(Optional.empty(), DurationText.parse(text));
  }

  @ParameterizedTest
  @CsvSource({
    "PT0S, 0s",
    "PT12S, 12s",
    "PT4H59M30S, 4h 59m",
    "P8D, 8d",
    "PT1H0M5S, 1h",
    "PT0.25S, 250ms",
    "P1DT1M, 1d",
    "PT-5S, 0s"
  })
  void writes_the_two_largest_units(Duration duration, String expected) {
    assertEquals(expected, DurationText.of(duration));
  }
}
