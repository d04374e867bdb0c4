package dev.outlast.worker.e2e;

import dev.outlast.agent.AgentOutcome;
import dev.outlast.limit.UsageLimit;
import dev.outlast.run.AgentRunResult;
import dev.outlast.run.AgentRunWorkflow;
import dev.outlast.worker.e2e.LedgerAgent.Entry;
import dev.outlast.worker.e2e.LedgerAgent.Event;
import io.temporal.api.common.v1.Payload;
import io.temporal.api.enums.v1.EventType;
import io.temporal.api.history.v1.HistoryEvent;
import io.temporal.client.WorkflowClient;
import io.temporal.common.WorkflowExecutionHistory;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.testing.TestWorkflowEnvironment;
import io.temporal.worker.Worker;
import io.temporal.worker.WorkerOptions;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * What has become of a run, read from Temporal's history and from what its agent wrote down itself.
 *
 * <p><b>Lost</b>: it has not completed, or with the wrong text, or with something still pending.
 *
 * <p><b>Doubled</b>: the agent did something that it should not have done again. An invocation that
 * was broken off is made again, and then the session is told a second time to go on: that is right.
 * Doubled is only
 *
 * <ul>
 *   <li>the prompt in more than one session, or twice in one;
 *   <li>messages of one run in two sessions;
 *   <li>two processes at once: seen by the agent itself, which holds a lock on its session, or by
 *       the times at which an invocation wrote its lines;
 *   <li>an invocation without a cause ({@link Causes}): so also a second continuation for one
 *       limit, and whatever follows a completion.
 * </ul>
 *
 * <p><b>Early</b>: an invocation began before the reset of a limit that the server had heard of, or
 * had time to hear of in a heartbeat ({@link Causes#TOLD}). A limit that was said to a worker that
 * was killed before it could report it is known to nobody: it is not early to try again then. Those
 * are counted as <b>unheard</b>.
 *
 * <p><b>Replay failures</b>: histories that the workflow does not replay.
 */
record Verdict(
    int runs,
    int completed,
    int lost,
    int doubled,
    int early,
    int replayFailures,
    int invocations,
    int limits,
    int unheard,
    List<String> findings) {

  /** A replay on a machine that is busy with others' tests is not a workflow that hangs. */
  private static final WorkerOptions PATIENT =
      WorkerOptions.newBuilder().setDefaultDeadlockDetectionTimeout(60_000).build();

  static final Verdict NONE = new Verdict(0, 0, 0, 0, 0, 0, 0, 0, 0, List.of());

  Verdict plus(Verdict other) {
    List<String> all = new ArrayList<>(findings);
    all.addAll(other.findings);
    return new Verdict(
        runs + other.runs,
        completed + other.completed,
        lost + other.lost,
        doubled + other.doubled,
        early + other.early,
        replayFailures + other.replayFailures,
        invocations + other.invocations,
        limits + other.limits,
        unheard + other.unheard,
        all);
  }

  Verdict with(List<String> moreFindings) {
    return plus(new Verdict(0, 0, 0, 0, 0, 0, 0, 0, 0, moreFindings));
  }

  static Verdict of(CrashStage stage, List<LedgerAgent.Task> tasks) throws IOException {
    Verdict verdict = NONE;
    try (Court court = new Court(stage)) {
      for (LedgerAgent.Task task : tasks) {
        verdict = verdict.plus(court.judge(task));
      }
    }
    return verdict;
  }

  /** Judges one run after the other. */
  static final class Court implements AutoCloseable {

    private final CrashStage stage;
    private final TestWorkflowEnvironment environment = TestWorkflowEnvironment.newInstance();
    private final Worker replayer = environment.newWorker("replay", PATIENT);

    Court(CrashStage stage) {
      this.stage = stage;
      replayer.registerWorkflowImplementationTypes(AgentRunWorkflow.class);
    }

    Verdict judge(LedgerAgent.Task task) throws IOException {
      return new Judge(stage.client(), stage.disturbances(), replayer, task).judge();
    }

    @Override
    public void close() {
      environment.close();
    }
  }

  private static final class Judge {

    private final WorkflowClient client;
    private final List<Disturbance> disturbances;
    private final Worker replayer;
    private final LedgerAgent.Task task;
    private final List<Entry> ledger;
    private final List<String> findings = new ArrayList<>();
    private int lost;
    private int doubled;
    private int early;
    private int replayFailures;
    private int unheard;

    Judge(
        WorkflowClient client,
        List<Disturbance> disturbances,
        Worker replayer,
        LedgerAgent.Task task)
        throws IOException {
      this.client = client;
      this.disturbances = disturbances;
      this.replayer = replayer;
      this.task = task;
      this.ledger = task.ledger();
    }

    Verdict judge() {
      List<WorkflowExecutionHistory> histories = histories();
      List<HistoryEvent> events = histories.stream().flatMap(h -> h.getEvents().stream()).toList();
      List<Asked> asked = Asked.in(events);
      AgentRunResult result = result(events);
      ended(result);
      saidOnce(result);
      oneAtATime();
      Causes causes = new Causes(task.name(), ledger, asked, disturbances);
      causes.missing().forEach(this::doubled);
      causes.early().forEach(this::early);
      noneEarly(asked, result);
      replays(histories);
      int invocations = (int) ledger.stream().filter(e -> e.event() == Event.START).count();
      int limits = (int) ledger.stream().filter(e -> e.event() == Event.LIMIT).count();
      if (!findings.isEmpty()) {
        findings.add(task.told());
        disturbances.stream()
            .filter(d -> d.task() == null || d.task().equals(task.name()))
            .forEach(
                d ->
                    findings.add(
                        "  " + clock(d.from()) + " to " + clock(d.until()) + " " + d.what()));
      }
      return new Verdict(
          1,
          lost == 0 ? 1 : 0,
          lost == 0 ? 0 : 1,
          doubled == 0 ? 0 : 1,
          early == 0 ? 0 : 1,
          replayFailures,
          invocations,
          limits,
          unheard,
          findings);
    }

    private static Instant clock(long nanos) {
      return Instant.now().plusNanos(nanos - System.nanoTime());
    }

    /** Every history of the run, the first one first. */
    private List<WorkflowExecutionHistory> histories() {
      List<WorkflowExecutionHistory> histories = new ArrayList<>();
      String runId = null;
      do {
        WorkflowExecutionHistory history =
            runId == null
                ? client.fetchHistory(task.name())
                : client.fetchHistory(task.name(), runId);
        histories.add(0, history);
        runId =
            history
                .getEvents()
                .get(0)
                .getWorkflowExecutionStartedEventAttributes()
                .getContinuedExecutionRunId();
      } while (!runId.isEmpty());
      return histories;
    }

    private static <T> T decode(Payload payload, Class<T> type) {
      return DefaultDataConverter.STANDARD_INSTANCE.fromPayload(payload, type, type);
    }

    private AgentRunResult result(List<HistoryEvent> events) {
      HistoryEvent last = events.get(events.size() - 1);
      if (last.getEventType() != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED) {
        boolean failed = last.getEventType() == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED;
        lost(
            failed
                ? "failed: " + last.getWorkflowExecutionFailedEventAttributes().getFailure()
                : "has not ended; its last event is " + last.getEventType() + pending());
        return null;
      }
      return decode(
          last.getWorkflowExecutionCompletedEventAttributes().getResult().getPayloads(0),
          AgentRunResult.class);
    }

    private String pending() {
      return "; pending: "
          + client
              .newUntypedWorkflowStub(task.name())
              .describe()
              .getRawDescription()
              .getPendingActivitiesList();
    }

    private void ended(AgentRunResult result) {
      if (result != null
          && !(result.outcome().equals("completed") && result.text().equals(task.text()))) {
        lost("has ended with " + result);
      }
      if (result != null && ledger.stream().noneMatch(e -> e.event() == Event.DONE)) {
        lost("has completed, and its agent has not");
      }
    }

    private void saidOnce(AgentRunResult result) {
      List<Entry> said = ledger.stream().filter(e -> e.event() == Event.SAID).toList();
      long prompts = said.stream().filter(e -> e.detail().contains(task.prompt())).count();
      if (prompts > 1) {
        doubled("the prompt was said " + prompts + " times");
      }
      Set<String> sessions = new HashSet<>();
      said.forEach(e -> sessions.add(e.session()));
      if (sessions.size() > 1) {
        doubled("messages are in more than one session: " + sessions);
      }
      if (result != null && !sessions.contains(result.session().value())) {
        lost("its session is " + result.session() + ", and the agent was told in " + sessions);
      }
    }

    private void oneAtATime() {
      int newest = 0;
      for (Entry entry : ledger) {
        newest = Math.max(newest, entry.invocation());
        if (entry.event() == Event.CLASH) {
          doubled("two processes were in session " + entry.session() + " at " + entry.at());
        } else if (entry.invocation() < newest) {
          doubled(
              "invocation "
                  + entry.invocation()
                  + " went on beside "
                  + newest
                  + " at "
                  + entry.at());
        }
      }
    }

    private void noneEarly(List<Asked> asked, AgentRunResult result) {
      Set<Instant> resets = new HashSet<>();
      for (Asked one : asked) {
        if (!(one.outcome() instanceof AgentOutcome.Limited limited)) {
          continue;
        }
        if (limited.limit().reset() == null) {
          early("a limit was heard without its reset: " + limited.limit());
          continue;
        }
        Instant reset = limited.limit().reset().latest();
        resets.add(reset);
        ledger.stream()
            .filter(e -> e.event() == Event.START)
            .filter(e -> e.at().isAfter(one.until()) && e.at().isBefore(reset))
            .forEach(
                e ->
                    early(
                        "invocation %d began at %s, and the limit heard at %s is over at %s"
                            .formatted(e.invocation(), e.at(), one.until(), reset)));
      }
      List<UsageLimit> told = asked.stream().map(Asked::told).filter(Objects::nonNull).toList();
      told.stream().map(limit -> limit.reset().latest()).forEach(resets::add);
      Set<Instant> said = new HashSet<>();
      for (Entry entry : ledger) {
        if (entry.event() == Event.LIMIT) {
          said.add(Instant.ofEpochSecond(Long.parseLong(entry.detail())));
        }
      }
      resets.stream()
          .filter(reset -> !said.contains(reset))
          .forEach(reset -> early("a reset was heard that was never said: " + reset));
      said.removeAll(resets);
      unheard = said.size();
      long heardLimits =
          asked.stream().filter(h -> h.outcome() instanceof AgentOutcome.Limited).count();
      // What was told without an outcome is waited for unless it was over by then.
      if (result != null
          && (result.limitsHit() < heardLimits || result.limitsHit() > heardLimits + told.size())) {
        lost(
            "it tells of %d limits, and has heard of %d, and of %d without an outcome"
                .formatted(result.limitsHit(), heardLimits, told.size()));
      }
    }

    private void replays(List<WorkflowExecutionHistory> histories) {
      for (WorkflowExecutionHistory history : histories) {
        try {
          replayer.replayWorkflowExecution(history);
        } catch (Exception e) {
          replayFailures++;
          findings.add(task.name() + ": REPLAY: " + e);
        }
      }
    }

    private void lost(String why) {
      lost++;
      findings.add(task.name() + ": LOST: " + why);
    }

    private void doubled(String why) {
      doubled++;
      findings.add(task.name() + ": DOUBLED: " + why);
    }

    private void early(String why) {
      early++;
      findings.add(task.name() + ": EARLY: " + why);
    }
  }
}
