package dev.outlast.run;

import io.temporal.workflow.Workflow;

/** How a run goes on in a new history when the present one has grown long. */
final class RunHistory {

  /** A run goes on in a new history when the present one has this many events. */
  static final int MAX_EVENTS = 4_000;

  private final AgentRunRequest request;
  private final RunMemory memory;
  private final Runnable show;

  /**
   * @param show shows operators where the run stands
   */
  RunHistory(AgentRunRequest request, RunMemory memory, Runnable show) {
    this.request = request;
    this.memory = memory;
    this.show = show;
  }

  static boolean isLong() {
    return Workflow.getInfo().getHistoryLength() >= MAX_EVENTS
        || Workflow.getInfo().isContinueAsNewSuggested();
  }

  /** To be called between two steps of a run. Does not return if the history is long. */
  void goOnInNewIfLong() {
    Cancellation.throwIfRequested();
    if (isLong()) {
      goOnInNew();
    }
  }

  /** Goes on in a new history with all that the memory has; does not return. */
  void goOnInNew() {
    Workflow.await(Workflow::isEveryHandlerFinished);
    memory.agents().rested(RunClock.now());
    // Search attributes stay as they are in the next history, which cannot tell what is stale.
    show.run();
    Workflow.continueAsNew(request.carrying(memory.save()));
  }
}
