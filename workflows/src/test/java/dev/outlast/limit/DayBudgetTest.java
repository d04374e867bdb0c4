package dev.outlast.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.limit.GateReport.Spent;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** An account spends no more on a day than it may, until somebody says so. */
class DayBudgetTest {

  private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");
  private static final ZoneId LOS_ANGELES = ZoneId.of("America/Los_Angeles");
  private static final Instant NOON = Instant.parse("2026-11-21T11:00:00Z");
  private static final GateSettings BUDGET = new GateSettings(0, Map.of(), 10, 1_000, null);

  private GateBook book = new GateBook();
  private Instant now = NOON;

  /** An invocation that has ended now, as a worker of the zone tells it. */
  private static Spent ended(Instant at, ZoneId zone, double costUsd, long tokens) {
    LocalDate day = LocalDate.ofInstant(at, zone);
    Instant ends = day.plusDays(1).atStartOfDay(zone).toInstant();
    return new Spent(day.toString(), ends, 1, costUsd, 0, tokens);
  }

  private void told(Spent spent, GateSettings settings) {
    book.report(new GateReport(settings, null, null, null, spent, null), now);
  }

  private void spends(double costUsd, long tokens) {
    told(ended(now, BERLIN, costUsd, tokens), BUDGET);
  }

  private GateAnswer enter() {
    return book.enter(new GateEntry(new GateWaiter("run", 3, now, null), BUDGET), now);
  }

  private GateStatus status() {
    return book.status("claude", "work", now);
  }

  private void told(String reporter, long number, double costUsd) {
    Spent spent = ended(now, BERLIN, costUsd, 0);
    GateReport report = new GateReport(BUDGET, null, null, null, spent, null);
    book.report(report.as(new GateReport.Id(reporter, number)), now);
  }

  private double spentToday() {
    return status().spent().get(0).costUsd();
  }

  @Test
  void a_report_that_comes_twice_or_late_counts_once() {
    told("a", 1, 1);
    told("a", 1, 1);
    told("b", 1, 1);
    told("a", 3, 1);
    book = GateBook.restore(book.save(List.of()));
    told("b", 1, 1);
    told("a", 2, 1);
    told("a", 4, 1);
    assertEquals(4, spentToday());
  }

  @Test
  void of_the_reporters_it_knows_only_those_that_have_told_last() {
    for (int i = 0; i <= GateBook.MAX_REPORTERS; i++) {
      told("always", i, 0.001);
      told("reporter-" + i, 1, 0.001);
    }
    assertEquals(GateBook.MAX_REPORTERS, book.save(List.of()).heard().size());
    double before = spentToday();
    told("always", GateBook.MAX_REPORTERS, 0.001);
    told("reporter-" + GateBook.MAX_REPORTERS, 1, 0.001);
    assertEquals(before, spentToday());
  }

  @Test
  void what_is_spent_on_a_day_closes_the_account_until_the_day_ends() {
    spends(9.99, 0);
    assertTrue(enter().go());
    spends(0.01, 0);
    GateAnswer refused = enter();
    assertFalse(refused.go());
    assertEquals(Instant.parse("2026-11-21T23:00:00Z"), refused.until());
    assertTrue(refused.why().contains("10.00 USD"), refused.why());
    assertTrue(refused.why().contains("2026-11-21"), refused.why());

    now = refused.until();
    book.due(now);
    assertTrue(enter().go());
    spends(9.99, 0);
    assertTrue(enter().go(), "each day has its own");
  }

  @Test
  void tokens_have_a_budget_of_their_own() {
    spends(0, 999);
    assertTrue(enter().go());
    spends(0, 1);
    assertFalse(enter().go());
  }

  @Test
  void an_invocation_over_midnight_counts_for_the_day_on_which_it_ends() {
    spends(9, 0);
    now = Instant.parse("2026-11-21T23:00:01Z");
    spends(9, 0);
    assertTrue(enter().go(), "neither day has spent its 10 USD");
    spends(1, 0);
    assertEquals(Instant.parse("2026-11-22T23:00:00Z"), enter().until());
  }

  @Test
  void what_is_told_after_midnight_of_the_day_before_closes_nothing() {
    Spent late = ended(now, BERLIN, 50, 0);
    now = Instant.parse("2026-11-22T06:00:00Z");
    told(late, BUDGET);
    assertTrue(enter().go());
    assertEquals(50, status().spent().get(0).costUsd());
  }

