package dev.outlast.run;

import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.AgentOutcome.Limited;
import dev.outlast.agent.AgentOutcome.Stopped;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.operator.OperatorTexts;
import io.temporal.failure.ActivityFailure;
import io.temporal.workflow.Async;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * How an invocation is made, what the run remembers of it, and what it means when it ends without
 * an outcome.
 */
final class Invocations {

  /**
   * How often an invocation is made again whose worker died in each of its attempts before the
   * agent had done anything. With progress between there is no bound: it is workers that die then.
   */
  static final int MAX_FRUITLESS_INVOCATIONS = 3;

  /** Nothing is known but that the invocation is to be made again. */
  private static final AgentOutcome INTERRUPTED =
      new Stopped(
          new InvocationFacts(null, null, null, false, null, 0, Instant.EPOCH, null, null),
          StopReason.INTERRUPTED,
          "",
          null);

  private final AgentRunRequest request;
  private final RunMemory memory;
  private final HostWait host;
  private final AccountWait account;
  private final RunBudget budget;
  private final RunWaits waits;
  private final RetryPauses pauses;
  private final RunEnd runEnd;

  Invocations(
      AgentRunRequest request,
      RunMemory memory,
      HostWait host,
      AccountWait account,
      RunBudget budget,
      RunWaits waits,
      RetryPauses pauses,
      RunEnd runEnd) {
    this.request = request;
    this.memory = memory;
    this.host = host;
    this.account = account;
    this.budget = budget;
    this.waits = waits;
    this.pauses = pauses;
    this.runEnd = runEnd;
  }

  /**
   * Invokes the agent, and remembers what is known of it then.
   *
   * @return its outcome; where it has none, what is known to have come of it
   */
  AgentOutcome invoke() {
    boolean another = memory.invoked();
    boolean fromReset = account.beginsWithReset();
    SessionStart start = sessionStart();
    if (another) {
      record(RunEvent.Type.INVOKED, "invocation " + memory.invocations() + ", " + words(start));
    }
    Instant began = RunClock.now();
    try {
      AgentOutcome answer = answer(start);
      if (!(answer instanceof Deferred)) {
        memory.agents().worked(RunClock.now());
      }
      memory.busy(answer instanceof Deferred ? memory.busy() : null);
      memory.notStarted(null);
      pauses.notGivenBack();
      host.isBack(HostWait.TAKEN);
      account.heard(answer, RunClock.now());
      if (fromReset && !(answer instanceof Deferred)) {
        record(RunEvent.Type.NO_RESET, "no reset of the account is known; begun at once");
      }
      if (continuedElsewhere(answer)) {
        wentOnElsewhere((Stopped) answer);
        return answer;
      }
      Optional.ofNullable(answer.facts()).ifPresent(facts -> memory.learn(facts, resumeMessage()));
      budget.overage(answer.facts()).ifPresent(words -> record(RunEvent.Type.OVERAGE, words));
      if (start == SessionStart.FRESH && !memory.sessionOpen() && !(answer instanceof Deferred)) {
        memory.neverOpened(AgentSession.idForAnother(memory.agent()));
      }
      return answer;
    } catch (ActivityFailure failure) {
      return unanswered(failure, start, began);
    }
  }

  private AgentOutcome answer(SessionStart start) {
    Duration takenWithin = host.takenWithin();
    AgentActivities agent = invoker(words(start), takenWithin);
    AgentInvocation call = nextInvocation(start);
    return host.call(takenWithin, () -> Async.function(agent::invokeAgent, call));
  }

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
        .setStopsIfBusy(host.policy().onBusy() == HostPolicy.OnBusy.STOP)
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

  private String resumeMessage() {
    return request.resumeMessageOf(memory.agent());
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
    if (fruitless) {
      pauses.givenBack();
    } else {
      pauses.notGivenBack();
    }
    memory.unanswered(
        unanswered, start, resumeMessage(), AgentSession.idForAnother(memory.agent()));
    if (!unanswered.startedNothing()) {
      memory.agents().worked(RunClock.now());
      memory.notStarted(null);
    }
    Cancellation.throwIfRequested();
    Optional<Limited> limited = limited(unanswered, began);
    boolean cancelled = host.cutShort();
    if (limited.isPresent()) {
      memory.limitHeard(limited.get().facts());
      account.heard(limited.get(), RunClock.now());
      pauses.notGivenBack();
      if (unanswered.why() == Unanswered.Why.NOT_TAKEN && !cancelled) {
        runEnd.stopIfHostIsLost();
      }
      return limited.get();
    }
    if (cancelled) {
      return INTERRUPTED;
    }
    switch (unanswered.why()) {
      case CANCELLED, FAILED -> throw runEnd.failed(failure);
      case NOT_TAKEN -> runEnd.stopIfHostIsLost();
      case WORKER_LOST -> {
        if (memory.workerLost(unanswered.progressed()) >= MAX_FRUITLESS_INVOCATIONS) {
          throw runEnd.failed(failure);
        }
      }
      case GIVEN_BACK -> pauses.awaitGivenBack(began);
      case NOT_STARTED -> pauses.awaitStartable(failure);
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
    return last.limited(last.session(), there.isBefore(now) ? there : now, waits.policy().margin());
  }

  /** Somebody else has gone on with the session, and nothing was started. */
  static boolean continuedElsewhere(AgentOutcome outcome) {
    return outcome instanceof Stopped stopped && stopped.reason() == StopReason.CONTINUED_ELSEWHERE;
  }

  private void wentOnElsewhere(Stopped found) {
    memory.continuedElsewhere(found.facts(), resumeMessage());
    String what = "somebody else has gone on with the session";
    switch (host.policy().onContinued()) {
      case PAUSE -> {
        memory.paused(what);
        record(RunEvent.Type.CONTINUED_ELSEWHERE, what + "; the run is paused");
      }
      case RESUME ->
          record(
              RunEvent.Type.CONTINUED_ELSEWHERE,
              what + "; it is resumed nevertheless, and told so");
      case FINISH ->
          record(
              RunEvent.Type.CONTINUED_ELSEWHERE,
              what
                  + "; the run leaves it to them"
                  + (memory.queued() == 0 ? "" : ", with " + memory.queued() + " queued prompts"));
    }
  }

  private static String words(SessionStart start) {
    return switch (start) {
      case FRESH -> "starts a session";
      case RESUME -> "resumes the session";
      case CONTINUE_LAST -> "continues the last session";
    };
  }

  private void record(RunEvent.Type type, String text) {
    memory.record(RunClock.now(), type, null, text);
  }
}
