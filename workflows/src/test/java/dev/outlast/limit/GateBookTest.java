package dev.outlast.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.limit.GateReport.Hit;
import dev.outlast.limit.GateReport.Pass;
import io.temporal.common.converter.DefaultDataConverter;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Single rules of a gate, at moments of the test's own. */
class GateBookTest {

  private static final Duration HOUR = Duration.ofHours(1);

  private GateBook book = new GateBook();
  private Instant now = Instant.parse("2026-11-21T08:00:00Z");

  private GateAnswer enter(String run, String model) {
    return enter(run, model, GateSettings.NONE);
  }

  private GateAnswer enter(String run, String model, GateSettings settings) {
    return book.enter(new GateEntry(new GateWaiter(run, 3, now, model), settings), now);
  }

  private void hit(String run, String model, LimitScope scope) {
    Hit hit = new Hit(new GateWaiter(run, 3, now, model), scope, HOUR, null, Duration.ZERO);
    report(List.of(hit), List.of(), List.of());
  }

  private void pass(String run, String model, boolean said) {
    report(List.of(), List.of(new Pass(run, model, said, Duration.ZERO, Duration.ZERO)), List.of());
  }

  private void report(List<Hit> hits, List<Pass> passes, List<String> left) {
    book.report(new GateReport(null, hits, passes, null, null, left), now);
  }

  private void goesBy(Duration time) {
    now = now.plus(time);
  }

  @Test
  void what_a_gate_answers_is_newer_than_what_one_before_it_has_released() {
    hit("a", null, LimitScope.SESSION);
    for (int i = 0; i < 20; i++) {
      book.close(now.plus(HOUR), "", now);
      book.release(now);
      goesBy(Duration.ofSeconds(1));
    }
    long released = book.version();
    book = new GateBook();
    goesBy(Duration.ofSeconds(1));
    hit("b", null, LimitScope.SESSION);
    assertTrue(book.version() > released, "of a report");
    book = new GateBook();
    book.close(now.plus(HOUR), "", now);
    long refused = enter("a", null).version();
    assertTrue(refused > released, refused + " after " + released);
    book.release(now);
    assertTrue(book.version() > refused, "a release in the same moment");
  }

  @Test
  void a_gate_that_was_reset_answers_with_a_version_that_is_newer_than_its_releases() {
    hit("a", null, LimitScope.SESSION);
    GateMemory before = book.save(List.of());
    goesBy(Duration.ofSeconds(1));
    book.release(now);
    long released = book.version();
    book = GateBook.restore(before);
    goesBy(Duration.ofSeconds(1));
    assertTrue(enter("a", null).version() > released);
  }

  private void heldBack(String run) {
    List<GateReport.Left> left = List.of(new GateReport.Left(run, Duration.ZERO, HOUR));
    book.report(new GateReport(null, null, null, null, null, null, left), now);
  }

  private void seeksAfter(Duration time, int asked, int skipped) {
    goesBy(time.minusSeconds(1));
    assertEquals(List.of(), book.due(now));
    goesBy(Duration.ofSeconds(1));
    assertEquals(List.of(new GateTask.SeekProbe(null)), book.due(now));
    assertEquals(asked, book.asked(null));
    assertEquals(skipped, book.askedInVain(null));
  }

  private static GateWaiter moving(String run, Instant since) {
    return new GateWaiter(run, 1, since, null, false, true);
  }

  private void hitAndMovesOn(String run) {
    Hit hit = new Hit(moving(run, now), LimitScope.SESSION, HOUR, null, Duration.ZERO);
    report(List.of(hit), List.of(), List.of());
  }

  @Test
  void whoever_goes_to_another_account_is_not_waited_for_at_the_reset() {
    hitAndMovesOn("goes");
    assertFalse(enter("waits", null).go());
    assertTrue(enter("waits", null).probe(), "it tries first in place of the other");
    hitAndMovesOn("goes too");
    GateEntry entry = new GateEntry(moving("goes as well", now), GateSettings.NONE);
    assertFalse(book.enter(entry, now).probe());
    assertTrue(book.part(null).isProbe("waits"));
  }

