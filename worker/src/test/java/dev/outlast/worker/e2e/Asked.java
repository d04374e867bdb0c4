package dev.outlast.worker.e2e;

import dev.outlast.agent.AgentOutcome;
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
 */
record Asked(Instant from, Instant until, AgentOutcome outcome) {

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
          asked.add(new Asked(from, at(event), outcome(event)));
        }
      }
    }
    open.values().stream().sorted().forEach(from -> asked.add(new Asked(from, null, null)));
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

  private static Instant at(HistoryEvent event) {
    return Instant.ofEpochSecond(
        event.getEventTime().getSeconds(), event.getEventTime().getNanos());
  }
}
