package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonProperty;

/** How a gate stands, for the whole account or for one of its models. */
public enum GateState {
  /** Agents may be started. */
  @JsonProperty("open")
  OPEN,
  /** No agent is started before its time. */
  @JsonEnumDefaultValue
  @JsonProperty("closed")
  CLOSED,
  /** The time has come, and one run tries whether the provider lets it through. */
  @JsonProperty("half-open")
  HALF_OPEN;

  /** As operators read it. */
  public String word() {
    return this == HALF_OPEN ? "half-open" : name().toLowerCase(java.util.Locale.ROOT);
  }
}
