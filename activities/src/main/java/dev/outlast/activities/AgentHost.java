package dev.outlast.activities;

import dev.outlast.activities.transcript.TranscriptStore;
import dev.outlast.agent.HostPolicy;
import dev.outlast.limit.ResumePolicy;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * One host that runs agents, as its worker is configured.
 *
 * @param hostId names this host for as long as its state folder lives
 * @param taskQueue the task queue of the workflows; this host's own queue is derived from it
 * @param agents the agents by name, the default one first in iteration order
 * @param accounts the accounts by name; an agent's account need not be listed
 * @param workspaces the folders under which agents may work; absolute
 * @param defaultWorkspace where an agent works when a run names no workspace
 * @param policy when runs resume after a usage limit
 * @param hostPolicy what runs do when they cannot simply go on here
 * @param resumeMessage what is said to a session after a limit or another interruption
 * @param zone the time zone that agents run in, and in which they print local times
 * @param drainGrace how long an agent may go on when the worker is asked to end
 * @param stateFolder where this host keeps what has to survive a worker; there already
 * @param environment the worker's own environment, from which agents inherit what is allowed
 * @param transcripts where the output of sessions is kept; null where it is not
 */
public record AgentHost(
    String hostId,
    String taskQueue,
    Map<String, AgentDefinition> agents,
    Map<String, AccountDefinition> accounts,
    List<Path> workspaces,
    Path defaultWorkspace,
    ResumePolicy policy,
    HostPolicy hostPolicy,
    String resumeMessage,
    ZoneId zone,
    Duration drainGrace,
    Path stateFolder,
    Map<String, String> environment,
    TranscriptStore transcripts) {

  /**
   * What is said to a session after a limit or another interruption, where nothing else is
   * configured.
   */
  public static final String DEFAULT_RESUME_MESSAGE =
      "You were interrupted. Continue where you left off; do not redo finished work.";

  public AgentHost {
    Objects.requireNonNull(hostId, "hostId");
    Objects.requireNonNull(taskQueue, "taskQueue");
    Objects.requireNonNull(defaultWorkspace, "defaultWorkspace");
    Objects.requireNonNull(zone, "zone");
    Objects.requireNonNull(stateFolder, "stateFolder");
    workspaces = List.copyOf(workspaces);
    accounts = Map.copyOf(accounts);
    environment = Map.copyOf(environment);
    policy = Objects.requireNonNullElse(policy, ResumePolicy.DEFAULT);
    hostPolicy = Objects.requireNonNullElse(hostPolicy, HostPolicy.DEFAULT);
    resumeMessage = Objects.requireNonNullElse(resumeMessage, DEFAULT_RESUME_MESSAGE);
    drainGrace = Objects.requireNonNullElse(drainGrace, Duration.ofSeconds(30));
  }
}
