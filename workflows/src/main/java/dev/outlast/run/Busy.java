package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.operator.OperatorTexts;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/**
 * A workspace or session that is another run's at the moment.
 *
 * @param session whether it is the session; else it is the workspace
 * @param holder the run whose agent is there, made safe to show; null if it is not known
 * @param tries how often it was found busy in a row, from 1
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record Busy(boolean session, String holder, int tries) {

  /** The pause before what was busy once is tried again. */
  static final Duration FIRST_PAUSE = Duration.ofSeconds(5);

  /** What the pauses grow to, doubling. */
  static final Duration MAX_PAUSE = Duration.ofSeconds(60);

  /** By how much of itself a pause is made longer at most, so that waiting runs do not collide. */
  static final double JITTER = 0.25;

  /**
   * What an invocation was deferred for.
   *
   * @param before what the one before it was deferred for; null if it was not
   */
  static Busy of(Deferred deferred, Busy before) {
    boolean session = deferred.cause() == Deferred.Cause.SESSION;
    String holder = deferred.holder() == null ? null : OperatorTexts.plain(deferred.holder());
    return new Busy(session, holder, before == null ? 1 : before.tries + 1);
  }

  /** Whether operators know all that this says from the one before it. */
  boolean isLike(Busy before) {
    return before != null && session == before.session && Objects.equals(holder, before.holder);
  }

  /**
   * The pause before the next try.
   *
   * @param random from 0 to 1
   */
  Duration pause(double random) {
    long doubled = FIRST_PAUSE.toMillis() << Math.min(tries - 1, 10);
    long pause = Math.min(doubled, MAX_PAUSE.toMillis());
    return Duration.ofMillis(pause + (long) (pause * JITTER * random));
  }

  WaitsFor waitsFor() {
    return session ? WaitsFor.SESSION : WaitsFor.WORKSPACE;
  }

  /** The label of the timer of the pause. */
  String summary(Instant until) {
    return OperatorTexts.busySummary(waitsFor().word(), holder, until);
  }

  /** In words: {@code the workspace: run X works in it}. */
  String words() {
    return OperatorTexts.busy(waitsFor().word(), holder);
  }
}
