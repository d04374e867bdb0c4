package dev.outlast.run;

import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import dev.outlast.operator.OperatorTexts;
import io.temporal.common.converter.DataConverterException;
import io.temporal.failure.ActivityFailure;
import io.temporal.workflow.Workflow;

/** The git worktree of a run, if it has one, and what becomes of it when the run ends. */
final class OwnWorktree {

  private final RunMemory memory;
  private final HostWait host;
  private WorktreeEnd end;
  private boolean released;

  OwnWorktree(RunMemory memory, HostWait host) {
    this.memory = memory;
    this.host = host;
  }

  /**
   * Has the worktree taken away if it has no changes. Whatever comes of it, also in a cancelled
   * run, this returns.
   */
  void release() {
    Worktree worktree = worktree();
    if (worktree == null || released) {
      return;
    }
    released = true;
    Workflow.newDetachedCancellationScope(
            () -> {
              try {
                end =
                    AgentCalls.releaser(memory.agent(), host.takenWithin())
                        .releaseWorktree(worktree);
              } catch (ActivityFailure | DataConverterException unknown) {
                end = null;
              }
            })
        .run();
    memory.record(RunClock.now(), RunEvent.Type.WORKTREE_RELEASED, null, words(worktree));
  }

  private String words(Worktree worktree) {
    if (end == null) {
      return "kept, as its host did not look at it: branch "
          + OperatorTexts.plain(worktree.branch());
    }
    return end.kept()
        ? OperatorTexts.keptWorktree(worktree.branch(), end.commits(), end.changed())
        : "removed, as it has no changes";
  }

  /** Whether the run has begun to give its worktree up, and so cannot work any more. */
  boolean released() {
    return released;
  }

  /** What operators see; null if there is none. */
  RunWorktree view() {
    Worktree worktree = worktree();
    return worktree == null
        ? null
        : new RunWorktree(worktree.path(), worktree.branch(), end == null ? null : end.kept());
  }

  private Worktree worktree() {
    return memory.agent() == null ? null : memory.agent().worktree();
  }
}
