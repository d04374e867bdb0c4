package dev.outlast.activities.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.limit.ResetTime;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.TextStyle;
import java.time.temporal.ChronoUnit;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Texts of resets in all forms that agents print, made from true instants in many zones. */
class ResetTextsTest {

  private static final int CASES = 10_000;

  /** How much later a second reset is at most, in seconds: a time of day is then still the next. */
  private static final int MAX_AFTER = 6_000;

  /** Half and quarter hours, clocks that change in either half of the year or never, old names. */
  private static final List<String> ZONES =
      List.of(
          "UTC",
          "Etc/UTC",
          "GMT",
          "Etc/GMT+5",
          "Etc/GMT-14",
          "Europe/Berlin",
          "Europe/London",
          "Europe/Dublin",
          "Europe/Lisbon",
          "Europe/Paris",
          "Europe/Rome",
          "Europe/Madrid",
          "Europe/Helsinki",
          "Europe/Athens",
          "Europe/Moscow",
          "Europe/Istanbul",
          "Europe/Kiev",
          "Europe/Chisinau",
          "Atlantic/Azores",
          "Atlantic/Reykjavik",
          "America/New_York",
          "America/Chicago",
          "America/Denver",
          "America/Phoenix",
          "America/Los_Angeles",
          "America/Anchorage",
          "America/Adak",
          "America/Halifax",
          "America/St_Johns",
          "America/Sao_Paulo",
          "America/Argentina/Buenos_Aires",
          "America/Santiago",
          "America/Asuncion",
          "America/Bogota",
          "America/Mexico_City",
          "America/Port-au-Prince",
          "America/Havana",
          "America/Indiana/Indianapolis",
          "US/Pacific",
          "US/Eastern",
          "Canada/Newfoundland",
          "Pacific/Honolulu",
          "Pacific/Auckland",
          "Pacific/Chatham",
          "Pacific/Apia",
          "Pacific/Kiritimati",
          "Pacific/Marquesas",
          "Pacific/Norfolk",
          "Australia/Sydney",
          "Australia/Adelaide",
          "Australia/Darwin",
          "Australia/Eucla",
          "Australia/Lord_Howe",
          "Asia/Tokyo",
          "Asia/Seoul",
          "Asia/Shanghai",
          "Asia/Kolkata",
          "Asia/Calcutta",
          "Asia/Kathmandu",
          "Asia/Katmandu",
          "Asia/Yangon",
          "Asia/Tehran",
          "Asia/Kabul",
          "Asia/Dhaka",
          "Asia/Karachi",
          "Asia/Dubai",
          "Asia/Jerusalem",
          "Asia/Beirut",
          "Asia/Colombo",
          "Asia/Kuala_Lumpur",
          "Africa/Cairo",
          "Africa/Casablanca",
          "Africa/Johannesburg",
          "Africa/Lagos",
          "Antarctica/Troll",
          "NZ-CHAT",
          "Japan");

  /** Where a time stands, as the agents put it. */
  private static final List<String> AT =
      List.of(
          "You've hit your session limit · resets %s",
          "5-hour limit reached ∙ resets %s",
          "Claude usage limit reached. Your limit will reset at %s.",
          "You’ve hit your usage limit. Upgrade to Pro (https://x.y/pro), visit https://x.y/usage to purchase more credits or try again at %s.",
          "You've reached your weekly rate limit. Please wait for your limit to reset on %s or switch to auto model to continue.",
          "Usage limit reached for gemini-3-flash-preview. Access resets at %s.",
          "You've hit your weekly limit · resets %s · progress saved");

  private static final List<String> IN =
      List.of(
          "You've hit your usage limit. Upgrade to Pro or try again in %s.",
          "You have exhausted your capacity on this model. Your quota will reset after %s.",
          "5 hour usage limit reached. It will reset in %s. To continue using this model now, pay",
          "Sorry, you've exceeded your 5 hour session limits. Please retry after %s. (code:pro)",
          "Please retry in %s");

