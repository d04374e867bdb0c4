package dev.outlast.activities.provider;

import dev.outlast.limit.GateReport.WindowUse;
import java.time.Instant;
import java.util.Map;

/**
 * What an agent's program has said of its account, whatever has become of the call.
 *
 * @param allowed whether its last word was that the allowance itself, not paid overage, is there
 * @param saidAt when it said so, or the contrary, last; null if it has not, or that is not known
 * @param windows how much of the allowance's windows is used, by names of the program's; at most
 *     {@value #MAX_WINDOWS}
 */
public record AccountFacts(boolean allowed, Instant saidAt, Map<String, WindowUse> windows) {

  public static final int MAX_WINDOWS = 10;

  /** It has said nothing. */
  public static final AccountFacts NONE = new AccountFacts(false, Map.of());

  /** Facts of which it is not known when they were said. */
  public AccountFacts(boolean allowed, Map<String, WindowUse> windows) {
    this(allowed, null, windows);
  }

  public AccountFacts {
    windows = Map.copyOf(windows);
    if (windows.size() > MAX_WINDOWS) {
      throw new IllegalArgumentException("windows: more than " + MAX_WINDOWS);
    }
  }
}
