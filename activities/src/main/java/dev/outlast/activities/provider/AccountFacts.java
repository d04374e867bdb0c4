package dev.outlast.activities.provider;

import dev.outlast.limit.GateReport.WindowUse;
import java.time.Instant;
import java.util.Map;

/**
 * What an agent's program has said of its account, whatever has become of the call.
 *
 * <ul>
 *   <li>Claude Code (2.1.329) prints the use of each window with every answer.
 *   <li>Codex (0.169.0) writes it into the session's file, and prints nothing of it.
 *   <li>Copilot CLI (1.0.102) prints what its service tells of a budget ({@code
 *       session.quota_observation}); it keeps to itself what comes with each request ({@code
 *       assistant.usage}). With a model of one's own there is none.
 *   <li>Gemini CLI (0.61.0) asks the service for its quota where somebody logs in with Google, to
 *       choose a model and to show it in a terminal; unattended it prints nothing of it.
 *   <li>OpenCode (1.18.33) tells nothing of it; what a provider's answer has in its headers is seen
 *       only once it refuses.
 *   <li>Of a command nothing is known.
 * </ul>
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
