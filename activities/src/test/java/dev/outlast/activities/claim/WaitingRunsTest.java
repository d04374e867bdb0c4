package dev.outlast.activities.claim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.claim.SimulatedHost.Attempt;
import dev.outlast.activities.claim.SimulatedHost.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who goes first of the runs that wait for the same workspace or session. */
@Timeout(180)
class WaitingRunsTest {

  @TempDir Path folder;

  private SimulatedHost host;
  private Worker worker;
  private int invocation;

  @BeforeEach
  void start() {
    host = new SimulatedHost(folder, Duration.ofMillis(200));
    worker = host.worker();
  }

  /** The next invocation of a run, in its first attempt. */
  private Attempt next(String run) {
    invocation++;
    return worker.attempt(run, "execution-of-" + run, invocation, 1_000 + invocation, 1);
  }

  private String busyBy(Attempt attempt) throws IOException {
    return assertInstanceOf(Answer.Busy.class, attempt.claim()).run();
  }

  private void pass(Duration time) {
    host.now = host.now.plus(time);
  }

  /** A run whose agent works, and two that wait for the workspace, one after the other. */
  private Attempt heldWhileFirstAndSecondWait() throws IOException {
    Attempt holder = next("holder");
    assertTrue(holder.claims());
    assertEquals("holder", busyBy(next("first")));
    assertEquals("holder", busyBy(next("second")));
    return holder;
  }

  @Test
  void what_has_become_free_goes_to_the_run_that_has_waited_longest() throws IOException {
    heldWhileFirstAndSecondWait().ends();

    assertEquals("first", busyBy(next("newcomer")));
    assertEquals("first", busyBy(next("holder")), "it has had its turn");
    assertEquals("first", busyBy(next("second")));
    Attempt first = next("first");
    assertTrue(first.claims());
    assertEquals("first", busyBy(next("second")));
    first.ends();
    assertEquals("second", busyBy(next("newcomer")));
    assertEquals("second", busyBy(next("first")));
    Attempt second = next("second");
    assertTrue(second.claims());
    second.ends();
    assertEquals("newcomer", busyBy(next("holder")));
    assertTrue(next("newcomer").claims());
  }

  @Test
  void runs_that_come_again_and_again_overtake_nobody() throws IOException {
    Attempt working = next("eager-0");
    assertTrue(working.claims());
    assertEquals("eager-0", busyBy(next("patient")));
    for (int round = 1; round <= 20; round++) {
      working.ends();
      pass(Duration.ofSeconds(70));
      // The eager one is always there first.
      assertEquals("patient", busyBy(next("eager-" + round)));
      Attempt patient = next("patient");
      assertTrue(patient.claims(), "round " + round);
      patient.ends();
      working = next("eager-" + round);
      assertTrue(working.claims());
      assertEquals("eager-" + round, busyBy(next("patient")));
    }
  }

  @Test
  void a_run_that_does_not_ask_any_more_holds_up_nobody_for_long() throws IOException {
    heldWhileFirstAndSecondWait().ends();
    pass(Duration.ofSeconds(60));
    assertEquals("first", busyBy(next("second")));
    pass(Duration.ofSeconds(31));
    Attempt second = next("second");
    assertTrue(second.claims(), "the first one has not asked for 91 s");

    assertEquals("second", busyBy(next("newcomer")));
    assertEquals("second", busyBy(next("first")));
    second.ends();
    assertEquals("first", busyBy(next("newcomer")), "it has kept its place");
    assertTrue(next("first").claims());
  }

  @Test
  void a_run_that_has_not_asked_for_ten_minutes_has_lost_its_place() throws IOException {
    Attempt holder = heldWhileFirstAndSecondWait();
    pass(WaitingRuns.FORGOTTEN.plusSeconds(1));
    assertEquals("holder", busyBy(next("second")));
    assertEquals("holder", busyBy(next("first")));
    holder.ends();
    assertEquals("second", busyBy(next("first")));
  }

  @Test
  void a_clock_that_was_set_back_keeps_no_place_for_ever() throws IOException {
    heldWhileFirstAndSecondWait().ends();
    pass(Duration.ofHours(-1));
    assertTrue(next("newcomer").claims());
  }

