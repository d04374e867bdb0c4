package dev.outlast.activities.claim;

import dev.outlast.activities.process.AgentRecord;
import java.util.List;
import java.util.function.Predicate;

/** The agents of this host that are on record: each is, before anything of it runs. */
interface RecordedAgents {

  /** All of them, whichever worker of this host started them. */
  List<AgentRecord> records();

  /**
   * Ends those that match, and waits until they are gone.
   *
   * @return false if one of them has survived
   */
  boolean end(Predicate<AgentRecord> which);
}
