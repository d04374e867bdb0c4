package dev.outlast.activities.gate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.provider.AccountFacts;
import dev.outlast.agent.AccountTurn;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Completed;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.AgentOutcome.Limited;
import dev.outlast.agent.AgentOutcome.Stopped;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress.Spend;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateReport.Spent;
import dev.outlast.limit.GateReport.WindowUse;
import dev.outlast.limit.GateSettings;
import dev.outlast.limit.GateWaiter;
import dev.outlast.limit.GateWord;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.UsageLimit;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(180)
class AdmissionTest {

  private static final Account WORK = new Account("claude", "work");
  private static final Instant NOON = Instant.parse("2026-11-21T12:00:00Z");
  private static final Duration MARGIN = ResumePolicy.DEFAULT.margin();
  private static final long SEED = 20_261_121;

  private final RecordingGates gates = new RecordingGates();
  private Instant now = NOON;
  private long nanos = 5_000_000_000L;
  private GateSettings settings = places(2);
  private Hours reserve = Hours.NONE;
  private Hours quiet = Hours.NONE;
  private String run = "run-1";
  private String model;
  private AccountTurn turn = AccountTurn.DEFAULT;
  private boolean again;
  private Spend untold = Spend.NONE;
  private boolean avoidsOverage;

  private final Clock clock =
      new Clock() {
        @Override
        public ZoneId getZone() {
          return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
          throw new UnsupportedOperationException();
        }

        @Override
        public Instant instant() {
          return now;
        }
      };

  private static GateSettings places(int most) {
    return new GateSettings(most, null, 0, 0, null);
  }

  private Admission admission() {
    return new Admission(
        gates,
        new AccountRules(
            settings, reserve, quiet, ResumePolicy.DEFAULT, ZoneId.of("Europe/Berlin")),
        clock,
        () -> nanos,
        new Admission.Visitor(WORK, run, model, turn, again, untold, avoidsOverage));
  }

  private Admission admitted() {
    Admission admission = admission();
    assertEquals(Optional.empty(), admission.ask(null));
    return admission;
  }

  private void after(Duration time) {
    now = now.plus(time);
    nanos += time.toNanos();
  }

  private AccountTurn turn(int priority, boolean afterNextReset, boolean insists) {
    return new AccountTurn(priority, null, 0, afterNextReset, insists, false);
  }

  private InvocationFacts facts(boolean progressed, long tokens, double costUsd) {
    return new InvocationFacts(
        new SessionId("s-1"),
        true,
        null,
        progressed,
        new TokenUsage(tokens, 0, 0, 0, 0),
        costUsd,
        now,
        null,
        null);
  }

  private Completed completed() {
    return new Completed(facts(true, 30, 0.5), "done");
  }

  private UsageLimit limit(LimitScope scope, Instant reset, String rule) {
    return new UsageLimit(
        "claude",
        "work",
        scope,
        reset == null ? null : ResetTime.exactly(reset),
        UsageLimit.SetBy.WINDOW,
        now,
        new LimitEvidence(rule, null, "stdout", null, "UTC"),
        null);
  }

  private Limited limited(LimitScope scope, Instant reset) {
    return new Limited(facts(false, 0, 0), limit(scope, reset, "rate-limit-event"));
  }

  private static Shown shown(
      boolean answered, Instant saidAllowed, Map<String, WindowUse> windows) {
    return new Shown(
        answered,
        new AccountFacts(saidAllowed != null, saidAllowed, windows),
        TokenUsage.NONE,
        0,
        null);
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    for (int i = 0; i < 2_400 && !condition.getAsBoolean(); i++) {
      Thread.sleep(25);
    }
    assertTrue(condition.getAsBoolean(), "did not happen within a minute");
  }

  // Before the start.

