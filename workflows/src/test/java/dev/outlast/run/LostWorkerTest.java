package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.temporal.api.enums.v1.RetryState;
import io.temporal.api.enums.v1.TimeoutType;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.failure.TimeoutFailure;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What a run does when its workers are lost in the middle of an invocation, one after another. */
@Timeout(180)
class LostWorkerTest {

  @RegisterExtension final RunFixture fixture = new RunFixture();

  private static ActivityFailure endedWith(TemporalFailure cause) {
    return new ActivityFailure(
        "failed",
        1,
        2,
        "invokeAgent",
        "1",
        RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED,
        "worker",
        cause);
  }

  @Test
  void an_attempt_that_names_no_pause_is_made_again_after_half_a_minute_at_most() {
    // The server goes by the same options when an attempt's worker is lost, which names none.
    int attempts = AgentCalls.MAX_INVOCATION_ATTEMPTS;
    for (int i = 1; i < attempts; i++) {
      fixture
          .agent()
          .does(
              call -> {
                throw ApplicationFailure.newFailure("lost", "test");
              });
    }
    fixture.agent().does(fixture.agent().completes("done"));

    WorkflowStub run = fixture.start("fix the build");

    assertEquals("done", fixture.result(run).text());
    List<ScriptedAgent.Asked> ledger = fixture.agent().ledger();
    assertEquals(attempts, ledger.size());
    for (int i = 1; i < attempts; i++) {
      Duration rest = Duration.between(ledger.get(i - 1).at(), ledger.get(i).at());
      assertTrue(rest.compareTo(Duration.ofSeconds(42)) < 0, () -> "it rested " + rest);
    }
    int events = fixture.history(run).size();
    assertTrue(events < 20, () -> "the history has " + events + " events");
  }

  @Test
  void the_failure_of_a_run_whose_workers_were_all_lost_says_how_many_attempts_there_were() {
    ActivityFailure lost =
        endedWith(new TimeoutFailure("lost", null, TimeoutType.TIMEOUT_TYPE_HEARTBEAT));

    assertEquals(
        "the agent did not get through in 60 attempts: 3 invocations in a row, each tried 20 times,"
            + " ended with a lost worker and without any progress; the worker of the last one was"
            + " not heard of for 30s",
        RunEnd.notThrough(lost, Invocations.MAX_FRUITLESS_INVOCATIONS));
  }

  @Test
  void the_failure_of_an_agent_that_crashes_after_workers_were_lost_counts_both() {
    ActivityFailure crashed =
        endedWith(ApplicationFailure.newFailure("[OUT3001] exit 139", "OUT3001"));

    assertEquals(
        "the agent did not get through in 20 attempts; the last one failed with: [OUT3001] exit"
            + " 139",
        RunEnd.notThrough(crashed, 0));
    assertEquals(
        "the agent did not get through in 20 attempts, after 1 invocation of 20 attempts that ended"
            + " with a lost worker; the last one failed with: [OUT3001] exit 139",
        RunEnd.notThrough(crashed, 1));
  }
}
