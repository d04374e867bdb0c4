package dev.outlast.run;

import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Completed;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.AgentOutcome.Limited;
import dev.outlast.agent.AgentOutcome.Stopped;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.Budget;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.AccountOpened;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.OperatorTexts;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The run. Registered by the plugin; clients use {@link AgentRun}.
 *
 * <p>Here are its main loop and what operators may ask of it. Each step of the loop has a class of
 * its own: {@link Invocations} invokes the agent, {@link LimitWait}, {@link DeferralWait} and
 * {@link Failover} do what is to be done when that is not possible, {@link HostWait} sees to the
 * host, and {@link RunEnd} ends the run. All of them share {@link RunMemory}, which is all that
 * goes along into the run's next history.
 */
public final class AgentRunWorkflow implements AgentRun {

  /** After this many lost sessions something is wrong that a fresh one does not mend. */
  static final int MAX_LOST_SESSIONS = 3;

  private final AgentRunRequest request;
  private final RunMemory memory;
  private final RunHistory history;
  private final HostWait host;
  private final OwnWorktree worktree;
  private final RunEnd runEnd;
  private final AccountWait account;
  private final RunWaits waits;
  private final RetryPauses pauses;
  private final RunBudget budget;
  private final Invocations invocations;
  private final Failover failover;
  private final LimitWait limitWait;
  private final DeferralWait deferralWait;
  private final RunOverview overview;

  @WorkflowInit
  public AgentRunWorkflow(AgentRunRequest request) {
    this.request = checked(request);
    this.memory =
        this.request.carriedOver() == null
            ? RunMemory.of(this.request)
            : RunMemory.restore(this.request.carriedOver(), this.request);
    this.history = new RunHistory(this.request, memory, this::show);
    this.host = new HostWait(this.request, memory, this::show);
    this.worktree = new OwnWorktree(memory, host);
    this.runEnd = new RunEnd(memory, host, worktree, this::show);
    this.account = new AccountWait(this.request, memory);
    this.waits = new RunWaits(this.request, memory, account, this::show);
    this.pauses = new RetryPauses(memory, host, waits, runEnd);
    this.budget = new RunBudget(this.request, memory);
    this.invocations =
        new Invocations(this.request, memory, host, account, budget, waits, pauses, runEnd);
    this.failover =
        new Failover(this.request, memory, host, account, waits, runEnd, history, this::show);
    this.limitWait =
        new LimitWait(this.request, memory, account, budget, failover, waits, runEnd, history);
    this.deferralWait = new DeferralWait(memory, host, account, failover, waits, runEnd);
    this.overview =
        new RunOverview(
            this.request, memory, host, worktree, account, waits, runEnd, budget, failover);
  }

  private static AgentRunRequest checked(AgentRunRequest request) {
    if (request == null) {
      return AgentRunRequest.missing();
    }
    boolean ours = Workflow.getInfo().getContinuedExecutionRunId().isPresent();
    return request.carriedOver() == null || ours ? request : request.refusingState();
  }

  @Override
  public AgentRunResult run(AgentRunRequest ignored) {
    try {
      begin();
      awaitStart();
      while (true) {
        awaitUnpaused();
        host.moveIfAsked();
        if (!failover.settled()) {
          history.goOnInNewIfLong();
          continue;
        }
        if (request.worktree() && memory.agent().worktree() == null) {
          makeWorktree();
          history.goOnInNewIfLong();
          continue;
        }
        AgentOutcome outcome = invocations.invoke();
        if (outcome instanceof Completed completed) {
          if (!nextTurnAfter(completed)) {
            return finish(false);
          }
          limitWait.answered(completed);
        } else if (Invocations.continuedElsewhere(outcome)) {
          if (host.policy().onContinued() == HostPolicy.OnContinued.FINISH) {
            return finish(true);
          }
        } else if (outcome instanceof Limited limited) {
          Cancellation.throwIfRequested();
          limitWait.met(limited);
        } else if (outcome instanceof Deferred deferred) {
          deferralWait.await(deferred);
        } else if (outcome instanceof Stopped stopped) {
          goOnOrFail(stopped);
        } else {
          throw new AssertionError(outcome);
        }
        history.goOnInNewIfLong();
      }
    } catch (CanceledFailure cancelled) {
      throw runEnd.cancelled(cancelled);
    }
  }

