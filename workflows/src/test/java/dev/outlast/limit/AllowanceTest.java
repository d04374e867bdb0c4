package dev.outlast.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.limit.GateReport.Hit;
import dev.outlast.limit.GateReport.Overage;
import dev.outlast.limit.GateReport.Pass;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A gate while the allowance is used up, and paid overage goes on in its place. */
class AllowanceTest {

  private static final Duration HOUR = Duration.ofHours(1);

  private final GateBook book = new GateBook();
  private Instant now = Instant.parse("2026-11-21T08:00:00Z");

  private GateWaiter waiter(String run, boolean avoidsOverage) {
    return new GateWaiter(run, 3, now, null, avoidsOverage, false);
  }

  /** What the gate answers, which is the same for who only looks at how it stands. */
  private GateAnswer enter(String run, boolean avoidsOverage) {
    GateWaiter waiter = waiter(run, avoidsOverage);
    Optional<GateAnswer> looked = status().answer(waiter, now);
    GateAnswer answer = book.enter(new GateEntry(waiter, GateSettings.NONE), now);
    // Only the gate itself knows how long it is until then: its clock stands while it is looked at.
    GateAnswer same =
        new GateAnswer(
            answer.go(),
            answer.probe(),
            answer.until(),
            answer.latest(),
            answer.version(),
            answer.why());
    assertTrue(looked.isEmpty() || looked.get().equals(same), () -> looked + ", " + answer);
    return answer;
  }

  private GateStatus status() {
    return book.status("claude", "work", now);
  }

  private void hit(String run) {
    Hit hit = new Hit(waiter(run, false), LimitScope.SESSION, HOUR, null, Duration.ZERO);
    book.report(new GateReport(null, List.of(hit), null, null, null, null), now);
  }

  private void pass(boolean said, Overage overage) {
    Pass pass = new Pass("works", null, said, Duration.ZERO, Duration.ZERO, overage);
    book.report(new GateReport(null, null, List.of(pass), null, null, null), now);
  }

  private void onOverage() {
    pass(false, new Overage(HOUR, null));
  }

  private void goesBy(Duration time) {
    now = now.plus(time);
  }

  @Test
  void who_avoids_overage_waits_for_the_allowance_and_the_account_is_open_to_all_others() {
    onOverage();
    GateAnswer held = enter("avoids", true);
    assertFalse(held.go());
    assertEquals(now.plus(HOUR), held.until());
    assertTrue(held.why().contains("allowance"), held.why());
    assertTrue(enter("uses", false).go());
    assertEquals(GateState.OPEN, status().state());
    assertEquals(null, status().until());
    assertEquals(1, status().holds().size());

    goesBy(HOUR);
    assertEquals(Optional.of(now), book.next());
    assertEquals(List.of(new GateTask.Release(null)), book.due(now));
    assertTrue(enter("avoids", true).go());
  }

  @Test
  void who_is_let_through_on_overage_opens_an_account_that_was_closed() {
    hit("uses");
    goesBy(HOUR);
    assertTrue(enter("uses", false).probe());
    assertFalse(enter("other", false).go());
    onOverage();
    assertTrue(enter("other", false).go());
    assertFalse(enter("avoids", true).go());
    assertEquals(List.of(new GateTask.Release(null)), book.due(now));
  }

  @Test
  void the_allowance_is_back_when_an_agent_says_so_and_not_when_another_only_answers() {
    onOverage();
    goesBy(Duration.ofMinutes(1));
    pass(false, null);
    assertFalse(enter("avoids", true).go());
    pass(true, null);
    assertTrue(enter("avoids", true).go());
    assertEquals(List.of(), status().holds());
  }

  @Test
  void what_was_said_before_overage_began_is_no_word_of_the_allowance() {
    onOverage();
    goesBy(GateBook.LATE_WORDS);
    pass(true, null);
    assertFalse(enter("avoids", true).go());
  }

  @Test
  void a_run_that_waits_for_the_allowance_is_remembered_and_an_operator_can_let_it_go() {
    pass(false, new Overage(HOUR, waiter("works", true)));
    assertEquals(1, status().waiters());
    assertTrue(book.closedAtAll(now));
    assertTrue(book.release(now));
    assertTrue(enter("works", true).go());
  }

  @Test
  void a_limit_beyond_the_allowance_is_tried_while_the_allowance_is_still_used_up() {
    hit("gone");
    goesBy(HOUR.minusSeconds(1));
    pass(false, new Overage(HOUR.multipliedBy(5), null));
    hit("gone");
    goesBy(HOUR.plus(GateBook.PROBE_GRACE));
    assertEquals(List.of(new GateTask.SeekProbe(null)), book.due(now));
    assertTrue(enter("uses", false).probe());
  }

  @Test
  void it_is_known_after_a_gate_has_begun_anew() {
    onOverage();
    GateBook anew = GateBook.restore(book.save(List.of()));
    assertFalse(anew.enter(new GateEntry(waiter("avoids", true), null), now).go());
  }
}
