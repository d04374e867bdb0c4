package dev.outlast.worker.cli;

import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.Names;
import dev.outlast.worker.cli.RunExport.Invocation;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.api.common.v1.Payloads;
import io.temporal.api.failure.v1.Failure;
import io.temporal.api.history.v1.ActivityTaskScheduledEventAttributes;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.common.converter.DataConverterException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The invocations of a run, as the server's histories have them. No worker is needed for that. A
 * run that has continued as new has several histories.
 */
final class RunHistory {

  /** Of a longer chain of histories the first ones are left out. */
  static final int MAX_HISTORIES = 200;

  private final WorkflowClient client;
  private final List<Invocation> invocations = new ArrayList<>();
  private final List<String> remarks = new ArrayList<>();
  private Instant began;

  private RunHistory(WorkflowClient client) {
    this.client = client;
  }

  /** One invocation in one history. */
  private static final class Open {
    private AgentInvocation call;
    private Instant scheduledAt;
    private Instant startedAt;
    private Instant endedAt;
    private int attempts;
    private AgentOutcome outcome;
    private String failure;
  }

  /**
   * @param runId the newest history's
   */
  static RunHistory of(WorkflowClient client, String id, String runId) {
    RunHistory all = new RunHistory(client);
    all.read(id, runId);
    return all;
  }

  List<Invocation> invocations() {
    return invocations;
  }

  List<String> remarks() {
    return remarks;
  }

  /** When the first history that is known began; null if none is. */
  Instant began() {
    return began;
  }

  private void read(String id, String newest) {
    Deque<Map<Long, Open>> histories = new ArrayDeque<>();
    String runId = newest;
    while (!runId.isEmpty()) {
      if (histories.size() == MAX_HISTORIES) {
        remarks.add(
            "the run has more than " + MAX_HISTORIES + " histories; the first are left out");
        break;
      }
      Map<Long, Open> history = new LinkedHashMap<>();
      try {
        runId = read(id, runId, history);
      } catch (WorkflowNotFoundException gone) {
        runId = gone(histories);
      } catch (StatusRuntimeException e) {
        if (e.getStatus().getCode() != Status.Code.NOT_FOUND) {
          throw e;
        }
        runId = gone(histories);
      }
      histories.addFirst(history);
    }
    for (Map<Long, Open> history : histories) {
      history.values().forEach(open -> invocations.add(invocation(open)));
    }
  }

  private String gone(Deque<Map<Long, Open>> later) {
    remarks.add(
        later.isEmpty()
            ? "the server has no history of this run any more"
            : "the server does not keep the first histories of this run any more");
    return "";
  }

  /** Reads one history, and gives the id of the one before it; empty if it is the first. */
  private String read(String id, String runId, Map<Long, Open> into) {
    String[] before = {""};
    try (Stream<HistoryEvent> events = client.streamHistory(id, runId)) {
      events.forEach(
          event -> {
            if (event.hasWorkflowExecutionStartedEventAttributes()) {
              before[0] =
                  event.getWorkflowExecutionStartedEventAttributes().getContinuedExecutionRunId();
              began = time(event);
            } else {
              activity(event, into);
            }
          });
    }
    return before[0];
  }

