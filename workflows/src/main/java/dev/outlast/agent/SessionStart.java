package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How an invocation finds its session. */
public enum SessionStart {
  /** A new session, under the invocation's session id where the agent lets us choose it. */
  @JsonProperty("fresh")
  FRESH,
  /** The session with the invocation's session id. */
  @JsonProperty("resume")
  RESUME,
  /** The last session of the workspace, whatever its id is. */
  @JsonProperty("continue-last")
  CONTINUE_LAST
}
