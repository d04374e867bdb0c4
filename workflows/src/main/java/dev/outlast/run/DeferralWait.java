package dev.outlast.run;

import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.OperatorTexts;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.time.Instant;

/**
 * What a run does when no agent was started: it waits for its account, which is known to be closed,
 * or for the workspace or session that another run has.
 */
final class DeferralWait {

  /** The shortest time after which a closed account is asked again. */
  static final Duration MIN_DEFERRAL = Duration.ofSeconds(5);

  /** From version 1 on runs that wait for the same hour wake one after the other. */
  private static final String HOURS_CHANGE = "jitter-after-hours";

  private final RunMemory memory;
  private final HostWait host;
  private final AccountWait account;
  private final Failover failover;
  private final RunWaits waits;
  private final RunEnd runEnd;

  DeferralWait(
      RunMemory memory,
      HostWait host,
      AccountWait account,
      Failover failover,
      RunWaits waits,
      RunEnd runEnd) {
    this.memory = memory;
    this.host = host;
    this.account = account;
    this.failover = failover;
    this.waits = waits;
    this.runEnd = runEnd;
  }

  /** Waits; then it is to be asked again. */
  void await(Deferred deferred) {
    memory.notInvoked();
    if (deferred.cause() == Deferred.Cause.ACCOUNT) {
      memory.busy(null);
      waitUntilOpen(deferred);
      return;
    }
    Busy before = memory.busy();
    Busy busy = Busy.of(deferred, before);
    memory.busy(busy);
    if (host.policy().onBusy() == HostPolicy.OnBusy.STOP) {
      throw runEnd.stopped(ErrorCode.BUSY, busy.words() + ", and onBusy says to stop");
    }
    if (!busy.isLike(before)) {
      memory.record(
          RunClock.now(), RunEvent.Type.DEFERRED, null, busy.words() + "; nothing was started");
    }
    Instant until = RunClock.now().plus(busy.pause(waits.jitter()));
    waits.await(new ResumeTimer(until, busy::summary));
  }

  private void waitUntilOpen(Deferred deferred) {
    Duration told = Duration.between(deferred.observedAt(), deferred.until());
    Duration atLeast = told.compareTo(MIN_DEFERRAL) < 0 ? MIN_DEFERRAL : told;
    Duration longest = waits.policy().maxWait();
    // The gate wakes those that it releases in batches; nobody does so at the end of some hours.
    boolean wakesByItself =
        memory.gate() == null
            ? Workflow.getVersion(HOURS_CHANGE, Workflow.DEFAULT_VERSION, 1) >= 1
            : memory.gate().first();
    Duration late =
        wakesByItself
            ? waits
                .policy()
                .margin()
                .plusMillis((long) (waits.policy().jitter().toMillis() * waits.jitter()))
            : Duration.ZERO;
    Instant until =
        RunClock.now().plus(atLeast.compareTo(longest) > 0 ? longest : atLeast).plus(late);
    ResolvedAgent agent = memory.agent();
    memory.record(
        RunClock.now(),
        RunEvent.Type.DEFERRED,
        null,
        (account.why() == null ? "the account is closed" : account.why())
            + "; nothing was started");
    // Which account it begins with is said; on another one it would begin at once.
    if (failover.automatic() && !account.untilReset()) {
      failover.deferred(until, Boolean.TRUE.equals(deferred.hostWide()));
      return;
    }
    ResumeTimer timer =
        new ResumeTimer(
            until,
            account.grace(),
            at -> OperatorTexts.deferredSummary(agent.agent(), agent.account(), at));
    if (!account.untilReset()) {
      waits.awaitAccount(timer, null);
      return;
    }
    failover.waitBegins();
    if (waits.awaitReset(timer) == ResumeTimer.End.HISTORY_LONG || failover.switchAsked()) {
      // The next history, or the other account, is asked for its reset again.
      memory.waitingSince(null);
    }
  }
}
