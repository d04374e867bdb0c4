package dev.outlast.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ResumePolicyTest {

  private static final Instant OBSERVED = Instant.parse("2026-11-21T03:00:00Z");
  private static final int CASES = 10_000;
  private static final long SEED = Long.getLong("outlast.test.seed", new Random().nextLong());

  @Test
  void never_before_the_latest_instant_that_fits_the_reset_plus_the_margin() {
    Random random = new Random(SEED);
    for (int i = 0; i < CASES; i++) {
      ResumePolicy policy = anyPolicy(random);
      ResetTime reset =
          new ResetTime(
              OBSERVED.plusSeconds(random.nextInt(-100_000, 1_000_000)),
              Duration.ofSeconds(random.nextInt(0, 90_000)));
      int inARow = random.nextInt(0, 40);
      if (policy.decide(limit(reset), 0, inARow, Duration.ZERO, random.nextDouble())
          instanceof ResumeDecision.ResumeAfter resume) {
        Instant resumed = OBSERVED.plus(resume.delay());
        assertTrue(
            !resumed.isBefore(reset.latest().plus(policy.margin())),
            () -> resumed + " for " + reset + " by " + policy + ", seed " + SEED);
      }
    }
  }

  @Test
  void never_at_once_and_never_longer_than_the_longest_wait() {
    Random random = new Random(SEED);
    for (int i = 0; i < CASES; i++) {
      ResumePolicy policy = anyPolicy(random);
      boolean told = random.nextBoolean();
      ResetTime reset =
          told ? ResetTime.exactly(OBSERVED.minusSeconds(random.nextInt(0, 100_000))) : null;
      int inARow = random.nextInt(0, 40);
      if (policy.decide(limit(reset), 0, inARow, Duration.ZERO, random.nextDouble())
          instanceof ResumeDecision.ResumeAfter resume) {
        assertTrue(
            resume.delay().compareTo(policy.fallback()) >= 0
                && resume.delay().compareTo(policy.maxWait()) <= 0
                && !resume.fromReset(),
            () -> resume + " by " + policy + ", seed " + SEED);
      }
    }
  }

  @Test
  void a_reset_that_was_still_to_come_when_the_agent_named_it_is_not_taken_for_a_wrong_one() {
    ResetTime reset = ResetTime.exactly(OBSERVED.minusSeconds(2));
    UsageLimit limit = limit(reset, OBSERVED.minusSeconds(3));

    ResumeDecision first = ResumePolicy.DEFAULT.decide(limit, 0, 0, Duration.ZERO, 0);
    ResumeDecision again = ResumePolicy.DEFAULT.decide(limit, 1, 1, Duration.ZERO, 0);

    assertEquals(new ResumeDecision.ResumeAfter(ResumePolicy.DEFAULT.margin(), true), first);
    assertEquals(
        new ResumeDecision.ResumeAfter(
            ResumePolicy.REPEAT_FLOOR.plus(ResumePolicy.DEFAULT.margin()), true),
        again,
        "a limit in a row backs off nevertheless");
    assertEquals(
        new ResumeDecision.ResumeAfter(
            ResumePolicy.DEFAULT.fallback().plus(ResumePolicy.DEFAULT.margin()), false),
        ResumePolicy.DEFAULT.decide(limit(reset, OBSERVED), 0, 0, Duration.ZERO, 0));
  }

  @Test
  void waits_longer_the_more_limits_came_in_a_row() {
    Random random = new Random(SEED);
    for (int i = 0; i < CASES; i++) {
      ResumePolicy policy = anyPolicy(random);
      ResetTime reset =
          random.nextBoolean() ? null : ResetTime.exactly(OBSERVED.plusSeconds(random.nextInt(60)));
      int inARow = random.nextInt(0, 40);
      if (policy.decide(limit(reset), 0, inARow, Duration.ZERO, 0)
              instanceof ResumeDecision.ResumeAfter earlier
          && policy.decide(limit(reset), 0, inARow + 1, Duration.ZERO, 0)
              instanceof ResumeDecision.ResumeAfter later) {
        assertTrue(
            later.delay().compareTo(earlier.delay()) >= 0,
            () -> earlier + " then " + later + " by " + policy + ", seed " + SEED);
      }
    }
  }

  @Test
  void spreads_runs_over_the_jitter() {
    ResumePolicy policy = ResumePolicy.DEFAULT;
    ResetTime reset = ResetTime.exactly(OBSERVED.plusSeconds(100));

    assertEquals(Duration.ofSeconds(105), delay(policy, reset, 0));
    assertEquals(Duration.ofSeconds(120), delay(policy, reset, 0.5));
    assertEquals(Duration.ofSeconds(135), delay(policy, reset, 1));
  }

  @Test
  void gives_up_on_the_bound_and_not_before() {
    ResumePolicy policy =
        ResumePolicy.DEFAULT.overriddenBy(2, Duration.ofHours(3), Duration.ofHours(5), null);
    UsageLimit limit = limit(ResetTime.exactly(OBSERVED.plus(Duration.ofHours(2))));

    assertInstanceOf(
        ResumeDecision.ResumeAfter.class, policy.decide(limit, 1, 0, Duration.ofHours(2), 0));
    assertInstanceOf(
        ResumeDecision.GiveUp.class, policy.decide(limit, 2, 0, Duration.ofHours(2), 0));
    assertInstanceOf(
        ResumeDecision.GiveUp.class, policy.decide(limit, 1, 0, Duration.ofHours(3), 0));
    assertInstanceOf(
        ResumeDecision.GiveUp.class,
        policy.decide(
            limit(ResetTime.exactly(OBSERVED.plus(Duration.ofHours(3)))), 0, 0, Duration.ZERO, 0));
  }

  @Test
  void refuses_settings_that_could_spin() {
    Duration minute = Duration.ofMinutes(1);
    assertThrows(
        IllegalArgumentException.class,
        () -> new ResumePolicy(minute, minute, Duration.ZERO, minute, minute, null, 0, null));
    assertThrows(
        IllegalArgumentException.class,
        () -> new ResumePolicy(minute.negated(), minute, minute, minute, minute, null, 0, null));
    assertThrows(
        IllegalArgumentException.class,
        () -> new ResumePolicy(minute, minute, minute, minute, minute, null, -1, null));
  }

  private static Duration delay(ResumePolicy policy, ResetTime reset, double random) {
    return ((ResumeDecision.ResumeAfter) policy.decide(limit(reset), 0, 0, Duration.ZERO, random))
        .delay();
  }

  private static ResumePolicy anyPolicy(Random random) {
    return new ResumePolicy(
        Duration.ofSeconds(random.nextInt(0, 600)),
        Duration.ofSeconds(random.nextInt(0, 600)),
        Duration.ofSeconds(random.nextInt(1, 100_000)),
        Duration.ofSeconds(random.nextInt(1, 100_000)),
        Duration.ofSeconds(random.nextInt(1, 1_000_000)),
        null,
        0,
        null);
  }

  private static UsageLimit limit(ResetTime reset) {
    return limit(reset, null);
  }

  private static UsageLimit limit(ResetTime reset, Instant heardAt) {
    return new UsageLimit(
        "claude",
        "work",
        LimitScope.SESSION,
        reset,
        UsageLimit.SetBy.WINDOW,
        OBSERVED,
        new LimitEvidence("rule", "text", "stdout", null, "UTC"),
        heardAt);
  }
}