  @Test
  void nothing_is_kept_for_runs_that_stop_when_it_is_busy() throws IOException {
    Attempt holder = next("nightly-0");
    assertTrue(holder.claims());
    assertEquals("nightly-0", busyBy(next("nightly-1").thatStopsIfBusy()));
    holder.ends();
    Attempt second = next("nightly-2").thatStopsIfBusy();
    assertTrue(second.claims(), "kept for a run that has stopped");
    assertEquals("nightly-2", busyBy(next("patient")));
    second.ends();
    assertEquals("patient", busyBy(next("nightly-3").thatStopsIfBusy()), "no run is overtaken");
    assertTrue(next("patient").claims());
  }

  @Test
  void a_run_that_waits_for_a_session_keeps_its_free_workspace_from_nobody() throws IOException {
    Path elsewhere = Path.of("/srv/second");
    Attempt holder = next("holder").with("claude", "shared");
    assertTrue(holder.claims());
    assertEquals("holder", busyBy(next("first").with("claude", "shared").in(elsewhere)));

    Attempt there = next("there").in(elsewhere);
    assertTrue(there.claims(), "nobody works there");
    there.ends();
    holder.ends();
    assertEquals("first", busyBy(next("second").with("claude", "shared").in(Path.of("/srv/3"))));
    assertTrue(next("first").with("claude", "shared").in(elsewhere).claims());
  }

  @Test
  void all_that_was_busy_for_a_run_is_kept_for_it() throws IOException {
    Path elsewhere = Path.of("/srv/second");
    Attempt session = next("on-session").with("claude", "shared");
    Attempt workspace = next("in-workspace").in(elsewhere);
    assertTrue(session.claims());
    assertTrue(workspace.claims());
    assertEquals("on-session", busyBy(next("first").with("claude", "shared").in(elsewhere)));
    workspace.ends();
    assertEquals("first", busyBy(next("newcomer").in(elsewhere)));
    session.ends();
    assertEquals("first", busyBy(next("other").with("claude", "shared")));
    assertTrue(next("first").with("claude", "shared").in(elsewhere).claims());
  }

  @Test
  void a_place_that_an_earlier_version_has_noted_keeps_all() throws IOException {
    heldWhileFirstAndSecondWait().ends();
    Path file = folder.resolve("claims").resolve("waiting");
    String whole = Files.readString(file);
    String earlier = whole.replaceAll("\"busy\":\\[[^\\]]*],", "");
    assertTrue(earlier.length() < whole.length(), whole);
    Files.writeString(file, earlier);
    assertEquals("first", busyBy(next("newcomer")));
  }

  @Test
  void a_retry_of_what_has_begun_gives_way_to_nobody() throws IOException {
    Attempt crashed = next("run");
    assertTrue(crashed.claims());
    assertEquals("run", busyBy(next("first")));
    crashed.ends();
    int number = crashed.who.invocation();
    assertTrue(worker.attempt("run", "execution-of-run", number, 9_000, 2).claims());
  }

  @Test
  void an_invocation_that_takes_over_from_a_frozen_one_gives_way_to_nobody() throws IOException {
    Attempt frozen = next("run");
    assertTrue(frozen.claims());
    assertEquals("run", busyBy(next("first")));
    assertTrue(next("run").claims());
  }

  @Test
  void who_wants_something_else_waits_for_nobody() throws IOException {
    heldWhileFirstAndSecondWait().ends();
    assertTrue(next("elsewhere").in(Path.of("/srv/second")).claims());
  }

  @Test
  void places_are_bounded_and_a_broken_file_keeps_nobody_from_claiming() throws IOException {
    Attempt holder = next("holder");
    assertTrue(holder.claims());
    for (int i = 0; i < WaitingRuns.MAX_PLACES + 10; i++) {
      assertEquals("holder", busyBy(next("run-" + i)));
    }
    Path file = folder.resolve("claims").resolve("waiting");
    String content = Files.readString(file);
    assertTrue(content.contains("run-" + (WaitingRuns.MAX_PLACES - 1) + "\""), "all have a place");
    assertTrue(!content.contains("run-" + WaitingRuns.MAX_PLACES + "\""), "there are too many");
    assertTrue(content.length() < WaitingRuns.MAX_FILE);
    holder.ends();
    assertEquals("run-0", busyBy(next("newcomer")));

    for (String broken : new String[] {"", "null", "{}", "[{}]", "[{\"wanted\":{}}]", "\0", "[["}) {
      Files.writeString(file, broken);
      Attempt after = next("after");
      assertTrue(after.claims(), broken);
      after.ends();
    }
  }
}
