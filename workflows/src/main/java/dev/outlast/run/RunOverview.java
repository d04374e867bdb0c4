package dev.outlast.run;

import dev.outlast.agent.ResolvedAgent;
import dev.outlast.operator.AgentState;

/** Where a run stands, as operators see it: put together from all that know a part of it. */
final class RunOverview {

  private final AgentRunRequest request;
  private final RunMemory memory;
  private final HostWait host;
  private final OwnWorktree worktree;
  private final AccountWait account;
  private final RunWaits waits;
  private final RunEnd runEnd;
  private final RunBudget budget;
  private final Failover failover;
  private final OperatorView view = new OperatorView();

  RunOverview(
      AgentRunRequest request,
      RunMemory memory,
      HostWait host,
      OwnWorktree worktree,
      AccountWait account,
      RunWaits waits,
      RunEnd runEnd,
      RunBudget budget,
      Failover failover) {
    this.request = request;
    this.memory = memory;
    this.host = host;
    this.worktree = worktree;
    this.account = account;
    this.waits = waits;
    this.runEnd = runEnd;
    this.budget = budget;
    this.failover = failover;
  }

  /** Shows it, once the run has found its agent. */
  RunStatus show() {
    RunStatus status = status();
    if (memory.agent() != null) {
      view.show(status, memory.agent().searchAttributes());
    }
    return status;
  }

  RunStatus status() {
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
        waits.until(),
        waits.scope(),
        waits.warning(),
        memory.queued(),
        memory.paused(),
        memory.tokens(),
        memory.costUsd(),
        memory.lastSeq(),
        agent == null ? null : agent.host(),
        waitsFor(),
        waits.holder(),
        memory.continued() ? Boolean.TRUE : null,
        memory.transcript(),
        worktree.view(),
        account.priority(),
        account.isHeldBack() ? null : memory.waitingSince(),
        memory.overageUsd(),
        budget.budget(),
        budget.pauses() ? Boolean.TRUE : null,
        failover.standings(),
        waits.why());
  }

  private WaitsFor waitsFor() {
    return !waits.present() && hostMissed() ? WaitsFor.HOST : waits.what();
  }

  /** Whether the run waits for its host. */
  boolean hostMissed() {
    return runEnd.state() == null && host.missed();
  }

  private AgentState state() {
    if (runEnd.state() != null) {
      return runEnd.state();
    }
    if (memory.paused() != null) {
      return AgentState.PAUSED;
    }
    return !waits.present() && !hostMissed() ? AgentState.RUNNING : AgentState.WAITING;
  }
}