  @Test
  void a_day_is_as_long_as_the_workers_zone_says() {
    now = Instant.parse("2026-10-25T10:00:00Z");
    spends(10, 0);
    Instant ends = enter().until();
    assertEquals(
        Duration.ofHours(25),
        Duration.between(LocalDate.of(2026, 10, 25).atStartOfDay(BERLIN).toInstant(), ends));

    GateBook pacific = new GateBook();
    Instant evening = Instant.parse("2026-11-22T03:00:00Z");
    pacific.report(
        new GateReport(BUDGET, null, null, null, ended(evening, LOS_ANGELES, 10, 0), null),
        evening);
    GateAnswer refused =
        pacific.enter(new GateEntry(new GateWaiter("run", 3, evening, null), BUDGET), evening);
    assertEquals(Instant.parse("2026-11-22T08:00:00Z"), refused.until());
  }

  @Test
  void hosts_of_several_zones_spend_one_budget_on_a_day_of_one_name() {
    told(ended(now, BERLIN, 6, 0), BUDGET);
    told(ended(Instant.parse("2026-11-21T18:00:00Z"), LOS_ANGELES, 6, 0), BUDGET);
    assertFalse(enter().go());
    assertEquals(12, status().spent().get(0).costUsd());
  }

  @Test
  void an_operators_release_excuses_the_rest_of_that_day_and_no_other() {
    spends(10, 0);
    assertFalse(enter().go());
    assertTrue(book.release(now));
    assertTrue(enter().go());
    now = now.plus(Duration.ofHours(2));
    spends(10, 5_000);
    assertTrue(enter().go(), "that day was excused");

    now = Instant.parse("2026-11-22T12:00:00Z");
    book.due(now);
    spends(10, 0);
    assertFalse(enter().go(), "the next one is not");
  }

  @Test
  void no_budget_bounds_nothing() {
    told(ended(now, BERLIN, 1e9, Long.MAX_VALUE / 2), GateSettings.NONE);
    assertTrue(book.enter(new GateEntry(new GateWaiter("run", 3, now, null), null), now).go());
  }

  @Test
  void the_days_that_are_remembered_are_bounded() {
    for (int day = 0; day < 50; day++) {
      now = NOON.plus(Duration.ofDays(day));
      spends(1, 1);
    }
    List<Spent> days = status().spent();
    assertEquals(GateBook.MAX_DAYS, days.size());
    assertEquals("2027-01-09", days.get(days.size() - 1).day());
  }

  @Test
  void the_details_say_what_is_spent_and_how_to_go_on() {
    spends(10, 0);
    String details = GateView.details(status(), now);
    assertTrue(details.contains("10.00 USD"), details);
    assertTrue(details.contains("outlast accounts release claude/work"), details);
  }

  @Test
  void the_details_say_what_people_ask_of_an_open_account() {
    GateSettings settings =
        new GateSettings(0, Map.of("five_hour", 0.8, "*", 0.95), 20, 2_000_000, null);
    Spent spent = new Spent("2026-11-21", now.plus(Duration.ofHours(1)), 1, 3.1, 0.5, 1_204_330);
    Map<String, GateReport.WindowUse> windows =
        Map.of(
            "five_hour",
            new GateReport.WindowUse(0.755, now.plus(Duration.ofHours(1))),
            "seven_day",
            new GateReport.WindowUse(1, now.minus(Duration.ofHours(1))));
    book.report(new GateReport(settings, null, null, windows, spent, null), now);
    String details = GateView.details(status(), now);
    for (String line :
        List.of(
            "**open**  ",
            "Window five_hour: 75.5 %, begins anew 2026-11-21 12:00:00 UTC  ",
            "Window seven_day: 100 % before it began anew 2026-11-21 10:00:00 UTC  ",
            "Pauses at 80 % of five_hour, 95 % of every other window  ",
            "Spent on 2026-11-21: 3.10 USD of 20.00 USD, 1,204,330 of 2,000,000 tokens,"
                + " of it beyond the allowance 0.50 USD")) {
      assertTrue(details.lines().toList().contains(line), details);
    }

    book.pauseAt(0.9, now);
    details = GateView.details(status(), now);
    assertTrue(details.contains("Pauses at 90 % of every window (an operator's)"), details);
  }

  @Test
  void a_budget_that_is_raised_lifts_what_the_smaller_one_has_closed_and_bounds_the_day() {
    spends(10, 0);
    assertFalse(enter().go());
    GateSettings more = new GateSettings(0, Map.of(), 20, 1_000, null);
    told(null, more);
    assertTrue(status().holds().isEmpty());
    assertTrue(
        book.due(now).contains(new GateTask.Release(null)), "those that wait are told of it");
    told(ended(now, BERLIN, 9, 0), more);
    assertTrue(status().holds().isEmpty());
    told(ended(now, BERLIN, 1, 0), more);
    assertFalse(status().holds().isEmpty());
  }

  @Test
  void a_budget_that_is_lowered_closes_a_day_on_which_more_is_spent() {
    spends(9, 0);
    told(null, new GateSettings(0, Map.of(), 5, 1_000, null));
    assertEquals(GateState.CLOSED, status().state());
  }
}