  @Test
  void a_closed_gate_says_until_when_and_why_and_who_goes_first() {
    gates.answer = RecordingGates.closed(NOON, Duration.ofHours(2), true, 7);
    InvocationFacts behind = facts(true, 1, 0);
    Deferred deferred = admission().ask(behind).orElseThrow();
    assertEquals(NOON.plus(Duration.ofHours(2)), deferred.until());
    assertEquals(NOON, deferred.observedAt());
    assertEquals(Deferred.Cause.ACCOUNT, deferred.cause());
    assertEquals(new GateWord(true, Duration.ofMinutes(25), 7), deferred.gate());
    assertEquals("session limit", deferred.why());
    assertSame(behind, deferred.facts());
  }

  @ParameterizedTest
  @ValueSource(strings = {"PT-3H", "PT-10S", "PT10S", "PT3H"})
  void how_long_a_closed_gate_is_waited_for_does_not_depend_on_the_hosts_clock(Duration ahead) {
    Duration opensIn = Duration.ofMinutes(20);
    Instant until = NOON.minus(ahead).plus(opensIn);
    gates.answer =
        new GateAnswer(
            false, true, until, until.plus(Duration.ofMinutes(25)), 7, "session limit", opensIn);
    Deferred deferred = admission().ask(null).orElseThrow();
    assertEquals(opensIn, Duration.between(deferred.observedAt(), deferred.until()));
    assertEquals(new GateWord(true, Duration.ofMinutes(25), 7), deferred.gate());
  }

  @Test
  void a_run_that_is_to_ask_again_by_itself_does_so_at_that_moment() {
    Instant again = NOON.plusSeconds(20);
    gates.answer =
        new GateAnswer(false, false, again, again, 7, "not answered", Duration.ofSeconds(20));
    Deferred deferred = admission().ask(null).orElseThrow();
    assertEquals(again, deferred.until());
    assertEquals(new GateWord(false, Duration.ZERO, 7), deferred.gate());
  }

  @Test
  void runs_whose_gate_is_lost_ask_by_themselves_spread_out() {
    settings = new GateSettings(0, null, 0, 0, Duration.ofMinutes(5));
    gates.answer = RecordingGates.closed(NOON, Duration.ofHours(2), false, 7);
    int runs = 1_000;
    int[] inEachHalfMinute = new int[10];
    for (int i = 0; i < runs; i++) {
      run = "agent-run-" + i;
      Duration grace = admission().ask(null).orElseThrow().gate().grace();
      assertEquals(grace, admission().ask(null).orElseThrow().gate().grace(), "the same for a run");
      inEachHalfMinute[(int) grace.minusMinutes(25).dividedBy(Duration.ofSeconds(30))]++;
    }
    for (int each : inEachHalfMinute) {
      assertTrue(each > 70 && each < 130, () -> Arrays.toString(inEachHalfMinute));
    }
  }

  @Test
  void a_run_that_may_not_start_has_no_place_to_give_back() {
    gates.answer = RecordingGates.closed(NOON, Duration.ofHours(2), false, 7);
    try (Admission admission = admission()) {
      Deferred deferred = admission.ask(null).orElseThrow();
      assertSame(deferred, admission.ended(deferred));
    }
    assertEquals(List.of(), gates.told);
  }

  @Test
  void without_a_gate_that_can_be_reached_the_agent_is_started() {
    gates.answer = null;
    admitted().close();
    assertEquals(List.of("run-1"), gates.left(), "it may have been given a place nevertheless");
  }

