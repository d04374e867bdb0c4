package dev.outlast.activities.detect;

import dev.outlast.limit.ResetTime;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.TextStyle;
import java.time.temporal.TemporalAdjusters;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Reads from a text when an allowance returns. A pure function of the text, the clock and the zone;
 * never throws.
 *
 * <p>A time counts where it follows a word such as "resets", "try again" or "until", or where the
 * text begins with it. Of several the latest is taken. A time of day without a date is the next one
 * in its zone, except that the current minute is now; a date without a year is the next such date,
 * or the last one where that is nearer and the next far away. A time that a change of the clocks
 * skips moves forward by what was skipped, one that occurs twice is the later.
 */
public final class ResetReader {

  /** The longest text that is looked at, in characters; the rest is ignored. */
  public static final int MAX_TEXT = 8_000;

  /** How far a reset may lie ahead to be believed. */
  public static final Duration MAX_AHEAD = Duration.ofDays(3_650);

  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final int MAX_CUES = 50;
  private static final int MAX_PARTS = 8;
  private static final int MAX_OFFSET_HOURS = 17;

  /** Of a year that is given by its last two digits. */
  private static final int CENTURY = 2_000;

  private static final String NO_NANOS = "000000000";

  /** A date further ahead than this would be said with its year. */
  private static final Duration MAX_YEARLESS = Duration.ofDays(180);

  /** The longest gap between two leap years. */
  private static final int LEAP_GAP = 8;

  private static final long FIRST_EPOCH_SECOND = 1_577_836_800L; // 2020
  private static final long LAST_EPOCH_SECOND = 4_102_444_800L; // 2100

  private static final Pattern CUE =
      Pattern.compile(
          "\\b(?:resets?|resetting|reset[_ ]?(?:s[_ ]?)?(?:at|in|time)|resets?[_ ]in[_ ]seconds|tr(?:y|ying)|retry(?:ing|[_"
              + " -]?after|delayms)?|again|available|back|renew(?:s|ed)?|refresh(?:es|ed)?|until|till|wait|"
              + "resumes?|returns?|replenish(?:es|ed)?|restored?|unlocks?|lift(?:ed|s)|next window|clears?|regain access|refills?|opens?|"
              + "continues?(?= at)|starts?(?= (?:over )?at)|starts over|ends|expires)\\b|\\|(?=\\s*\\d{10})"
              + "|[·∙•](?=\\s*\\d{1,2}(?::\\d{2})?\\s?[ap]m\\b)");

  private static final char FULL_WIDTH_FIRST = '\uff01';
  private static final char FULL_WIDTH_LAST = '\uff5e';
  private static final int FULL_WIDTH = FULL_WIDTH_FIRST - '!';

  /** "3pm: your limit resets", where the time comes first; what a log puts first has seconds. */
  private static final Pattern BEFORE_CUE =
      Pattern.compile(
          "\\s*(?:at\\s+|on\\s+|from\\s+)?(?!\\d{4}[-/])(?=(\\d|[a-z]{3}))[\\w :.,()/+-]{1,45}?[\\s:,·∙•–—-]+(?:is\\s+when\\s+)?(?:your|the)\\s+"
              + "(?:[a-z0-9-]+\\s+){0,4}?(?:limits?|quota|window|usage|allowance)\\s+(?:will\\s+)?"
              + "(?:resets?|renews?|returns?|refresh(?:es)?|refills?)\\b(?!\\s+(?:at|in|on|by|after)\\b)");

  /** "3h 10m until reset", "(3h 10m remaining)", "3 hours from now". */
  private static final Pattern AMOUNT_FIRST =
      Pattern.compile(
          "(?<![\\w.,:%-])(?=\\d{1,6}(?:\\.\\d)?\\s?[wdhms])[\\w., ]{2,40}?\\s(?:remaining|left|from now"
              + "|(?:until|till|before) (?:the |your |it |next |limit ){0,4}(?:resets?|renewal|renews))\\b");

  private static final Pattern FILLER =
      Pattern.compile(
          "(?:[\\s:,=\"'~@·∙•|–—-]|\\b(?:this (?:morning|afternoon|evening)|at|on|in|after|by|for|the|again|is|are|will|be|it|to|from|until|till|about|around|"
              + "approximately|approx|daily|another|your|usage|limits?|quota|window|access|request|back|"
              + "available|over|next|time|date|reset|resets)\\b\\.?){0,40}");

