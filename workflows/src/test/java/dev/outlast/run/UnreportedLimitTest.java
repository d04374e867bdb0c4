package dev.outlast.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.ErrorCode;
import io.temporal.client.WorkflowStub;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A usage limit that only a heartbeat has told of, and no outcome. */
@Timeout(300)
class UnreportedLimitTest {

  private static final Duration LEFT = Duration.ofHours(5);

  @RegisterExtension final RunFixture fixture = new RunFixture();

  private InvocationProgress limited(AgentInvocation call, boolean taken, Duration left) {
    UsageLimit limit =
        ((AgentOutcome.Limited) fixture.agent().limitedFor(left).apply(call)).limit();
    return new InvocationProgress(
        InvocationProgress.Phase.WORKING,
        call.session(),
        taken,
        null,
        ItemKind.MESSAGE,
        new TokenUsage(10, 5, 0, 0, 0),
        "host-1",
        7,
        1,
        limit.withoutWords(),
        null);
  }

  private Function<AgentInvocation, AgentOutcome> ends(
      ErrorCode code, boolean taken, Duration left) {
    return call -> {
      throw ApplicationFailure.newFailure(
          code.message("no more"), code.code(), limited(call, taken, left));
    };
  }

  private Duration between(int one, int another) {
    List<ScriptedAgent.Asked> ledger = fixture.agent().ledger();
    return Duration.between(ledger.get(one).at(), ledger.get(another).at());
  }

  private void waitsForReset(ErrorCode code) {
    fixture.agent().does(ends(code, true, LEFT), fixture.agent().completes("done"));
    WorkflowStub run = fixture.start("fix the build");
    AgentRunResult result = fixture.result(run);

    assertNotAskedEarly();
    assertEquals("done", result.text());
    assertEquals(2, result.invocations());
    assertEquals(1, result.limitsHit());
    assertEquals(30, result.tokens().total());
    assertTrue(result.waitedSeconds() >= LEFT.toSeconds(), result::toString);
    assertEquals(2, fixture.events(run, RunEvent.Type.INVOKED).size());
    assertEquals(Incident.End.RESUMED, fixture.incidents(run).get(0).end());
    AgentInvocation second = fixture.agent().ledger().get(1).invocation();
    assertEquals(SessionStart.RESUME, second.start());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, second.message());
  }

  private void assertNotAskedEarly() {
    Duration waited = between(0, 1);
    assertTrue(waited.compareTo(LEFT.plus(ScriptedAgent.POLICY.margin())) >= 0, waited::toString);
    assertTrue(waited.compareTo(LEFT.plusMinutes(2)) < 0, waited::toString);
  }

  @Test
  void is_waited_for_after_a_worker_has_given_the_invocation_back() {
    waitsForReset(ErrorCode.DRAINED);
  }

  @Test
  void is_waited_for_after_no_agent_could_be_started_again() {
    waitsForReset(ErrorCode.NOT_STARTED);
  }

  @Test
  void is_waited_for_whatever_the_difference_between_the_clocks() {
    fixture.agent().skew = Duration.ofHours(-2);
    waitsForReset(ErrorCode.DRAINED);
  }

  @Test
  void is_waited_for_before_a_session_is_resumed_of_which_it_is_doubtful_whether_it_is_there() {
    fixture.agent().does(ends(ErrorCode.DRAINED, false, LEFT), fixture.agent().completes("done"));
    assertEquals("done", fixture.result(fixture.start("fix the build")).text());

    assertNotAskedEarly();
    AgentInvocation second = fixture.agent().ledger().get(1).invocation();
    assertEquals(SessionStart.RESUME, second.start());
    assertEquals(ScriptedAgent.RESUME_MESSAGE, second.message());
  }

  @Test
  void whose_reset_has_passed_is_not_waited_for() {
    Duration past = ScriptedAgent.POLICY.margin().plusSeconds(10).negated();
    fixture.agent().does(ends(ErrorCode.DRAINED, true, past), fixture.agent().completes("done"));
    AgentRunResult result = fixture.result(fixture.start("fix the build"));

    assertTrue(between(0, 1).compareTo(Duration.ofMinutes(1)) < 0);
    assertEquals(0, result.limitsHit());
    assertEquals(1, result.invocations());
  }
}
