package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.outlast.operator.DurationText;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Objects;
import java.util.Optional;

/**
 * When to resume after a usage limit. A pure function of the limit and of what the run has waited
 * so far.
 *
 * <p>The wait ends after the latest instant that fits the agent's reset, plus the margin, plus this
 * run's share of the jitter. It is counted from the activity's own clock, which read the reset, so
 * that no difference between clocks can make a run resume early. A reset that is missing or has
 * passed is replaced by the fallback, which doubles with each limit in a row that brought no
 * progress. A reset that is near but keeps proving wrong is held back in the same way, from {@link
 * #REPEAT_FLOOR} on.
 *
 * @param margin added to every reset, because providers open a little late
 * @param jitter the longest extra wait; each run waits a random part of it
 * @param fallback the wait when no usable reset is known
 * @param maxFallback what the fallback grows to at most
 * @param maxWait the longest single wait; a longer one stops the run
 * @param maxTotalWait the longest wait of the whole run; null for no bound
 * @param maxAttempts how often a run resumes after a usage limit; 0 for no bound
 * @param onCredit what to do where nothing says that the allowance ever returns
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record ResumePolicy(
    Duration margin,
    Duration jitter,
    Duration fallback,
    Duration maxFallback,
    Duration maxWait,
    Duration maxTotalWait,
    int maxAttempts,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
        OnCredit onCredit) {

  /**
   * What a run does when credit is used up, or the plan lacks what was asked for, and there is no
   * reset.
   */
  public enum OnCredit {
    /** Fail the run, so that somebody sees to it. */
    @JsonEnumDefaultValue
    @JsonProperty("stop")
    STOP,
    /** Wait as for a limit whose reset is not known. */
    @JsonProperty("wait")
    WAIT
  }

  /** The shortest wait after a resume that was refused at once; doubles each time. */
  public static final Duration REPEAT_FLOOR = Duration.ofMinutes(1);

  /**
   * Margin 5 s, jitter 30 s, fallback 1 h growing to 6 h, at most 8 days in one wait, no other
   * bound; stops when credit is used up.
   */
  public static final ResumePolicy DEFAULT =
      new ResumePolicy(
          Duration.ofSeconds(5),
          Duration.ofSeconds(30),
          Duration.ofHours(1),
          Duration.ofHours(6),
          Duration.ofDays(8),
          null,
          0,
          OnCredit.STOP);

  public ResumePolicy {
    margin = Objects.requireNonNullElse(margin, Duration.ofSeconds(5));
    jitter = Objects.requireNonNullElse(jitter, Duration.ofSeconds(30));
    fallback = Objects.requireNonNullElse(fallback, Duration.ofHours(1));
    maxFallback = Objects.requireNonNullElse(maxFallback, Duration.ofHours(6));
    maxWait = Objects.requireNonNullElse(maxWait, Duration.ofDays(8));
    onCredit = Objects.requireNonNullElse(onCredit, OnCredit.STOP);
    notNegative("margin", margin);
    notNegative("jitter", jitter);
    positive("fallback", fallback);
    positive("maxFallback", maxFallback);
    positive("maxWait", maxWait);
    if (maxTotalWait != null) {
      positive("maxTotalWait", maxTotalWait);
    }
    if (maxAttempts < 0) {
      throw new IllegalArgumentException("maxAttempts: " + maxAttempts + " is below 0");
    }
  }

  /**
   * This policy with what one run asked for in place of the worker's settings.
   *
   * @param attempts null to keep this policy's
   * @param wait null to keep this policy's
   * @param totalWait null to keep this policy's
   * @param credit null to keep this policy's
   */
  public ResumePolicy overriddenBy(
      Integer attempts, Duration wait, Duration totalWait, OnCredit credit) {
    return new ResumePolicy(
        margin,
        jitter,
        fallback,
        maxFallback,
        wait == null ? maxWait : wait,
        totalWait == null ? maxTotalWait : totalWait,
        attempts == null ? maxAttempts : attempts,
        credit == null ? onCredit : credit);
  }

  /**
   * Decides what to do about a limit.
   *
   * @param limit what the agent reported
   * @param resumes how often the run has resumed after a limit
   * @param inARow how many limits came directly before this one without any progress between
   * @param waited how long the run has waited so far
   * @param random this wait's share of the jitter, from 0 (none) to 1 (all)
   */
  public ResumeDecision decide(
      UsageLimit limit, int resumes, int inARow, Duration waited, double random) {
    if (maxAttempts > 0 && resumes >= maxAttempts) {
      return new ResumeDecision.GiveUp(
          "the run has resumed " + resumes + " times and may do so " + maxAttempts + " times");
    }
    boolean fromReset = limit.announcesReset();
    Duration told =
        fromReset
            ? longer(
                Duration.between(limit.observedAt(), limit.reset().latest()), repeatFloor(inARow))
            : doubled(fallback, inARow);
    Duration wait = wholeMillis(told).plus(margin).plusMillis((long) (jitter.toMillis() * random));
    return refuses(wait, waited)
        .<ResumeDecision>map(ResumeDecision.GiveUp::new)
        .orElseGet(() -> new ResumeDecision.ResumeAfter(wait, fromReset));
  }

  /**
   * Why a wait is longer than allowed; empty if it is not.
   *
   * @param waited how long the run has waited so far
   */
  public Optional<String> refuses(Duration wait, Duration waited) {
    if (wait.compareTo(maxWait) > 0) {
      return Optional.of(
          "the limit lasts "
              + DurationText.of(wait)
              + ", longer than the longest wait of "
              + DurationText.of(maxWait));
    }
    if (maxTotalWait != null && waited.plus(wait).compareTo(maxTotalWait) > 0) {
      return Optional.of(
          "the run has waited "
              + DurationText.of(waited)
              + " and may wait "
              + DurationText.of(maxTotalWait)
              + " in all; the next wait would be "
              + DurationText.of(wait));
    }
    return Optional.empty();
  }

  /** This policy for a run that need not wait, as it can go on elsewhere meanwhile. */
  public ResumePolicy withoutBounds() {
    return overriddenBy(null, DurationText.MAX, DurationText.MAX, null);
  }

  private Duration repeatFloor(int inARow) {
    return inARow == 0 ? Duration.ZERO : doubled(REPEAT_FLOOR, inARow - 1);
  }

  private Duration doubled(Duration base, int times) {
    Duration doubled = base;
    for (int i = 0; i < times && doubled.compareTo(maxFallback) < 0; i++) {
      doubled = doubled.multipliedBy(2);
    }
    return doubled.compareTo(maxFallback) < 0 ? doubled : longer(maxFallback, base);
  }

  /** Rounded up, since a timer counts milliseconds and must not end early. */
  private static Duration wholeMillis(Duration exact) {
    Duration cut = exact.truncatedTo(ChronoUnit.MILLIS);
    return cut.equals(exact) ? cut : cut.plusMillis(1);
  }

  private static Duration longer(Duration a, Duration b) {
    return a.compareTo(b) >= 0 ? a : b;
  }

  private static void notNegative(String name, Duration value) {
    if (value.isNegative()) {
      throw new IllegalArgumentException(name + ": " + value + " is below 0");
    }
  }

  private static void positive(String name, Duration value) {
    if (value.isNegative() || value.isZero()) {
      throw new IllegalArgumentException(name + ": " + value + " is not above 0");
    }
  }
}
