package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonProperty;

/** Why waiting will not help. */
public enum StopReason {
  /** The agent is not logged in, or its credential was refused. */
  @JsonProperty("auth")
  AUTH,
  /** The account has a billing problem. */
  @JsonProperty("billing")
  BILLING,
  /** Paid credit or a spend cap is used up, and nothing says when it returns. */
  @JsonProperty("credit")
  CREDIT,
  /** The plan does not include what was asked for. */
  @JsonProperty("plan")
  PLAN,
  /** The model declined the task. */
  @JsonProperty("refused")
  REFUSED,
  /** The conversation no longer fits the model's context window. */
  @JsonProperty("context")
  CONTEXT,
  /** The agent does not know the session that was to be resumed. */
  @JsonProperty("session-unknown")
  SESSION_UNKNOWN,
  /** The agent's own limit of turns was reached. */
  @JsonProperty("max-turns")
  MAX_TURNS,
  /** The agent's configuration or arguments are wrong. */
  @JsonProperty("config")
  CONFIG,
  /** The run was paused or cancelled, and the agent was ended for that. */
  @JsonProperty("interrupted")
  INTERRUPTED,
  /** A reason that only a newer version knows; the message says more. */
  @JsonEnumDefaultValue
  @JsonProperty("other")
  OTHER;

  /** The word used on the wire and for operators. */
  public String word() {
    return name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
  }
}
