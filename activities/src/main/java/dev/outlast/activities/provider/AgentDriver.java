package dev.outlast.activities.provider;

import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

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

  /**
   * What stands for the last thing that was said in a session: by a person, by the model or by a
   * tool. It moves with each turn, and with nothing else: not when the session is looked at, nor by
   * what the program notes for itself. Asked while no process works on the session.
   *
   * @return empty if it cannot be told, for one that the host does not know either
   * @throws IOException if the files of the session cannot be read
   * @throws java.io.UncheckedIOException likewise
   */
  default Optional<SessionMark> mark(SessionId session, Surroundings host, Program program)
      throws IOException {
    return Optional.empty();
  }

  /** The arguments with which the program prints its version; empty if it is not to be asked. */
  default List<String> versionArguments() {
    return List.of();
  }
}