  @Test
  void where_all_have_gone_to_another_account_one_that_came_back_is_sought_at_the_reset() {
    hitAndMovesOn("goes");
    goesBy(HOUR.minusSeconds(1));
    assertEquals(List.of(), book.due(now));
    goesBy(Duration.ofSeconds(1));
    assertEquals(List.of(new GateTask.SeekProbe(null)), book.due(now));
    book.sought(null, moving("goes", now), now);
    assertTrue(book.enter(new GateEntry(moving("goes", now), GateSettings.NONE), now).go());
  }

  @Test
  void whoever_was_refused_and_goes_to_another_account_then_does_not_try_first_again() {
    hit("a", null, LimitScope.SESSION);
    goesBy(HOUR);
    assertTrue(enter("a", null).go());
    hitAndMovesOn("a");
    assertFalse(enter("b", null).go());
    assertTrue(book.part(null).isProbe("b"));
  }

  @Test
  void whoever_cannot_try_now_is_not_waited_for_and_not_asked_again() {
    hit("a", null, LimitScope.SESSION);
    enter("b", null);
    goesBy(HOUR);
    heldBack("a");
    seeksAfter(GateBook.DECLINED_GRACE, 1, 0);
    assertEquals(List.of("b"), book.waiting(null, 9).stream().map(GateWaiter::run).toList());
    book.sought(null, new GateWaiter("b", 3, now, null), now);
    heldBack("x");
    heldBack("b");
    seeksAfter(GateBook.DECLINED_GRACE, 2, 0);
    heldBack("one of them");
    heldBack("the other");
    seeksAfter(GateBook.DECLINED_GRACE, 4, 0);
    assertTrue(enter("c", null).probe());
    assertEquals(1, book.asked(null), "next time it begins anew");
  }

  @Test
  void a_gate_whose_runs_are_all_held_back_stays_closed_until_the_first_of_them_tries() {
    hit("a", null, LimitScope.SESSION);
    goesBy(HOUR);
    heldBack("a");
    heldBack("b");
    seeksAfter(GateBook.DECLINED_GRACE, 1, 0);
    book = GateBook.restore(book.save(List.of()));
    book.sought(null, null, now);
    assertEquals(GateState.CLOSED, book.part(null).state());
    goesBy(HOUR.minus(GateBook.DECLINED_GRACE));
    assertEquals(List.of(), book.due(now));
    assertTrue(enter("b", null).probe());
    assertFalse(enter("a", null).go(), "one is enough");
    report(List.of(), List.of(), List.of("b"));
    goesBy(GateBook.PROBE_GRACE);
    assertEquals(List.of(new GateTask.SeekProbe(null)), book.due(now));
    book.sought(null, null, now);
    assertEquals(GateState.OPEN, book.part(null).state(), "now nobody waits");
  }

  @Test
  void others_are_asked_to_try_after_those_that_did_not_come() {
    hit("a", null, LimitScope.SESSION);
    goesBy(HOUR);
    seeksAfter(GateBook.PROBE_GRACE, 1, 0);
    book.sought(null, new GateWaiter("b", 3, now, null), now);
    seeksAfter(GateBook.PROBE_GRACE, 2, 1);
    seeksAfter(GateBook.PROBE_GRACE.multipliedBy(2), 4, 3);
    assertTrue(enter("c", null).probe());
    assertEquals(0, book.askedInVain(null));
  }

  @Test
  void an_answer_that_comes_long_after_another_run_was_to_try_opens_the_account() {
    hit("a", null, LimitScope.SESSION);
    enter("b", null);
    goesBy(HOUR);
    Instant begun = now;
    assertTrue(enter("a", null).probe());
    goesBy(GateBook.PROBE_SILENCE);
    book.due(now);
    assertTrue(enter("b", null).probe(), "it is replaced");
    goesBy(GateBook.PROBE_SILENCE);
    book.due(now);
    assertEquals(GateState.CLOSED, book.part(null).state());
    passOf("a", Duration.between(begun, now).plusMillis(5));
    assertEquals(GateState.OPEN, book.part(null).state());
  }