  private enum Form {
    CLOCK,
    CLOCK_24,
    CLOCK_OFFSET,
    DATE,
    DATE_YEAR,
    DATE_ORDINAL,
    DATE_LONG,
    DAY_FIRST,
    LOCALE,
    ISO_MINUTE,
    WEEKDAY,
    TOMORROW,
    DATE_ONLY,
    RFC_3339,
    HTTP_DATE,
    EPOCH,
    GO_DURATION,
    SECONDS,
    MILLIS,
    WORDS;

    boolean relative() {
      return ordinal() >= GO_DURATION.ordinal();
    }
  }

  /**
   * A text made from an instant.
   *
   * @param at the instant
   * @param machine the zone in which it means times without one
   * @param precision to which it says the instant
   */
  private record Made(
      Form form,
      String text,
      Instant now,
      Instant at,
      ZoneId zone,
      ZoneId machine,
      Duration precision) {

    Optional<ResetTime> read() {
      return read(now);
    }

    Optional<ResetTime> read(Instant when) {
      return ResetReader.read(text, when, machine);
    }

    String told(int seed) {
      return "seed " + seed + ": " + this + " -> " + read();
    }
  }

  /** The next text for a seed; empty where the text could as well mean another instant. */
  private static Optional<Made> make(int seed) {
    return make(seed, Duration.ZERO);
  }

