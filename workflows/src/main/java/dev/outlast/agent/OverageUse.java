package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What a run does about paid use beyond its account's allowance. */
public enum OverageUse {
  /** Goes on, and shows what it costs. */
  @JsonProperty("use")
  USE,
  /** Ends the agent as soon as it says that it uses it, and waits for the allowance. */
  @JsonProperty("avoid")
  AVOID
}