  @Test
  void an_answer_to_who_began_before_another_run_was_refused_opens_nothing() {
    hit("a", null, LimitScope.SESSION);
    goesBy(HOUR);
    Instant begun = now;
    assertTrue(enter("a", null).probe());
    goesBy(GateBook.PROBE_SILENCE);
    book.due(now);
    assertTrue(enter("b", null).probe());
    hit("b", null, LimitScope.SESSION);
    goesBy(Duration.ofMinutes(1));
    passOf("a", Duration.between(begun, now));
    assertEquals(GateState.CLOSED, book.part(null).state());
  }

  private void passOf(String run, Duration begunAgo) {
    report(List.of(), List.of(new Pass(run, null, false, begunAgo, Duration.ZERO)), List.of());
  }

  @Test
  void a_place_that_is_not_taken_since_its_run_is_held_back_is_offered_to_others() {
    GateSettings one = new GateSettings(1, null, 0, 0, null);
    assertTrue(enter("a", null, one).go());
    assertFalse(enter("b", null, one).go());
    assertFalse(enter("c", null, one).go());
    report(List.of(), List.of(), List.of("a"));
    assertEquals(List.of(new GateTask.Wake(1)), book.due(now));
    book.woken(1, 1, now);
    heldBack("b");
    assertEquals(List.of(new GateTask.Wake(1)), book.due(now));
    assertEquals(List.of("c"), book.waiting(null, 9).stream().map(GateWaiter::run).toList());
    book.woken(1, 1, now);
    goesBy(GateBook.WAKE_GRACE);
    assertEquals(List.of(new GateTask.Wake(2)), book.due(now));
    assertEquals(1, book.wokenInVain(), "so that others are told");
    assertTrue(enter("c", null, one).go());
    assertEquals(0, book.wokenInVain());
  }

  @Test
  void where_places_are_bounded_a_release_is_spread_and_what_is_free_later_is_not() {
    GateSettings four = new GateSettings(4, null, 0, 0, Duration.ofMinutes(10));
    enter("a", null, four);
    book.close(now.plus(HOUR), "", now);
    for (String run : List.of("b", "c", "d", "e", "f", "g")) {
      assertFalse(enter(run, null, four).go());
    }
    goesBy(HOUR);
    assertTrue(book.due(now).contains(new GateTask.Wake(3)));
    assertEquals(Duration.ofMinutes(10), book.spreadOfPlaces(now));
    goesBy(Duration.ofMinutes(4));
    assertTrue(enter("b", null, four).go());
    left("b", Duration.ZERO);
    assertFalse(
        book.due(now).stream().anyMatch(GateTask.Wake.class::isInstance), "others are being told");
    book = GateBook.restore(book.save(List.of(new GateTask.Wake(3))));
    assertTrue(book.due(now).contains(new GateTask.Wake(3)), "what a new history ends goes on");
    assertEquals(Duration.ofMinutes(6), book.spreadOfPlaces(now));
    book.woken(3, 3, now);
    assertTrue(enter("c", null, four).go());
    goesBy(Duration.ofMinutes(6));
    left("c", Duration.ZERO);
    assertTrue(book.due(now).contains(new GateTask.Wake(3)));
    assertEquals(Duration.ZERO, book.spreadOfPlaces(now));
  }

  @Test
  void a_place_that_becomes_free_after_an_opening_at_which_none_was_is_offered_at_once() {
    GateSettings one = new GateSettings(1, null, 0, 0, Duration.ofMinutes(10));
    enter("a", null, one);
    hit("a", null, LimitScope.SESSION);
    assertFalse(enter("b", null, one).go());
    goesBy(HOUR);
    assertTrue(enter("a", null, one).go());
    pass("a", null, false);
    assertFalse(book.due(now).contains(new GateTask.Wake(1)), "who tried has the only place");
    left("a", Duration.ZERO);
    assertEquals(List.of(new GateTask.Wake(1)), book.due(now));
  }

  /** Its one run has left, and nobody is known to wait. */
  private void opensAfterAnOperatorsClosure(GateSettings settings) {
    enter("a", null, settings);
    report(List.of(), List.of(), List.of("a"));
    book.close(now.plus(HOUR), "", now);
    goesBy(HOUR);
  }