  private void begin() {
    if (!request.problems().isEmpty()) {
      throw ApplicationFailure.newNonRetryableFailure(
          ErrorCode.INVALID_REQUEST.message(String.join("; ", request.problems())),
          ErrorCode.INVALID_REQUEST.code());
    }
    if (memory.agent() != null) {
      limitWait.goOn();
      return;
    }
    memory.resolved(resolved());
    record(RunEvent.Type.STARTED, "agent " + memory.agent().agent());
    show();
  }

  private void awaitStart() {
    Optional<Instant> start = request.start();
    if (memory.invocations() > 0 || start.isEmpty() || !start.get().isAfter(RunClock.now())) {
      return;
    }
    ResumeTimer timer = new ResumeTimer(start.get(), OperatorTexts::startSummary);
    if (waits.awaitStart(timer) == ResumeTimer.End.HISTORY_LONG) {
      history.goOnInNew();
    }
  }

  private ResolvedAgent resolved() {
    AgentChoice first = request.choices().get(0);
    try {
      return AgentCalls.resolver()
          .resolveAgent(
              new AgentSelection(
                  first.agent(),
                  first.account(),
                  first.model(),
                  request.workspace(),
                  request.session(),
                  request.continueLast(),
                  request.worktree()));
    } catch (ActivityFailure failure) {
      Cancellation.throwIfRequested();
      throw request.agents().isEmpty()
          ? runEnd.failed(failure)
          : runEnd.unusable("agents[0]", failure);
    }
  }

  private void awaitUnpaused() {
    pauseIfBudgetIsSpent();
    while (memory.paused() != null) {
      // Nobody has tried to start an agent meanwhile.
      memory.notStarted(null);
      show();
      Workflow.await(
          () -> memory.paused() == null || Cancellation.isRequested() || RunHistory.isLong());
      history.goOnInNewIfLong();
      pauseIfBudgetIsSpent();
    }
    Cancellation.throwIfRequested();
    show();
  }

  private void pauseIfBudgetIsSpent() {
    if (memory.paused() == null && budget.spent()) {
      pauseForBudget();
    }
  }

  private void pauseForBudget() {
    budget.pause();
    record(RunEvent.Type.PAUSED, memory.paused());
  }

  /** Whatever comes of it, the run may meanwhile have been paused, moved or cancelled. */
  private void makeWorktree() {
    ResolvedAgent agent = memory.agent();
    Duration takenWithin = host.takenWithin();
    AgentActivities maker = AgentCalls.worktreeMaker(agent, takenWithin);
    try {
      memory.worksIn(
          host.call(takenWithin, () -> Async.function(maker::makeWorktree, agent.workspace())));
      memory.notStarted(null);
      host.isBack(HostWait.TAKEN);
    } catch (ActivityFailure failure) {
      Cancellation.throwIfRequested();
      if (host.cutShort()) {
        return;
      }
      switch (Unanswered.of(failure, host.missed()).why()) {
        case NOT_TAKEN -> runEnd.stopIfHostIsLost();
        case NOT_STARTED -> pauses.awaitStartable(failure);
        default -> throw runEnd.noWorktree(failure);
      }
    }
  }

  private boolean nextTurnAfter(Completed completed) {
    memory.turnCompleted(completed.text());
    record(RunEvent.Type.TURN_COMPLETED, "turn " + memory.turn());
    Cancellation.throwIfRequested();
    return memory.nextTurn();
  }

