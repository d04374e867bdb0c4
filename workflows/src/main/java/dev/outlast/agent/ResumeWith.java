package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How a run goes on after a limit. */
public enum ResumeWith {
  /** In the same session, whatever it costs to read it again. */
  @JsonProperty("session")
  SESSION,
  /** In a fresh session that is told what was done. */
  @JsonProperty("handoff")
  HANDOFF,
  /** In a fresh session if the old one has grown larger than the worker's threshold. */
  @JsonProperty("auto")
  AUTO
}