  @Test
  void runs_that_a_wake_does_not_find_are_not_waited_for() {
    GateSettings two = new GateSettings(2, null, 0, 0, Duration.ZERO);
    opensAfterAnOperatorsClosure(two);
    assertEquals(List.of(new GateTask.Wake(2)), book.due(now));
    book.woken(2, 1, now);
    assertTrue(book.next().isEmpty(), "only one was there, and it was told");
  }

  @Test
  void where_places_are_bounded_runs_are_woken_of_which_the_gate_never_heard() {
    GateSettings one = new GateSettings(1, null, 0, 0, Duration.ZERO);
    opensAfterAnOperatorsClosure(one);
    assertEquals(List.of(new GateTask.Wake(1)), book.due(now));
    book.woken(1, 1, now);
    assertTrue(enter("unheard", null, one).go());
    book = GateBook.restore(book.save(List.of()));
    report(List.of(), List.of(), List.of("unheard"));
    assertEquals(List.of(new GateTask.Wake(1)), book.due(now), "the next one");
    book.woken(1, 0, now);
    goesBy(HOUR);
    assertEquals(List.of(), book.due(now), "nobody is left");
    assertTrue(book.next().isEmpty());
  }

  @Test
  void a_run_that_waits_for_the_allowance_is_not_woken_for_places_before_it_returns() {
    GateSettings two = new GateSettings(2, null, 0, 0, Duration.ZERO);
    Duration days = Duration.ofDays(6);
    assertTrue(enter("works", null, two).go());
    GateReport.Overage overage = new GateReport.Overage(days, null);
    Pass pass = new Pass("works", null, false, Duration.ZERO, Duration.ZERO, overage);
    report(List.of(), List.of(pass), List.of());
    GateWaiter avoids = new GateWaiter("avoids", 3, now, null, true, false);
    assertFalse(book.enter(new GateEntry(avoids, two), now).go());
    Instant back = now.plus(days);
    report(List.of(), List.of(), List.of("works"));
    assertEquals(List.of(), book.due(now), "of the place that is free");
    assertEquals(back, book.next().orElseThrow());
    now = back;
    assertEquals(List.of(new GateTask.Wake(2)), book.due(now));
  }

  @Test
  void where_only_runs_of_a_closed_model_wait_nobody_is_sought_for_the_account_again_and_again() {
    Instant opens = now.plus(Duration.ofDays(6));
    GateWaiter waiter = new GateWaiter("a", 3, now, "opus");
    Hit model =
        new Hit(waiter, LimitScope.MODEL, Duration.between(now, opens), opens, Duration.ZERO);
    report(List.of(model), List.of(), List.of());
    hit("a", "opus", LimitScope.SESSION);
    int sought = 0;
    for (Instant next; (next = book.next().orElseThrow()).isBefore(opens); now = later(next)) {
      assertTrue(sought < 10, "in vain");
      if (book.due(later(next)).contains(new GateTask.SeekProbe(null))) {
        sought++;
        book.sought(null, waiter, later(next));
      }
    }
    assertTrue(sought > 1, "others may wait of which the gate has not heard");
    assertTrue(enter("other", null).probe(), "whoever comes may try");
    report(List.of(), List.of(), List.of("other"));
    now = opens.plus(GateBook.PROBE_GRACE.multipliedBy(GateBook.MOST_PATIENCE));
    assertTrue(book.due(now).contains(new GateTask.SeekProbe(null)), "now they may come");
  }

  private Instant later(Instant next) {
    return next.isAfter(now) ? next : now;
  }

  @Test
  void a_window_that_an_operator_has_released_stays_so_though_its_reset_is_told_anew_each_time() {
    GateSettings careful = new GateSettings(0, Map.of("*", 0.9), 0, 0, null);
    uses(0.95, careful);
    assertFalse(enter("a", null, careful).go());
    book.release(now);
    goesBy(GateBook.SAME_RESET);
    uses(0.96, careful);
    assertTrue(enter("a", null, careful).go(), "an hour from then, counted once more");
    goesBy(Duration.ofMillis(1));
    uses(0.96, careful);
    assertFalse(enter("a", null, careful).go(), "another window");
  }

