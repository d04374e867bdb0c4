package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.outlast.limit.UsageLimit;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * The heartbeat details of {@code invokeAgent}: what operators see of a pending invocation, and
 * what a retried attempt knows of the one before it.
 *
 * @param phase how far the invocation is
 * @param session the session, from the moment it is known or chosen
 * @param taken whether the agent has shown that it took the message; a retried attempt then sends
 *     the resume message instead
 * @param lastTool the name of the tool that the agent used last; null before the first
 * @param lastItem the kind of the last thing that the agent did; null before the first
 * @param tokens used so far, by the attempts before too
 * @param host where the agent runs
 * @param pid the agent's process id, which is its process group's too; 0 before it has started
 * @param attempt which attempt of the invocation this is, from 1; 0 if that is not known
 * @param limit the usage limit that the agent has told of and not overcome, so that its end would
 *     be concluded with it; without the agent's words; null if there is none
 * @param checkpoint how session and workspace stood when the attempt was over, its agent had ended
 *     and there was no outcome; null before that, and where it is not known
 * @param costUsd spent so far by the agent's own account, by the attempts before too
 * @param overageUsd the part of it that was paid beyond the account's allowance; null if the agent
 *     has not said that it works on overage, 0 if it has and does not say what that costs
 * @param told how much of all this the gate of its account has been told; null if nothing
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record InvocationProgress(
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE) Phase phase,
    SessionId session,
    boolean taken,
    String lastTool,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
        ItemKind lastItem,
    TokenUsage tokens,
    String host,
    long pid,
    int attempt,
    UsageLimit limit,
    Checkpoint checkpoint,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) double costUsd,
    @JsonInclude(JsonInclude.Include.NON_NULL) Double overageUsd,
    @JsonInclude(JsonInclude.Include.NON_NULL) Spend told) {

  /** What was used and spent, and the part of it that was paid beyond the allowance. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spend(long tokens, double costUsd, double overageUsd) {
    public static final Spend NONE = new Spend(0, 0, 0);
  }

  /** How far an invocation is. */
  public enum Phase {
    @JsonProperty("starting")
    STARTING,
    /** The agent is not started yet, since that would harm the session. */
    @JsonProperty("settling")
    SETTLING,
    @JsonEnumDefaultValue
    @JsonProperty("working")
    WORKING,
    @JsonProperty("ending")
    ENDING
  }

  public InvocationProgress {
    Objects.requireNonNull(phase, "phase");
    tokens = tokens == null ? TokenUsage.NONE : tokens;
  }

  /** The progress of an attempt that has told of no cost. */
  public InvocationProgress(
      Phase phase,
      SessionId session,
      boolean taken,
      String lastTool,
      ItemKind lastItem,
      TokenUsage tokens,
      String host,
      long pid,
      int attempt,
      UsageLimit limit,
      Checkpoint checkpoint) {
    this(
        phase,
        session,
        taken,
        lastTool,
        lastItem,
        tokens,
        host,
        pid,
        attempt,
        limit,
        checkpoint,
        0,
        null,
        null);
  }

  /** The progress of an attempt that is not over or limited, and does not say which one it is. */
  public InvocationProgress(
      Phase phase,
      SessionId session,
      boolean taken,
      String lastTool,
      ItemKind lastItem,
      TokenUsage tokens,
      String host,
      long pid) {
    this(phase, session, taken, lastTool, lastItem, tokens, host, pid, 0, null, null);
  }

  /** All that was spent, by the attempts before too. */
  private Spend spend() {
    return new Spend(tokens.total(), costUsd, overageUsd == null ? 0 : overageUsd);
  }

  /** What of it the gate has not been told: of attempts that were lost with their worker. */
  public Spend untold() {
    Spend all = spend();
    return told == null
        ? all
        : new Spend(
            Math.max(0, all.tokens - told.tokens),
            Math.max(0, all.costUsd - told.costUsd),
            Math.max(0, all.overageUsd - told.overageUsd));
  }

  /** Whether the agent is known to have done anything for the task. */
  public boolean progressed() {
    return lastItem != null || tokens.total() > 0;
  }

  /**
   * Whether a limit has been told of that is not over yet.
   *
   * @param now the clock of whoever has told it, as far as it is known
   * @param margin by how much the provider may open late
   */
  public boolean limitLasts(Instant now, Duration margin) {
    return limit != null && limit.lastsAt(now, margin);
  }

  /**
   * What an invocation would have answered whose agent had met a limit, if its worker had not been
   * lost. To start another agent before the reset would be too early.
   *
   * @param left the session if it is there to be resumed; null if it is not
   * @param now the clock of whoever has told of the limit, as far as it is known; what is left to
   *     wait counts from here
   * @param margin by how much the provider may open late
   * @return empty if no limit was told of, or the reset and the margin have passed
   */
  public Optional<AgentOutcome.Limited> limited(SessionId left, Instant now, Duration margin) {
    if (!limitLasts(now, margin)) {
      return Optional.empty();
    }
    InvocationFacts facts =
        new InvocationFacts(
            left,
            taken,
            limit.evidence().agentVersion(),
            progressed(),
            tokens,
            costUsd,
            now,
            null,
            null,
            null,
            overageUsd == null ? 0 : overageUsd,
            overageUsd == null ? null : limit);
    return Optional.of(new AgentOutcome.Limited(facts, limit.countedFrom(now)));
  }

  /**
   * The same progress of an attempt that is over, and how it has left session and workspace. What
   * it has spent, it tells the gate itself.
   */
  public InvocationProgress leaving(Checkpoint left) {
    return new InvocationProgress(
        phase,
        session,
        taken,
        lastTool,
        lastItem,
        tokens,
        host,
        pid,
        attempt,
        limit,
        left,
        costUsd,
        overageUsd,
        spend());
  }
}
