package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;

/**
 * How a workspace under git stood at one moment.
 *
 * @param head the commit that is checked out; null if there is none yet
 * @param branch the branch that is checked out; null if none is
 * @param changed how many paths differ from that commit or are not known to git
 * @param digest stands for what those differences are; null if there are none
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record WorkspaceState(String head, String branch, int changed, String digest) {

  public WorkspaceState {
    if (changed < 0) {
      throw new IllegalArgumentException("changed: " + changed + " is below 0");
    }
  }
}
