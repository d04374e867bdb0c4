package dev.outlast.activities.gate;

import dev.outlast.limit.GateAnswer;
import dev.outlast.limit.GateEntry;
import dev.outlast.limit.GateWaiter;
import java.time.Instant;
import java.util.Optional;

/**
 * The gates of all accounts, as one host sees them. No method throws for a gate or a server that
 * cannot be reached: the host goes on without then, at once or after a while, and the runs' own
 * timers keep them from an account that they know to be closed. Thread-safe.
 */
public interface Gates {

  /**
   * Whether a run may start its agent now. One that may counts as started, until {@link
   * GateNews#left()} is told of it. Takes milliseconds, and {@link #PATIENCE_SECONDS} at most.
   *
   * @param released the gate's version that the run was released with; no older knowledge counts. 0
   *     if it was not released
   * @return empty if the gate cannot be reached, and the run may start without it. Where agents are
   *     counted that is so only after minutes; until then a run is told to ask again in seconds
   */
  Optional<GateAnswer> ask(Account account, GateEntry entry, long released);

  /**
   * Tells a gate what an invocation has learnt. Returns when the gate has it, or cannot be reached,
   * after {@link #PATIENCE_SECONDS} at most; news of several invocations travel together.
   */
  void tell(Account account, GateNews news);

  /**
   * What a run that has just hit a limit, and told of it, waits for.
   *
   * @param released as for {@link #ask}
   * @return empty if the gate cannot be reached, or is open
   */
  Optional<GateAnswer> word(Account account, GateWaiter waiter, long released);

  /**
   * When the next window of an account begins, as far as its gate was told.
   *
   * @return empty if none is known that is still to begin, or the gate cannot be reached
   */
  Optional<Instant> nextReset(Account account, Instant now);

  /** The longest that any of this takes, in seconds. */
  int PATIENCE_SECONDS = 10;
}
