package dev.outlast.worker.config;

import dev.outlast.activities.AccountDefinition;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.AgentHost;
import dev.outlast.activities.gate.Hours;
import dev.outlast.activities.transcript.FileTranscripts;
import dev.outlast.activities.transcript.TranscriptLimits;
import dev.outlast.activities.transcript.TranscriptStore;
import dev.outlast.agent.AccountPolicy;
import dev.outlast.agent.HostPolicy;
import dev.outlast.limit.GateSettings;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.operator.Names;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The configuration of a worker. Immutable. Built with {@link #newBuilder()}, or read from a file
 * with {@link #load}; every key of {@code outlast.toml} has a setter of the same name.
 */
public final class OutlastConfig {

  /** How many agents a worker runs at the same time, unless configured. */
  public static final int DEFAULT_MAX_AGENTS = 4;

  /** How long agents may go on when their worker is asked to end, unless configured. */
  public static final Duration DEFAULT_DRAIN_GRACE = Duration.ofSeconds(30);

  private final Path source;
  private final String taskQueue;
  private final int maxAgents;
  private final Path stateDir;
  private final List<Path> workspaces;
  private final Path defaultWorkspace;
  private final Duration drainGrace;
  private final ResumePolicy policy;
  private final HostPolicy hostPolicy;
  private final String resumeMessage;
  private final Map<String, AgentDefinition> agents;
  private final Map<String, AccountDefinition> accounts;
  private final Map<String, String> environment;
  private final boolean keepTranscripts;
  private final TranscriptLimits transcriptLimits;
  private final TranscriptStore transcriptStore;
  private final AccountPolicy accountPolicy;
  private final GateSettings gate;
  private final Hours quiet;

  private OutlastConfig(Builder builder) {
    source = builder.source;
    taskQueue = builder.taskQueue;
    maxAgents = builder.maxAgents;
    stateDir =
        builder.stateDir == null
            ? StateFolder.defaultFolder(builder.environment)
            : builder.stateDir.toAbsolutePath().normalize();
    defaultWorkspace =
        builder.workspaces.isEmpty() || builder.workspaces.contains(builder.currentDirectory)
            ? builder.currentDirectory
            : builder.workspaces.get(0);
    workspaces =
        builder.workspaces.isEmpty()
            ? List.of(builder.currentDirectory)
            : List.copyOf(builder.workspaces);
    drainGrace = builder.drainGrace;
    policy = builder.policy;
    hostPolicy = builder.hostPolicy;
    resumeMessage = builder.resumeMessage;
    agents = Collections.unmodifiableMap(new LinkedHashMap<>(builder.agentsOrFound()));
    accounts = Collections.unmodifiableMap(new LinkedHashMap<>(builder.accounts));
    environment = Map.copyOf(builder.environment);
    keepTranscripts = builder.keepTranscripts;
    transcriptLimits = builder.transcriptLimits;
    transcriptStore = builder.transcriptStore;
    accountPolicy = builder.accountPolicy;
    gate = builder.gate;
    quiet = builder.quiet;
  }

  /** A builder with every default. */
  public static Builder newBuilder() {
    return new Builder();
  }

  /**
   * Reads a configuration file.
   *
   * @param file the file to read
   * @throws ConfigException if the file cannot be read or anything in it is wrong; names every
   *     problem with its line
   */
  public static OutlastConfig load(Path file) {
    return newBuilder().load(file, null);
  }

  /**
   * The agent of a provider as it is without any configuration, under the provider's name.
   *
   * @throws ConfigException if there is no such provider
   */
  public static AgentDefinition defaultAgent(String provider) {
    return ProviderDefaults.agent(provider);
  }

  /** The file that this was read from; null if it was built in Java. */
  public Path source() {
    return source;
  }

  /** The task queue of the workflows. */
  public String taskQueue() {
    return taskQueue;
  }

  /** How many agents run at the same time at most. */
  public int maxAgents() {
    return maxAgents;
  }

  /** The absolute path of the folder that keeps what has to survive the worker. */
  public Path stateDir() {
    return stateDir;
  }

  /** The folders under which agents may work; absolute, at least one. */
  public List<Path> workspaces() {
    return workspaces;
  }

  /** How long agents may go on when the worker is asked to end. */
  public Duration drainGrace() {
    return drainGrace;
  }

  /** When runs resume after a usage limit. */
  public ResumePolicy policy() {
    return policy;
  }

  /** What runs do when they cannot simply go on with their session on this host. */
  public HostPolicy hostPolicy() {
    return hostPolicy;
  }

  /** The agents by name, the default one first; empty if none is configured and none was found. */
  public Map<String, AgentDefinition> agents() {
    return agents;
  }

  /** The accounts by name. */
  public Map<String, AccountDefinition> accounts() {
    return accounts;
  }

  /** What runs do about money and large sessions. */
  public AccountPolicy accountPolicy() {
    return accountPolicy;
  }

  /** How accounts are kept that are not among {@link #accounts}. */
  public GateSettings gate() {
    return gate;
  }

  /** Hours in which no agent is started on this host, in its time zone. */
  public Hours quiet() {
    return quiet;
  }

  /** What is allowed but hardly meant; empty mostly. */
  public List<ConfigProblem> warnings() {
    return AccountRules.warnings(source == null ? null : source.toString(), accounts);
  }

  /** The environment from which agents inherit what they are allowed to. */
  public Map<String, String> environment() {
    return environment;
  }

  /**
   * Makes the state folder, if need be, and describes this host to the activities.
   *
   * @throws ConfigException if the state folder cannot be used, or there is no agent at all
   */
  public AgentHost openHost() {
    if (agents.isEmpty()) {
      throw new ConfigException(
          source == null ? null : source.toString(),
          "agents",
          "none configured and none found on the PATH; install "
              + String.join(" or ", ProviderDefaults.searched())
              + ", or write an [agents.NAME] section with provider and command");
    }
    return AgentHost.newBuilder(hostId(), stateDir, defaultWorkspace)
        .setTaskQueue(taskQueue)
        .setAgents(agents)
        .setAccounts(accounts)
        .setWorkspaces(workspaces)
        .setPolicy(policy)
        .setHostPolicy(hostPolicy)
        .setResumeMessage(resumeMessage)
        .setDrainGrace(drainGrace)
        .setEnvironment(environment)
        .setTranscripts(keepTranscripts ? transcripts() : null)
        .setAccountPolicy(accountPolicy)
        .setGate(gate)
        .setQuiet(quiet)
        .build();
  }

  /**
   * Where transcripts are, or would be, kept: the store that was set, else this host's files. What
   * was kept before they were switched off can still be read there.
   *
   * @throws ConfigException if the state folder cannot be used
   */
  public TranscriptStore transcripts() {
    return transcriptStore == null
        ? new FileTranscripts(FileTranscripts.folder(stateDir), hostId(), transcriptLimits)
        : transcriptStore;
  }

  /**
   * The host's name, chosen when the state folder is first used and kept in it.
   *
   * @throws ConfigException if the state folder cannot be used
   */
  public String hostId() {
    return StateFolder.hostId(stateDir, environment);
  }

  /** Builds a configuration; not thread-safe. */
  public static final class Builder {

    private final Map<String, AgentDefinition> agents = new LinkedHashMap<>();
    private final Map<String, AccountDefinition> accounts = new LinkedHashMap<>();
    private Path source;
    private String taskQueue = Names.TASK_QUEUE;
    private int maxAgents = DEFAULT_MAX_AGENTS;
    private Path stateDir;
    private List<Path> workspaces = List.of();
    private Path currentDirectory = Path.of("").toAbsolutePath();
    private Duration drainGrace = DEFAULT_DRAIN_GRACE;
    private ResumePolicy policy = ResumePolicy.DEFAULT;
    private HostPolicy hostPolicy = HostPolicy.DEFAULT;
    private String resumeMessage;
    private Map<String, String> environment = System.getenv();
    private boolean keepTranscripts = true;
    private TranscriptLimits transcriptLimits = TranscriptLimits.DEFAULT;
    private TranscriptStore transcriptStore;
    private AccountPolicy accountPolicy = AccountPolicy.DEFAULT;
    private GateSettings gate = GateSettings.NONE;
    private Hours quiet = Hours.NONE;

    private Builder() {}

    /** Key {@code worker.task-queue}. */
    public Builder setTaskQueue(String value) {
      taskQueue = value;
      return this;
    }

    /** Key {@code worker.max-agents}: 1 to {@value ConfigRules#MAX_AGENTS}. */
    public Builder setMaxAgents(int value) {
      maxAgents = value;
      return this;
    }

    /** Key {@code worker.state-dir}. Null for the default. */
    public Builder setStateDir(Path value) {
      stateDir = value;
      return this;
    }

    /** Key {@code worker.workspaces}. None for the current directory. */
    public Builder setWorkspaces(List<Path> value) {
      workspaces = value.stream().map(p -> p.toAbsolutePath().normalize()).toList();
      return this;
    }

    /** The folder that is the default workspace; the process's own, unless set. */
    public Builder setCurrentDirectory(Path value) {
      currentDirectory = value.toAbsolutePath().normalize();
      return this;
    }

    /** Key {@code worker.drain-grace}. */
    public Builder setDrainGrace(Duration value) {
      drainGrace = Objects.requireNonNull(value, "drainGrace");
      return this;
    }

    /**
     * Keys {@code limits.margin}, {@code jitter}, {@code fallback}, {@code max-fallback}, {@code
     * max-wait}, {@code max-total-wait}, {@code max-attempts} and {@code on-credit}.
     */
    public Builder setPolicy(ResumePolicy value) {
      policy = Objects.requireNonNull(value, "policy");
      return this;
    }

    /**
     * Keys {@code worker.on-busy}, {@code on-continued}, {@code on-host-lost} and {@code
     * host-grace}.
     */
    public Builder setHostPolicy(HostPolicy value) {
      hostPolicy = Objects.requireNonNull(value, "hostPolicy");
      return this;
    }

    /** Key {@code limits.resume-message}. Null for the default. */
    public Builder setResumeMessage(String value) {
      resumeMessage = value;
      return this;
    }

    /**
     * Section {@code agents.NAME}. The first one that is added is the default agent. Without any,
     * there is one for each known agent program on the PATH.
     */
    public Builder addAgent(AgentDefinition agent) {
      agents.put(agent.name(), agent);
      return this;
    }

    /** Keys {@code limits.overage}, {@code resume-with} and {@code handoff-above}. */
    public Builder setAccountPolicy(AccountPolicy value) {
      accountPolicy = Objects.requireNonNull(value, "accountPolicy");
      return this;
    }

    /**
     * Keys {@code limits.spread} and {@code pause-at}: how accounts are kept that are not listed.
     * Those of a file inherit it; a definition that was made in Java says all of its own.
     */
    public Builder setGate(GateSettings value) {
      gate = Objects.requireNonNull(value, "gate");
      return this;
    }

    /** Key {@code limits.quiet}. */
    public Builder setQuiet(Hours value) {
      quiet = Objects.requireNonNull(value, "quiet");
      return this;
    }

    /** Section {@code accounts.NAME}. */
    public Builder addAccount(AccountDefinition account) {
      accounts.put(account.name(), account);
      return this;
    }

    /** The environment of the worker; the process's own, unless set. */
    public Builder setEnvironment(Map<String, String> value) {
      environment = Map.copyOf(value);
      return this;
    }

    /** Key {@code transcripts.enabled}. */
    public Builder setKeepTranscripts(boolean value) {
      keepTranscripts = value;
      return this;
    }

    /** Keys {@code transcripts.retention}, {@code max-session} and {@code max-total}. */
    public Builder setTranscriptLimits(TranscriptLimits value) {
      transcriptLimits = Objects.requireNonNull(value, "transcriptLimits");
      return this;
    }

    /** Where transcripts are kept. Null for files in the state folder. */
    public Builder setTranscriptStore(TranscriptStore value) {
      transcriptStore = value;
      return this;
    }

    /**
     * Reads a file over what this builder holds.
     *
     * @param taskQueue used in place of the file's; null to use the file's
     * @throws ConfigException if the file cannot be read or anything in it is wrong
     */
    public OutlastConfig load(Path file, String taskQueue) {
      return ConfigFile.read(file, this, taskQueue);
    }

    /**
     * @throws ConfigException if anything is wrong; names every problem
     */
    public OutlastConfig build() {
      List<ConfigProblem> problems = new ArrayList<>();
      check().forEach((key, message) -> problems.add(new ConfigProblem(null, 0, key, message)));
      if (!problems.isEmpty()) {
        throw new ConfigException(problems);
      }
      return new OutlastConfig(this);
    }

    /** What is wrong, by key. */
    Map<String, String> check() {
      Map<String, String> problems =
          new ConfigRules(this.taskQueue, maxAgents, drainGrace, resumeMessage)
              .check(workspaces, agents, accounts);
      TranscriptRules.check(transcriptLimits, problems);
      AccountRules.check(gate, accounts, agents, problems);
      return problems;
    }

    OutlastConfig unchecked(Path file) {
      source = file;
      return new OutlastConfig(this);
    }

    private Map<String, AgentDefinition> agentsOrFound() {
      return agents.isEmpty() ? ProviderDefaults.agentsOnPath(environment) : agents;
    }

    Map<String, String> environment() {
      return environment;
    }

    HostPolicy hostPolicy() {
      return hostPolicy;
    }

    GateSettings gate() {
      return gate;
    }
  }
}
