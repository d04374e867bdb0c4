package dev.outlast.activities.gate;

import dev.outlast.activities.provider.AccountFacts;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.UsageLimit;
import java.util.Objects;

/**
 * What an agent at work has shown so far.
 *
 * @param answered whether the model has answered or a tool was used, and nothing says since that
 *     the agent is limited
 * @param account what the agent has said of its account
 * @param tokens that it has used
 * @param costUsd what it has cost by the agent's own account; taken as 0 where that is no amount
 * @param overage the limit of the allowance beyond which it has worked on paid overage; null if it
 *     has not said so
 */
public record Shown(
    boolean answered, AccountFacts account, TokenUsage tokens, double costUsd, UsageLimit overage) {

  /** Nothing yet. */
  public static final Shown NOTHING = new Shown(false, AccountFacts.NONE, TokenUsage.NONE, 0, null);

  /** What is known of an agent that was not heard; its cost is that of an attempt before. */
  static Shown of(InvocationFacts facts) {
    return new Shown(facts.progressed(), AccountFacts.NONE, TokenUsage.NONE, 0, facts.overage());
  }

  /** Whether it was let through, but not by the allowance. */
  boolean paid() {
    return answered && overage != null && !account.allowed();
  }

  public Shown {
    Objects.requireNonNull(account, "account");
    tokens = tokens == null ? TokenUsage.NONE : tokens;
    // Sums are made of it, which no agent's words are to spoil.
    costUsd = costUsd > 0 && costUsd < Double.POSITIVE_INFINITY ? costUsd : 0;
  }
}