  private void goOnOrFail(Stopped stopped) {
    Cancellation.throwIfRequested();
    if (stopped.reason() == StopReason.INTERRUPTED) {
      return;
    }
    if (stopped.reason() == StopReason.BUDGET && budget.budget() != null) {
      if (!budget.spent() && budget.stillBounds()) {
        pauseForBudget();
      }
      return;
    }
    if (stopped.reason() == StopReason.SESSION_UNKNOWN && memory.doubtful()) {
      memory.neverCameToBe(AgentSession.idForAnother(memory.agent()));
      return;
    }
    // A session that the user named and that never was there is the user's mistake to correct.
    boolean wasThere = request.session() == null || memory.invocations() > 1;
    if (stopped.reason() == StopReason.SESSION_UNKNOWN
        && wasThere
        && memory.lostSessions() < MAX_LOST_SESSIONS) {
      record(RunEvent.Type.SESSION_LOST, "the task starts again in a fresh session");
      memory.lost(AgentSession.idForAnother(memory.agent()));
      return;
    }
    if (stopped.limit() == null && failover.replaces(stopped.reason())) {
      return;
    }
    String why = stopped.reason().word() + ": " + stopped.message();
    if (stopped.limit() == null) {
      throw runEnd.stopped(ErrorCode.AGENT_STOPPED, why);
    }
    limitWait.await(stopped.limit(), why);
  }

  private AgentRunResult finish(boolean elsewhere) {
    Cancellation.throwIfRequested();
    runEnd.completed();
    return new AgentRunResult(
        "completed",
        memory.lastText(),
        memory.session(),
        memory.agent().agent(),
        memory.agent().account(),
        memory.turn(),
        memory.invocations(),
        memory.limitsHit(),
        memory.waited().toSeconds(),
        memory.tokens(),
        memory.costUsd(),
        memory.transcript(),
        worktree.view(),
        elsewhere ? Boolean.TRUE : null,
        memory.overageUsd(),
        budget.budget(),
        failover.standings());
  }

  // What operators do.

  @Override
  public void resumeNow(String reason) {
    if (waits.present()) {
      record(RunEvent.Type.RESUME_CHANGED, "to now: " + because(reason));
      memory.insists(true);
      waits.end();
    }
  }

  @Override
  public void accountOpened(AccountOpened opened) {
    if (opened == null) {
      // A signal cannot be refused, and one that throws would end the run's history for good.
      return;
    }
    boolean other = failover.opened(opened);
    if (account.opened(opened) || other) {
      waits.end();
    }
  }

  @Override
  public void pause(String reason) {
    if (memory.paused() != null && !budget.pauses()) {
      return;
    }
    budget.pausesNoMore();
    memory.paused(because(reason));
    record(RunEvent.Type.PAUSED, because(reason));
    host.cutShort("paused");
    show();
  }

  @Override
  public void unpause(String reason) {
    if (memory.paused() == null) {
      return;
    }
    memory.paused(null);
    budget.pausesNoMore();
    record(RunEvent.Type.UNPAUSED, because(reason));
    waits.unpaused();
    show();
  }

  @Override
  public String move(String reason) {
    memory.moveAsked(because(reason));
    host.cutShort("moved");
    return "moving";
  }

  @Override
  public void validateMove(String reason) {
    if (!overview.hostMissed()) {
      refuse("move: the run does not wait for its host; ask for its status");
    }
  }

  @Override
  public String switchAgent(String agent, String account) {
    return failover.switchAgent(agent, account);
  }

  @Override
  public void validateSwitchAgent(String agent, String account) {
    if (agent == null && account == null) {
      refuse("switchAgent: name an agent, or an account, or both");
    }
    int max = AgentRunRequest.MAX_NAME;
    RequestReader.checkName("agent", agent, max).ifPresent(AgentRunWorkflow::refuse);
    RequestReader.checkName("account", account, max).ifPresent(AgentRunWorkflow::refuse);
    if (runEnd.begun()) {
      refuse("switchAgent: the run is ending");
    }
    if (memory.agent() == null || memory.agents().unresolved().isPresent()) {
      refuse("switchAgent: the run has yet to find its agents; try again in a moment");
    }
  }

