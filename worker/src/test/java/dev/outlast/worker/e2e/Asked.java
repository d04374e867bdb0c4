package dev.outlast.worker.e2e;

import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.limit.UsageLimit;
import io.temporal.api.common.v1.Payloads;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.common.converter.DefaultDataConverter;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * An invocation as the server knows it, with all attempts at it.
 *
 * @param from when the workflow asked for it
 * @param until when the server took what became of it; null if it has not yet
 * @param outcome what became of it; null if it has no outcome
 * @param told the limit that it had told of when it ended without an outcome; null if none
 */
record Asked(Instant from, Instant until, AgentOutcome outcome, UsageLimit told) {

  /** All of a run, in turn; of the histories of the run one after the other. */
  static List<Asked> in(List<HistoryEvent> events) {
    List<Asked> asked = new ArrayList<>();
    Map<Long, Instant> open = new HashMap<>();
    for (HistoryEvent event : events) {
      EventType type = event.getEventType();
      if (type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED) {
        open.clear();
      } else if (type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) {
        if (event
            .getActivityTaskScheduledEventAttributes()
            .getActivityType()
            .getName()
            .equals("invokeAgent")) {
          open.put(event.getEventId(), at(event));
        }
      } else {
        Instant from = open.remove(scheduledBy(event));
        if (from != null) {
          asked.add(new Asked(from, at(event), outcome(event), told(event)));
        }
      }
    }
    open.values().stream().sorted().forEach(from -> asked.add(new Asked(from, null, null, null)));
    return asked;
  }

  /** The event that the end of an activity belongs to; no event's number for any other event. */
  private static long scheduledBy(HistoryEvent event) {
    return switch (event.getEventType()) {
      case EVENT_TYPE_ACTIVITY_TASK_COMPLETED ->
          event.getActivityTaskCompletedEventAttributes().getScheduledEventId();
      case EVENT_TYPE_ACTIVITY_TASK_FAILED ->
          event.getActivityTaskFailedEventAttributes().getScheduledEventId();
      case EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT ->
          event.getActivityTaskTimedOutEventAttributes().getScheduledEventId();
      case EVENT_TYPE_ACTIVITY_TASK_CANCELED ->
          event.getActivityTaskCanceledEventAttributes().getScheduledEventId();
      default -> -1;
    };
  }

  private static AgentOutcome outcome(HistoryEvent event) {
    if (event.getEventType() != EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED) {
      return null;
    }
    return DefaultDataConverter.STANDARD_INSTANCE.fromPayload(
        event.getActivityTaskCompletedEventAttributes().getResult().getPayloads(0),
        AgentOutcome.class,
        AgentOutcome.class);
  }

  private static UsageLimit told(HistoryEvent event) {
    Payloads details =
        switch (event.getEventType()) {
          case EVENT_TYPE_ACTIVITY_TASK_FAILED ->
              event
                  .getActivityTaskFailedEventAttributes()
                  .getFailure()
                  .getApplicationFailureInfo()
                  .getDetails();
          case EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT ->
              event
                  .getActivityTaskTimedOutEventAttributes()
                  .getFailure()
                  .getTimeoutFailureInfo()
                  .getLastHeartbeatDetails();
          default -> Payloads.getDefaultInstance();
        };
    if (details.getPayloadsCount() == 0) {
      return null;
    }
    InvocationProgress last =
        DefaultDataConverter.STANDARD_INSTANCE.fromPayload(
            details.getPayloads(0), InvocationProgress.class, InvocationProgress.class);
    return last == null ? null : last.limit();
  }

  private static Instant at(HistoryEvent event) {
    return Instant.ofEpochSecond(
        event.getEventTime().getSeconds(), event.getEventTime().getNanos());
  }
}
