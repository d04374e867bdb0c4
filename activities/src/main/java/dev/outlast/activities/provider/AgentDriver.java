package dev.outlast.activities.provider;

import java.time.ZoneId;

/** How to talk to one configured agent. Immutable and thread-safe. */
public interface AgentDriver {

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
   * @param zone in which the agent prints local times
   */
  OutputReader reader(ZoneId zone);
}
