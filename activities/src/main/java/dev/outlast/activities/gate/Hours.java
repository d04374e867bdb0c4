package dev.outlast.activities.gate;

import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Hours of the week, as people write them: {@code 22:00-07:00} for every day, {@code Mon-Fri
 * 09:00-18:00}, {@code Sat,Sun 00:00-24:00}. Hours that end before they begin end on the next day,
 * and belong to the day on which they begin. Immutable.
 */
public final class Hours {

  /** What to tell somebody whose hours could not be read. */
  public static final String EXPECTED =
      "hours such as 22:00-07:00, Mon-Fri 09:00-18:00, or Sat,Sun 00:00-24:00";

  /** No hours at all. */
  public static final Hours NONE = new Hours(List.of());

  /** How many hours one after the other are followed to their end: all of a week and more. */
  private static final int MAX_IN_A_ROW = 15;

  private static final List<String> DAYS = List.of("mon", "tue", "wed", "thu", "fri", "sat", "sun");
  private static final Pattern FORM =
      Pattern.compile(
          "(?:([A-Za-z]{3}(?:[-,][A-Za-z]{3}){0,6})\\s+)?(\\d{2}):(\\d{2})-(\\d{2}):(\\d{2})");

  private static final int DAY = 24 * 60;

  private final List<Span> spans;

  /**
   * @param from minutes of the day
   * @param length in minutes
   */
  private record Span(Set<DayOfWeek> days, int from, int length) {}

  private Hours(List<Span> spans) {
    this.spans = List.copyOf(spans);
  }

  /**
   * Reads hours.
   *
   * @throws IllegalArgumentException if one of the texts is none; the message names it and says
   *     what is expected
   */
  public static Hours of(List<String> texts) {
    List<Span> spans = new ArrayList<>();
    for (String text : texts) {
      spans.add(
          span(text)
              .orElseThrow(
                  () -> new IllegalArgumentException("'" + text + "' is not " + EXPECTED)));
    }
    return new Hours(spans);
  }

  private static Optional<Span> span(String text) {
    Matcher form = FORM.matcher(text.strip());
    if (!form.matches()) {
      return Optional.empty();
    }
    int from = minutes(form.group(2), form.group(3));
    int to = minutes(form.group(4), form.group(5));
    Optional<Set<DayOfWeek>> days =
        form.group(1) == null ? Optional.of(EnumSet.allOf(DayOfWeek.class)) : days(form.group(1));
    if (days.isEmpty() || from < 0 || from >= DAY || to < 0 || to > DAY || from == to) {
      return Optional.empty();
    }
    return Optional.of(new Span(days.get(), from, to > from ? to - from : to + DAY - from));
  }

  private static int minutes(String hour, String minute) {
    int minutes = Integer.parseInt(minute);
    return minutes > 59 ? -1 : 60 * Integer.parseInt(hour) + minutes;
  }

  private static Optional<Set<DayOfWeek>> days(String text) {
    Set<DayOfWeek> days = EnumSet.noneOf(DayOfWeek.class);
    for (String part : text.split(",")) {
      String[] ends = part.toLowerCase(Locale.ROOT).split("-");
      int first = DAYS.indexOf(ends[0]);
      int last = DAYS.indexOf(ends[ends.length - 1]);
      if (first < 0 || last < 0 || ends.length > 2) {
        return Optional.empty();
      }
      for (int day = first; ; day = (day + 1) % 7) {
        days.add(DayOfWeek.of(day + 1));
        if (day == last) {
          break;
        }
      }
    }
    return Optional.of(days);
  }

  /**
   * When the hours end that a moment is in; empty if it is in none. Where the clocks are changed,
   * hours begin and end when the clock on the wall says so.
   */
  public Optional<Instant> end(Instant moment, ZoneId zone) {
    Instant end = moment;
    for (int i = 0; i < MAX_IN_A_ROW; i++) {
      Optional<Instant> later = endOfOne(end, zone);
      if (later.isEmpty()) {
        break;
      }
      end = later.get();
    }
    return end.equals(moment) ? Optional.empty() : Optional.of(end);
  }

  private Optional<Instant> endOfOne(Instant moment, ZoneId zone) {
    LocalDate today = moment.atZone(zone).toLocalDate();
    Instant latest = null;
    for (Span span : spans) {
      for (LocalDate day : List.of(today.minusDays(1), today)) {
        if (!span.days().contains(day.getDayOfWeek())) {
          continue;
        }
        Instant from = at(day, span.from(), zone);
        Instant to = at(day, span.from() + span.length(), zone);
        boolean within = !moment.isBefore(from) && moment.isBefore(to);
        latest = within && (latest == null || to.isAfter(latest)) ? to : latest;
      }
    }
    return Optional.ofNullable(latest);
  }

  private static Instant at(LocalDate day, int minutes, ZoneId zone) {
    LocalTime time = LocalTime.ofSecondOfDay(60L * (minutes % DAY));
    return ZonedDateTime.of(day.plusDays(minutes / DAY), time, zone).toInstant();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Hours hours && spans.equals(hours.spans);
  }

  @Override
  public int hashCode() {
    return spans.hashCode();
  }
}
