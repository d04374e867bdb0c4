package dev.outlast.activities.transcript;

import dev.outlast.agent.SessionId;
import java.util.Objects;

/**
 * Whose output it is that is stored.
 *
 * @param provider the kind of agent
 * @param session the session that is resumed, or that was chosen for a fresh start; null while the
 *     agent has named none
 * @param run the workflow id
 * @param turn of the run, from 1
 * @param invocation of the run, from 1
 * @param attempt of the invocation, from 1
 */
public record TranscriptContext(
    String provider, SessionId session, String run, int turn, int invocation, int attempt) {

  public TranscriptContext {
    Objects.requireNonNull(provider, "provider");
    Objects.requireNonNull(run, "run");
  }

  /** The same of another session. */
  public TranscriptContext with(SessionId other) {
    return new TranscriptContext(provider, other, run, turn, invocation, attempt);
  }
}
