package dev.outlast.activities;

import dev.outlast.activities.gate.Hours;
import dev.outlast.activities.transcript.TranscriptStore;
import dev.outlast.agent.AccountPolicy;
import dev.outlast.agent.HostPolicy;
import dev.outlast.limit.GateSettings;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.operator.Names;
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
 * @param accountPolicy what runs do about money and large sessions
 * @param gate how an account is kept that is not listed
 * @param quiet hours in which no agent is started here
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
    TranscriptStore transcripts,
    AccountPolicy accountPolicy,
    GateSettings gate,
    Hours quiet) {

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
    accountPolicy = Objects.requireNonNullElse(accountPolicy, AccountPolicy.DEFAULT);
    gate = Objects.requireNonNullElse(gate, GateSettings.NONE);
    quiet = Objects.requireNonNullElse(quiet, Hours.NONE);
    drainGrace = Objects.requireNonNullElse(drainGrace, Duration.ofSeconds(30));
    if (drainGrace.isNegative()) {
      throw new IllegalArgumentException("drainGrace: " + drainGrace + " is below zero");
    }
    for (Path folder : workspaces) {
      if (!folder.isAbsolute()) {
        throw new IllegalArgumentException("workspaces: " + folder + " is not absolute");
      }
    }
  }

  /** How an account is to be kept. */
  public GateSettings gate(String account) {
    AccountDefinition listed = accounts.get(account);
    return listed == null ? gate : listed.gate();
  }

  /** Hours in which only runs of a high priority may use an account. */
  public Hours reserve(String account) {
    AccountDefinition listed = accounts.get(account);
    return listed == null ? Hours.NONE : listed.reserve();
  }

  /**
   * A host with all that must be said of it.
   *
   * @param hostId names this host for as long as its state folder lives
   * @param stateFolder where this host keeps what has to survive a worker; there already
   * @param defaultWorkspace where an agent works when a run names no workspace; absolute
   */
  public static Builder newBuilder(String hostId, Path stateFolder, Path defaultWorkspace) {
    return new Builder(hostId, stateFolder, defaultWorkspace);
  }

  /** Builds a host. Not thread-safe. */
  public static final class Builder {

    private final String hostId;
    private final Path stateFolder;
    private final Path defaultWorkspace;
    private String taskQueue = Names.TASK_QUEUE;
    private Map<String, AgentDefinition> agents = Map.of();
    private Map<String, AccountDefinition> accounts = Map.of();
    private List<Path> workspaces;
    private ResumePolicy policy;
    private HostPolicy hostPolicy;
    private String resumeMessage;
    private ZoneId zone = ZoneId.systemDefault();
    private Duration drainGrace;
    private Map<String, String> environment = Map.of();
    private TranscriptStore transcripts;
    private AccountPolicy accountPolicy;
    private GateSettings gate;
    private Hours quiet;

    private Builder(String hostId, Path stateFolder, Path defaultWorkspace) {
      this.hostId = hostId;
      this.stateFolder = stateFolder;
      this.defaultWorkspace = defaultWorkspace;
      this.workspaces = defaultWorkspace == null ? List.of() : List.of(defaultWorkspace);
    }

    /** The task queue of the workflows; {@link Names#TASK_QUEUE} unless set. */
    public Builder setTaskQueue(String value) {
      taskQueue = value;
      return this;
    }

    /** The agents by name, the default one first in iteration order; none unless set. */
    public Builder setAgents(Map<String, AgentDefinition> value) {
      agents = value;
      return this;
    }

    /** The accounts by name; none unless set. */
    public Builder setAccounts(Map<String, AccountDefinition> value) {
      accounts = value;
      return this;
    }

    /** The folders under which agents may work; only the default workspace unless set. */
    public Builder setWorkspaces(List<Path> value) {
      workspaces = value;
      return this;
    }

    /** When runs resume after a usage limit; null for {@link ResumePolicy#DEFAULT}. */
    public Builder setPolicy(ResumePolicy value) {
      policy = value;
      return this;
    }

    /** What runs do when they cannot simply go on here; null for {@link HostPolicy#DEFAULT}. */
    public Builder setHostPolicy(HostPolicy value) {
      hostPolicy = value;
      return this;
    }

    /** What is said to a session after a limit; null for {@link #DEFAULT_RESUME_MESSAGE}. */
    public Builder setResumeMessage(String value) {
      resumeMessage = value;
      return this;
    }

    /** The time zone that agents run in; the system's unless set. */
    public Builder setZone(ZoneId value) {
      zone = value;
      return this;
    }

    /** How long an agent may go on when the worker is asked to end; null for 30 s. */
    public Builder setDrainGrace(Duration value) {
      drainGrace = value;
      return this;
    }

    /** The worker's own environment; empty unless set. */
    public Builder setEnvironment(Map<String, String> value) {
      environment = value;
      return this;
    }

    /** Where the output of sessions is kept; null, as unless set, where it is not. */
    public Builder setTranscripts(TranscriptStore value) {
      transcripts = value;
      return this;
    }

    /** What runs do about money and large sessions; null for {@link AccountPolicy#DEFAULT}. */
    public Builder setAccountPolicy(AccountPolicy value) {
      accountPolicy = value;
      return this;
    }

    /** How an account is kept that is not listed; null for {@link GateSettings#NONE}. */
    public Builder setGate(GateSettings value) {
      gate = value;
      return this;
    }

    /** Hours in which no agent is started here; null for none. */
    public Builder setQuiet(Hours value) {
      quiet = value;
      return this;
    }

    /**
     * The host.
     *
     * @throws IllegalArgumentException if a value is not allowed; the message names it
     */
    public AgentHost build() {
      return new AgentHost(
          hostId,
          taskQueue,
          agents,
          accounts,
          workspaces,
          defaultWorkspace,
          policy,
          hostPolicy,
          resumeMessage,
          zone,
          drainGrace,
          stateFolder,
          environment,
          transcripts,
          accountPolicy,
          gate,
          quiet);
    }
  }
}
