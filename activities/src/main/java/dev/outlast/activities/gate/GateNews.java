package dev.outlast.activities.gate;

import dev.outlast.limit.GateReport.Spent;
import dev.outlast.limit.GateReport.WindowUse;
import dev.outlast.limit.GateSettings;
import dev.outlast.limit.GateWaiter;
import dev.outlast.limit.LimitScope;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;

/**
 * What one invocation has learnt of its account. Moments are nanoseconds of {@link
 * System#nanoTime}, and become durations when they are sent.
 *
 * @param settings as this host is configured
 * @param begunNanos when the invocation began
 * @param hit a usage limit; null if it met none
 * @param pass that the provider let it through; null if that is not known
 * @param windows how much of the account's windows is used, by their names
 * @param spent what it has cost; null while it goes on
 * @param left that its agent has ended; null if it has not
 */
public record GateNews(
    GateSettings settings,
    long begunNanos,
    Hit hit,
    Pass pass,
    Map<String, WindowUse> windows,
    Spent spent,
    Left left) {

  public GateNews {
    windows = windows == null ? Map.of() : Map.copyOf(windows);
  }

  /** Whether there is nothing but a usage limit. */
  public boolean onlyHit() {
    return hit != null && pass == null && windows.isEmpty() && spent == null && left == null;
  }

  /**
   * A run's agent has ended.
   *
   * @param enteredNanos when its invocation was let in, so that the place of a later one is kept
   * @param heldFor how long after {@code enteredNanos} the run comes by itself, if it was not even
   *     started for a reason of its host's; null if it was started
   */
  public record Left(String run, long enteredNanos, Duration heldFor) {

    /** One that was started. */
    public Left(String run, long enteredNanos) {
      this(run, enteredNanos, null);
    }
  }

  /**
   * A usage limit.
   *
   * @param lasts from {@code readNanos} on; where the agent did not say it, the fallback
   * @param reset as the agent said; null if it did not
   */
  public record Hit(
      GateWaiter waiter, LimitScope scope, Duration lasts, Instant reset, long readNanos) {

    /** The model that is closed; null for the whole account. */
    public String model() {
      return scope == LimitScope.MODEL ? waiter.model() : null;
    }
  }

  /**
   * The provider let the invocation through.
   *
   * @param model that it asked for; null for the agent's own choice
   * @param said whether the agent itself said that the allowance is there; else it has answered
   * @param overage that it was let through on paid overage only; null if by the allowance
   */
  public record Pass(String run, String model, boolean said, long readNanos, Overage overage) {

    /** Let through by the allowance. */
    public Pass(String run, String model, boolean said, long readNanos) {
      this(run, model, said, readNanos, null);
    }
  }

  /**
   * The allowance is used up; paid overage goes on in its place.
   *
   * @param lasts until the allowance returns, from when it was read; where the agent did not say
   *     it, the fallback
   * @param waits the run, if it waits for that since it avoids overage; null if it does not
   */
  public record Overage(Duration lasts, GateWaiter waits) {}
}