  @Test
  void of_the_waiting_runs_the_highest_priority_is_first_then_whoever_waits_longest() {
    book.close(now.plus(HOUR), "", now);
    int[] priorities = {4, 1, 5, 1, 3};
    for (int i = 0; i < priorities.length; i++) {
      goesBy(Duration.ofSeconds(1));
      GateWaiter waiter = new GateWaiter("run-" + i, priorities[i], now, null);
      assertFalse(book.enter(new GateEntry(waiter, GateSettings.NONE), now).go());
    }
    assertEquals("run-1", book.waiting(null, 1).get(0).run());
    assertEquals(
        List.of("run-1", "run-3", "run-4", "run-0", "run-2"),
        book.waiting(null, 9).stream().map(GateWaiter::run).toList());
  }

  /** A run doubles its own wait in the same way, so its gate is not to ask it to try before. */
  @Test
  void a_limit_of_unknown_end_closes_for_twice_as_long_with_each_refusal() {
    Instant passed = now.minus(HOUR);
    for (Instant reset : new Instant[] {null, passed}) {
      book = new GateBook();
      limited("a", reset);
      for (int hours : new int[] {1, 2, 4, 6}) {
        assertEquals(now.plus(HOUR.multipliedBy(hours)), book.part(null).until());
        goesBy(HOUR.multipliedBy(hours));
        assertTrue(enter("a", null).go());
        limited("a", reset);
      }
    }
    goesBy(HOUR.multipliedBy(6));
    assertTrue(enter("a", null).go());
    limited("a", now.plus(HOUR));
    assertEquals(now.plus(HOUR), book.part(null).until(), "now it is known");
  }

  private void limited(String run, Instant reset) {
    GateWaiter waiter = new GateWaiter(run, 3, now, null);
    report(
        List.of(new Hit(waiter, LimitScope.SESSION, HOUR, reset, Duration.ZERO)),
        List.of(),
        List.of());
  }

  @Test
  void the_limit_of_a_model_that_nobody_has_named_is_not_over_because_another_model_works() {
    hit("a", null, LimitScope.MODEL);
    goesBy(Duration.ofMinutes(10));
    pass("b", "haiku", true);
    assertFalse(enter("c", null).go(), "it would be limited at once");
    pass("b", null, true);
    assertTrue(enter("c", null).go(), "that was the model which is limited");
  }

  @Test
  void the_limit_of_a_model_that_nobody_has_named_is_over_when_the_run_gets_through_that_tries() {
    hit("a", "opus", LimitScope.SESSION);
    hit("a", null, LimitScope.MODEL);
    goesBy(HOUR);
    assertTrue(enter("a", "opus").probe());
    goesBy(Duration.ofSeconds(1));
    pass("b", "haiku", false);
    assertEquals(GateState.HALF_OPEN, book.part(null).state());
    pass("a", "opus", false);
    assertEquals(GateState.OPEN, book.part(null).state());
  }

  @Test
  void a_report_that_is_long_on_its_way_does_not_close_the_account_for_longer() {
    Instant reset = now.plus(HOUR);
    limitedUntil("a", reset, HOUR);
    goesBy(Duration.ofMinutes(3));
    limitedUntil("b", reset, HOUR);
    assertEquals(reset, book.part(null).until(), "the same reset, heard of three minutes later");
    Instant later = reset.plus(HOUR);
    limitedUntil("c", later, Duration.between(now, later));
    assertEquals(later, book.part(null).until(), "the later reset counts");
  }

  private void limitedUntil(String run, Instant reset, Duration lasts) {
    GateWaiter waiter = new GateWaiter(run, 3, now, null);
    Hit hit = new Hit(waiter, LimitScope.SESSION, lasts, reset, Duration.ZERO);
    report(List.of(hit), List.of(), List.of());
  }

