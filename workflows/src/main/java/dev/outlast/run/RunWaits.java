package dev.outlast.run;

import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.OperatorTexts;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.time.Instant;
import java.util.Random;

/**
 * The waits of a run that operators see and can end, one at a time: for what, and until when. Only
 * those for its account count as waited, not those for its start, another run or its worker.
 */
final class RunWaits {

  private final AgentRunRequest request;
  private final RunMemory memory;
  private final AccountWait account;
  private final Runnable show;
  private final Random random = Workflow.newRandom();
  private ResumeTimer wait;
  private boolean starting;
  private UsageLimit limit;

  /**
   * @param show shows operators where the run stands
   */
  RunWaits(AgentRunRequest request, RunMemory memory, AccountWait account, Runnable show) {
    this.request = request;
    this.memory = memory;
    this.account = account;
    this.show = show;
  }

  /** When to resume: what the worker says, with the request before it. */
  ResumePolicy policy() {
    return request.over(memory.agent().policy());
  }

  /** One wait's share of the jitter, from 0 to 1. */
  double jitter() {
    return random.nextDouble();
  }

  /**
   * Waits where operators can see it. What for is in the memory; else it is the account.
   *
   * @throws io.temporal.failure.CanceledFailure when the run is cancelled
   */
  ResumeTimer.End await(ResumeTimer timer) {
    Instant began = RunClock.now();
    wait = timer;
    show.run();
    try {
      ResumeTimer.End end = timer.await(RunHistory::isLong);
      if (end == ResumeTimer.End.DUE && timer.isAhead()) {
        // Asked, its gate would tell it to wait on, and the operator's moment would be void.
        memory.insists(true);
      }
      return end;
    } finally {
      wait = null;
      limit = null;
      memory.agents().choices().newRound();
      if (memory.busy() == null && memory.notStarted() == null && !starting) {
        memory.waited(Duration.between(began, RunClock.now()));
      }
    }
  }

  /** Waits for the moment at which the run is to begin. */
  ResumeTimer.End awaitStart(ResumeTimer timer) {
    starting = true;
    try {
      return await(timer);
    } finally {
      starting = false;
    }
  }

  /**
   * Waits for the account where its gate can end the wait; not at all if it already has.
   *
   * @param what is waited for; null if that is only known to the gate
   */
  ResumeTimer.End awaitAccount(ResumeTimer timer, UsageLimit what) {
    if (account.released()) {
      return ResumeTimer.End.ENDED;
    }
    limit = what;
    account.begins(what == null && memory.gate() == null);
    try {
      return await(timer);
    } finally {
      account.ends();
    }
  }

  /** As {@link #awaitAccount}, for the window of the account with which the run is to begin. */
  ResumeTimer.End awaitReset(ResumeTimer timer) {
    starting = true;
    try {
      return awaitAccount(timer, null);
    } finally {
      starting = false;
    }
  }

  /** Whether the run waits. */
  boolean present() {
    return wait != null;
  }

  /** When the present wait is expected to end; null if there is none. */
  Instant until() {
    return wait == null ? null : wait.until();
  }

  /** Ends the present wait, if there is one. */
  void end() {
    if (wait != null) {
      wait.end();
    }
  }

  /** As {@link #end}, but leaves a wait for the run's start alone. */
  void endUnlessForStart() {
    if (!starting) {
      end();
    }
  }

  /** Lets the present wait end at a moment; there has to be one. */
  void moveTo(Instant when) {
    wait.moveTo(when);
  }

  /** Others may have been released while the run was paused: it waits for no release any more. */
  void unpaused() {
    if (wait != null && account.mayBePassedOver()) {
      wait.moveTo(wait.until());
    }
  }

  /** What for; null if the run does not wait. */
  WaitsFor what() {
    if (wait == null) {
      return null;
    }
    if (limit != null) {
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

  /** The word for the part of the allowance that is used up; null if none is waited for. */
  String scope() {
    WaitsFor what = what();
    if (what != WaitsFor.LIMIT && what != WaitsFor.ACCOUNT) {
      return null;
    }
    return (limit == null ? LimitScope.UNKNOWN : limit.scope()).word();
  }

  /** What the gate has said of why; null if it is not waited for because of that. */
  String why() {
    WaitsFor what = what();
    return what == WaitsFor.ACCOUNT || what == WaitsFor.START ? account.why() : null;
  }

  /** What operators should look at; null if nothing is known. */
  String warning() {
    if (wait == null) {
      return null;
    }
    if (memory.notStarted() != null) {
      return memory.notStarted().why();
    }
    return limit != null && limit.unrecognised() ? OperatorTexts.UNRECOGNISED : null;
  }

  /** The run whose agent is where this one's is to be; null if it is not known, or none is. */
  String holder() {
    return wait != null && memory.busy() != null ? memory.busy().holder() : null;
  }
}