  /** A text with one of these says more than a time; its beginning then is no reset. */
  private static final Pattern SENTENCE =
      Pattern.compile("limit|usage|quota|allowance|window|reached|capacity|exceeded");

  private static final String SIGN_OFF = "(?![\\w])";
  private static final Pattern EPOCH = Pattern.compile("(\\d{13}|\\d{10})(?:\\.\\d+)?" + SIGN_OFF);
  private static final Pattern ISO =
      Pattern.compile(
          "(\\d{4})[-/](\\d{2})[-/](\\d{2})(?:t|\\s+at\\s+|,?\\s+)(\\d{1,2}):(\\d{2})(?::(\\d{2})(?:[.,](\\d{1,9}))?)?"
              + "(?!\\s?[ap]\\.?m\\b)(?:\\s?(z|[+-]\\d{2}:?\\d{2}))?"
              + SIGN_OFF);
  private static final Pattern ISO_DATE =
      Pattern.compile("(\\d{4})[-/](\\d{2})[-/](\\d{2})(?!\\w)");
  private static final Pattern AMOUNT =
      Pattern.compile(
          "(\\d{1,3}(?:,\\d{3}){1,3}(?=\\s?[a-z])|\\d{1,12}(?:\\.\\d{1,9})?(?=\\s?[a-z])|(?:an?|one|two|three|four|five|six|seven|eight|nine|ten)(?=\\s))\\s*(weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|min|milliseconds?|millis|ms|m|seconds?|secs?|s)"
              + "(?![a-z])");

  /** Each at the place that it names; "a" and "an" are one too. */
  private static final List<String> NUMBER_NAMES =
      List.of(
          "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten");

  private static final Pattern ISO_AMOUNT =
      Pattern.compile(
          "p(?:\\d{1,4}d)?(?:t(?:\\d{1,9}h)?(?:\\d{1,9}m)?(?:\\d{1,9}(?:\\.\\d{1,9})?s)?)?(?![\\w.])");
  private static final Pattern CLOCKED_AMOUNT =
      Pattern.compile("(\\d{1,3}):([0-5]\\d):([0-5]\\d)(?!\\d|\\s?[ap]\\.?m)");

  /** "in 3:20": hours and minutes. */
  private static final Pattern SHORT_CLOCKED_AMOUNT =
      Pattern.compile("(\\d{1,3}):([0-5]\\d)(?!\\d|:|\\s?[ap]\\.?m)");

  private static final Pattern SAYS_ONLY_IN = Pattern.compile("\\bin\\s+$");
  private static final Pattern SAYS_IN = Pattern.compile("\\b(?:in|after)\\s+$");
  private static final Pattern BETWEEN_AMOUNTS =
      Pattern.compile("\\s*(?:,|and|&|\\s)?\\s*(?:and\\s+)?");
  private static final Pattern LESS_THAN =
      Pattern.compile("(?:less than|under|within|up to)\\s+(?=an?\\b|one\\b|\\d)");
  private static final Pattern BARE_NUMBER =
      Pattern.compile("(\\d{1,9}(?:\\.\\d{1,9})?)(?![\\w:.,/])");

