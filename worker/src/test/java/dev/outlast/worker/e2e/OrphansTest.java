package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.outlast.worker.e2e.AgentProcesses.Found;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** Whether the soak sees an agent that nobody looks after. */
class OrphansTest {

  private static final Set<Long> WORKERS = Set.of(10L, 20L);
  private static final Found LEADER = new Found(11, 10, "1", "one", "claude");
  private static final Found ITS_CHILD = new Found(12, 11, "1", "one", "sleep");
  private static final Found LEFT_BY_ONE = new Found(13, 1, "1", "one", "sleep");
  private static final Found LEFT_BY_TWO = new Found(23, 1, "1", "two", "sleep");
  private static final List<Found> ALL = List.of(LEADER, ITS_CHILD, LEFT_BY_ONE, LEFT_BY_TWO);
  private static final int GRACE = (int) CrashStage.ORPHAN_GRACE.toSeconds();

  @AutoClose private final Orphans orphans = Orphans.unwatched();

  @Test
  void what_has_lost_its_worker_for_longer_than_the_grace_is_found_and_nothing_else() {
    look(0, Set.of());
    look(GRACE, Set.of());
    assertEquals(List.of(), orphans.found());
    look(GRACE + 1, Set.of());

    assertEquals(Set.of(LEFT_BY_ONE, LEFT_BY_TWO), Set.copyOf(orphans.found()));
  }

  @Test
  void an_orphan_is_found_while_another_worker_is_frozen() {
    look(0, Set.of("one"));
    look(GRACE + 1, Set.of("one"));

    assertEquals(List.of(LEFT_BY_TWO), orphans.found());
  }

  @Test
  void the_time_of_a_frozen_workers_agents_begins_when_it_goes_on() {
    look(0, Set.of());
    look(1, Set.of("one"));
    look(GRACE + 1, Set.of());
    look(GRACE + 2, Set.of());
    assertEquals(List.of(LEFT_BY_TWO), orphans.found());
    look(2 * GRACE + 2, Set.of());

    assertEquals(Set.of(LEFT_BY_ONE, LEFT_BY_TWO), Set.copyOf(orphans.found()));
  }

  private void look(int second, Set<String> frozen) {
    orphans.look(second * 1_000_000_000L, ALL, WORKERS, frozen);
  }
}
