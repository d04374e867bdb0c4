package dev.outlast.activities.claim;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.ProcessIdentity;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * What one attempt has for itself while its agent works. The content of a claim's file.
 *
 * @param claimant whose it is
 * @param worker the worker process that has made it
 * @param sessionKind tells the sessions of one kind of agent from those of others
 * @param sessions the agent's sessions, as far as they are known
 * @param workspace the real path of the folder that the agent works in
 * @param territory what it has for itself with that folder, as it was when the claim was made; null
 *     if an earlier version has made it
 * @param since when it was made, by the host's clock, in milliseconds since 1970
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Claim(
    Claimant claimant,
    ProcessIdentity worker,
    String sessionKind,
    List<String> sessions,
    String workspace,
    Territory territory,
    long since) {

  /** The most sessions that one invocation claims; an agent that names more is not believed. */
  static final int MAX_SESSIONS = 16;

  public Claim {
    Objects.requireNonNull(claimant, "claimant");
    Objects.requireNonNull(worker, "worker");
    Objects.requireNonNull(workspace, "workspace");
    if (!Territory.canBeFolder(workspace)) {
      throw new IllegalArgumentException("workspace: has a character that no path can have");
    }
    sessions = sessions == null ? List.of() : List.copyOf(sessions);
  }

  /** The run that it belongs to. */
  public String run() {
    return claimant.owner().workflowId();
  }

  boolean sharesSessionWith(Claim other) {
    return Objects.equals(sessionKind, other.sessionKind)
        && sessions.stream().anyMatch(other.sessions::contains);
  }

  boolean overlaps(Claim other) {
    return area().overlaps(other.area());
  }

  /** Where an agent on record works; such a record may hold anything. */
  boolean overlaps(String otherWorkspace) {
    return Territory.canBeFolder(otherWorkspace)
        && area().overlaps(Territory.of(Path.of(otherWorkspace)));
  }

  private Territory area() {
    return territory == null ? Territory.of(Path.of(workspace)) : territory;
  }

  boolean isOf(AgentOwner owner) {
    return claimant.owner().equals(owner);
  }

  Claim with(String session) {
    List<String> more = new ArrayList<>(sessions);
    more.add(session);
    return new Claim(claimant, worker, sessionKind, more, workspace, territory, since);
  }

  boolean madeBy(Claim other) {
    return claimant.equals(other.claimant) && worker.equals(other.worker);
  }
}