  private static final Pattern CLOCK =
      Pattern.compile(
          "(?:(\\d{1,2})(?::(\\d{2}))?(?::(\\d{2}))?\\s?([ap])\\.?m\\b\\.?|([01]?\\d|2[0-3]):([0-5]\\d)(?::([0-5]\\d))?(?!\\d)|(noon|midnight)\\b)");
  private static final Pattern HOUR_CLOCK =
      Pattern.compile("([01]?\\d|2[0-3])\\s?h(?:rs?)?([0-5]\\d)?(?!\\w)");
  private static final Pattern SAYS_AT = Pattern.compile("\\bat\\s+$");
  private static final String MONTHS =
      "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\\.?";
  private static final String DAY = "(\\d{1,2})(?:st|nd|rd|th)?(?!\\d|:)";
  private static final Pattern MONTH_DAY =
      Pattern.compile(MONTHS + "\\s+" + DAY + "(?:,?\\s+(\\d{4})(?!\\d|:))?");
  private static final Pattern DAY_MONTH =
      Pattern.compile(DAY + "\\.?\\s+(?:of\\s+)?" + MONTHS + "(?:,?\\s+(\\d{4})(?!\\d|:))?");
  private static final Pattern SLASHED =
      Pattern.compile("(\\d{1,2})/(\\d{1,2})(?:/(\\d{4}|\\d{2}))?(?![\\w/])");
  private static final Pattern DOTTED =
      Pattern.compile("(\\d{1,2})\\.(\\d{1,2})\\.(\\d{4})?(?!\\w)");
  private static final Pattern WEEKDAY =
      Pattern.compile(
          "(?:next\\s+|this\\s+)?(mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\\b\\.?");
  private static final Pattern NEAR_DAY = Pattern.compile("(today|tonight|tomorrow)\\b");
  private static final Pattern DATE_TO_CLOCK =
      Pattern.compile("(?:\\s*,)?\\s*(?:at\\s+|@\\s*|by\\s+|um\\s+|à\\s+|-\\s+)?");
  private static final Pattern CLOCK_TO_DATE = Pattern.compile("(?:\\s*,)?\\s+(?:on\\s+)?");
  private static final Pattern ZONE =
      Pattern.compile(
          "\\s*(?:\\(\\s*((?:[A-Za-z]|[+-]\\d)[A-Za-z0-9_+:/-]{0,49})[^)]{0,40}\\)|([+-]\\d{2}:?\\d{2}|(?:UTC|GMT|utc|gmt)(?:\\s?[+-]\\d{1,2}(?::?\\d{2})?)?|Z|[A-Z][A-Za-z]+/[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)?"
              + "|(?:Pacific|Mountain|Central|Eastern)(?!/)|[A-Z]{3,4}|[PMCE]T)(?![A-Za-z0-9]))");

  /** "(Central European Time)". */
  private static final Pattern FULL_NAME =
      Pattern.compile("\\([A-Za-z]+(?: [A-Za-z]+){1,4} Time\\s?\\)");

  private static final DateTimeFormatter WORDS_OF_ZONE =
      new DateTimeFormatterBuilder()
          .parseCaseInsensitive()
          .appendZoneText(TextStyle.FULL)
          .toFormatter(Locale.ENGLISH);

  private static final Pattern OFFSET =
      Pattern.compile("(?:UTC|GMT)?\\s?([+-])(\\d{1,2})(?::?(\\d{2}))?");

  private static final List<String> MONTH_NAMES =
      List.of("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec");

  /** What abbreviations mean in English texts; where they are ambiguous, the usual reading. */
  private static final Map<String, String> ABBREVIATIONS =
      Map.ofEntries(
          Map.entry("PST", "America/Los_Angeles"),
          Map.entry("PDT", "America/Los_Angeles"),
          Map.entry("PACIFIC", "America/Los_Angeles"),
          Map.entry("MOUNTAIN", "America/Denver"),
          Map.entry("CENTRAL", "America/Chicago"),
          Map.entry("EASTERN", "America/New_York"),
          Map.entry("PT", "America/Los_Angeles"),
          Map.entry("MT", "America/Denver"),
          Map.entry("CT", "America/Chicago"),
          Map.entry("HST", "Pacific/Honolulu"),
          Map.entry("AKST", "America/Anchorage"),
          Map.entry("AKDT", "America/Anchorage"),
          Map.entry("MST", "America/Denver"),
          Map.entry("MDT", "America/Denver"),
          Map.entry("CST", "America/Chicago"),
          Map.entry("CDT", "America/Chicago"),
          Map.entry("EST", "America/New_York"),
          Map.entry("EDT", "America/New_York"),
          Map.entry("ET", "America/New_York"),
          Map.entry("BST", "Europe/London"),
          Map.entry("WEST", "Europe/Lisbon"),
          Map.entry("CET", "Europe/Paris"),
          Map.entry("CEST", "Europe/Paris"),
          Map.entry("EET", "Europe/Helsinki"),
          Map.entry("EEST", "Europe/Helsinki"),
          Map.entry("IST", "Asia/Kolkata"),
          Map.entry("JST", "Asia/Tokyo"),
          Map.entry("KST", "Asia/Seoul"),
          Map.entry("AEST", "Australia/Sydney"),
          Map.entry("AEDT", "Australia/Sydney"),
          Map.entry("ACST", "Australia/Adelaide"),
          Map.entry("ACDT", "Australia/Adelaide"),
          Map.entry("AWST", "Australia/Perth"),
          Map.entry("MSK", "Europe/Moscow"),
          Map.entry("TRT", "Europe/Istanbul"),
          Map.entry("PKT", "Asia/Karachi"),
          Map.entry("SGT", "Asia/Singapore"),
          Map.entry("HKT", "Asia/Hong_Kong"),
          Map.entry("WIB", "Asia/Jakarta"),
          Map.entry("BRT", "America/Sao_Paulo"),
          Map.entry("ART", "America/Argentina/Buenos_Aires"),
          Map.entry("SAST", "Africa/Johannesburg"),
          Map.entry("NZST", "Pacific/Auckland"),
          Map.entry("NZDT", "Pacific/Auckland"));