  @Override
  public int send(String prompt) {
    int queued = memory.enqueue(prompt);
    record(RunEvent.Type.PROMPT_QUEUED, queued + " queued");
    return queued;
  }

  @Override
  public void validateSend(String prompt) {
    if (runEnd.begun()) {
      refuse("send: the run is ending; start a new one with its session");
    }
    RequestReader.checkPrompt("prompt", prompt).ifPresent(AgentRunWorkflow::refuse);
    memory.checkRoomFor(prompt).ifPresent(AgentRunWorkflow::refuse);
  }

  @Override
  public Budget changeBudget(Budget changed) {
    boolean goesOn = budget.change(changed);
    record(
        RunEvent.Type.BUDGET_CHANGED,
        "to " + OperatorTexts.budget(changed.costUsd(), changed.tokens()));
    if (goesOn) {
      record(RunEvent.Type.UNPAUSED, "the budget was raised");
    }
    show();
    return changed;
  }

  @Override
  public void validateChangeBudget(Budget changed) {
    if (runEnd.state() != null) {
      refuse("changeBudget: the run is ending");
    }
    budget.problem(changed).ifPresent(AgentRunWorkflow::refuse);
  }

  @Override
  public String changeResume(String when) {
    Instant moved = moment(when).orElseThrow(() -> new IllegalStateException(when));
    if (!waits.present()) {
      throw ApplicationFailure.newNonRetryableFailure(
          "the wait has ended", ErrorCode.INVALID_REQUEST.code());
    }
    waits.moveTo(moved);
    record(RunEvent.Type.RESUME_CHANGED, "to " + moved);
    show();
    return moved.toString();
  }

  @Override
  public void validateChangeResume(String when) {
    if (!waits.present()) {
      refuse("changeResume: the run is not waiting; ask for its status");
    }
    Optional<Instant> moved = moment(when);
    if (moved.isEmpty()) {
      refuse(
          "when: expected an instant such as 2026-11-21T15:00:00Z, or "
              + DurationText.EXPECTED
              + " from now");
    }
    Duration longest = waits.policy().maxWait();
    if (moved.get().isAfter(RunClock.now().plus(longest))) {
      refuse("when: at most the longest wait of " + DurationText.of(longest) + " from now");
    }
  }

  /** A moment that has passed is now: the server takes none of before the year 1. */
  private static Optional<Instant> moment(String when) {
    Instant now = RunClock.now();
    return read(when).map(moment -> moment.isBefore(now) ? now : moment);
  }

  private static Optional<Instant> read(String when) {
    if (when == null) {
      return Optional.empty();
    }
    Optional<Instant> relative = DurationText.parse(when).map(RunClock.now()::plus);
    if (relative.isPresent()) {
      return relative;
    }
    try {
      return Optional.of(Instant.parse(when.strip()));
    } catch (DateTimeException notAnInstant) {
      return Optional.empty();
    }
  }

  private static void refuse(String why) {
    throw Refusal.of(why);
  }

  @Override
  public RunStatus status() {
    return overview.status();
  }

  @Override
  public List<RunEvent> events(long sinceSeq) {
    return memory.eventsSince(sinceSeq);
  }

  @Override
  public List<Incident> incidents() {
    return memory.incidents();
  }

  private void record(RunEvent.Type type, String text) {
    memory.record(RunClock.now(), type, null, text);
  }

  private RunStatus show() {
    return overview.show();
  }

  private static String because(String reason) {
    return reason == null || reason.isBlank() ? "by an operator" : OperatorTexts.plain(reason);
  }
}
