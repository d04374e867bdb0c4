package dev.outlast.activities.provider;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;

/** How to talk to one configured agent. Immutable and thread-safe. */
public interface AgentDriver {

  /** The longest that a call may be held back for its session. */
  Duration MAX_SETTLING = Duration.ofMinutes(2);

  /** Whether a fresh session gets the id that we choose. */
  boolean choosesSession();

  /** Whether the agent can go on with the last session of a folder, whatever its id is. */
  boolean continuesLast();

  /**
   * The command line of one call.
   *
   * @throws IllegalArgumentException if the message cannot be passed to this agent; the message
   *     says why and what to do
   */
  CommandLine commandLine(AgentCall call);

  /**
   * A reader for the output of one call.
   *
   * @param host where the agent runs or, for recorded output, ran
   */
  OutputReader reader(Surroundings host);

  /**
   * A reader for the output of a call whose session may be known before the output names it.
   *
   * @param host where the agent runs
   */
  default OutputReader reader(Surroundings host, AgentCall call) {
    return reader(host);
  }

  /**
   * Makes the host ready for calls of this agent.
   *
   * @return variables that the agent needs besides those that it is configured with
   * @throws IOException if a file cannot be written; the message names it
   */
  default Map<String, String> prepare(Surroundings host) throws IOException {
    return Map.of();
  }

  /**
   * The earliest moment at which a call does no harm to its session, at most {@link #MAX_SETTLING}
   * after {@code now}.
   */
  default Instant startsAt(AgentCall call, Surroundings host, Instant now) {
    return now;
  }

  /**
   * Whether a prompt stays in the session when its very first request is refused. Otherwise a fresh
   * session that was limited at once is as if it had never been, and a resumed one as if the
   * message had never been said.
   */
  default boolean keepsRefusedPrompt() {
    return true;
  }

  /** The arguments with which the program prints its version; empty if it is not to be asked. */
  default List<String> versionArguments() {
    return List.of();
  }
}