  private ResetReader() {}

  /**
   * Finds the reset that a text names.
   *
   * @param now when the text was read
   * @param zone in which it means local times, where it names no zone itself
   */
  public static Optional<ResetTime> read(String text, Instant now, ZoneId zone) {
    String original = plain(text.length() > MAX_TEXT ? text.substring(0, MAX_TEXT) : text);
    String lower = original.toLowerCase(Locale.ROOT);
    if (lower.length() != original.length()) {
      // A few letters of other scripts change their length; positions must agree.
      original = lower;
    }
    Position start = new Position(original, lower, now, zone);
    Stream.Builder<Integer> places = Stream.builder();
    if (!SENTENCE.matcher(lower).find()) {
      places.add(0);
    }
    Matcher cue = CUE.matcher(lower);
    for (int i = 0; i < MAX_CUES && cue.find(); i++) {
      places.add(cue.end());
    }
    Matcher amount = AMOUNT_FIRST.matcher(lower);
    Optional<ResetTime> first =
        amount.find() ? start.readAmountAt(amount.start()) : Optional.empty();
    return Stream.concat(
            Stream.of(start.beforeCue(), first).flatMap(Optional::stream),
            places
                .build()
                .map(place -> start.readAt(skip(FILLER, lower, place)))
                .flatMap(Optional::stream))
        .filter(reset -> reset.latest().isBefore(now.plus(MAX_AHEAD)))
        .max(Comparator.comparing(ResetTime::latest));
  }