  @Test
  void an_agent_that_has_ended_before_frees_no_place_of_a_later_attempt() {
    GateSettings one = new GateSettings(1, null, 0, 0, null);
    assertTrue(enter("a", null, one).go());
    goesBy(Duration.ofMinutes(1));
    assertTrue(enter("a", null, one).go(), "tried again on another host");
    goesBy(Duration.ofMinutes(1));
    left("a", Duration.ofMinutes(2));
    assertFalse(enter("b", null, one).go(), "the first attempt has no place any more");
    left("a", Duration.ofMillis(60_900));
    assertTrue(enter("b", null, one).go());
  }

  @Test
  void a_limit_that_an_attempt_before_tells_late_frees_no_place_of_a_later_one() {
    GateSettings one = new GateSettings(1, null, 0, 0, null);
    assertTrue(enter("a", null, one).go());
    goesBy(Duration.ofMinutes(1));
    assertTrue(enter("a", null, one).go());
    GateWaiter waiter = new GateWaiter("a", 3, now, "opus");
    Hit late = new Hit(waiter, LimitScope.MODEL, HOUR, null, Duration.ofMinutes(1));
    book.report(new GateReport(null, List.of(late), null, null, null, null), now);
    assertFalse(enter("b", null, one).go());
  }

  @Test
  void who_is_let_in_while_it_is_looked_who_has_ended_keeps_its_place_and_its_try() {
    GateSettings one = new GateSettings(1, null, 0, 0, null);
    hit("a", null, LimitScope.SESSION);
    goesBy(HOUR);
    assertTrue(enter("a", null, one).probe());
    Instant looked = now;
    goesBy(Duration.ofSeconds(1));
    left("a", Duration.ofSeconds(1));
    assertTrue(enter("a", null, one).probe());
    book.gone(List.of("a"), looked, now);
    assertEquals(List.of("a"), book.held());
    assertEquals(GateState.HALF_OPEN, book.part(null).state());
    book.gone(List.of("a"), now, now);
    assertEquals(List.of(), book.held());
    assertEquals(GateState.CLOSED, book.part(null).state());
  }

  @Test
  void an_agent_that_has_ended_before_does_not_end_the_try_of_a_later_attempt() {
    hit("a", null, LimitScope.SESSION);
    goesBy(HOUR);
    assertTrue(enter("a", null).probe());
    goesBy(Duration.ofMinutes(1));
    left("a", Duration.ofMinutes(2));
    assertEquals(GateState.HALF_OPEN, book.part(null).state());
    left("a", Duration.ofMinutes(1));
    assertEquals(GateState.CLOSED, book.part(null).state());
  }

  @Test
  void another_pause_at_counts_for_what_is_used_already() {
    GateSettings early = new GateSettings(0, Map.of("*", 0.75), 0, 0, null);
    GateSettings later = new GateSettings(0, Map.of("*", 0.9), 0, 0, null);
    uses(0.8, early);
    GateStatus status = book.status("claude", "work", now);
    GateWaiter waiter = new GateWaiter("a", 3, now, null);
    assertFalse(status.answer(new GateEntry(waiter, early), now).orElseThrow().go());
    assertTrue(
        status.answer(new GateEntry(waiter, later), now).isEmpty(), "the gate is to judge it");
    book.close(now.plus(HOUR.multipliedBy(2)), "", now);
    assertFalse(enter("a", null, later).go(), "an operator has closed it");
    assertEquals(1, book.status("claude", "work", now).holds().size());
    book.release(now);
    assertTrue(enter("a", null, later).go());
    assertFalse(enter("a", null, new GateSettings(0, Map.of("*", 0.8), 0, 0, null)).go());
  }

  @Test
  void a_higher_bound_lets_those_in_who_wait() {
    for (int more : new int[] {2, 0}) {
      book = new GateBook();
      GateSettings one = new GateSettings(1, null, 0, 0, null);
      assertTrue(enter("a", null, one).go());
      assertFalse(enter("b", null, one).go());
      book.due(now);
      book.report(
          new GateReport(new GateSettings(more, null, 0, 0, null), null, null, null, null, null),
          now);
      assertEquals(
          List.of(more == 0 ? new GateTask.Release(null) : new GateTask.Wake(1)), book.due(now));
    }
  }

