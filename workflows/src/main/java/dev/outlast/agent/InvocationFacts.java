package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.limit.UsageLimit;
import java.time.Instant;
import java.util.Objects;

/**
 * What is known of an invocation however it ended.
 *
 * @param session the session that the agent named; null if it never did
 * @param taken whether the agent has shown that it took the message; null where only its session is
 *     known, which then stands for it
 * @param agentVersion the version that the agent's program gave of itself; null if it did not
 * @param progressed whether the agent did anything for the task: an answer of the model or a tool
 *     call, as opposed to being refused at once
 * @param tokens what this invocation used
 * @param costUsd what this invocation cost by the agent's own account, in US dollars
 * @param observedAt the activity's clock when the invocation was concluded; resets are compared
 *     with this clock and no other
 * @param checkpoint how session and workspace stood after the agent had ended; null if that is not
 *     known
 * @param transcript where the invocation's output is kept; null if it is not
 * @param contextTokens how large the session's context was at the end; null if that is not known
 * @param overageUsd the part of {@code costUsd} that was paid beyond the account's allowance, as
 *     far as the agent says it: all of it, if it said that it works on overage at any time
 * @param overage the limit of the allowance beyond which the agent has worked on paid overage; null
 *     if it has not said so
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record InvocationFacts(
    SessionId session,
    Boolean taken,
    String agentVersion,
    boolean progressed,
    TokenUsage tokens,
    double costUsd,
    Instant observedAt,
    Checkpoint checkpoint,
    TranscriptReference transcript,
    @JsonInclude(JsonInclude.Include.NON_NULL) Long contextTokens,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) double overageUsd,
    @JsonInclude(JsonInclude.Include.NON_NULL) UsageLimit overage) {

  /** Facts of an invocation that has said nothing of its context or of overage. */
  public InvocationFacts(
      SessionId session,
      Boolean taken,
      String agentVersion,
      boolean progressed,
      TokenUsage tokens,
      double costUsd,
      Instant observedAt,
      Checkpoint checkpoint,
      TranscriptReference transcript) {
    this(
        session,
        taken,
        agentVersion,
        progressed,
        tokens,
        costUsd,
        observedAt,
        checkpoint,
        transcript,
        null,
        0,
        null);
  }

  public InvocationFacts {
    Objects.requireNonNull(observedAt, "observedAt");
    tokens = tokens == null ? TokenUsage.NONE : tokens;
  }

  /** The same facts, with how session and workspace stood after the agent had ended. */
  public InvocationFacts withCheckpoint(Checkpoint left) {
    return new InvocationFacts(
        session,
        taken,
        agentVersion,
        progressed,
        tokens,
        costUsd,
        observedAt,
        left,
        transcript,
        contextTokens,
        overageUsd,
        overage);
  }
}
