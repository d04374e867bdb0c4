package dev.outlast.run;

import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Completed;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.AgentOutcome.Limited;
import dev.outlast.agent.AgentOutcome.Stopped;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.Budget;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.AccountOpened;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResumeDecision;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.AgentState;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import dev.outlast.operator.OperatorTexts;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.Async;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.TimerOptions;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInit;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Supplier;

/** The run. Registered by the plugin; clients use {@link AgentRun}. */
public final class AgentRunWorkflow implements AgentRun {

  /** A run goes on in a new history when the present one has this many events. */
  static final int MAX_HISTORY_EVENTS = 4_000;

  /** How often an invocation is tried when the agent crashes or its worker dies. */
  static final int MAX_INVOCATION_ATTEMPTS = 20;

  /**
   * How often a worktree is tried to be made when its worker dies, or something unforeseen fails.
   */
  static final int MAX_WORKTREE_ATTEMPTS = 20;

  /**
   * How often an invocation is made again whose worker died in each of its attempts before the
   * agent had done anything. With progress between there is no bound: it is workers that die then.
   */
  static final int MAX_FRUITLESS_INVOCATIONS = 3;

  /** An invocation whose worker was not heard of for this long is taken by another. */
  static final Duration HEARTBEAT_TIMEOUT = Duration.ofSeconds(30);

  /** The shortest time after which a closed account is asked again. */
  static final Duration MIN_DEFERRAL = Duration.ofSeconds(5);

  /** The least time between two invocations that are given back. */
  static final Duration GIVEN_BACK_PAUSE = Duration.ofSeconds(1);

  /** What it grows to, doubling, while invocations in a row are given back with nothing done. */
  static final Duration MAX_GIVEN_BACK_PAUSE = Duration.ofSeconds(60);

  /** After this many in a row it is no worker that goes away by chance, and operators are told. */
  static final int GIVEN_BACK_TOLD = 3;

  /** From version 1 on the grown pause counts also for invocations that took a while. */
  private static final String GIVEN_BACK_CHANGE = "given-back-pause-grows";

  /** From version 1 on runs that wait for the same hour wake one after the other. */
  private static final String HOURS_CHANGE = "jitter-after-hours";

  /** The most that a failure quotes of an agent's words, in characters. */
  static final int MAX_QUOTE = 600;

  /** After this many lost sessions something is wrong that a fresh one does not mend. */
  static final int MAX_LOST_SESSIONS = 3;

  /** Nothing is known but that the invocation is to be made again. */
  private static final AgentOutcome INTERRUPTED =
      new Stopped(
          new InvocationFacts(null, null, null, false, null, 0, Instant.EPOCH, null, null),
          StopReason.INTERRUPTED,
          "",
          null);

  private final AgentRunRequest request;
  private final RunMemory memory;
  private final OperatorView view = new OperatorView();
  private final HostWait host;
  private final OwnWorktree worktree;
  private final AccountWait account;
  private final RunBudget budget;
  private final Failover failover;
  private final Random random = Workflow.newRandom();
  private AgentState ended;
  private ResumeTimer wait;
  private boolean starting;
  private UsageLimit waitedFor;
  private int givenBack;
  private CancellationScope invocation;

