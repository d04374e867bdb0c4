package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Objects;

/**
 * What a fresh session is to be told of the one before it.
 *
 * @param provider of the agent whose session it was
 * @param transcript of that session; null if none is kept
 * @param workspace where its agent worked, and the next one will
 * @param turn the present turn of the run, from 1
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record HandoffRequest(
    String provider, TranscriptReference transcript, String workspace, int turn) {
  public HandoffRequest {
    Objects.requireNonNull(provider, "provider");
    Objects.requireNonNull(workspace, "workspace");
  }
}
