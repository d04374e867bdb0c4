package dev.outlast.worker.cli;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.SessionId;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.operator.Names;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.run.AgentChoice;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.config.ConfigException;
import dev.outlast.worker.config.ConfigLocation;
import dev.outlast.worker.config.OutlastConfig;
import io.temporal.api.enums.v1.WorkflowIdConflictPolicy;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowExecutionAlreadyStarted;
import io.temporal.client.WorkflowOptions;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    description = "Start a run and follow it to its end; its result goes to standard output.")
final class RunCommand implements Callable<Integer> {

  private static final int MAX_ID = 500;

  private final Console console;
  @Mixin private ConnectionOptions connection;
  @Mixin private AccountOptions accounts;

  @Parameters(
      arity = "0..1",
      paramLabel = "PROMPT",
      description = "The task, or - to read it from standard input.")
  private String prompt;

  @Option(names = "--file", paramLabel = "FILE", description = "Read the task from a file.")
  private Path file;

  @Option(
      names = "--task-queue",
      paramLabel = "NAME",
      defaultValue = Names.TASK_QUEUE,
      description = "The workers' task queue (default: ${DEFAULT-VALUE}).")
  private String taskQueue;

  @Option(names = "--agent", paramLabel = "NAME", description = "Default: the worker's first.")
  private String agent;

  @Option(names = "--account", paramLabel = "NAME", description = "Default: the agent's.")
  private String account;

  @Option(
      names = "--workspace",
      paramLabel = "DIR",
      description = "Where the agent works (default: the current directory).")
  private Path workspace;

  @Option(names = "--model", paramLabel = "NAME", description = "Default: the agent's.")
  private String model;

  @Option(names = "--session", paramLabel = "ID", description = "Go on with this session.")
  private String session;

  @Option(names = "--continue", description = "Go on with the last session of the workspace.")
  private boolean continueLast;

  @Option(names = "--label", paramLabel = "TEXT", description = "A name for people.")
  private String label;

  @Option(names = "--id", paramLabel = "ID", description = "The run's id (default: a new one).")
  private String id;

  @Option(names = "--max-wait", paramLabel = "DURATION", description = "Longest single wait.")
  private String maxWait;

  @Option(names = "--max-total-wait", paramLabel = "DURATION", description = "Longest wait in all.")
  private String maxTotalWait;

  @Option(
      names = "--max-attempts",
      paramLabel = "N",
      description = "How often to resume after a limit; 0 for no bound.")
  private Integer maxAttempts;

  @Option(names = "--resume-message", paramLabel = "TEXT", description = "Said after a limit.")
  private String resumeMessage;

  @Option(
      names = "--on-limit",
      paramLabel = "wait|failover|stop",
      description =
          "What to do at a usage limit (default: failover with several --agents, else wait).")
  private String onLimit;

  @Option(
      names = "--on-credit",
      paramLabel = "stop|wait",
      description =
          "What to do when credit is used up or the plan lacks something, and there is no reset"
              + " (default: the worker's setting).")
  private String onCredit;

  @Option(
      names = "--invocation-timeout",
      paramLabel = "DURATION",
      description = "End an agent that takes longer, and resume its session (default: 24h).")
  private String invocationTimeout;

  @Option(
      names = "--silence-timeout",
      paramLabel = "DURATION",
      description = "End an agent that prints nothing for so long, and resume (default: 1h).")
  private String silenceTimeout;

  @Option(
      names = "--worktree",
      description = "Work in a git worktree and branch of the run's own, kept when it has changes.")
  private boolean worktree;

  @Option(
      names = "--on-busy",
      paramLabel = "wait|stop",
      description =
          "What to do when another run's agent works in the workspace or on the session"
              + " (default: the worker's setting).")
  private String onBusy;

  @Option(
      names = "--on-continued",
      paramLabel = "pause|resume|finish",
      description =
          "What to do when somebody else has gone on with the session (default: the worker's"
              + " setting).")
  private String onContinued;

  @Option(
      names = "--on-host-lost",
      paramLabel = "wait|move|stop",
      description = "What to do when the run's host is gone (default: the worker's setting).")
  private String onHostLost;

  @Option(
      names = "--host-grace",
      paramLabel = "DURATION",
      description =
          "How long the host may take before it is looked for (default: the worker's setting).")
  private String hostGrace;

  @Option(names = "--detach", description = "Start the run, print its id, and do not follow it.")
  private boolean detach;

  @Option(names = "--wait", description = "Wait for the end without showing any progress.")
  private boolean waitSilently;

  @Option(names = "--json", description = "Print the result (or with --detach the id) as JSON.")
  private boolean json;

  RunCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    AgentRunRequest request = request();
    String runId = runId();
    try (Connection connected = connection.connect(console)) {
      WorkflowClient client = connected.client();
      start(client, runId, request);
      if (detach) {
        if (json) {
          Map<String, Object> facts = new LinkedHashMap<>();
          facts.put("id", runId);
          facts.put("namespace", client.getOptions().getNamespace());
          facts.put("taskQueue", taskQueue);
          console.json(facts);
        } else {
          console.print(runId);
        }
        return ExitCode.DONE;
      }
      return new RunFollower(console, client, runId, json, !waitSilently).follow();
    }
  }

  private void start(WorkflowClient client, String runId, AgentRunRequest request) {
    AgentRun run =
        client.newWorkflowStub(
            AgentRun.class,
            WorkflowOptions.newBuilder()
                .setTaskQueue(taskQueue)
                .setWorkflowId(runId)
                .setWorkflowIdConflictPolicy(
                    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL)
                .setStaticSummary(summary())
                .build());
    try {
      WorkflowClient.start(run::run, request);
    } catch (WorkflowExecutionAlreadyStarted e) {
      throw new CliException(
          ExitCode.FAILED,
          "--id: a run with the id "
              + runId
              + " is open already; follow it with: outlast follow "
              + runId
              + ", or choose another id");
    }
  }

  /** What is said here is what this side knows; the worker's configuration may be another. */
  private String summary() {
    AgentChoice asked =
        accounts.choices().stream().findFirst().orElse(new AgentChoice(agent, account, model));
    AgentDefinition known = configuredAgent(asked.agent());
    String shownAgent = asked.agent() == null && known != null ? known.name() : asked.agent();
    String shownAccount =
        asked.account() == null && known != null ? known.account() : asked.account();
    if (shownAgent == null && label != null) {
      // No word is made up where there is one of the user's.
      return OperatorTexts.summary(label, null, null);
    }
    return OperatorTexts.summary(shownAgent, shownAccount, label);
  }

  /** The agent as this side's own configuration has it; null if there is none that can be read. */
  private AgentDefinition configuredAgent(String name) {
    Optional<Path> file = ConfigLocation.find(console.currentDirectory(), console.environment());
    if (file.isEmpty()) {
      return null;
    }
    try {
      Map<String, AgentDefinition> agents =
          OutlastConfig.newBuilder()
              .setCurrentDirectory(console.currentDirectory())
              .setEnvironment(console.environment())
              .load(file.get(), null)
              .agents();
      return name == null ? agents.values().stream().findFirst().orElse(null) : agents.get(name);
    } catch (ConfigException notForUs) {
      // It is for the worker to complain about; the summary then has only what was given.
      return null;
    }
  }

  private String runId() {
    if (id == null) {
      return Names.RUN_ID_PREFIX + UUID.randomUUID();
    }
    if (id.isBlank()
        || id.length() > MAX_ID
        || id.startsWith("-")
        || id.codePoints().anyMatch(Character::isISOControl)) {
      throw new CliException(
          ExitCode.USAGE,
          "--id: expected 1 to " + MAX_ID + " printable characters, not beginning with '-'");
    }
    return id;
  }

  private AgentRunRequest request() {
    if (session != null && !SessionId.valid(session)) {
      throw new CliException(
          ExitCode.USAGE, "--session: \"" + Console.oneLine(session) + "\" is no session id");
    }
    if (maxAttempts != null && maxAttempts < 0) {
      throw new CliException(
          ExitCode.USAGE, "--max-attempts: got " + maxAttempts + "; expected 0 (no bound) or more");
    }
    AgentRunRequest.Builder builder =
        AgentRunRequest.newBuilder()
            .setPrompt(PromptSource.read(console, prompt, file))
            .setAgent(agent)
            .setAccount(account)
            .setModel(model)
            .setWorkspace(workspace().toString())
            .setSession(session == null ? null : new SessionId(session))
            .setContinueLast(continueLast)
            .setOnLimit(onLimit())
            .setOnCredit(onCredit())
            .setResumeMessage(resumeMessage)
            .setMaxAttempts(maxAttempts)
            .setMaxWait(Durations.positive("--max-wait", maxWait))
            .setMaxTotalWait(Durations.positive("--max-total-wait", maxTotalWait))
            .setInvocationTimeout(Durations.positive("--invocation-timeout", invocationTimeout))
            .setSilenceTimeout(Durations.positive("--silence-timeout", silenceTimeout))
            .setWorktree(worktree)
            .setOnBusy(Words.one("--on-busy", onBusy, HostPolicy.OnBusy.class))
            .setOnContinued(Words.one("--on-continued", onContinued, HostPolicy.OnContinued.class))
            .setOnHostLost(Words.one("--on-host-lost", onHostLost, HostPolicy.OnHostLost.class))
            .setHostGrace(Durations.positive("--host-grace", hostGrace))
            .setLabel(label);
    accounts.addTo(builder, Instant.now());
    try {
      return builder.build();
    } catch (IllegalArgumentException e) {
      throw new CliException(ExitCode.USAGE, Console.oneLine(e.getMessage()));
    }
  }

  private Path workspace() {
    Path here = console.currentDirectory();
    return workspace == null ? here : here.resolve(workspace).normalize();
  }

  private ResumePolicy.OnCredit onCredit() {
    if (onCredit == null) {
      return null;
    }
    return switch (onCredit) {
      case "stop" -> ResumePolicy.OnCredit.STOP;
      case "wait" -> ResumePolicy.OnCredit.WAIT;
      default ->
          throw new CliException(
              ExitCode.USAGE,
              "--on-credit: got \"" + Console.oneLine(onCredit) + "\"; expected stop or wait");
    };
  }

  private AgentRunRequest.OnLimit onLimit() {
    boolean several = accounts.choices().size() > 1;
    return onLimit == null && several
        ? AgentRunRequest.OnLimit.FAILOVER
        : Words.one("--on-limit", onLimit, AgentRunRequest.OnLimit.class);
  }
}