  @Test
  void the_gate_is_asked_for_the_model_in_the_name_of_the_run_with_its_place_in_time() {
    model = "opus";
    turn = new AccountTurn(1, NOON.minusSeconds(90), 3, false, false, false);
    admitted().close();
    assertEquals(1, gates.asked.size());
    assertEquals("run-1", gates.asked.get(0).waiter().run());
    assertEquals("opus", gates.asked.get(0).waiter().model());
    assertEquals(1, gates.asked.get(0).waiter().priority());
    assertEquals(NOON.minusSeconds(90), gates.asked.get(0).waiter().since());
    assertEquals(settings, gates.asked.get(0).settings());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5})
  void nobody_starts_in_quiet_hours_and_only_high_priorities_in_reserved_ones(int priority) {
    now = Instant.parse("2026-11-20T10:00:00Z");
    turn = turn(priority, false, false);
    reserve = Hours.of(List.of("Mon-Fri 09:00-18:00"));
    Optional<Deferred> reserved = admission().ask(null);
    assertEquals(
        priority <= 2 ? Optional.empty() : Optional.of(Instant.parse("2026-11-20T17:00:00Z")),
        reserved.map(Deferred::until));
    quiet = Hours.of(List.of("09:00-12:00"));
    Deferred both = admission().ask(null).orElseThrow();
    assertEquals(
        Instant.parse(priority <= 2 ? "2026-11-20T11:00:00Z" : "2026-11-20T17:00:00Z"),
        both.until());
    assertEquals(now, both.observedAt());
    assertNull(both.gate());
    assertEquals(priority <= 2 ? Boolean.TRUE : null, both.hostWide());
    assertTrue(both.why().startsWith(priority <= 2 ? "quiet hours" : "the account is kept"));
  }

  @ParameterizedTest
  @CsvSource({
    // On this night the clocks are set back: it is an hour longer.
    "2026-10-24T20:30:00Z, 2026-10-25T06:00:00Z",
    "2026-10-25T01:30:00Z, 2026-10-25T06:00:00Z",
    "2026-10-25T06:00:00Z, ",
    // And on this one it is an hour shorter.
    "2026-03-28T21:30:00Z, 2026-03-29T05:00:00Z",
    "2026-03-29T05:00:00Z, ",
    "2026-11-20T21:30:00Z, 2026-11-21T06:00:00Z",
  })
  void quiet_hours_end_when_the_clock_on_the_wall_says_so(Instant moment, Instant end) {
    now = moment;
    quiet = Hours.of(List.of("22:00-07:00"));
    assertEquals(Optional.ofNullable(end), admission().ask(null).map(Deferred::until));
    assertEquals(end == null ? 1 : 0, gates.asked.size(), "nobody asks in the night");
  }

  @Test
  void what_an_operator_insists_on_is_started_whatever_is_closed() {
    gates.answer = RecordingGates.closed(NOON, Duration.ofHours(2), false, 7);
    gates.nextReset = NOON.plusSeconds(60);
    quiet = Hours.of(List.of("00:00-24:00"));
    reserve = quiet;
    turn = turn(5, true, true);
    admitted().close();
    assertEquals(List.of(), gates.asked);
  }

  @Test
  void a_run_that_wants_the_next_window_is_held_until_it_begins() {
    gates.nextReset = NOON.plus(Duration.ofHours(3));
    turn = turn(3, true, false);
    Deferred deferred = admission().ask(null).orElseThrow();
    assertEquals(gates.nextReset.plus(MARGIN), deferred.until());
    assertEquals(List.of(), gates.asked);

    now = deferred.until();
    gates.nextReset = now.plus(Duration.ofHours(5));
    turn = new AccountTurn(3, NOON, 0, true, false, false);
    admitted().close();
  }

  @Test
  void a_run_that_wants_the_next_window_starts_at_once_where_none_is_known() {
    turn = turn(3, true, false);
    admitted().close();
    gates.nextReset = NOON;
    admitted().close();
  }

  @Test
  void an_attempt_after_the_first_does_not_wait_for_the_window_after_the_next() {
    gates.nextReset = NOON.plus(Duration.ofHours(3));
    turn = turn(3, true, false);
    again = true;
    admitted().close();
  }

  // While the agent is at work.

  @Test
  void a_pass_is_told_while_the_agent_works_and_once() throws InterruptedException {
    model = "opus";
    Admission admission = admitted();
    admission.atWork(Shown.NOTHING);
    assertEquals(List.of(), gates.told);
    after(Duration.ofSeconds(3));
    for (int i = 0; i < 50; i++) {
      admission.atWork(shown(true, null, Map.of()));
    }
    await(() -> !gates.told.isEmpty());
    admission.atWork(shown(true, null, Map.of()));
    admission.close();
    assertEquals(
        List.of(new GateNews.Pass("run-1", "opus", false, 8_000_000_000L)), gates.passes());
    assertEquals(5_000_000_000L, gates.told.get(0).begunNanos());
    assertEquals(List.of("run-1"), gates.left());
  }

  @Test
  void what_the_agent_says_itself_is_told_as_of_when_it_was_read() throws InterruptedException {
    Admission admission = admitted();
    after(Duration.ofSeconds(5));
    admission.atWork(shown(false, now.minusSeconds(2), Map.of("five_hour", use(0.4))));
    await(() -> !gates.told.isEmpty());
    assertEquals(
        List.of(new GateNews.Pass("run-1", null, true, nanos - 2_000_000_000L)), gates.passes());
    assertEquals(Map.of("five_hour", use(0.4)), gates.told.get(0).windows());
    admission.close();
  }

  private UsageLimit usedUp() {
    return limit(LimitScope.SESSION, NOON.plus(Duration.ofHours(3)), "claude/overage");
  }

  private Shown paid(boolean answered) {
    return new Shown(answered, AccountFacts.NONE, new TokenUsage(9, 0, 0, 0, 0), 0.1, usedUp());
  }

  private void toldOfOverage(GateNews.Pass pass, GateWaiter waits) {
    assertFalse(pass.said(), "of the allowance nothing good was said");
    assertEquals(
        new GateNews.Overage(Duration.ofHours(3).plus(MARGIN), waits),
        pass.overage(),
        "until the allowance's own reset");
    assertEquals(nanos, pass.readNanos());
  }

  @Test
  void an_agent_on_paid_overage_is_let_through_and_shows_that_the_allowance_is_used_up()
      throws InterruptedException {
    Admission admission = admitted();
    admission.atWork(paid(false));
    assertEquals(List.of(), gates.told, "it has not answered");
    admission.atWork(paid(true));
    await(() -> gates.passes().size() == 1);
    toldOfOverage(gates.passes().get(0), null);
    goesOn(admission, paid(true));
    assertEquals(1, gates.passes().size());
    admission.close();

    Admission atTheEnd = admitted();
    atTheEnd.last(paid(true));
    atTheEnd.ended(completed());
    toldOfOverage(gates.passes().get(1), null);
  }

  @Test
  void an_agent_that_comes_to_work_on_overage_tells_it_at_once() throws InterruptedException {
    Admission admission = admitted();
    goesOn(admission, shown(true, now, Map.of()), () -> gates.passes().size() == 1);
    assertNull(gates.passes().get(0).overage());
    goesOn(admission, paid(true), () -> gates.passes().size() == 2);
    toldOfOverage(gates.passes().get(1), null);
    admission.close();
  }

  @Test
  void a_run_that_avoids_overage_closes_the_account_to_nobody_else() {
    avoidsOverage = true;
    gates.word = RecordingGates.closed(NOON, Duration.ofHours(3), false, 4);
    Admission admission = admitted();
    GateWaiter waiter = gates.asked.get(0).waiter();
    assertTrue(waiter.avoidsOverage());
    admission.last(paid(false));
    UsageLimit avoided =
        limit(LimitScope.SESSION, usedUp().reset().latest(), LimitEvidence.OVERAGE_AVOIDED);
    Limited told =
        assertInstanceOf(Limited.class, admission.ended(new Limited(facts(true, 9, 0.1), avoided)));
    assertEquals(4, told.gate().version(), "it waits for its account");
    assertEquals(List.of(), gates.hits());
    toldOfOverage(gates.passes().get(0), waiter);
    assertEquals(List.of("run-1"), gates.left());
  }

  @Test
  void a_deaf_gate_does_not_hold_up_the_agent() {
    gates.deaf = new CountDownLatch(1);
    Admission admission = admitted();
    long began = System.nanoTime();
    for (int i = 0; i < 1_000; i++) {
      admission.atWork(shown(true, null, Map.of()));
    }
    Duration took = Duration.ofNanos(System.nanoTime() - began);
    assertTrue(took.compareTo(Duration.ofMinutes(1)) < 0, took.toString());
    gates.deaf.countDown();
    admission.close();
    assertEquals(1, gates.passes().size());
  }

  @Test
  void the_pass_is_told_before_the_limit_that_came_after_it() {
    gates.deaf = new CountDownLatch(1);
    Admission admission = admitted();
    admission.atWork(shown(true, null, Map.of()));
    CompletableFuture.delayedExecutor(500, TimeUnit.MILLISECONDS).execute(gates.deaf::countDown);
    admission.ended(limited(LimitScope.SESSION, NOON.plusSeconds(60)));
    assertEquals(2, gates.told.size());
    assertTrue(gates.told.get(0).pass() != null && gates.told.get(1).hit() != null);
    assertNull(gates.told.get(1).pass());
  }

  @Test
  void an_agent_that_goes_on_being_let_through_opens_an_account_that_closed_meanwhile()
      throws InterruptedException {
    Admission admission = admitted();
    goesOn(admission, shown(false, now, Map.of()), () -> gates.passes().size() == 1);
    after(Admission.TELL_AGAIN);
    goesOn(admission, shown(false, now.minusSeconds(30), Map.of()), () -> gates.words.size() == 1);
    assertEquals(1, gates.passes().size(), "nobody waits for it while the account is open");

    gates.word = RecordingGates.closed(now, Duration.ofHours(1), false, 1);
    after(Admission.TELL_AGAIN.minusSeconds(1));
    Shown said = shown(false, now, Map.of());
    goesOn(admission, said);
    after(Duration.ofSeconds(1));
    goesOn(admission, said, () -> gates.passes().size() == 2);
    assertEquals(
        new GateNews.Pass("run-1", null, true, nanos - 1_000_000_000L), gates.passes().get(1));

    after(Admission.TELL_AGAIN);
    goesOn(admission, said);
    admission.close();
    assertEquals(2, gates.passes().size(), "what is old shows nothing");
  }

  @Test
  void windows_are_told_when_they_have_changed_and_once_a_minute_at_most()
      throws InterruptedException {
    Admission admission = admitted();
    goesOn(
        admission, shown(true, null, Map.of("five_hour", use(0.4))), () -> gates.told.size() == 1);
    goesOn(admission, shown(true, null, Map.of("five_hour", use(0.5))));
    after(Admission.TELL_AGAIN);
    goesOn(admission, shown(true, null, Map.of("five_hour", use(0.409))));
    assertEquals(1, gates.told.size());
    goesOn(
        admission, shown(true, null, Map.of("five_hour", use(0.42))), () -> gates.told.size() == 2);
    assertEquals(Map.of("five_hour", use(0.42)), gates.told.get(1).windows());
    assertNull(gates.told.get(1).pass());
    admission.close();
  }

  /**
   * Looks again and again until something is so: as long as news are on their way it is in vain.
   */
  private static void goesOn(Admission admission, Shown soFar, BooleanSupplier until)
      throws InterruptedException {
    await(
        () -> {
          admission.atWork(soFar);
          return until.getAsBoolean();
        });
  }

  /** Looks again and again, as it is done while an agent works: news may be on their way. */
  private static void goesOn(Admission admission, Shown soFar) throws InterruptedException {
    for (int i = 0; i < 20; i++) {
      admission.atWork(soFar);
      Thread.sleep(5);
    }
  }

  private static WindowUse use(double used) {
    return new WindowUse(used, NOON.plus(Duration.ofHours(4)));
  }

  // When it has ended.

  @Test
  void a_limit_closes_the_account_from_when_it_was_read_until_its_reset_and_the_margin() {
    gates.word = RecordingGates.closed(NOON, Duration.ofHours(2), true, 4);
    Admission admission = admitted();
    after(Duration.ofSeconds(10));
    Limited hit = limited(LimitScope.SESSION, now.plus(Duration.ofHours(2)));
    after(Duration.ofSeconds(4));
    Limited told = assertInstanceOf(Limited.class, admission.ended(hit));
    assertEquals(new GateWord(true, Duration.ofMinutes(25), 4), told.gate());
    assertSame(hit.limit(), told.limit());
    GateNews.Hit heard = gates.hits().get(0);
    assertEquals(Duration.ofHours(2).plus(MARGIN), heard.lasts());
    assertEquals(nanos - 4_000_000_000L, heard.readNanos());
    assertEquals(hit.limit().reset().latest(), heard.reset());
    assertEquals("run-1", heard.waiter().run());
    assertEquals(List.of(), gates.passes());
  }

  @Test
  void a_limit_without_a_reset_closes_the_account_for_the_fallback() {
    Limited hit = limited(LimitScope.SESSION, null);
    assertSame(hit, admitted().ended(hit), "nothing was heard of the gate");
    assertEquals(ResumePolicy.DEFAULT.fallback().plus(MARGIN), gates.hits().get(0).lasts());
    assertNull(gates.hits().get(0).reset());
    Limited past = limited(LimitScope.SESSION, now.minusSeconds(1));
    admitted().ended(past);
    assertEquals(ResumePolicy.DEFAULT.fallback().plus(MARGIN), gates.hits().get(1).lasts());
  }

  @Test
  void no_agents_words_close_an_account_for_longer_than_a_run_would_wait() {
    admitted().ended(limited(LimitScope.SESSION, Instant.MAX));
    assertEquals(ResumePolicy.DEFAULT.maxWait().plus(MARGIN), gates.hits().get(0).lasts());
  }

  @ParameterizedTest
  @ValueSource(doubles = {-5, Double.NaN, Double.POSITIVE_INFINITY})
  void what_is_no_amount_of_money_is_not_counted(double costUsd) {
    Admission admission = admitted();
    admission.last(
        new Shown(true, AccountFacts.NONE, new TokenUsage(7, 0, 0, 0, 0), costUsd, usedUp()));
    admission.ended(completed());
    assertEquals(0, gates.told.get(0).spent().costUsd());
    assertEquals(0, gates.told.get(0).spent().overageUsd());
  }

  @Test
  void a_run_that_waited_for_the_account_and_is_held_back_for_its_hours_gives_way_to_others() {
    quiet = Hours.of(List.of("09:00-14:00"));
    assertTrue(admission().ask(null).isPresent());
    assertEquals(List.of(), gates.told, "nobody waits for it");
    turn = new AccountTurn(3, NOON.minusSeconds(60), 0, false, false, false);
    try (Admission admission = admission()) {
      assertTrue(admission.ask(null).isPresent());
    }
    assertEquals(1, gates.told.size());
    assertEquals(new GateNews.Left("run-1", nanos, Duration.ofHours(1)), gates.told.get(0).left());
    assertEquals(List.of(), gates.asked);
  }

  @ParameterizedTest
  @CsvSource({"MODEL, opus", "SESSION, ", "WEEKLY, "})
  void a_models_limit_closes_that_model_only(LimitScope scope, String closed) {
    model = "opus";
    admitted().ended(limited(scope, NOON.plusSeconds(60)));
    assertEquals(closed, gates.hits().get(0).model());
  }

  @Test
  void what_only_looks_like_a_limit_closes_nothing_for_others_unless_one_tries_for_them_all() {
    Limited unknown =
        new Limited(
            facts(false, 0, 0), limit(LimitScope.UNKNOWN, null, LimitEvidence.UNRECOGNISED));
    assertSame(unknown, admitted().ended(unknown));
    assertEquals(List.of(), gates.hits());
    assertEquals(List.of("run-1"), gates.left());

    Limited endless = limited(LimitScope.CREDIT, null);
    assertSame(endless, admitted().ended(endless));
    assertEquals(List.of(), gates.hits());

    gates.answer = new GateAnswer(true, true, null, null, 3, null);
    admitted().ended(unknown);
    assertEquals(1, gates.hits().size());
  }

  @Test
  void a_limit_of_a_lost_attempt_began_before_it_was_named() {
    again = true;
    UsageLimit named = limit(LimitScope.SESSION, NOON.plusSeconds(600), "rule");
    after(Duration.ofSeconds(40));
    Admission admission = admission();
    admission.met(named.countedFrom(now));
    admission.close();
    GateNews news = gates.told.get(0);
    assertEquals(Duration.ofSeconds(560).plus(MARGIN), news.hit().lasts());
    assertEquals(nanos, news.hit().readNanos());
    assertEquals(nanos - 40_000_000_000L, news.begunNanos());
    assertEquals(List.of("run-1"), gates.left(), "the lost attempt may have had a place");
  }

  @Test
  void a_stop_after_an_answer_is_a_pass_and_one_without_is_not() {
    admitted().ended(new Stopped(facts(false, 0, 0), StopReason.AUTH, "log in", null));
    assertEquals(List.of(), gates.passes());
    admitted().ended(new Stopped(facts(true, 0, 0), StopReason.MAX_TURNS, "raise it", null));
    assertEquals(1, gates.passes().size());
  }

  @Test
  void what_it_cost_counts_for_the_day_of_the_hosts_zone() {
    now = Instant.parse("2026-11-20T23:30:00Z");
    completes();
    assertEquals(
        new Spent("2026-11-21", Instant.parse("2026-11-21T23:00:00Z"), 1, 0.5, 0, 30),
        gates.told.get(0).spent());
    now = Instant.parse("2026-10-24T22:00:00Z");
    completes();
    assertEquals(
        new Spent("2026-10-25", Instant.parse("2026-10-25T23:00:00Z"), 1, 0.5, 0, 30),
        gates.told.get(1).spent(),
        "a day of 25 hours");
  }

  private void completes() {
    Admission admission = admitted();
    admission.last(new Shown(true, AccountFacts.NONE, new TokenUsage(30, 0, 0, 0, 0), 0.5, null));
    admission.ended(completed());
  }

  @Test
  void what_a_lost_attempt_has_cost_is_told_once_by_the_next_that_works_or_has_an_outcome() {
    again = true;
    untold = new Spend(100, 2.5, 1);
    admission().close();
    assertNull(gates.told.get(0).spent(), "another attempt follows");
    completes();
    assertEquals(3, gates.told.get(1).spent().costUsd());
    assertEquals(1, gates.told.get(1).spent().overageUsd());
    assertEquals(130, gates.told.get(1).spent().tokens());
    gates.answer = RecordingGates.closed(NOON, Duration.ofHours(2), false, 7);
    Admission notNow = admission();
    notNow.ended(notNow.ask(facts(true, 100, 2.5)).orElseThrow());
    assertEquals(2.5, gates.told.get(2).spent().costUsd());
    assertEquals(100, gates.told.get(2).spent().tokens());
  }

  @Test
  void what_an_attempt_has_told_itself_is_not_told_by_one_that_starts_no_agent() {
    again = true;
    gates.answer = RecordingGates.closed(NOON, Duration.ofHours(2), false, 7);
    Admission notNow = admission();
    notNow.ended(notNow.ask(facts(true, 100, 2.5)).orElseThrow());
    assertNull(gates.told.get(0).spent());
  }

  @Test
  void what_an_agent_cost_that_crashed_is_told_too() {
    Admission admission = admitted();
    admission.last(
        new Shown(true, AccountFacts.NONE, new TokenUsage(7, 0, 0, 0, 0), 0.25, usedUp()));
    admission.close();
    assertEquals(
        new Spent("2026-11-21", Instant.parse("2026-11-21T23:00:00Z"), 1, 0.25, 0.25, 7),
        gates.told.get(0).spent());
  }

  @Test
  void what_earlier_attempts_cost_is_not_told_twice() {
    Admission admission = admitted();
    admission.last(new Shown(true, AccountFacts.NONE, new TokenUsage(7, 0, 0, 0, 0), 0.25, null));
    admission.ended(new Completed(facts(true, 100, 2.5), "with what a crashed attempt has used"));
    assertEquals(7, gates.told.get(0).spent().tokens());
    assertEquals(0.25, gates.told.get(0).spent().costUsd());
  }

  @Test
  void a_pass_of_which_it_is_not_known_when_it_was_said_says_nothing_of_later() {
    Admission admission = admitted();
    admission.last(new Shown(true, new AccountFacts(true, Map.of()), TokenUsage.NONE, 0, null));
    admission.ended(completed());
    assertFalse(gates.passes().get(0).said());
  }

  @Test
  void a_refusal_at_once_is_nothing_but_a_limit_where_places_are_not_bounded() {
    settings = GateSettings.NONE;
    admitted().ended(limited(LimitScope.SESSION, NOON.plusSeconds(60)));
    assertTrue(gates.told.get(0).onlyHit(), gates.told.toString());
  }

  @Test
  void a_place_is_given_back_exactly_once_whatever_happens() {
    Random random = new Random(SEED);
    for (int i = 0; i < 500; i++) {
      gates.told.clear();
      gates.answer = random.nextInt(4) == 0 ? null : GateAnswer.open();
      turn = turn(3, false, random.nextInt(4) == 0);
      again = random.nextBoolean();
      List<String> did = new ArrayList<>();
      try (Admission admission = admission()) {
        did.add("ask " + admission.ask(null));
        for (int step = random.nextInt(5); step > 0; step--) {
          switch (random.nextInt(5)) {
            case 0 -> did.add("ended " + admission.ended(completed()));
            case 1 -> did.add("limited " + admission.ended(limited(LimitScope.DAILY, null)));
            case 2 -> did.add("looks limited " + admission.ended(looksLimited()));
            case 3 -> admission.atWork(shown(random.nextBoolean(), null, Map.of()));
            default -> {
              did.add("throws");
              throw new IllegalStateException("the agent crashed");
            }
          }
        }
      } catch (IllegalStateException crashed) {
        assertEquals("the agent crashed", crashed.getMessage());
      }
      assertEquals(List.of("run-1"), gates.left(), "seed " + SEED + ", round " + i + ": " + did);
    }
  }

  @Test
  void whoever_tries_for_all_others_says_so_when_he_ends_without_an_answer() {
    settings = GateSettings.NONE;
    gates.answer = new GateAnswer(true, true, null, null, 3, null);
    admitted().close();
    assertEquals(List.of("run-1"), gates.left(), "it crashed");
    admitted().ended(new Stopped(facts(false, 0, 0), StopReason.AUTH, "log in", null));
    assertEquals(List.of("run-1", "run-1"), gates.left());
    gates.answer = GateAnswer.open();
    admitted().close();
    assertEquals(2, gates.told.size(), "of anybody else there is nothing to tell");
  }

  @Test
  void a_place_is_given_back_with_when_it_was_had() {
    gates.whileAsked = () -> after(Duration.ofSeconds(3));
    Admission admission = admitted();
    after(Duration.ofSeconds(60));
    admission.close();
    assertEquals(new GateNews.Left("run-1", 8_000_000_000L), gates.told.get(0).left());
  }

  private AgentOutcome looksLimited() {
    return new Limited(
        facts(false, 0, 0), limit(LimitScope.UNKNOWN, null, LimitEvidence.UNRECOGNISED));
  }

  @Test
  void a_place_that_a_lost_attempt_may_have_is_given_back_by_one_that_is_not_started() {
    gates.answer = RecordingGates.closed(NOON, Duration.ofHours(2), false, 7);
    again = true;
    try (Admission admission = admission()) {
      admission.ended(admission.ask(null).orElseThrow());
    }
    assertEquals(List.of("run-1"), gates.left());
    assertFalse(gates.told.get(0).spent() != null, "nothing was done");
  }
}