  private void activity(HistoryEvent event, Map<Long, Open> into) {
    if (event.hasActivityTaskScheduledEventAttributes()) {
      ActivityTaskScheduledEventAttributes scheduled =
          event.getActivityTaskScheduledEventAttributes();
      if (scheduled.getActivityType().getName().equals(Names.ACTIVITY_INVOKE_AGENT)) {
        Open open = new Open();
        open.scheduledAt = time(event);
        open.call = value(scheduled.getInput(), AgentInvocation.class).orElse(null);
        into.put(event.getEventId(), open);
      }
    } else if (event.hasActivityTaskStartedEventAttributes()) {
      Open open = into.get(event.getActivityTaskStartedEventAttributes().getScheduledEventId());
      if (open != null) {
        open.startedAt = time(event);
        open.attempts = event.getActivityTaskStartedEventAttributes().getAttempt();
      }
    } else if (event.hasActivityTaskCompletedEventAttributes()) {
      Open open = into.get(event.getActivityTaskCompletedEventAttributes().getScheduledEventId());
      if (open != null) {
        open.endedAt = time(event);
        open.outcome =
            value(event.getActivityTaskCompletedEventAttributes().getResult(), AgentOutcome.class)
                .orElse(null);
      }
    } else if (event.hasActivityTaskFailedEventAttributes()) {
      failed(
          into.get(event.getActivityTaskFailedEventAttributes().getScheduledEventId()),
          event,
          event.getActivityTaskFailedEventAttributes().getFailure());
    } else if (event.hasActivityTaskTimedOutEventAttributes()) {
      failed(
          into.get(event.getActivityTaskTimedOutEventAttributes().getScheduledEventId()),
          event,
          event.getActivityTaskTimedOutEventAttributes().getFailure());
    } else if (event.hasActivityTaskCanceledEventAttributes()) {
      failed(
          into.get(event.getActivityTaskCanceledEventAttributes().getScheduledEventId()),
          event,
          Failure.newBuilder().setMessage("cancelled").build());
    }
  }

  private static void failed(Open open, HistoryEvent event, Failure failure) {
    if (open != null) {
      open.endedAt = time(event);
      open.failure = failure.getMessage();
    }
  }

  private <T> Optional<T> value(Payloads payloads, Class<T> type) {
    try {
      return Optional.ofNullable(
          client
              .getOptions()
              .getDataConverter()
              .fromPayloads(0, Optional.of(payloads), type, type));
    } catch (DataConverterException unreadable) {
      String remark = "some of the history cannot be read, perhaps for want of its codec";
      if (!remarks.contains(remark)) {
        remarks.add(remark);
      }
      return Optional.empty();
    }
  }

  private static Instant time(HistoryEvent event) {
    return Instant.ofEpochSecond(
        event.getEventTime().getSeconds(), event.getEventTime().getNanos());
  }

  private Invocation invocation(Open open) {
    InvocationFacts facts = null;
    String kind = open.failure == null ? null : "failed";
    String reason = null;
    String said = open.failure;
    UsageLimit limit = null;
    if (open.outcome instanceof AgentOutcome.Completed completed) {
      facts = completed.facts();
      kind = "completed";
      said = completed.text();
    } else if (open.outcome instanceof AgentOutcome.Limited limited) {
      facts = limited.facts();
      kind = "limited";
      limit = limited.limit();
      said = limit.evidence().text();
    } else if (open.outcome instanceof AgentOutcome.Stopped stopped) {
      facts = stopped.facts();
      kind = "stopped";
      reason = stopped.reason() == StopReason.INTERRUPTED ? "interrupted" : stopped.reason().word();
      limit = stopped.limit();
      said = stopped.message();
    } else if (open.outcome instanceof AgentOutcome.Deferred deferred) {
      kind = "deferred";
      reason = deferred.cause().name().toLowerCase(Locale.ROOT);
    }
    AgentInvocation call = open.call;
    String session = facts == null || facts.session() == null ? null : facts.session().value();
    if (session == null && call != null && call.session() != null) {
      session = call.session().value();
    }
    return new Invocation(
        call == null ? 0 : call.number(),
        call == null ? 0 : call.turn(),
        call == null ? null : call.agent(),
        call == null ? null : call.account(),
        call == null ? null : call.model(),
        call == null ? null : call.start().name().toLowerCase(Locale.ROOT).replace('_', '-'),
        session,
        call == null ? null : call.message(),
        open.scheduledAt,
        open.startedAt,
        open.endedAt,
        open.attempts,
        kind,
        reason,
        said,
        limit,
        facts == null ? null : facts.agentVersion(),
        facts == null ? TokenUsage.NONE : facts.tokens(),
        facts == null ? 0 : facts.costUsd(),
        facts == null ? null : facts.transcript(),
        List.of());
  }

  /** The sum of what the invocations used. */
  static TokenUsage tokens(List<Invocation> invocations) {
    return invocations.stream().map(Invocation::tokens).reduce(TokenUsage.NONE, TokenUsage::plus);
  }
}
