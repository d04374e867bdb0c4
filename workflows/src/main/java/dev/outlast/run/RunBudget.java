package dev.outlast.run;

import dev.outlast.agent.Budget;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.Spending;
import dev.outlast.operator.OperatorTexts;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a run may spend: its budget, which operators may change, against what all of its invocations
 * have used, and what it does about paid overage. A run without a budget is never kept from
 * anything.
 */
final class RunBudget {

  private final AgentRunRequest request;
  private final RunMemory memory;

  /** What the invocation that was made last was bounded by. */
  private Budget bounding;

  RunBudget(AgentRunRequest request, RunMemory memory) {
    this.request = request;
    this.memory = memory;
  }

  /** As it is now; null for no bound. */
  Budget budget() {
    return memory.budget() == null ? request.budget() : memory.budget();
  }

  /** Whether nothing is left of it. */
  boolean spent() {
    return spent(budget());
  }

  private boolean spent(Budget budget) {
    return budget != null
        && ((budget.costUsd() != null && memory.costUsd() >= budget.costUsd())
            || (budget.tokens() != null && memory.tokens().total() >= budget.tokens()));
  }

  /** Whether the run is paused for its budget, so that a raise lets it go on. */
  boolean pauses() {
    return memory.paused() != null && memory.budgetSpent();
  }

  /** Pauses the run; it asks to be given more. */
  void pause() {
    memory.paused(why());
    memory.budgetSpent(true);
  }

  /** Whoever has paused it, it is not for the budget any more. */
  void pausesNoMore() {
    memory.budgetSpent(false);
  }

  /** What has been used of the budget, and what to do about it, in one line. */
  String why() {
    return OperatorTexts.budgetSpent(used(budget()));
  }

  private String used(Budget budget) {
    List<String> kinds = new ArrayList<>();
    if (budget.costUsd() != null) {
      kinds.add(OperatorTexts.usd(memory.costUsd()) + " of " + OperatorTexts.usd(budget.costUsd()));
    }
    if (budget.tokens() != null) {
      kinds.add(memory.tokens().total() + " of " + budget.tokens() + " tokens");
    }
    return String.join(", ", kinds);
  }

  /** What the next invocation may spend. To be asked when it is made, with something left. */
  Spending spending() {
    Budget budget = budget();
    bounding = budget;
    return new Spending(
        avoidsOverage() ? OverageUse.AVOID : OverageUse.USE,
        budget == null || budget.costUsd() == null ? null : budget.costUsd() - memory.costUsd(),
        budget == null || budget.tokens() == null
            ? null
            : budget.tokens() - memory.tokens().total());
  }

  boolean avoidsOverage() {
    OverageUse wanted =
        request.overage() == null ? memory.agent().accountPolicy().overage() : request.overage();
    return wanted == OverageUse.AVOID;
  }

  /**
   * Whether an agent that was ended for the budget, of which the run's own count still leaves a
   * rest, was bounded by the budget as it is now. Then it would be ended again.
   */
  boolean stillBounds() {
    return budget() != null && Objects.equals(bounding, budget());
  }

  /**
   * Takes another budget in place of the present one.
   *
   * @return whether the run was paused for the old one and is not any more
   */
  boolean change(Budget budget) {
    memory.budget(budget);
    if (!pauses() || spent()) {
      return false;
    }
    memory.paused(null);
    memory.budgetSpent(false);
    return true;
  }

  /** What is wrong with a new budget; empty if nothing is. */
  Optional<String> problem(Budget budget) {
    if (budget == null) {
      return Optional.of("budget: missing; give costUsd, tokens or both");
    }
    List<String> problems = RequestReader.checkBudget("budget", budget);
    if (!problems.isEmpty()) {
      return Optional.of(String.join("; ", problems));
    }
    return spent(budget)
        ? Optional.of("budget: the run has used " + used(budget) + " already; give more than that")
        : Optional.empty();
  }

  /** What is said of an invocation that went beyond the allowance; empty if it did not. */
  Optional<String> overage(InvocationFacts facts) {
    return facts == null || facts.overage() == null
        ? Optional.empty()
        : Optional.of(OperatorTexts.overage(facts.overageUsd(), avoidsOverage()));
  }
}