  /**
   * The text with the plain forms of spaces, full-width digits and signs, at the same positions.
   * Programs put a narrow space before "PM" in some locales.
   */
  private static String plain(String text) {
    StringBuilder plain = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c > '~' && Character.getType(c) == Character.SPACE_SEPARATOR) {
        plain.append(' ');
      } else {
        plain.append(c >= FULL_WIDTH_FIRST && c <= FULL_WIDTH_LAST ? (char) (c - FULL_WIDTH) : c);
      }
    }
    return plain.toString();
  }

  /** An instant given as a number: seconds since 1970, or milliseconds where they must be. */
  public static Optional<Instant> epoch(BigDecimal number) {
    try {
      BigDecimal seconds =
          number.compareTo(BigDecimal.valueOf(LAST_EPOCH_SECOND)) > 0
              ? number.movePointLeft(3)
              : number;
      long whole = seconds.longValue();
      if (whole < FIRST_EPOCH_SECOND || whole > LAST_EPOCH_SECOND) {
        return Optional.empty();
      }
      long nanos = seconds.remainder(BigDecimal.ONE).movePointRight(9).longValue();
      return Optional.of(Instant.ofEpochSecond(whole, nanos));
    } catch (ArithmeticException tooLarge) {
      return Optional.empty();
    }
  }

  private static int skip(Pattern pattern, String text, int from) {
    Matcher matcher = pattern.matcher(text).region(from, text.length());
    matcher.useTransparentBounds(true);
    return matcher.lookingAt() ? matcher.end() : from;
  }

  /**
   * A date as far as a text names one.
   *
   * @param month 0 for a word such as "tomorrow" or "Monday"
   * @param year 0 if missing
   */
  private record NamedDate(int year, int month, int day, int end) {}

  /** A time of day. */
  private record NamedClock(LocalTime time, Duration precision, int end) {}

  private record Position(String original, String lower, Instant now, ZoneId zone) {

    Optional<ResetTime> readAt(int at) {
      try {
        return Stream.<IntFunction<Optional<ResetTime>>>of(
                this::epochAt,
                this::isoAt,
                this::isoAmountAt,
                this::clockedAmountAt,
                this::amountAt,
                this::dateAt,
                this::clockAt)
            .map(form -> form.apply(at))
            .flatMap(Optional::stream)
            .findFirst();
      } catch (DateTimeException | ArithmeticException impossible) {
        // For example 31 February, or a time beyond the calendar: not a time that anybody meant.
        return Optional.empty();
      }
    }

    Optional<ResetTime> readAmountAt(int at) {
      try {
        return amountAt(at);
      } catch (DateTimeException | ArithmeticException impossible) {
        // Beyond the calendar: not a time that anybody meant.
        return Optional.empty();
      }
    }

    /** The time that a text begins with, where it then says that something resets. */
    Optional<ResetTime> beforeCue() {
      Matcher matcher = BEFORE_CUE.matcher(lower);
      if (!matcher.lookingAt()) {
        return Optional.empty();
      }
      try {
        int at = matcher.start(1);
        return dateAt(at).or(() -> clockAt(at)).filter(reset -> !reset.precision().isZero());
      } catch (DateTimeException | ArithmeticException impossible) {
        // Not a time that anybody meant.
        return Optional.empty();
      }
    }

    private Optional<Matcher> match(Pattern pattern, int at) {
      Matcher matcher = pattern.matcher(lower).region(at, lower.length());
      matcher.useTransparentBounds(true);
      return matcher.lookingAt() ? Optional.of(matcher) : Optional.empty();
    }

    private Optional<ResetTime> epochAt(int at) {
      return match(EPOCH, at)
          .flatMap(m -> epoch(new BigDecimal(m.group())))
          .map(ResetTime::exactly);
    }

    private Optional<ResetTime> isoAt(int at) {
      return match(ISO, at).map(this::iso);
    }

    private ResetTime iso(Matcher m) {
      LocalDate date = LocalDate.of(number(m.group(1)), number(m.group(2)), number(m.group(3)));
      ZoneId in = m.group(8) == null ? zoneAt(m.end()) : ZoneOffset.of(offset(m.group(8)));
      boolean toTheMinute = m.group(6) == null;
      String fraction = m.group(7) == null ? "" : m.group(7);
      LocalTime time =
          LocalTime.of(
              number(m.group(4)),
              number(m.group(5)),
              toTheMinute ? 0 : number(m.group(6)),
              number((fraction + NO_NANOS).substring(0, NO_NANOS.length())));
      return new ResetTime(later(date.atTime(time), in), toTheMinute ? MINUTE : Duration.ZERO);
    }

    private static String offset(String text) {
      return text.equals("z") ? "Z" : text;
    }

    private Optional<ResetTime> isoAmountAt(int at) {
      return match(ISO_AMOUNT, at)
          .filter(m -> m.end() - m.start() > 2)
          .map(m -> ResetTime.exactly(now.plus(Duration.parse(m.group()))));
    }

    /** "in 3:20:00" is an amount, where "at 3:20:00" is a time of day. */
    private Optional<ResetTime> clockedAmountAt(int at) {
      if (SAYS_ONLY_IN.matcher(lower.substring(Math.max(0, at - 12), at)).find()) {
        Optional<Matcher> hours = match(SHORT_CLOCKED_AMOUNT, at);
        if (hours.isPresent()) {
          Duration amount =
              Duration.ofHours(number(hours.get().group(1)))
                  .plusMinutes(number(hours.get().group(2)));
          return Optional.of(new ResetTime(now.plus(amount), MINUTE));
        }
      }
      return SAYS_IN.matcher(lower.substring(Math.max(0, at - 12), at)).find()
          ? match(CLOCKED_AMOUNT, at)
              .map(
                  m ->
                      ResetTime.exactly(
                          now.plus(
                              Duration.ofHours(number(m.group(1)))
                                  .plusMinutes(number(m.group(2)))
                                  .plusSeconds(number(m.group(3))))))
          : Optional.empty();
    }

    private Optional<ResetTime> amountAt(int at) {
      if (saysAt(at) && hourClock(at).isPresent()) {
        return Optional.empty();
      }
      Optional<Matcher> bound = match(LESS_THAN, at);
      int next = bound.isPresent() ? bound.get().end() : at;
      Duration sum = Duration.ZERO;
      Duration smallest = null;
      for (int i = 0; i < MAX_PARTS; i++) {
        Optional<Matcher> part = match(AMOUNT, next);
        if (part.isEmpty()) {
          break;
        }
        Duration unit = unit(part.get().group(2));
        boolean broken = part.get().group(1).indexOf('.') >= 0;
        sum = sum.plus(times(unit, part.get().group(1)));
        smallest = broken || unit.compareTo(MINUTE) < 0 ? Duration.ZERO : unit;
        next = skip(BETWEEN_AMOUNTS, lower, part.get().end());
      }
      if (smallest == null) {
        return bareSeconds(at);
      }
      return Optional.of(
          bound.isPresent() ? new ResetTime(now, sum) : new ResetTime(now.plus(sum), smallest));
    }

    /**
     * A number without a unit: as in the HTTP header {@code Retry-After}, in milliseconds, or as
     * all that there is.
     */
    private Optional<ResetTime> bareSeconds(int at) {
      if (BARE_NUMBER.matcher(lower.strip()).matches()) {
        return match(BARE_NUMBER, at)
            .map(m -> ResetTime.exactly(now.plus(times(Duration.ofSeconds(1), m.group(1)))));
      }
      String before = lower.substring(Math.max(0, at - 24), at);
      boolean told = before.contains("retry") || before.contains("seconds");
      if (!told || match(CLOCK, at).isPresent()) {
        return Optional.empty();
      }
      Duration unit = before.contains("delayms") ? Duration.ofMillis(1) : Duration.ofSeconds(1);
      return match(BARE_NUMBER, at)
          .filter(
              m ->
                  before.contains("after")
                      || before.contains("delayms")
                      || before.contains("seconds"))
          .map(m -> ResetTime.exactly(now.plus(times(unit, m.group(1)))));
    }

    private static Duration times(Duration unit, String amount) {
      BigDecimal factor =
          Character.isDigit(amount.charAt(0))
              ? new BigDecimal(amount.replace(",", ""))
              : BigDecimal.valueOf(Math.max(1, NUMBER_NAMES.indexOf(amount)));
      return Duration.ofMillis(
          factor.multiply(BigDecimal.valueOf(unit.toMillis())).toBigInteger().longValueExact());
    }

    private static Duration unit(String word) {
      if (word.startsWith("ms") || word.startsWith("milli")) {
        return Duration.ofMillis(1);
      }
      return switch (word.charAt(0)) {
        case 'w' -> Duration.ofDays(7);
        case 'd' -> Duration.ofDays(1);
        case 'h' -> Duration.ofHours(1);
        case 'm' -> MINUTE;
        default -> Duration.ofSeconds(1);
      };
    }

    private Optional<ResetTime> dateAt(int at) {
      Optional<NamedDate> named = namedDate(at);
      if (named.isEmpty()) {
        return Optional.empty();
      }
      NamedDate date = named.get();
      int afterDate = skip(DATE_TO_CLOCK, lower, date.end());
      Optional<NamedClock> clock = namedClock(afterDate).or(() -> hourClock(afterDate));
      ZoneId in = zoneAt(clock.isPresent() ? clock.get().end() : date.end());
      return resolve(at, date, clock, in);
    }

    /** "18h" is a time of day after a date or "at", and an amount elsewhere. */
    private Optional<NamedClock> hourClock(int at) {
      return match(HOUR_CLOCK, at)
          .map(
              m ->
                  new NamedClock(
                      LocalTime.of(number(m.group(1)), optional(m.group(2))), MINUTE, m.end()));
    }

    private boolean saysAt(int at) {
      return SAYS_AT.matcher(lower.substring(Math.max(0, at - 8), at)).find();
    }

    private Optional<ResetTime> clockAt(int at) {
      Optional<NamedClock> named =
          namedClock(at).or(() -> saysAt(at) ? hourClock(at) : Optional.empty());
      if (named.isEmpty()) {
        return Optional.empty();
      }
      NamedClock clock = named.get();
      int afterZone = skip(ZONE, original, clock.end());
      int dateAt = skip(CLOCK_TO_DATE, lower, clock.end());
      Optional<NamedDate> date = namedDate(dateAt);
      if (date.isEmpty()) {
        dateAt = skip(CLOCK_TO_DATE, lower, afterZone);
        date = namedDate(dateAt);
      }
      if (date.isPresent()) {
        ZoneId in = zoneAt(afterZone > clock.end() ? clock.end() : date.get().end());
        return resolve(dateAt, date.get(), named, in);
      }
      ZoneId in = zoneAt(clock.end());
      LocalDate today = LocalDate.ofInstant(now, in);
      for (int days = 0; days <= 1; days++) {
        ResetTime reset = timed(today.plusDays(days), clock, in);
        if (notOver(reset)) {
          return Optional.of(reset);
        }
      }
      return Optional.empty();
    }

    /** Whether the moment is still to come, or is somewhere in what is being said right now. */
    private boolean notOver(ResetTime reset) {
      Duration current = reset.precision().isZero() ? Duration.ofSeconds(1) : reset.precision();
      return reset.earliest().plus(current).isAfter(now);
    }

    private Optional<ResetTime> resolve(
        int at, NamedDate date, Optional<NamedClock> clock, ZoneId in) {
      if (date.month() == 0) {
        return Optional.of(at(relativeDay(at, clock, in), clock, in));
      }
      if (date.year() != 0) {
        return Optional.of(at(LocalDate.of(date.year(), date.month(), date.day()), clock, in));
      }
      int thisYear = LocalDate.ofInstant(now, in).getYear();
      ResetTime last = null;
      for (int year = thisYear - LEAP_GAP; year <= thisYear + LEAP_GAP; year++) {
        if (date.day() <= YearMonth.of(year, date.month()).lengthOfMonth()) {
          ResetTime reset = at(LocalDate.of(year, date.month(), date.day()), clock, in);
          if (notOver(reset)) {
            return Optional.of(last != null && hasJustPassed(last, reset) ? last : reset);
          }
          last = reset;
        }
      }
      return Optional.ofNullable(last);
    }

    /** A text that was printed a moment too late means the past date, not the one in a year. */
    private boolean hasJustPassed(ResetTime last, ResetTime next) {
      Duration ahead = Duration.between(now, next.earliest());
      return ahead.compareTo(MAX_YEARLESS) > 0
          && Duration.between(last.earliest(), now).compareTo(ahead) < 0;
    }

    private ResetTime at(LocalDate day, Optional<NamedClock> clock, ZoneId in) {
      return clock.isPresent() ? timed(day, clock.get(), in) : wholeDay(day, in);
    }

    /** The day of a word such as "tomorrow" or "Monday", which depends on the zone. */
    private LocalDate relativeDay(int at, Optional<NamedClock> clock, ZoneId in) {
      LocalDate today = LocalDate.ofInstant(now, in);
      Optional<Matcher> near = match(NEAR_DAY, at);
      if (near.isPresent()) {
        // The midnight of today, as people say it, is the one at its end.
        boolean ahead =
            near.get().group(1).equals("tomorrow")
                || clock.filter(c -> c.time().equals(LocalTime.MIDNIGHT)).isPresent();
        return ahead ? today.plusDays(1) : today;
      }
      String name = match(WEEKDAY, at).orElseThrow().group(1).substring(0, 2);
      DayOfWeek weekday =
          Stream.of(DayOfWeek.values())
              .filter(d -> d.name().toLowerCase(Locale.ROOT).startsWith(name))
              .findFirst()
              .orElseThrow();
      LocalDate day = today.with(TemporalAdjusters.nextOrSame(weekday));
      boolean over = clock.isPresent() && !notOver(timed(day, clock.get(), in));
      return over ? day.plusWeeks(1) : day;
    }

    private Optional<NamedDate> namedDate(int at) {
      Optional<Matcher> near = match(NEAR_DAY, at);
      if (near.isPresent()) {
        return Optional.of(new NamedDate(0, 0, 0, near.get().end()));
      }
      Optional<Matcher> weekday = match(WEEKDAY, at);
      if (weekday.isPresent()) {
        int after = skip(DATE_TO_CLOCK, lower, weekday.get().end());
        Optional<NamedDate> full = monthDay(after);
        return full.isPresent() ? full : Optional.of(new NamedDate(0, 0, 0, weekday.get().end()));
      }
      return monthDay(at);
    }

    private Optional<NamedDate> monthDay(int at) {
      Optional<Matcher> m = match(MONTH_DAY, at);
      int month = 1;
      int day = 2;
      if (m.isEmpty()) {
        m = match(DAY_MONTH, at);
        month = 2;
        day = 1;
      }
      if (m.isEmpty()) {
        return isoDate(at).or(() -> numericDate(at));
      }
      Matcher found = m.get();
      return Optional.of(
          new NamedDate(
              optional(found.group(3)),
              MONTH_NAMES.indexOf(found.group(month)) + 1,
              number(found.group(day)),
              found.end()));
    }

    private Optional<NamedDate> isoDate(int at) {
      return match(ISO_DATE, at)
          .map(
              m ->
                  new NamedDate(
                      number(m.group(1)), number(m.group(2)), number(m.group(3)), m.end()));
    }

    /** "11/25" has its month first, as in the United States, unless it cannot; "25.11." has not. */
    private Optional<NamedDate> numericDate(int at) {
      Optional<Matcher> slashed = match(SLASHED, at);
      Optional<Matcher> found = slashed.or(() -> match(DOTTED, at));
      if (found.isEmpty()) {
        return Optional.empty();
      }
      Matcher m = found.get();
      int first = number(m.group(1));
      int second = number(m.group(2));
      boolean monthFirst = slashed.isPresent() && first <= MONTH_NAMES.size();
      int month = monthFirst ? first : second;
      return month < 1 || month > MONTH_NAMES.size()
          ? Optional.empty()
          : Optional.of(
              new NamedDate(year(m.group(3)), month, monthFirst ? second : first, m.end()));
    }

    private static int year(String digits) {
      int year = optional(digits);
      return digits != null && digits.length() == 2 ? CENTURY + year : year;
    }

    private Optional<NamedClock> namedClock(int at) {
      return match(CLOCK, at).map(ResetReader.Position::clock);
    }

    private static NamedClock clock(Matcher m) {
      if (m.group(8) != null) {
        LocalTime time = m.group(8).equals("noon") ? LocalTime.NOON : LocalTime.MIDNIGHT;
        return new NamedClock(time, MINUTE, m.end());
      }
      boolean half = m.group(4) != null;
      int hour = number(half ? m.group(1) : m.group(5));
      int minute = optional(half ? m.group(2) : m.group(6));
      String seconds = half ? m.group(3) : m.group(7);
      if (half) {
        if (hour < 1 || hour > 12) {
          throw new DateTimeException("hour of half a day: " + hour);
        }
        hour = hour % 12 + (m.group(4).equals("p") ? 12 : 0);
      }
      return new NamedClock(
          LocalTime.of(hour, minute, optional(seconds)),
          seconds == null ? MINUTE : Duration.ZERO,
          m.end());
    }

    private static int optional(String digits) {
      return digits == null ? 0 : number(digits);
    }

    private ResetTime timed(LocalDate date, NamedClock clock, ZoneId in) {
      return new ResetTime(later(date.atTime(clock.time()), in), clock.precision());
    }

    private static ResetTime wholeDay(LocalDate date, ZoneId in) {
      Instant start = date.atStartOfDay(in).toInstant();
      return new ResetTime(
          start, Duration.between(start, date.plusDays(1).atStartOfDay(in).toInstant()));
    }

    private static Instant later(LocalDateTime local, ZoneId in) {
      return ZonedDateTime.of(local, in).withLaterOffsetAtOverlap().toInstant();
    }

    private ZoneId zoneAt(int at) {
      Matcher m = ZONE.matcher(original).region(at, original.length());
      if (!m.lookingAt()) {
        return zone;
      }
      String inParentheses = m.group().strip();
      if (FULL_NAME.matcher(inParentheses).matches()) {
        return zoneInWords(inParentheses.substring(1, inParentheses.length() - 1)).orElse(zone);
      }
      return zoneNamed(m.group(1) == null ? m.group(2) : m.group(1)).orElse(zone);
    }

    private static Optional<ZoneId> zoneInWords(String name) {
      try {
        return Optional.of(ZoneId.from(WORDS_OF_ZONE.parse(name.strip())));
      } catch (DateTimeException notAZone) {
        return Optional.empty();
      }
    }

    private static Optional<ZoneId> zoneNamed(String name) {
      String upper = name.toUpperCase(Locale.ROOT);
      if (ABBREVIATIONS.containsKey(upper)) {
        return Optional.of(ZoneId.of(ABBREVIATIONS.get(upper)));
      }
      Matcher offset = OFFSET.matcher(upper);
      if (offset.matches()) {
        int hours = number(offset.group(2));
        int minutes = optional(offset.group(3));
        int sign = offset.group(1).equals("-") ? -1 : 1;
        return hours > MAX_OFFSET_HOURS || minutes > 59
            ? Optional.empty()
            : Optional.of(ZoneOffset.ofHoursMinutes(sign * hours, sign * minutes));
      }
      Optional<String> known =
          ZoneId.getAvailableZoneIds().stream().filter(name::equalsIgnoreCase).findFirst();
      try {
        return Optional.of(ZoneId.of(known.orElse(upper)));
      } catch (DateTimeException notAZone) {
        return Optional.empty();
      }
    }

    private static int number(String digits) {
      return Integer.parseInt(digits);
    }
  }
}