  @Test
  void an_attempt_after_the_first_of_the_run_that_tries_knows_that_it_does() {
    hit("a", null, LimitScope.SESSION);
    goesBy(HOUR);
    assertTrue(enter("a", null).probe());
    assertTrue(enter("a", null).probe());
    pass("a", null, true);
    assertFalse(enter("a", null).probe());
  }

  @Test
  void runs_that_are_only_counted_are_not_left_waiting() {
    GateSettings one = new GateSettings(1, null, 0, 0, null);
    assertTrue(enter("works", null, one).go());
    for (int i = 0; i <= GateBook.MAX_WAITERS; i++) {
      enter("run-" + i, null, one);
    }
    List<String> known =
        book.waiting(null, GateBook.MAX_WAITERS).stream().map(GateWaiter::run).toList();
    book.gone(known, now, now);
    assertEquals(1, book.status("claude", "work", now).waiters());
    assertTrue(book.due(now).contains(new GateTask.LookAfterLeases()));
    book.gone(List.of("works"), now, now);
    assertEquals(List.of(new GateTask.Wake(1)), book.due(now));
    goesBy(GateBook.WAKE_GRACE);
    assertFalse(book.due(now).isEmpty(), "nobody has come");
  }

  @Test
  void a_release_that_goes_on_in_a_new_history_takes_what_is_left_of_its_time() {
    GateSettings slow = new GateSettings(0, null, 0, 0, Duration.ofMinutes(10));
    enter("a", null, slow);
    book.close(now.plus(HOUR), "", now);
    book.release(now);
    List<GateTask> release = List.of(new GateTask.Release(null));
    assertEquals(release, book.due(now));
    assertEquals(Duration.ofMinutes(10), book.spread(null, now));
    goesBy(Duration.ofMinutes(4));
    book = GateBook.restore(book.save(release));
    assertEquals(release, book.due(now));
    assertEquals(Duration.ofMinutes(6), book.spread(null, now));
    goesBy(HOUR);
    book = GateBook.restore(book.save(release));
    assertEquals(Duration.ZERO, book.spread(null, now));

    book.released(null, List.of());
    assertEquals(Duration.ofMinutes(10), book.spread(null, now), "the next one has its own");
  }

  @Test
  void all_that_a_gate_remembers_fits_into_what_a_server_takes_at_a_time() {
    GateSettings most = new GateSettings(1_000, null, 0, 0, null);
    String model = "m".repeat(95);
    for (int i = 0; i < 1_000; i++) {
      assertTrue(enter(longest("works", i), null, most).go());
    }
    for (int i = 0; i < 2 * GateBook.MAX_WAITERS; i++) {
      assertFalse(enter(longest("waits", i), model + i % 100, most).go());
    }
    for (int i = 0; i < 2 * GateBook.MAX_MODELS; i++) {
      hit(longest("limited", i), model + i, LimitScope.MODEL);
      uses("w".repeat(97) + i, 0.5, most);
    }
    GateMemory memory = book.save(List.of(new GateTask.LookAfterLeases()));
    int size =
        DefaultDataConverter.newDefaultInstance()
            .toPayload(memory)
            .orElseThrow()
            .getSerializedSize();
    assertTrue(size < 1_900_000, "bytes: " + size);
    assertEquals(1_000, memory.leases().size(), "who is at work is never forgotten");
    long waiters = book.status("claude", "work", now).waiters();
    assertEquals(waiters, GateBook.restore(memory).status("claude", "work", now).waiters());
  }

  private static String longest(String name, int number) {
    return (name + number + "-").concat("x".repeat(1_000)).substring(0, 1_000);
  }

  private void uses(double share, GateSettings settings) {
    uses("five_hour", share, settings);
  }

  private void uses(String window, double share, GateSettings settings) {
    Map<String, GateReport.WindowUse> windows =
        Map.of(window, new GateReport.WindowUse(share, now.plus(HOUR)));
    book.report(new GateReport(settings, null, null, windows, null, null), now);
  }

  private void left(String run, Duration enteredAgo) {
    List<GateReport.Left> left = List.of(new GateReport.Left(run, enteredAgo));
    book.report(new GateReport(null, null, null, null, null, null, left), now);
  }
}