  /** The same, for a reset that is so much later. */
  private static Optional<Made> make(int seed, Duration after) {
    SplittableRandom random = new SplittableRandom(seed);
    Form form = Form.values()[random.nextInt(Form.values().length)];
    ZoneId zone = ZoneId.of(ZONES.get(random.nextInt(ZONES.size())));
    Instant now =
        Instant.ofEpochSecond(
            1_700_000_000L + random.nextInt(200_000_000), random.nextInt(1_000_000_000));
    boolean near = form == Form.CLOCK || form == Form.CLOCK_24 || form == Form.CLOCK_OFFSET;
    int days = near ? 1 : form == Form.WEEKDAY || form == Form.TOMORROW ? 6 : 45;
    Instant at =
        now.plusSeconds(61 + random.nextInt(days * 86_400 - 7_200))
            .plus(after)
            .truncatedTo(ChronoUnit.SECONDS);
    ZonedDateTime local = at.atZone(zone);
    boolean named = random.nextBoolean();
    ZoneId machine = named ? ZoneId.of(ZONES.get(random.nextInt(ZONES.size()))) : zone;
    String suffix = named ? " (" + zone + ")" : "";
    Duration minute = Duration.ofMinutes(1);
    return switch (form) {
      case CLOCK ->
          unlessTwice(
              made(
                  form, AT, clock(local, random) + suffix, now, at, zone, machine, minute, random));
      case CLOCK_24 ->
          unlessTwice(
              made(form, AT, of("H:mm", local) + suffix, now, at, zone, machine, minute, random));
      case CLOCK_OFFSET -> {
        ZoneId fixed = local.getOffset();
        yield unlessTwice(
            made(
                form,
                AT,
                of("h:mm a", local) + " " + offset(local),
                now,
                at,
                fixed,
                machine,
                minute,
                random));
      }
      case DATE ->
          Optional.of(
              made(
                  form,
                  AT,
                  of("MMM d, ", local) + clock(local, random) + suffix,
                  now,
                  at,
                  zone,
                  machine,
                  minute,
                  random));
      case DATE_YEAR ->
          Optional.of(
              made(
                  form,
                  AT,
                  of("MMM d, yyyy, ", local) + clock(local, random) + suffix,
                  now,
                  at,
                  zone,
                  machine,
                  minute,
                  random));
      case DATE_ORDINAL ->
          Optional.of(
              made(
                  form,
                  AT,
                  of("MMM ", local) + ordinal(local.getDayOfMonth()) + of(", yyyy h:mm a", local),
                  now,
                  at,
                  zone,
                  zone,
                  minute,
                  random));
      case DATE_LONG ->
          Optional.of(
              made(
                  form,
                  AT,
                  of("MMMM d, yyyy 'at' h:mm a", local) + suffix,
                  now,
                  at,
                  zone,
                  machine,
                  minute,
                  random));
      case DAY_FIRST ->
          Optional.of(
              made(
                  form,
                  AT,
                  of("d MMMM yyyy 'at' HH:mm", local) + suffix,
                  now,
                  at,
                  zone,
                  machine,
                  minute,
                  random));
      case LOCALE ->
          Optional.of(
              made(
                  form,
                  AT,
                  of("M/d/yyyy, h:mm:ss\u202fa", local),
                  now,
                  at,
                  zone,
                  zone,
                  Duration.ZERO,
                  random));
      case ISO_MINUTE ->
          Optional.of(
              made(
                  form,
                  AT,
                  of("yyyy-MM-dd HH:mm", local) + suffix,
                  now,
                  at,
                  zone,
                  machine,
                  minute,
                  random));
      case WEEKDAY ->
          sameDay(now, at, zone)
              ? Optional.empty()
              : Optional.of(
                  made(
                      form,
                      AT,
                      local
                              .getDayOfWeek()
                              .getDisplayName(
                                  random.nextBoolean() ? TextStyle.FULL : TextStyle.SHORT,
                                  Locale.US)
                          + " at "
                          + clock(local, random)
                          + suffix,
                      now,
                      at,
                      zone,
                      machine,
                      minute,
                      random));
      case TOMORROW ->
          LocalDate.ofInstant(now, zone).plusDays(1).equals(local.toLocalDate())
              ? Optional.of(
                  made(
                      form,
                      AT,
                      "tomorrow at " + clock(local, random) + suffix,
                      now,
                      at,
                      zone,
                      machine,
                      minute,
                      random))
              : Optional.empty();
      case DATE_ONLY -> {
        LocalDate day = local.toLocalDate();
        Duration whole =
            Duration.between(day.atStartOfDay(zone), day.plusDays(1).atStartOfDay(zone));
        yield Optional.of(made(form, AT, of("MMM d", local), now, at, zone, zone, whole, random));
      }
      case RFC_3339 -> {
        Instant exact = random.nextBoolean() ? at : at.plusMillis(random.nextInt(1_000));
        String text =
            random.nextBoolean()
                ? exact.toString()
                : exact.atOffset(local.getOffset()).format(DateTimeFormatter.ISO_OFFSET_DATE_TIME);
        yield local.getOffset().getTotalSeconds() % 60 != 0
            ? Optional.empty()
            : Optional.of(
                made(
                    form,
                    AT,
                    text,
                    now,
                    exact,
                    zone,
                    machine,
                    text.length() < 18 ? minute : Duration.ZERO,
                    random));
      }
      case HTTP_DATE ->
          Optional.of(
              made(
                  form,
                  List.of("usage limit reached, retry-after: %s", "limit reached, resets %s"),
                  DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US)
                      .format(at.atOffset(ZoneOffset.UTC)),
                  now,
                  at,
                  zone,
                  machine,
                  Duration.ZERO,
                  random));
      case EPOCH -> {
        boolean millis = random.nextBoolean();
        Instant exact = millis ? at.plusMillis(random.nextInt(1_000)) : at;
        yield Optional.of(
            made(
                form,
                List.of(
                    "Claude AI usage limit reached|%s",
                    "limit reached, resets_at: %s", "limit resets at %s"),
                String.valueOf(millis ? exact.toEpochMilli() : exact.getEpochSecond()),
                now,
                exact,
                zone,
                machine,
                Duration.ZERO,
                random));
      }
      case GO_DURATION -> relative(form, goDuration(now, at), now, zone, random);
      case SECONDS -> {
        long seconds = Duration.between(now, at).toSeconds();
        yield relative(
            form,
            random.nextBoolean()
                ? new Said(seconds + " seconds", Duration.ofSeconds(seconds), Duration.ZERO)
                : new Said(
                    seconds + ".5s", Duration.ofMillis(seconds * 1_000 + 500), Duration.ZERO),
            now,
            zone,
            random);
      }
      case MILLIS -> {
        long millis = Duration.between(now, at).toMillis();
        Said said = new Said(millis + "ms", Duration.ofMillis(millis), Duration.ZERO);
        yield relative(form, said, now, zone, random);
      }
      case WORDS -> relative(form, words(Duration.between(now, at), random), now, zone, random);
    };
  }

  /** An amount of time, in words. */
  private record Said(String text, Duration amount, Duration precision) {}

  private static Optional<Made> relative(
      Form form, Said said, Instant now, ZoneId zone, SplittableRandom random) {
    return Optional.of(
        made(
            form,
            IN,
            said.text(),
            now,
            now.plus(said.amount()),
            zone,
            zone,
            said.precision(),
            random));
  }

  private static Said goDuration(Instant now, Instant at) {
    Duration left = Duration.ofSeconds(Duration.between(now, at).toSeconds());
    String text = left.toMinutesPart() + "m" + left.toSecondsPart() + "s";
    return new Said(left.toHours() == 0 ? text : left.toHours() + "h" + text, left, Duration.ZERO);
  }

  private static Said words(Duration left, SplittableRandom random) {
    long days = left.toDays();
    int hours = left.toHoursPart();
    int minutes = left.toMinutesPart();
    String separator = random.nextBoolean() ? " " : ", ";
    String text = days > 0 ? days + (days == 1 ? " day" : " days") + separator : "";
    text += hours > 0 || days > 0 ? hours + (hours == 1 ? " hour" : " hours") + separator : "";
    return new Said(
        text + minutes + (minutes == 1 ? " minute" : " minutes"),
        Duration.ofDays(days).plusHours(hours).plusMinutes(minutes),
        Duration.ofMinutes(1));
  }

  private static Made made(
      Form form,
      List<String> sentences,
      String time,
      Instant now,
      Instant at,
      ZoneId zone,
      ZoneId machine,
      Duration precision,
      SplittableRandom random) {
    String text = sentences.get(random.nextInt(sentences.size())).formatted(time);
    return new Made(form, text, now, at, zone, machine, precision);
  }

  /** A time of day that comes twice until then, as clocks go back, does not say which it means. */
  private static Optional<Made> unlessTwice(Made made) {
    LocalDateTime minute =
        LocalDateTime.ofInstant(made.at(), made.zone()).truncatedTo(ChronoUnit.MINUTES);
    for (int back = 0; back <= 1; back++) {
      LocalDateTime other = minute.minusDays(back);
      for (ZoneOffset offset : made.zone().getRules().getValidOffsets(other)) {
        Instant start = other.toInstant(offset);
        boolean it = !start.isAfter(made.at()) && start.plusSeconds(60).isAfter(made.at());
        if (!it && start.plusSeconds(60).isAfter(made.now()) && start.isBefore(made.at())) {
          return Optional.empty();
        }
      }
    }
    return Optional.of(made);
  }

  private static boolean sameDay(Instant a, Instant b, ZoneId zone) {
    return LocalDate.ofInstant(a, zone).equals(LocalDate.ofInstant(b, zone));
  }

  private static String of(String pattern, ZonedDateTime local) {
    return DateTimeFormatter.ofPattern(pattern, Locale.US).format(local);
  }

  /** As JavaScript prints it, with the minutes left out where there are none. */
  private static String clock(ZonedDateTime local, SplittableRandom random) {
    String text = of(local.getMinute() == 0 ? "ha" : "h:mma", local);
    return random.nextBoolean() ? text.toLowerCase(Locale.ROOT) : text;
  }

  /** As JavaScript names zones without a name of their own: "GMT-3", "GMT+5:30". */
  private static String offset(ZonedDateTime local) {
    int minutes = local.getOffset().getTotalSeconds() / 60;
    int rest = Math.abs(minutes % 60);
    return "GMT"
        + (minutes == 0 ? "" : (minutes < 0 ? "-" : "+") + Math.abs(minutes / 60))
        + (rest == 0 ? "" : String.format(Locale.ROOT, ":%02d", rest));
  }

  private static String ordinal(int day) {
    String end =
        day / 10 == 1
            ? "th"
            : switch (day % 10) {
              case 1 -> "st";
              case 2 -> "nd";
              case 3 -> "rd";
              default -> "th";
            };
    return day + end;
  }

  /** How much later the same time of day comes a second time, if it does. */
  private static Duration overlap(Made made) {
    List<ZoneOffset> offsets =
        made.zone().getRules().getValidOffsets(LocalDateTime.ofInstant(made.at(), made.zone()));
    return offsets.size() < 2
        ? Duration.ZERO
        : Duration.ofSeconds(
            (long) offsets.get(0).getTotalSeconds() - offsets.get(1).getTotalSeconds());
  }

  private static ResetTime read(Made made, int seed) {
    return made.read().orElseThrow(() -> new AssertionError(made.told(seed)));
  }

  @Test
  void every_text_is_read_as_the_instant_that_it_was_made_from_and_none_is_past() {
    assertTrue(ZONES.stream().distinct().count() >= 60);
    Map<Form, Integer> tried = new EnumMap<>(Form.class);
    int cases = 0;
    for (int seed = 0; cases < CASES; seed++) {
      Optional<Made> next = make(seed);
      if (next.isEmpty()) {
        continue;
      }
      cases++;
      Made made = next.get();
      tried.merge(made.form(), 1, Integer::sum);
      ResetTime read = read(made, seed);
      String told = made.told(seed);
      assertEquals(made.precision(), read.precision(), told);
      boolean exact = !made.at().isBefore(read.earliest()) && !made.at().isAfter(read.latest());
      // Of a time that comes twice the later is waited for.
      Instant later = made.at().plus(overlap(made));
      assertTrue(
          exact || (!later.isBefore(read.earliest()) && !later.isAfter(read.latest())), told);
      assertFalse(read.latest().isBefore(made.now()), told);
    }
    assertEquals(Form.values().length, tried.size(), tried.toString());
  }

  @Test
  void read_later_no_text_means_an_earlier_reset() {
    int cases = 0;
    for (int seed = 0; cases < CASES; seed++) {
      Optional<Made> next = make(seed);
      if (next.isEmpty()) {
        continue;
      }
      cases++;
      Made made = next.get();
      Duration passed =
          Duration.ofSeconds(new SplittableRandom(~seed).nextInt(20 * 86_400)).plusMillis(1);
      ResetTime first = read(made, seed);
      String told = made.told(seed) + " and after " + passed;
      ResetTime second =
          made.read(made.now().plus(passed)).orElseThrow(() -> new AssertionError(told));
      assertFalse(second.earliest().isBefore(first.earliest()), () -> told + " " + second);
      if (made.form().relative()) {
        assertEquals(first.earliest().plus(passed), second.earliest(), told);
      }
    }
  }

  /** Of two resets said in the same words the later one is not read as the earlier. */
  @Test
  void a_later_instant_is_never_read_as_an_earlier_one() {
    int cases = 0;
    for (int seed = 0; cases < CASES; seed++) {
      Duration after = Duration.ofSeconds(1 + new SplittableRandom(~seed).nextInt(MAX_AFTER));
      Optional<Made> first = make(seed);
      Optional<Made> second = make(seed, after);
      if (first.isEmpty() || second.isEmpty()) {
        continue;
      }
      cases++;
      int seedOf = seed;
      ResetTime earlier = read(first.get(), seed);
      ResetTime later = read(second.get(), seed);
      boolean clocksGoBack = !overlap(first.get()).isZero() && overlap(second.get()).isZero();
      assertTrue(
          clocksGoBack || !later.earliest().isBefore(earlier.earliest()),
          () -> first.get().told(seedOf) + " and then " + second.get().told(seedOf));
    }
  }
}
