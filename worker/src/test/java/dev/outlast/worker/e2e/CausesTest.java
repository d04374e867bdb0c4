package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.Timestamp;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import dev.outlast.worker.e2e.LedgerAgent.Entry;
import dev.outlast.worker.e2e.LedgerAgent.Event;
import io.temporal.api.common.v1.ActivityType;
import io.temporal.api.common.v1.Payloads;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.ActivityTaskCompletedEventAttributes;
import io.temporal.api.history.v1.ActivityTaskScheduledEventAttributes;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.common.converter.DefaultDataConverter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Whether the verdict sees a start too many. The run of each test is made up: its seconds are those
 * since it began, its workers are {@code one} and {@code two}, and its reset is at 20.
 */
class CausesTest {

  private static final Instant BEGAN = Instant.parse("2026-11-21T12:00:00Z");
  private static final long BEGAN_NANOS = 77_000_000_000L;
  private static final String TASK = "run-1";

  private final List<Entry> ledger = new ArrayList<>();
  private final List<HistoryEvent> events = new ArrayList<>();
  private final List<Disturbance> disturbances = new ArrayList<>();
  private int invocations;

  @Test
  void a_limit_that_was_heard_explains_one_start() {
    heard(0, 5, limited());
    heard(21, 25, completed());
    started(1, "one");
    started(22, "one");

    assertEquals(List.of(), missing());
  }

  @Test
  void a_second_continuation_of_a_limit_is_found_though_a_worker_was_killed_in_the_wait() {
    heard(0, 5, limited());
    heard(21, 35, completed());
    started(1, "one");
    disturbed(10, 10, null, "one");
    started(22, "two");
    started(24, "two");

    assertEquals(List.of("invocation 3 had no cause"), missing());
  }

  @Test
  void a_second_continuation_of_a_limit_is_found_though_the_server_was_killed_in_the_wait() {
    heard(0, 5, limited());
    heard(21, 35, completed());
    started(1, "one");
    disturbed(10, 15, null, null);
    started(22, "one");
    started(24, "one");

    assertEquals(List.of("invocation 3 had no cause"), missing());
  }

  @Test
  void a_kill_after_the_server_has_heard_what_became_of_an_invocation_explains_nothing() {
    heard(0, 5, busy());
    heard(8, 15, completed());
    started(1, "one");
    disturbed(7, 7, null, "one");
    started(9, "one");

    assertEquals(List.of("invocation 2 had no cause"), missing());
  }

  @Test
  void a_second_continuation_is_found_though_another_worker_is_killed_meanwhile() {
    heard(0, 5, limited());
    heard(21, 35, completed());
    started(1, "one");
    started(22, "two");
    disturbed(23, 23, null, "one");
    disturbed(23, 23, "run-2", null);
    started(24, "two");

    assertEquals(List.of("invocation 3 had no cause"), missing());
  }

  @Test
  void a_second_continuation_is_found_though_the_server_was_killed_after_it() {
    heard(0, 5, limited());
    heard(21, 35, completed());
    started(1, "one");
    started(22, "one");
    started(24, "one");
    disturbed(25, 30, null, null);

    assertEquals(List.of("invocation 3 had no cause"), missing());
  }

  @Test
  void a_start_in_the_wait_is_found_whatever_is_killed() {
    heard(0, 5, limited());
    heard(21, 25, completed());
    started(1, "one");
    disturbed(4, 12, null, null);
    started(10, "one");
    started(22, "one");

    assertEquals("invocation 2 began while none was asked for", missing().get(0));
  }

  @Test
  void a_start_after_the_run_has_ended_is_found_whatever_is_killed() {
    heard(0, 5, completed());
    started(1, "one");
    disturbed(3, 12, null, "one");
    started(10, "one");

    assertEquals(List.of("invocation 2 began while none was asked for"), missing());
  }

  @Test
  void an_invocation_after_a_completion_is_found_whatever_is_killed() {
    heard(0, 5, completed());
    heard(6, 15, completed());
    started(1, "one");
    disturbed(3, 12, null, null);
    started(10, "one");

    assertEquals(List.of("invocation 2 began after a completion"), missing());
  }

  @Test
  void a_limit_that_the_server_never_heard_explains_nothing() {
    heard(0, 15, limited());
    started(1, "one");
    wrote(2, Event.LIMIT, "");
    started(5, "one");

    assertEquals(List.of("invocation 2 had no cause"), missing());
  }

  @Test
  void an_invocation_whose_limit_was_lost_with_its_worker_is_made_again() {
    heard(0, 45, limited());
    heard(61, 70, completed());
    started(1, "one");
    wrote(2, Event.LIMIT, "");
    disturbed(3, 3, null, "one");
    started(35, "two");
    started(62, "two");

    assertEquals(List.of(), missing());
  }

  @Test
  void an_invocation_whose_completion_was_lost_with_the_server_is_made_again() {
    heard(0, 50, completed());
    started(1, "one");
    wrote(2, Event.DONE, "");
    disturbed(2, 8, null, null);
    started(40, "one");

    assertEquals(List.of(), missing());
  }

