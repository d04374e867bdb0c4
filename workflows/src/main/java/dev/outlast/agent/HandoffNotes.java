package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * What is known of the work in a session that is not gone on with, for the next one's prompt.
 *
 * @param text what was done, how the workspace stands, and the agent's last words; at most {@value
 *     #MAX_BYTES} bytes of UTF-8, without secrets; empty if nothing is known
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record HandoffNotes(String text) {

  /** The most that is handed on, in bytes of UTF-8: 16 KiB. */
  public static final int MAX_BYTES = 16 * 1024;

  public HandoffNotes {
    text = text == null ? "" : text;
  }
}
