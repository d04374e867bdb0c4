package dev.outlast.operator;

import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Durations as people write and read them: {@code 90s}, {@code 10m}, {@code 1h30m}, {@code 8d},
 * {@code 250ms}, ISO-8601 ({@code PT90S}), or a plain number of seconds.
 */
public final class DurationText {

  /** What to tell somebody whose duration could not be read. */
  public static final String EXPECTED =
      "a duration such as 90s, 10m, 1h30m, 8d, PT90S, or a number of seconds";

  /** The longest duration that is read: ten years. */
  public static final Duration MAX = Duration.ofDays(3_650);

  private static final Pattern UNITS =
      Pattern.compile(
          "(?:(\\d{1,6})d)?(?:(\\d{1,6})h)?(?:(\\d{1,9})m)?(?:(\\d{1,9})s)?(?:(\\d{1,9})ms)?");
  private static final Pattern SECONDS = Pattern.compile("\\d{1,12}(?:\\.\\d{1,9})?");
  private static final int MAX_LENGTH = 60;

  private DurationText() {}

  /** Reads a duration; empty if the text is none, is negative, or is longer than {@link #MAX}. */
  public static Optional<Duration> parse(String text) {
    if (text == null || text.length() > MAX_LENGTH) {
      return Optional.empty();
    }
    String trimmed = text.strip().toLowerCase(java.util.Locale.ROOT);
    return read(trimmed).filter(d -> !d.isNegative() && d.compareTo(MAX) <= 0);
  }

  /**
   * Reads a moment: an instant such as {@code 2026-11-21T15:00:00Z}, or a duration from now on.
   *
   * @return empty if the text is neither
   */
  public static Optional<Instant> moment(String text, Instant now) {
    Optional<Instant> relative = parse(text).map(now::plus);
    if (text == null || relative.isPresent()) {
      return relative;
    }
    try {
      return Optional.of(Instant.parse(text.strip()));
    } catch (DateTimeException notAnInstant) {
      return Optional.empty();
    }
  }

  private static Optional<Duration> read(String text) {
    if (text.isEmpty()) {
      return Optional.empty();
    }
    if (SECONDS.matcher(text).matches()) {
      BigDecimal seconds = new BigDecimal(text);
      return Optional.of(
          Duration.ofNanos(0)
              .plusSeconds(seconds.longValue())
              .plusNanos(seconds.remainder(BigDecimal.ONE).movePointRight(9).longValue()));
    }
    Matcher units = UNITS.matcher(text);
    if (units.matches()) {
      return Optional.of(
          Duration.ofDays(number(units.group(1)))
              .plusHours(number(units.group(2)))
              .plusMinutes(number(units.group(3)))
              .plusSeconds(number(units.group(4)))
              .plusMillis(number(units.group(5))));
    }
    try {
      return Optional.of(Duration.parse(text));
    } catch (DateTimeException notIso) {
      return Optional.empty();
    }
  }

  private static long number(String digits) {
    return digits == null ? 0 : Long.parseLong(digits);
  }

  /** Writes a duration with its two largest units: {@code 8d}, {@code 4h 59m}, {@code 12s}. */
  public static String of(Duration duration) {
    if (duration.isNegative()) {
      return "0s";
    }
    long[] amounts = {
      duration.toDays(), duration.toHoursPart(), duration.toMinutesPart(), duration.toSecondsPart()
    };
    String[] units = {"d", "h", "m", "s"};
    for (int i = 0; i < amounts.length; i++) {
      if (amounts[i] > 0) {
        boolean more = i + 1 < amounts.length && amounts[i + 1] > 0;
        return amounts[i] + units[i] + (more ? " " + amounts[i + 1] + units[i + 1] : "");
      }
    }
    return duration.isZero() ? "0s" : duration.toMillis() + "ms";
  }
}
