package dev.outlast.run;

import dev.outlast.agent.AgentOutcome.Completed;
import dev.outlast.agent.AgentOutcome.Limited;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.ResumeDecision;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.OperatorTexts;
import io.temporal.failure.CanceledFailure;

/**
 * What a run does about a usage limit: it becomes an incident, and then the run waits for the
 * reset, goes on with another of its agents, or stops.
 */
final class LimitWait {

  /** The most that a failure quotes of an agent's words, in characters. */
  static final int MAX_QUOTE = 600;

  private final AgentRunRequest request;
  private final RunMemory memory;
  private final AccountWait account;
  private final RunBudget budget;
  private final Failover failover;
  private final RunWaits waits;
  private final RunEnd runEnd;
  private final RunHistory history;

  LimitWait(
      AgentRunRequest request,
      RunMemory memory,
      AccountWait account,
      RunBudget budget,
      Failover failover,
      RunWaits waits,
      RunEnd runEnd,
      RunHistory history) {
    this.request = request;
    this.memory = memory;
    this.account = account;
    this.budget = budget;
    this.failover = failover;
    this.waits = waits;
    this.runEnd = runEnd;
    this.history = history;
  }

  /** Goes on with the wait that was not over when the history before this one was. */
  void goOn() {
    Incident waiting = memory.waiting();
    if (waiting != null) {
      account.goesOn(waiting.limit().scope());
      await(waiting);
    }
  }

  /** An invocation has met a limit. */
  void met(Limited limited) {
    await(limited.limit(), whyEndless(limited.limit()));
  }

  /**
   * A turn was answered. The next one is not begun on the paid overage that it has come to, where
   * the run avoids that.
   */
  void answered(Completed turn) {
    UsageLimit beyond = turn.facts().overage();
    boolean over =
        beyond == null
            || (beyond.reset() != null
                && !beyond.lastsAt(beyond.observedAt(), waits.policy().margin()));
    if (!over && budget.avoidsOverage()) {
      await(beyond, null);
    }
  }

  /**
   * Waits for an allowance, if that is what the policy says.
   *
   * @param endless the reason to stop, where nothing says that the allowance ever returns; null
   *     where it does
   */
  void await(UsageLimit limit, String endless) {
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
    if (endless != null && waits.policy().onCredit() == ResumePolicy.OnCredit.STOP) {
      memory.put(incident.ended(RunClock.now(), Incident.End.GIVEN_UP));
      throw runEnd.stopped(ErrorCode.AGENT_STOPPED, endless);
    }
    if (request.onLimit() == AgentRunRequest.OnLimit.STOP) {
      memory.put(incident.ended(RunClock.now(), Incident.End.GIVEN_UP));
      throw runEnd.stopped(
          ErrorCode.STOPPED_AT_LIMIT,
          limit.scope().word() + " limit, and the request says to stop");
    }
    ResumeDecision decision =
        waits
            .policy()
            .decide(
                limit, memory.resumes(), memory.limitsInARow(), memory.waited(), waits.jitter());
    if (decision instanceof ResumeDecision.GiveUp giveUp) {
      memory.put(incident.ended(RunClock.now(), Incident.End.GIVEN_UP));
      throw runEnd.stopped(ErrorCode.GAVE_UP, giveUp.why());
    }
    ResumeDecision.ResumeAfter resume = (ResumeDecision.ResumeAfter) decision;
    memory.waitBegins();
    await(incident.waiting(RunClock.now().plus(resume.delay()), resume.fromReset()));
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

  private void await(Incident incident) {
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
      end = waits.awaitAccount(timer, incident.limit());
    } catch (CanceledFailure cancelled) {
      memory.put(incident.ended(RunClock.now(), Incident.End.CANCELLED));
      throw cancelled;
    }
    Incident waited = incident.waiting(timer.until(), incident.fromReset());
    if (end == ResumeTimer.End.HISTORY_LONG) {
      memory.waiting(waited);
      history.goOnInNew();
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

  private void record(RunEvent.Type type, String incident, String text) {
    memory.record(RunClock.now(), type, incident, text);
  }
}
