package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * What a run does about its account's money and its session's size, from the worker's
 * configuration.
 *
 * @param overage what it does about paid use beyond the allowance
 * @param resumeWith how it goes on after a limit
 * @param handoffAbove how many tokens a session's context may have before {@link ResumeWith#AUTO}
 *     takes a fresh one; over 0
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record AccountPolicy(
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_AS_NULL) OverageUse overage,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_AS_NULL) ResumeWith resumeWith,
    long handoffAbove) {

  /**
   * The context from which a fresh session is cheaper in most cases, in tokens. To read a session
   * of this size again after its cache has gone cold costs as much as the average task's work.
   */
  public static final long DEFAULT_HANDOFF_ABOVE = 150_000;

  /** What is done where nothing is configured. */
  public static final AccountPolicy DEFAULT =
      new AccountPolicy(OverageUse.USE, ResumeWith.SESSION, DEFAULT_HANDOFF_ABOVE);

  public AccountPolicy {
    overage = overage == null ? OverageUse.USE : overage;
    resumeWith = resumeWith == null ? ResumeWith.SESSION : resumeWith;
    if (handoffAbove <= 0) {
      throw new IllegalArgumentException("handoffAbove: " + handoffAbove + " is not over 0");
    }
  }
}
