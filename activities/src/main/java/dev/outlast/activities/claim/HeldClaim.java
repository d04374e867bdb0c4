package dev.outlast.activities.claim;

import dev.outlast.agent.SessionId;
import java.io.IOException;
import java.util.Optional;

/** A claim that was granted. Thread-safe. */
public final class HeldClaim implements AutoCloseable {

  private final ClaimTable table;
  private volatile Claim claim;

  HeldClaim(ClaimTable table, Claim claim) {
    this.table = table;
    this.claim = claim;
  }

  /**
   * Whether no newer attempt has taken over. False stays false.
   *
   * @throws IOException if that cannot be read
   */
  public boolean isOurs() throws IOException {
    return table.holds(claim);
  }

  /** Whether a session is claimed already. */
  public boolean covers(SessionId session) {
    return claim.sessions().contains(session.value());
  }

  /**
   * Claims a session too, which the agent has named. Beyond {@link Claim#MAX_SESSIONS} nothing is
   * claimed any more.
   *
   * @return the run whose agent works on it; empty if it is ours now
   * @throws IOException if that cannot be noted; the agent may go on nevertheless
   */
  public synchronized Optional<Answer.Busy> add(SessionId session) throws IOException {
    if (covers(session) || claim.sessions().size() >= Claim.MAX_SESSIONS) {
      return Optional.empty();
    }
    Claim more = claim.with(session.value());
    Optional<Answer.Busy> busy = table.extend(more);
    if (busy.isEmpty()) {
      claim = more;
    }
    return busy;
  }

  /**
   * Gives it back, after the agent has ended. A newer attempt's claim stays as it is. What cannot
   * be given back now is tried again until it can.
   */
  @Override
  public void close() {
    table.release(claim);
  }
}