  @Test
  void an_invocation_of_a_frozen_worker_is_made_again_by_another_or_by_itself() {
    heard(0, 95, limited());
    heard(101, 110, completed());
    started(1, "one");
    disturbed(2, 92, null, "one");
    started(33, "two");
    started(93, "one");
    // It came back too late; what it was about to start was ended by the next attempt.
    disturbed(33, 33, TASK, null);
    started(94, "one");
    started(102, "one");

    assertEquals(List.of(), missing());
  }

  @Test
  void a_retry_beside_a_worker_that_is_frozen_has_no_cause() {
    heard(0, 60, completed());
    disturbed(5, 45, null, "one");
    started(10, "two");
    started(20, "two");

    assertEquals(List.of("invocation 2 had no cause"), missing());
  }

  @Test
  void a_killed_agent_explains_one_start_and_an_unknown_session_another() {
    heard(0, 15, completed());
    started(1, "one");
    disturbed(2, 2, TASK, null);
    started(4, "one");
    wrote(5, Event.UNKNOWN, "");
    started(6, "one");

    assertEquals(List.of(), missing());
    started(8, "one");
    assertEquals(List.of("invocation 4 had no cause"), missing());
  }

  @Test
  void an_invocation_that_could_not_begin_since_its_workspace_was_busy_costs_no_limit() {
    heard(0, 5, limited());
    heard(21, 22, busy());
    heard(31, 40, completed());
    started(1, "one");
    started(32, "one");

    assertEquals(List.of(), missing());
  }

  @Test
  void a_start_before_the_reset_of_a_limit_is_early_if_the_server_had_time_to_hear_of_it() {
    heard(0, 45, completed());
    started(1, "one");
    wrote(2, Event.LIMIT, String.valueOf(at(40).getEpochSecond()));
    disturbed(8, 8, null, "one");
    started(35, "two");

    assertEquals(List.of(), missing());
    assertEquals(1, causes().early().size(), causes().early()::toString);
    started(41, "two");
    assertEquals(1, causes().early().size(), causes().early()::toString);
  }

  @Test
  void a_start_before_the_reset_of_a_limit_is_not_early_if_nobody_can_have_heard_of_it() {
    heard(0, 45, completed());
    started(1, "one");
    wrote(2, Event.LIMIT, String.valueOf(at(40).getEpochSecond()));
    disturbed(6, 6, null, "one");
    started(35, "two");

    assertEquals(List.of(), causes().early());
  }

  private List<String> missing() {
    return causes().missing();
  }

  private Causes causes() {
    List<HistoryEvent> inTurn =
        events.stream().sorted(Comparator.comparing(e -> e.getEventTime().getSeconds())).toList();
    return new Causes(TASK, ledger, Asked.in(inTurn), disturbances);
  }

  private void started(int second, String worker) {
    invocations++;
    wrote(second, Event.WORKER, worker);
    wrote(second, Event.START, "resume");
  }

  private void wrote(int second, Event event, String detail) {
    ledger.add(
        new Entry(nanos(second), at(second), 1_000 + invocations, invocations, event, "s", detail));
  }

  private void disturbed(int from, int until, String task, String worker) {
    disturbances.add(new Disturbance(nanos(from), nanos(until), "", task, worker));
  }

  private void heard(int asked, int heard, AgentOutcome outcome) {
    long id = events.size() + 1;
    events.add(
        event(id, asked, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
            .setActivityTaskScheduledEventAttributes(
                ActivityTaskScheduledEventAttributes.newBuilder()
                    .setActivityType(ActivityType.newBuilder().setName("invokeAgent")))
            .build());
    events.add(
        event(id + 1, heard, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
            .setActivityTaskCompletedEventAttributes(
                ActivityTaskCompletedEventAttributes.newBuilder()
                    .setScheduledEventId(id)
                    .setResult(
                        Payloads.newBuilder()
                            .addPayloads(
                                DefaultDataConverter.STANDARD_INSTANCE
                                    .toPayload(outcome)
                                    .orElseThrow())))
            .build());
  }

  private static HistoryEvent.Builder event(long id, int second, EventType type) {
    return HistoryEvent.newBuilder()
        .setEventId(id)
        .setEventType(type)
        .setEventTime(Timestamp.newBuilder().setSeconds(at(second).getEpochSecond()));
  }

  private static AgentOutcome limited() {
    return new AgentOutcome.Limited(
        facts(),
        new UsageLimit(
            "claude",
            "default",
            LimitScope.SESSION,
            ResetTime.exactly(at(20)),
            null,
            at(5),
            new LimitEvidence("rule", "limit", "result", null, null),
            null));
  }

  private static AgentOutcome completed() {
    return new AgentOutcome.Completed(facts(), "done");
  }

  private static AgentOutcome busy() {
    return new AgentOutcome.Deferred(
        at(30), at(22), AgentOutcome.Deferred.Cause.WORKSPACE, "another run");
  }

  private static InvocationFacts facts() {
    return new InvocationFacts(null, null, null, true, TokenUsage.NONE, 0, at(5), null, null);
  }

  private static Instant at(int second) {
    return BEGAN.plusSeconds(second);
  }

  private static long nanos(int second) {
    return BEGAN_NANOS + Duration.ofSeconds(second).toNanos();
  }
}
