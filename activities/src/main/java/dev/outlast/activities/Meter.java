package dev.outlast.activities;

import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.Spending;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.operator.OperatorTexts;
import java.util.Optional;

/**
 * What an invocation has used, over all of its attempts, and whether that is more than it may. Only
 * what an agent tells while it works can end it in time; where a program tells its tokens or its
 * cost at the end, one invocation is the overshoot. Immutable, so thread-safe.
 */
final class Meter {

  private final Spending spending;
  private final TokenUsage earlierTokens;
  private final double earlierCostUsd;
  private final Double earlierOverageUsd;

  /**
   * @param before what the attempts before have told; null if there was none
   */
  Meter(Spending spending, InvocationProgress before) {
    this.spending = spending;
    this.earlierTokens = before == null ? TokenUsage.NONE : before.tokens();
    this.earlierCostUsd = before == null ? 0 : before.costUsd();
    this.earlierOverageUsd = before == null ? null : before.overageUsd();
  }

  TokenUsage tokens(CallFacts facts) {
    return facts.tokens() == null ? earlierTokens : earlierTokens.plus(facts.tokens());
  }

  double costUsd(CallFacts facts) {
    return earlierCostUsd + facts.costUsd();
  }

  /** What was paid beyond the allowance; null if no attempt has said that it works on overage. */
  Double overageUsd(CallFacts facts) {
    if (!facts.usingOverage()) {
      return earlierOverageUsd;
    }
    return (earlierOverageUsd == null ? 0 : earlierOverageUsd) + facts.costUsd();
  }

  boolean avoids() {
    return spending.overage() == OverageUse.AVOID;
  }

  /** Whether nothing is left of what the invocation may use. */
  boolean spent(CallFacts facts) {
    return (spending.tokensLeft() != null && tokens(facts).total() >= spending.tokensLeft())
        || (spending.costUsdLeft() != null && costUsd(facts) >= spending.costUsdLeft());
  }

  /** How the run is told that nothing is left. */
  String words(CallFacts facts) {
    StringBuilder words = new StringBuilder("the agent was ended: this invocation has used ");
    words.append(tokens(facts).total()).append(" tokens");
    if (spending.tokensLeft() != null) {
      words.append(" of the ").append(spending.tokensLeft()).append(" that the budget had left");
    }
    words.append(" and ").append(OperatorTexts.usd(costUsd(facts)));
    if (spending.costUsdLeft() != null) {
      words
          .append(" of the ")
          .append(OperatorTexts.usd(spending.costUsdLeft()))
          .append(" that it had left");
    }
    return words.append('.').toString();
  }

  /**
   * The limit that an agent on paid overage has met, as far as the run is concerned; empty where
   * the run uses overage, or the agent does not.
   *
   * @param overage the limit of the allowance beyond which it works; empty if it does not
   */
  Optional<Conclusion.Limited> avoided(Optional<Conclusion.Limited> overage) {
    return overage
        .filter(limit -> avoids())
        .map(
            limit ->
                new Conclusion.Limited(
                    new Conclusion.Basis(
                        LimitEvidence.OVERAGE_AVOIDED,
                        limit.basis().evidence(),
                        limit.basis().channel()),
                    limit.scope(),
                    limit.reset(),
                    limit.setBy()));
  }

  /**
   * What a call was concluded with, as far as the run is concerned: one that has failed on overage,
   * or was ended on it, is not to be tried again before the allowance is back.
   */
  Conclusion decided(Conclusion said, Optional<Conclusion.Limited> overage) {
    boolean triedAgain =
        said instanceof Conclusion.Failed
            || said instanceof Conclusion.Throttled
            || said.unrecognised();
    return triedAgain ? avoided(overage).map(Conclusion.class::cast).orElse(said) : said;
  }
}
