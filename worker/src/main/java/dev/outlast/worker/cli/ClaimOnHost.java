package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.activities.claim.Claim;
import dev.outlast.activities.claim.ClaimTable;
import dev.outlast.activities.process.AgentRecord;
import dev.outlast.activities.process.AgentRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;

/**
 * What a run has for itself on this host at the moment.
 *
 * @param agent the process of its agent; null before it is started, and after it has ended
 * @param worker the process of its worker
 * @param workerLives if it does not, the claim is free for whoever comes
 * @param since an ISO-8601 instant
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record ClaimOnHost(
    String run,
    int attempt,
    List<String> sessions,
    String workspace,
    Long agent,
    long worker,
    boolean workerLives,
    String since) {

  /**
   * @param stateFolder the host's; need not be there
   * @throws IOException if it cannot be read
   */
  static List<ClaimOnHost> in(Path stateFolder) throws IOException {
    List<Claim> claims = ClaimTable.held(stateFolder);
    try (AgentRegistry registry = AgentRegistry.open(stateFolder)) {
      List<AgentRecord> agents = registry.records();
      return claims.stream().map(claim -> of(claim, agents, registry)).toList();
    }
  }

  private static ClaimOnHost of(Claim claim, List<AgentRecord> agents, AgentRegistry registry) {
    return new ClaimOnHost(
        claim.run(),
        claim.claimant().owner().attempt(),
        claim.sessions(),
        claim.workspace(),
        agents.stream()
            .filter(agent -> agent.owner().equals(claim.claimant().owner()))
            .filter(registry::runs)
            .map(agent -> agent.agent().pid())
            .findFirst()
            .orElse(null),
        claim.worker().pid(),
        registry.lives(claim.worker()),
        Instant.ofEpochMilli(claim.since()).truncatedTo(ChronoUnit.SECONDS).toString());
  }

  String text() {
    return workspace
        + ", run "
        + run
        + ", attempt "
        + attempt
        + (sessions.isEmpty() ? "" : ", session " + String.join(", ", sessions))
        + (agent == null ? ", no agent at the moment" : ", agent " + agent)
        + ", worker "
        + worker
        + (workerLives ? "" : " (gone, so it is free for whoever comes)")
        + ", since "
        + since;
  }
}
