package dev.outlast.activities.provider;

import java.util.List;
import java.util.Optional;

/** An agent's program, run as the agent is but only to ask it something. */
@FunctionalInterface
public interface Program {

  /**
   * What the program prints on standard output when it is run with these arguments. Takes a bounded
   * time, and never fails.
   *
   * @return empty if it does not start, does not exit with 0 in time, or prints too much
   */
  Optional<String> ask(List<String> arguments);
}
