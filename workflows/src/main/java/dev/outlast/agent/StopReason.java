package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** Why waiting will not help. */
public enum StopReason {
  /** The agent is not logged in, or its credential was refused. */
  AUTH,
  /** The account has a billing problem. */
  BILLING,
  /** Paid credit or a spend cap is used up, and nothing says when it returns. */
  CREDIT,
  /** The plan does not include what was asked for. */
  PLAN,
  /** The model declined the task. */
  REFUSED,
  /** The conversation no longer fits the model's context window. */
  CONTEXT,
  /** The agent does not know the session that was to be resumed. */
  SESSION_UNKNOWN,
  /** The agent's own limit of turns was reached. */
  MAX_TURNS,
  /** The agent's configuration or arguments are wrong. */
  CONFIG,
  /** Somebody has gone on with the session since the agent ended; nothing was started. */
  CONTINUED_ELSEWHERE,
  /** The run's budget is spent, and the agent was ended for that. */
  BUDGET,
  /** The run was paused or cancelled, and the agent was ended for that. */
  INTERRUPTED,
  /** A reason that only a newer version knows; the message says more. */
  @JsonEnumDefaultValue
  OTHER;

  /** The word used on the wire and for operators. */
  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