  @WorkflowInit
  public AgentRunWorkflow(AgentRunRequest request) {
    this.request = checked(request);
    this.memory =
        this.request.carriedOver() == null
            ? RunMemory.of(this.request)
            : RunMemory.restore(this.request.carriedOver(), this.request);
    this.host = new HostWait(this.request, memory, this::show);
    this.worktree = new OwnWorktree(memory, host);
    this.account = new AccountWait(this.request, memory);
    this.budget = new RunBudget(this.request, memory);
    this.failover = new Failover(this, this.request, memory, host, account);
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
          continueAsNewIfLong();
          continue;
        }
        if (request.worktree() && memory.agent().worktree() == null) {
          makeWorktree();
          continueAsNewIfLong();
          continue;
        }
        AgentOutcome outcome = invokeAgent();
        if (outcome instanceof Completed completed) {
          if (!nextTurnAfter(completed)) {
            return finish(false);
          }
          waitForAllowance(completed);
        } else if (continuedElsewhere(outcome)) {
          if (hostPolicy().onContinued() == HostPolicy.OnContinued.FINISH) {
            return finish(true);
          }
        } else if (outcome instanceof Limited limited) {
          throwIfCancelled();
          waitForReset(limited.limit(), whyEndless(limited.limit()));
        } else if (outcome instanceof Deferred deferred) {
          waitUntilFree(deferred);
        } else if (outcome instanceof Stopped stopped) {
          goOnOrFail(stopped);
        } else {
          throw new AssertionError(outcome);
        }
        continueAsNewIfLong();
      }
    } catch (CanceledFailure cancelled) {
      throw cancelled(cancelled);
    }
  }

  private void begin() {
    if (!request.problems().isEmpty()) {
      throw ApplicationFailure.newNonRetryableFailure(
          ErrorCode.INVALID_REQUEST.message(String.join("; ", request.problems())),
          ErrorCode.INVALID_REQUEST.code());
    }
    if (memory.agent() != null) {
      if (memory.waiting() != null) {
        account.goesOn(memory.waiting().limit().scope());
        waitForReset(memory.waiting());
      }
      return;
    }
    memory.resolved(resolved());
    record(RunEvent.Type.STARTED, null, "agent " + memory.agent().agent());
    show();
  }

  private void awaitStart() {
    Optional<Instant> start = request.start();
    if (memory.invocations() > 0 || start.isEmpty() || !start.get().isAfter(RunClock.now())) {
      return;
    }
    starting = true;
    ResumeTimer.End end = awaitTimer(new ResumeTimer(start.get(), OperatorTexts::startSummary));
    if (end == ResumeTimer.End.HISTORY_LONG) {
      continueAsNew();
    }
    starting = false;
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
      throwIfCancelled();
      throw request.agents().isEmpty() ? failed(failure) : unusable("agents[0]", failure);
    }
  }

  private void awaitUnpaused() {
    pauseIfBudgetIsSpent();
    while (memory.paused() != null) {
      // Nobody has tried to start an agent meanwhile.
      memory.notStarted(null);
      show();
      Workflow.await(() -> memory.paused() == null || cancelRequested() || historyLong());
      continueAsNewIfLong();
      pauseIfBudgetIsSpent();
    }
    throwIfCancelled();
    show();
  }

  private void pauseIfBudgetIsSpent() {
    if (memory.paused() == null && budget.spent()) {
      pauseForBudget();
    }
  }

  private void pauseForBudget() {
    budget.pause();
    record(RunEvent.Type.PAUSED, null, memory.paused());
  }

  /** Whatever comes of it, the run may meanwhile have been paused, moved or cancelled. */
  private void makeWorktree() {
    ResolvedAgent agent = memory.agent();
    Duration takenWithin = host.takenWithin();
    AgentActivities maker = AgentCalls.worktreeMaker(agent, takenWithin);
    try {
      memory.worksIn(
          onHost(takenWithin, () -> Async.function(maker::makeWorktree, agent.workspace())));
      memory.notStarted(null);
      host.isBack(HostWait.TAKEN);
    } catch (ActivityFailure failure) {
      throwIfCancelled();
      if (invocation.isCancelRequested()) {
        return;
      }
      switch (Unanswered.of(failure, host.missed()).why()) {
        case NOT_TAKEN -> stopIfHostIsLost();
        case NOT_STARTED -> waitUntilStartable(failure);
        default -> throw noWorktree(failure);
      }
    } finally {
      invocation = null;
    }
  }

  private AgentOutcome invokeAgent() {
    boolean another = memory.invoked();
    boolean fromReset = account.beginsWithReset();
    SessionStart start = sessionStart();
    if (another) {
      record(
          RunEvent.Type.INVOKED, null, "invocation " + memory.invocations() + ", " + words(start));
    }
    Instant began = RunClock.now();
    try {
      AgentOutcome answer = answer(start);
      if (!(answer instanceof Deferred)) {
        failover.worked();
      }
      memory.busy(answer instanceof Deferred ? memory.busy() : null);
      memory.notStarted(null);
      givenBack = 0;
      host.isBack(HostWait.TAKEN);
      account.heard(answer, RunClock.now());
      if (fromReset && !(answer instanceof Deferred)) {
        record(RunEvent.Type.NO_RESET, null, "no reset of the account is known; begun at once");
      }
      if (continuedElsewhere(answer)) {
        wentOnElsewhere((Stopped) answer);
        return answer;
      }
      Optional.ofNullable(answer.facts()).ifPresent(facts -> memory.learn(facts, resumeMessage()));
      budget.overage(answer.facts()).ifPresent(words -> record(RunEvent.Type.OVERAGE, null, words));
      if (start == SessionStart.FRESH && !memory.sessionOpen() && !(answer instanceof Deferred)) {
        memory.neverOpened(freshSession());
      }
      return answer;
    } catch (ActivityFailure failure) {
      return unanswered(failure, start, began);
    } finally {
      invocation = null;
    }
  }

  private AgentOutcome answer(SessionStart start) {
    Duration takenWithin = host.takenWithin();
    AgentActivities agent = invoker(words(start), takenWithin);
    AgentInvocation call = nextInvocation(start);
    return onHost(takenWithin, () -> Async.function(agent::invokeAgent, call));
  }

  /** Waits for what the host is to do; operators may cut that short. */
  <T> T onHost(Duration takenWithin, Supplier<Promise<T>> activity) {
    List<Promise<T>> outcome = new ArrayList<>();
    invocation = Workflow.newCancellationScope(() -> outcome.add(activity.get()));
    invocation.run();
    if (host.missed()) {
      host.awaitTaking(outcome.get(0), takenWithin);
    }
    return outcome.get(0).get();
  }

  private boolean nextTurnAfter(Completed completed) {
    memory.turnCompleted(completed.text());
    record(RunEvent.Type.TURN_COMPLETED, null, "turn " + memory.turn());
    throwIfCancelled();
    return memory.nextTurn();
  }

  /** The next turn is not begun on the paid overage that the last one has come to. */
  private void waitForAllowance(Completed completed) {
    UsageLimit beyond = completed.facts().overage();
    boolean over =
        beyond == null
            || (beyond.reset() != null && !beyond.lastsAt(beyond.observedAt(), policy().margin()));
    if (!over && budget.avoidsOverage()) {
      waitForReset(beyond, null);
    }
  }

  /**
   * Waits for an allowance, if that is what the policy says.
   *
   * @param endless the reason to stop, where nothing says that the allowance ever returns; null
   *     where it does
   */
  private void waitForReset(UsageLimit limit, String endless) {
    Incident incident = memory.limited(limit, RunClock.now());
    memory.put(incident);
    record(
        RunEvent.Type.LIMITED,
        incident.id(),
        OperatorTexts.limited(limit.scope().word(), limit.unrecognised()));
    if (failover.automatic()) {
      failover.limited(incident, limit, endless);
      return;
    }
    if (endless != null && policy().onCredit() == ResumePolicy.OnCredit.STOP) {
      memory.put(incident.ended(RunClock.now(), Incident.End.GIVEN_UP));
      throw stopped(ErrorCode.AGENT_STOPPED, endless);
    }
    if (request.onLimit() == AgentRunRequest.OnLimit.STOP) {
      memory.put(incident.ended(RunClock.now(), Incident.End.GIVEN_UP));
      throw stopped(
          ErrorCode.STOPPED_AT_LIMIT,
          limit.scope().word() + " limit, and the request says to stop");
    }
    ResumeDecision decision =
        policy()
            .decide(
                limit,
                memory.resumes(),
                memory.limitsInARow(),
                memory.waited(),
                random.nextDouble());
    if (decision instanceof ResumeDecision.GiveUp giveUp) {
      memory.put(incident.ended(RunClock.now(), Incident.End.GIVEN_UP));
      throw stopped(ErrorCode.GAVE_UP, giveUp.why());
    }
    ResumeDecision.ResumeAfter resume = (ResumeDecision.ResumeAfter) decision;
    memory.waitBegins();
    waitForReset(incident.waiting(RunClock.now().plus(resume.delay()), resume.fromReset()));
  }

  private static String whyEndless(UsageLimit limit) {
    String said = limit.evidence().text() == null ? "" : limit.evidence().text();
    return limit.endless()
        ? StopReason.CREDIT.word()
            + ": the paid credit or spend cap of account '"
            + limit.account()
            + "' is used up, and nothing says when it returns: raise it, or use another account."
            + " The agent said: "
            + said.substring(0, Math.min(said.length(), MAX_QUOTE))
        : null;
  }

  private void waitForReset(Incident incident) {
    String scope = incident.limit().scope().word();
    ResolvedAgent agent = memory.agent();
    ResumeTimer timer =
        new ResumeTimer(
            incident.resumeAt(),
            account.grace(),
            at ->
                account.grace().isZero()
                    ? OperatorTexts.timerSummary(agent.agent(), agent.account(), scope, at)
                    : OperatorTexts.releaseSummary(
                        agent.agent(), agent.account(), scope, incident.resumeAt()));
    memory.put(incident);
    ResumeTimer.End end;
    failover.waitBegins();
    try {
      end = awaitAccount(timer, incident.limit());
    } catch (CanceledFailure cancelled) {
      memory.put(incident.ended(RunClock.now(), Incident.End.CANCELLED));
      throw cancelled;
    }
    Incident waited = incident.waiting(timer.until(), incident.fromReset());
    if (end == ResumeTimer.End.HISTORY_LONG) {
      memory.waiting(waited);
      continueAsNew();
    }
    Incident.End how =
        end != ResumeTimer.End.ENDED
            ? Incident.End.RESUMED
            : memory.insists()
                ? Incident.End.RESUMED_BY_OPERATOR
                : failover.switchAsked() ? Incident.End.FAILED_OVER : Incident.End.RELEASED;
    memory.waiting(null);
    memory.resumed();
    memory.agents().afterLimit(true);
    memory.put(waited.ended(RunClock.now(), how));
    record(RunEvent.Type.RESUMED, incident.id(), Failover.words(how));
  }

  /**
   * Waits for the account where its gate can end the wait; not at all if it already has.
   *
   * @param limit what is waited for; null if that is only known to the gate
   */
  ResumeTimer.End awaitAccount(ResumeTimer timer, UsageLimit limit) {
    if (account.released()) {
      return ResumeTimer.End.ENDED;
    }
    waitedFor = limit;
    account.begins(limit == null && memory.gate() == null);
    try {
      return awaitTimer(timer);
    } finally {
      account.ends();
    }
  }

  /** Waits for an account that is closed, or for what another run has, and then asks again. */
  private void waitUntilFree(Deferred deferred) {
    memory.notInvoked();
    if (deferred.cause() == Deferred.Cause.ACCOUNT) {
      memory.busy(null);
      waitUntilOpen(deferred);
      return;
    }
    Busy before = memory.busy();
    Busy busy = Busy.of(deferred, before);
    memory.busy(busy);
    if (stopsIfBusy()) {
      throw stopped(ErrorCode.BUSY, busy.words() + ", and onBusy says to stop");
    }
    if (!busy.isLike(before)) {
      record(RunEvent.Type.DEFERRED, null, busy.words() + "; nothing was started");
    }
    Instant until = RunClock.now().plus(busy.pause(random.nextDouble()));
    awaitTimer(new ResumeTimer(until, busy::summary));
  }

  private boolean stopsIfBusy() {
    return hostPolicy().onBusy() == HostPolicy.OnBusy.STOP;
  }

  private void waitUntilOpen(Deferred deferred) {
    Duration told = Duration.between(deferred.observedAt(), deferred.until());
    Duration atLeast = told.compareTo(MIN_DEFERRAL) < 0 ? MIN_DEFERRAL : told;
    Duration longest = policy().maxWait();
    // The gate wakes those that it releases in batches; nobody does so at the end of some hours.
    boolean wakesByItself =
        memory.gate() == null
            ? Workflow.getVersion(HOURS_CHANGE, Workflow.DEFAULT_VERSION, 1) >= 1
            : memory.gate().first();
    Duration late =
        wakesByItself
            ? policy()
                .margin()
                .plusMillis((long) (policy().jitter().toMillis() * random.nextDouble()))
            : Duration.ZERO;
    Instant until =
        RunClock.now().plus(atLeast.compareTo(longest) > 0 ? longest : atLeast).plus(late);
    ResolvedAgent agent = memory.agent();
    record(
        RunEvent.Type.DEFERRED,
        null,
        (account.why() == null ? "the account is closed" : account.why())
            + "; nothing was started");
    if (failover.automatic()) {
      failover.deferred(until, Boolean.TRUE.equals(deferred.hostWide()));
      return;
    }
    starting = account.untilReset();
    ResumeTimer.End end =
        awaitAccount(
            new ResumeTimer(
                until,
                account.grace(),
                at -> OperatorTexts.deferredSummary(agent.agent(), agent.account(), at)),
            null);
    if (starting && end == ResumeTimer.End.HISTORY_LONG) {
      // The next history asks for the reset again, and is told of the same.
      memory.waitingSince(null);
    }
    starting = false;
  }

  /** Waits where operators can see it. */
  private ResumeTimer.End awaitTimer(ResumeTimer timer) {
    Instant began = RunClock.now();
    wait = timer;
    show();
    try {
      return timer.await(AgentRunWorkflow::historyLong);
    } finally {
      wait = null;
      waitedFor = null;
      if (memory.busy() == null && memory.notStarted() == null && !starting) {
        memory.waited(Duration.between(began, RunClock.now()));
      }
    }
  }

  private void goOnOrFail(Stopped stopped) {
    throwIfCancelled();
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
      memory.neverCameToBe(freshSession());
      return;
    }
    // A session that the user named and that never was there is the user's mistake to correct.
    boolean wasThere = request.session() == null || memory.invocations() > 1;
    if (stopped.reason() == StopReason.SESSION_UNKNOWN
        && wasThere
        && memory.lostSessions() < MAX_LOST_SESSIONS) {
      record(RunEvent.Type.SESSION_LOST, null, "the task starts again in a fresh session");
      memory.lost(freshSession());
      return;
    }
    if (stopped.limit() == null && failover.replaces(stopped.reason())) {
      return;
    }
    String why = stopped.reason().word() + ": " + stopped.message();
    if (stopped.limit() == null) {
      throw stopped(ErrorCode.AGENT_STOPPED, why);
    }
    waitForReset(stopped.limit(), why);
  }

  /** Somebody else has gone on with the session, and nothing was started. */
  private static boolean continuedElsewhere(AgentOutcome outcome) {
    return outcome instanceof Stopped stopped && stopped.reason() == StopReason.CONTINUED_ELSEWHERE;
  }

  private void wentOnElsewhere(Stopped found) {
    memory.continuedElsewhere(found.facts(), resumeMessage());
    String what = "somebody else has gone on with the session";
    switch (hostPolicy().onContinued()) {
      case PAUSE -> {
        memory.paused(what);
        record(RunEvent.Type.CONTINUED_ELSEWHERE, null, what + "; the run is paused");
      }
      case RESUME ->
          record(
              RunEvent.Type.CONTINUED_ELSEWHERE,
              null,
              what + "; it is resumed nevertheless, and told so");
      case FINISH ->
          record(
              RunEvent.Type.CONTINUED_ELSEWHERE,
              null,
              what
                  + "; the run leaves it to them"
                  + (memory.queued() == 0 ? "" : ", with " + memory.queued() + " queued prompts"));
    }
  }

  private AgentRunResult finish(boolean elsewhere) {
    throwIfCancelled();
    worktree.release();
    record(RunEvent.Type.COMPLETED, null, "");
    ended = AgentState.COMPLETED;
    show();
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

  private void continueAsNewIfLong() {
    throwIfCancelled();
    if (historyLong()) {
      continueAsNew();
    }
  }

  private static boolean historyLong() {
    return Workflow.getInfo().getHistoryLength() >= MAX_HISTORY_EVENTS
        || Workflow.getInfo().isContinueAsNewSuggested();
  }

  void continueAsNew() {
    Workflow.await(Workflow::isEveryHandlerFinished);
    failover.rested();
    // Search attributes stay as they are in the next history, which cannot tell what is stale.
    show();
    Workflow.continueAsNew(request.carrying(memory.save()));
  }

  // How an invocation is made and what its failures mean.

  private SessionStart sessionStart() {
    if (memory.sessionOpen()) {
      return SessionStart.RESUME;
    }
    boolean first = memory.lostSessions() == 0 && memory.moves() == 0 && !memory.apart();
    return request.continueLast() && first ? SessionStart.CONTINUE_LAST : SessionStart.FRESH;
  }

  private AgentInvocation nextInvocation(SessionStart start) {
    ResolvedAgent agent = memory.agent();
    return AgentInvocation.newBuilder(
            memory.turn(),
            memory.invocations(),
            agent.agent(),
            start,
            memory.continued() ? Handoff.continuedElsewhere(memory.message()) : memory.message())
        .setAccount(agent.account())
        .setModel(agent.model())
        .setWorkspace(agent.workspace())
        .setSession(memory.session())
        .setResumeMessage(resumeMessage())
        .setInvocationTimeout(request.invocationTimeout())
        .setSilenceTimeout(request.silenceTimeout())
        .setCheckpoint(start == SessionStart.RESUME ? memory.checkpoint() : null)
        .setStopsIfBusy(stopsIfBusy())
        .setAccountTurn(account.turn())
        .setSpending(budget.spending())
        .build();
  }

  private AgentActivities invoker(String start, Duration takenWithin) {
    ResolvedAgent agent = memory.agent();
    return AgentCalls.invoker(
        agent,
        request.invocationTimeout(),
        takenWithin,
        InvocationPriority.of(request, agent),
        OperatorTexts.invocationSummary(
            agent.agent(), agent.account(), memory.turn(), memory.invocations(), start));
  }

  String resumeMessage() {
    return request.resumeMessage() == null
        ? memory.agent().resumeMessage()
        : request.resumeMessage();
  }

  /**
   * Decides whether an invocation that ended without an outcome is to be made again.
   *
   * @return what it would have answered, as far as that is known
   */
  private AgentOutcome unanswered(ActivityFailure failure, SessionStart start, Instant began) {
    memory.busy(null);
    Unanswered unanswered = Unanswered.of(failure, host.missed());
    boolean fruitless = unanswered.why() == Unanswered.Why.GIVEN_BACK && !unanswered.progressed();
    givenBack = fruitless ? givenBack + 1 : 0;
    memory.unanswered(unanswered, start, resumeMessage(), freshSession());
    if (!unanswered.startedNothing()) {
      failover.worked();
      memory.notStarted(null);
    }
    throwIfCancelled();
    Optional<Limited> limited = limited(unanswered, began);
    boolean cancelled = invocation.isCancelRequested();
    if (limited.isPresent()) {
      memory.limitHeard(limited.get().facts());
      account.heard(limited.get(), RunClock.now());
      givenBack = 0;
      if (unanswered.why() == Unanswered.Why.NOT_TAKEN && !cancelled) {
        stopIfHostIsLost();
      }
      return limited.get();
    }
    if (cancelled) {
      return INTERRUPTED;
    }
    switch (unanswered.why()) {
      case CANCELLED, FAILED -> throw failed(failure);
      case NOT_TAKEN -> stopIfHostIsLost();
      case WORKER_LOST -> {
        if (memory.workerLost(unanswered.progressed()) >= MAX_FRUITLESS_INVOCATIONS) {
          throw failed(failure);
        }
      }
      case GIVEN_BACK -> pauseAfterGivenBack(began);
      case NOT_STARTED -> waitUntilStartable(failure);
    }
    return INTERRUPTED;
  }

  /** The limit that an invocation has met which could not answer so itself, if it is not over. */
  private Optional<Limited> limited(Unanswered unanswered, Instant began) {
    InvocationProgress last = unanswered.progress();
    if (last == null || last.limit() == null || unanswered.why() == Unanswered.Why.FAILED) {
      return Optional.empty();
    }
    // The clock that read the reset has gone on by no more than the invocation took, whatever the
    // difference between it and this one.
    Instant now = RunClock.now();
    Instant there = last.limit().observedAt().plus(Duration.between(began, now));
    UsageLimit limit = last.limit().countedFrom(there.isBefore(now) ? there : now);
    if (!limit.lastsAt(limit.observedAt(), policy().margin())) {
      return Optional.empty();
    }
    InvocationFacts facts =
        new InvocationFacts(
            last.session(),
            last.taken(),
            limit.evidence().agentVersion(),
            unanswered.progressed(),
            last.tokens(),
            0,
            limit.observedAt(),
            null,
            null);
    return Optional.of(new Limited(facts, limit));
  }

  /** Waits for the worker to be able to start an agent again. */
  private void waitUntilStartable(ActivityFailure failure) {
    host.isBack(HostWait.TAKEN);
    Instant now = RunClock.now();
    String message = said(failure);
    NotStarted last = NotStarted.of(memory.notStarted(), now, message);
    if (last.tooLong(now)) {
      String tried = DurationText.of(NotStarted.PATIENCE) + ", in " + last.tries() + " tries";
      throw end(
          ErrorCode.AGENT_FAILED.code(),
          ErrorCode.AGENT_FAILED.message(
              "no agent could be started for " + tried + "; the last one failed with: " + message),
          failure);
    }
    if (memory.notStarted() == null) {
      record(RunEvent.Type.NOT_STARTED, null, last.why());
    }
    memory.notStarted(last);
    String where = String.valueOf(memory.agent().host());
    awaitTimer(new ResumeTimer(last.next(now), at -> OperatorTexts.notStartedSummary(where, at)));
  }

  private static String said(ActivityFailure failure) {
    return failure.getCause() instanceof ApplicationFailure cause
        ? String.valueOf(cause.getOriginalMessage())
        : "";
  }

  /** The host has not taken in time what only it can do. */
  void stopIfHostIsLost() {
    Optional<String> lost = host.look();
    if (lost.isPresent()) {
      throw stopped(ErrorCode.HOST_LOST, lost.get());
    }
  }

  private void pauseAfterGivenBack(Instant began) {
    if (givenBack == GIVEN_BACK_TOLD) {
      record(RunEvent.Type.DEFERRED, null, OperatorTexts.givenBack(givenBack));
    }
    Duration pause = givenBackPause(givenBack);
    Instant now = RunClock.now();
    // A history that began before pauses grew has none here after an invocation that took longer.
    if (now.isBefore(began.plus(GIVEN_BACK_PAUSE))
        || (now.isBefore(began.plus(pause))
            && Workflow.getVersion(GIVEN_BACK_CHANGE, Workflow.DEFAULT_VERSION, 1) >= 1)) {
      String summary = OperatorTexts.givenBackSummary(givenBack, now.plus(pause));
      Workflow.newTimer(pause, TimerOptions.newBuilder().setSummary(summary).build()).get();
    }
  }

  /**
   * The pause after an invocation that was given back.
   *
   * @param inARow how many came last with nothing done; 0 if this one has done something
   */
  static Duration givenBackPause(int inARow) {
    long doubled = GIVEN_BACK_PAUSE.toMillis() << Math.min(Math.max(inARow - 1, 0), 10);
    return Duration.ofMillis(Math.min(doubled, MAX_GIVEN_BACK_PAUSE.toMillis()));
  }

  SessionId freshSession() {
    return memory.agent().session() == null
        ? null
        : new SessionId(Workflow.randomUUID().toString());
  }

  /** One wait's share of the jitter. */
  double jitter() {
    return random.nextDouble();
  }

  ResumePolicy policy() {
    return memory
        .agent()
        .policy()
        .overriddenBy(
            request.maxAttempts(), request.maxWait(), request.maxTotalWait(), request.onCredit());
  }

  private HostPolicy hostPolicy() {
    return request.over(memory.agent().hostPolicy());
  }

  private static String words(SessionStart start) {
    return switch (start) {
      case FRESH -> "starts a session";
      case RESUME -> "resumes the session";
      case CONTINUE_LAST -> "continues the last session";
    };
  }

  // How a run ends other than well.

  private ApplicationFailure failed(ActivityFailure failure) {
    return failed(failure, notThrough(failure, memory.fruitless()));
  }

  /**
   * An agent of the request that cannot be used.
   *
   * @param field its place in the request
   */
  ApplicationFailure unusable(String field, ActivityFailure failure) {
    if (failure.getCause() instanceof ApplicationFailure cause && cause.isNonRetryable()) {
      String said = cause.getOriginalMessage();
      String code = "[" + cause.getType() + "] ";
      String message = said.startsWith(code) ? said.substring(code.length()) : said;
      return end(cause.getType(), code + field + ": " + message, failure);
    }
    return failed(failure);
  }

  private ApplicationFailure noWorktree(ActivityFailure failure) {
    return failed(
        failure,
        "no worktree could be made in " + MAX_WORKTREE_ATTEMPTS + " attempts; " + last(failure));
  }

  /**
   * @param otherwise why the run fails if the failure does not say so itself for good
   */
  private ApplicationFailure failed(ActivityFailure failure, String otherwise) {
    return failure.getCause() instanceof ApplicationFailure cause && cause.isNonRetryable()
        ? end(cause.getType(), cause.getOriginalMessage(), failure)
        : end(ErrorCode.AGENT_FAILED.code(), ErrorCode.AGENT_FAILED.message(otherwise), failure);
  }

  /**
   * How often an agent was tried that did not get through, and what came of the last attempt.
   *
   * @param lost how many invocations in a row ended with a lost worker and without progress
   */
  static String notThrough(ActivityFailure failure, int lost) {
    int each = MAX_INVOCATION_ATTEMPTS;
    boolean lastLost = Unanswered.of(failure, false).why() == Unanswered.Why.WORKER_LOST;
    String invocations = lost + (lost == 1 ? " invocation" : " invocations");
    String attempts =
        lastLost
            ? lost * each
                + " attempts: "
                + invocations
                + " in a row, each tried "
                + each
                + " times, ended with a lost worker and without any progress"
            : each
                + " attempts"
                + (lost == 0
                    ? ""
                    : ", after "
                        + invocations
                        + " of "
                        + each
                        + " attempts that ended with a lost worker");
    return "the agent did not get through in " + attempts + "; " + last(failure);
  }

  private static String last(ActivityFailure failure) {
    if (failure.getCause() instanceof ApplicationFailure last) {
      return "the last one failed with: " + last.getOriginalMessage();
    }
    if (Unanswered.of(failure, false).why() == Unanswered.Why.WORKER_LOST) {
      return "the worker of the last one was not heard of for "
          + DurationText.of(HEARTBEAT_TIMEOUT);
    }
    return "see the cause for the last one";
  }

  ApplicationFailure stopped(ErrorCode code, String why) {
    return end(code.code(), code.message(why), null);
  }

  private ApplicationFailure end(String type, String message, Throwable cause) {
    // A run whose cancellation was asked for ends as cancelled, whatever else has happened.
    throwIfCancelled();
    worktree.release();
    record(RunEvent.Type.STOPPED, null, type);
    ended = AgentState.STOPPED;
    show();
    return ApplicationFailure.newBuilder()
        .setType(type)
        .setMessage(message)
        .setNonRetryable(true)
        .setDetails(status())
        .setCause(cause)
        .build();
  }

  private CanceledFailure cancelled(CanceledFailure failure) {
    worktree.release();
    record(RunEvent.Type.CANCELLED, null, "");
    ended = AgentState.STOPPED;
    show();
    // The SDK closes a cancelled workflow without details, so the session is kept in the memo.
    Workflow.upsertMemo(Map.of(Names.MEMO_CANCELLED_STATUS, status()));
    return failure;
  }

  private static boolean cancelRequested() {
    return CancellationScope.current().isCancelRequested();
  }

  static void throwIfCancelled() {
    if (cancelRequested()) {
      throw new CanceledFailure("the run was cancelled");
    }
  }

  // What operators do.

  @Override
  public void resumeNow(String reason) {
    if (wait != null) {
      record(RunEvent.Type.RESUME_CHANGED, null, "to now: " + because(reason));
      memory.insists(true);
      wait.end();
    }
  }

  @Override
  public void accountOpened(AccountOpened opened) {
    boolean other = failover.opened(opened);
    if ((account.opened(opened) || other) && wait != null) {
      wait.end();
    }
  }

  @Override
  public void pause(String reason) {
    if (memory.paused() != null && !budget.pauses()) {
      return;
    }
    budget.pausesNoMore();
    memory.paused(because(reason));
    record(RunEvent.Type.PAUSED, null, because(reason));
    if (invocation != null) {
      invocation.cancel("paused");
    }
    show();
  }

  @Override
  public void unpause(String reason) {
    if (memory.paused() == null) {
      return;
    }
    memory.paused(null);
    budget.pausesNoMore();
    record(RunEvent.Type.UNPAUSED, null, because(reason));
    if (wait != null && account.mayBePassedOver()) {
      wait.moveTo(wait.until());
    }
    show();
  }

  @Override
  public String move(String reason) {
    memory.moveAsked(because(reason));
    if (invocation != null) {
      invocation.cancel("moved");
    }
    return "moving";
  }

  @Override
  public void validateMove(String reason) {
    if (!hostMissed()) {
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
    if (ended != null || worktree.released()) {
      refuse("switchAgent: the run is ending");
    }
    if (memory.agent() == null || memory.agents().unresolved().isPresent()) {
      refuse("switchAgent: the run has yet to find its agents; try again in a moment");
    }
  }

  /** Ends what the run does with its present agent, but not the wait for its start. */
  void interrupt(String why) {
    if (invocation != null) {
      invocation.cancel(why);
    }
    if (wait != null && !starting) {
      wait.end();
    }
  }

  @Override
  public int send(String prompt) {
    int queued = memory.enqueue(prompt);
    record(RunEvent.Type.PROMPT_QUEUED, null, queued + " queued");
    return queued;
  }

  @Override
  public void validateSend(String prompt) {
    if (worktree.released()) {
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
        null,
        "to " + OperatorTexts.budget(changed.costUsd(), changed.tokens()));
    if (goesOn) {
      record(RunEvent.Type.UNPAUSED, null, "the budget was raised");
    }
    show();
    return changed;
  }

  @Override
  public void validateChangeBudget(Budget changed) {
    if (ended != null) {
      refuse("changeBudget: the run is ending");
    }
    budget.problem(changed).ifPresent(AgentRunWorkflow::refuse);
  }

  @Override
  public String changeResume(String when) {
    Instant moved = moment(when).orElseThrow(() -> new IllegalStateException(when));
    if (wait == null) {
      throw ApplicationFailure.newNonRetryableFailure(
          "the wait has ended", ErrorCode.INVALID_REQUEST.code());
    }
    wait.moveTo(moved);
    record(RunEvent.Type.RESUME_CHANGED, null, "to " + moved);
    show();
    return moved.toString();
  }

  @Override
  public void validateChangeResume(String when) {
    if (wait == null) {
      refuse("changeResume: the run is not waiting; ask for its status");
    }
    Optional<Instant> moved = moment(when);
    if (moved.isEmpty()) {
      refuse(
          "when: expected an instant such as 2026-11-21T15:00:00Z, or "
              + DurationText.EXPECTED
              + " from now");
    }
    Duration longest = policy().maxWait();
    if (moved.get().isAfter(RunClock.now().plus(longest))) {
      refuse("when: at most the longest wait of " + DurationText.of(longest) + " from now");
    }
  }

  private static Optional<Instant> moment(String when) {
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
    throw refusal(why);
  }

  /** What an update fails with that asks for what cannot be. */
  static ApplicationFailure refusal(String why) {
    return ApplicationFailure.newNonRetryableFailure(
        ErrorCode.INVALID_REQUEST.message(why), ErrorCode.INVALID_REQUEST.code());
  }

  @Override
  public RunStatus status() {
    ResolvedAgent agent = memory.agent();
    AgentChoice first = request.choices().get(0);
    return new RunStatus(
        state(),
        agent == null ? first.agent() : agent.agent(),
        agent == null ? null : agent.provider(),
        agent == null ? first.account() : agent.account(),
        agent == null ? first.model() : agent.model(),
        agent == null ? request.workspace() : agent.workspace(),
        memory.session(),
        memory.turn(),
        memory.invocations(),
        memory.limitsHit(),
        memory.waited().toSeconds(),
        wait == null ? null : wait.until(),
        scope(),
        warning(),
        memory.queued(),
        memory.paused(),
        memory.tokens(),
        memory.costUsd(),
        memory.lastSeq(),
        agent == null ? null : agent.host(),
        waitsFor(),
        wait != null && memory.busy() != null ? memory.busy().holder() : null,
        memory.continued() ? Boolean.TRUE : null,
        memory.transcript(),
        worktree.view(),
        account.priority(),
        account.isHeldBack() ? null : memory.waitingSince(),
        memory.overageUsd(),
        budget.budget(),
        budget.pauses() ? Boolean.TRUE : null,
        failover.standings(),
        waitsWhy());
  }

  private String warning() {
    if (wait == null) {
      return null;
    }
    if (memory.notStarted() != null) {
      return memory.notStarted().why();
    }
    return waitedFor != null && waitedFor.unrecognised() ? OperatorTexts.UNRECOGNISED : null;
  }

  private String scope() {
    WaitsFor what = waitsFor();
    if (what != WaitsFor.LIMIT && what != WaitsFor.ACCOUNT) {
      return null;
    }
    return (waitedFor == null ? LimitScope.UNKNOWN : waitedFor.scope()).word();
  }

  private String waitsWhy() {
    WaitsFor what = waitsFor();
    return what == WaitsFor.ACCOUNT || what == WaitsFor.START ? account.why() : null;
  }

  private WaitsFor waitsFor() {
    if (wait != null) {
      if (waitedFor != null) {
        return WaitsFor.LIMIT;
      }
      if (memory.notStarted() != null) {
        return WaitsFor.WORKER;
      }
      if (starting) {
        return WaitsFor.START;
      }
      return memory.busy() == null ? WaitsFor.ACCOUNT : memory.busy().waitsFor();
    }
    return hostMissed() ? WaitsFor.HOST : null;
  }

  private boolean hostMissed() {
    return ended == null && host.missed();
  }

  private AgentState state() {
    if (ended != null) {
      return ended;
    }
    if (memory.paused() != null) {
      return AgentState.PAUSED;
    }
    return wait == null && !hostMissed() ? AgentState.RUNNING : AgentState.WAITING;
  }

  @Override
  public List<RunEvent> events(long sinceSeq) {
    return memory.eventsSince(sinceSeq);
  }

  @Override
  public List<Incident> incidents() {
    return memory.incidents();
  }

  private void record(RunEvent.Type type, String incident, String text) {
    memory.record(RunClock.now(), type, incident, text);
  }

  void show() {
    if (memory.agent() != null) {
      view.show(status(), memory.agent().searchAttributes());
    }
  }

  private static String because(String reason) {
    return reason == null || reason.isBlank() ? "by an operator" : OperatorTexts.plain(reason);
  }
}
