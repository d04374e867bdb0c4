package dev.outlast.operator;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** The state of a run, as operators see it. */
public enum AgentState {
  /** The agent works, or is about to. */
  RUNNING,
  /** A durable timer runs until the usage limit is over. */
  WAITING,
  /** An operator has paused the run. */
  PAUSED,
  /** The agent has asked whether it may use a tool. */
  AWAITING_APPROVAL,
  COMPLETED,
  /** The run failed, was cancelled, or gave up. */
  STOPPED;

  /** The word used on the wire, in search attributes and for operators. */
  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
