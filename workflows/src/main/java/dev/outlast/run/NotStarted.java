package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import dev.outlast.operator.OperatorTexts;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/**
 * A worker that cannot start an agent for a reason that passes, such as a full disk. Nothing is
 * wrong with the run, so it waits by time and not by a number of tries.
 *
 * @param since when it was so first, with nothing done by an agent since
 * @param tries how often in a row, from 1
 * @param why what the worker has said of it last, made safe to show
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record NotStarted(Instant since, int tries, String why) {

  /** The pause before the second try. */
  static final Duration FIRST_PAUSE = Duration.ofSeconds(5);

  /** What the pauses grow to, doubling. */
  static final Duration MAX_PAUSE = Duration.ofMinutes(5);

  /** For how long it is tried before the run fails. */
  static final Duration PATIENCE = Duration.ofDays(1);

  NotStarted {
    Objects.requireNonNull(since, "since");
    Objects.requireNonNull(why, "why");
  }

  /**
   * One more invocation whose agent was not started.
   *
   * @param before what is known of those before it; null if they were started
   * @param message what the worker has said
   */
  static NotStarted of(NotStarted before, Instant now, String message) {
    String why = OperatorTexts.notStarted(message);
    return before == null
        ? new NotStarted(now, 1, why)
        : new NotStarted(before.since, before.tries + 1, why);
  }

  /** Whether it has been tried for long enough. */
  boolean tooLong(Instant now) {
    return !now.isBefore(since.plus(PATIENCE));
  }

  /** When to try again; never later than the end of the patience. */
  Instant next(Instant now) {
    long doubled = FIRST_PAUSE.toMillis() << Math.min(tries - 1, 10);
    Instant next = now.plusMillis(Math.min(doubled, MAX_PAUSE.toMillis()));
    Instant last = since.plus(PATIENCE);
    return next.isAfter(last) ? last : next;
  }
}
