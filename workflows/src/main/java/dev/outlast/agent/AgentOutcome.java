package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.outlast.limit.GateWord;
import dev.outlast.limit.UsageLimit;
import java.time.Instant;
import java.util.Objects;

/**
 * What one invocation ended with. Facts only: the workflow decides what happens next. A crash, a
 * throttle or a lost network is not an outcome but an exception, which Temporal retries.
 */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = AgentOutcome.Completed.class, name = "completed"),
  @JsonSubTypes.Type(value = AgentOutcome.Limited.class, name = "limited"),
  @JsonSubTypes.Type(value = AgentOutcome.Deferred.class, name = "deferred"),
  @JsonSubTypes.Type(value = AgentOutcome.Stopped.class, name = "stopped")
})
public sealed interface AgentOutcome {

  /** The longest {@link Completed#text()} in UTF-8 bytes: 64 KiB. */
  int MAX_TEXT_BYTES = 64 * 1024;

  /** What is known of the invocation; null for a deferred one that nothing was attempted of. */
  InvocationFacts facts();

  /** The same outcome, with how its agent has left session and workspace. */
  AgentOutcome withCheckpoint(Checkpoint left);

  /**
   * The agent answered.
   *
   * @param text the agent's last words, at most {@value AgentOutcome#MAX_TEXT_BYTES} bytes of UTF-8
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Completed(InvocationFacts facts, String text) implements AgentOutcome {
    public Completed {
      Objects.requireNonNull(facts, "facts");
      text = text == null ? "" : text;
    }

    @Override
    public Completed withCheckpoint(Checkpoint left) {
      return new Completed(facts.withCheckpoint(left), text);
    }
  }

  /**
   * The account's allowance is used up.
   *
   * @param gate what the account's gate has said to it; null if it was not heard
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Limited(InvocationFacts facts, UsageLimit limit, GateWord gate) implements AgentOutcome {

    /** A limit of which no gate has said anything. */
    public Limited(InvocationFacts facts, UsageLimit limit) {
      this(facts, limit, null);
    }

    public Limited {
      Objects.requireNonNull(facts, "facts");
      Objects.requireNonNull(limit, "limit");
    }

    @Override
    public Limited withCheckpoint(Checkpoint left) {
      return new Limited(facts.withCheckpoint(left), limit, gate);
    }
  }

  /**
   * No agent was started, since it was not its turn.
   *
   * @param until when to ask again
   * @param observedAt the clock that {@code until} is compared with
   * @param cause what was not free
   * @param holder the workflow id of the run whose agent is there; null if that is not known, or
   *     the account is what is not free
   * @param facts what an earlier attempt of the invocation has left behind, so that its message is
   *     not sent again; null if there was none
   * @param gate what the account's gate has said; null if it is not the account, or the gate was
   *     not heard
   * @param why what is closed and why, in one line; null if there is nothing to say
   * @param hostWide whether this host starts no agent until then, whatever its account; null if it
   *     does not say so
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Deferred(
      Instant until,
      Instant observedAt,
      @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
          Cause cause,
      String holder,
      InvocationFacts facts,
      GateWord gate,
      String why,
      Boolean hostWide)
      implements AgentOutcome {

    /** A deferral of an invocation that nothing was attempted of before. */
    public Deferred(Instant until, Instant observedAt, Cause cause, String holder) {
      this(until, observedAt, cause, holder, null);
    }

    /** A deferral that no gate has anything to do with. */
    public Deferred(
        Instant until, Instant observedAt, Cause cause, String holder, InvocationFacts facts) {
      this(until, observedAt, cause, holder, facts, null, null, null);
    }

    /** What was not free. */
    public enum Cause {
      /** The account was known to be closed. */
      @JsonEnumDefaultValue
      @JsonProperty("account")
      ACCOUNT,
      /** Another run's agent works on the session. */
      @JsonProperty("session")
      SESSION,
      /** Another run's agent works in the workspace. */
      @JsonProperty("workspace")
      WORKSPACE
    }

    public Deferred {
      Objects.requireNonNull(until, "until");
      Objects.requireNonNull(observedAt, "observedAt");
      cause = cause == null ? Cause.ACCOUNT : cause;
    }

    /** This one: no agent was started that could have left anything. */
    @Override
    public Deferred withCheckpoint(Checkpoint left) {
      return this;
    }
  }

  /**
   * Waiting will not help.
   *
   * @param message one line for the operator: what is wrong and what to do about it
   * @param limit what may be waited for nevertheless, where the run's policy says so; null if
   *     nothing is
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Stopped(
      InvocationFacts facts,
      @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
          StopReason reason,
      String message,
      UsageLimit limit)
      implements AgentOutcome {
    public Stopped {
      Objects.requireNonNull(facts, "facts");
      Objects.requireNonNull(reason, "reason");
      message = message == null ? "" : message;
    }

    @Override
    public Stopped withCheckpoint(Checkpoint left) {
      return new Stopped(facts.withCheckpoint(left), reason, message, limit);
    }
  }
}
