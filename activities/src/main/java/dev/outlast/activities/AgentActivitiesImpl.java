package dev.outlast.activities;

import dev.outlast.activities.process.AgentProcess;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.transcript.TranscriptContext;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.HostSighting;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.common.converter.DataConverterException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs the agents of one host. Thread-safe. */
public final class AgentActivitiesImpl implements AgentActivities {

  private static final Logger log = LoggerFactory.getLogger(AgentActivitiesImpl.class);

  private final AgentHost host;
  private final BooleanSupplier searchAttributes;
  private final Clock clock;
  private final Workspaces workspaces;
  private final Map<String, AgentDriver> drivers = new HashMap<>();
  private final AgentVersions versions = new AgentVersions();
  private final AtomicReference<Long> drainEnds = new AtomicReference<>();

  /**
   * @param searchAttributes says whether the namespace knows Outlast's search attributes; asked
   *     once for each run
   * @throws IllegalArgumentException if an agent's definition or the zone is wrong; the message
   *     begins with the key and says what is allowed
   */
  public AgentActivitiesImpl(AgentHost host, BooleanSupplier searchAttributes) {
    this(host, searchAttributes, Clock.systemUTC());
  }

  AgentActivitiesImpl(AgentHost host, BooleanSupplier searchAttributes, Clock clock) {
    this.host = Objects.requireNonNull(host, "host");
    this.searchAttributes = Objects.requireNonNull(searchAttributes, "searchAttributes");
    this.clock = clock;
    this.workspaces = new Workspaces(host.defaultWorkspace(), host.workspaces());
    ChildEnvironment.posixZone(host.zone());
    host.agents().values().forEach(agent -> drivers.put(agent.name(), Providers.driver(agent)));
  }

  @Override
  public ResolvedAgent resolveAgent(AgentSelection selection) {
    AgentDefinition agent = agent(selection.agent());
    String account = selection.account() == null ? agent.account() : selection.account();
    account(agent, account);
    Path workspace = workspaces.resolve(selection.workspace());
    Executables.find(agent, host.environment().get("PATH"));
    AgentDriver driver = drivers.get(agent.name());
    if (selection.continueLast() && selection.session() == null && !driver.continuesLast()) {
      throw Failures.permanent(
          ErrorCode.INVALID_REQUEST,
          "continueLast: agent '"
              + agent.name()
              + "' cannot go on with the last session of a folder; name the session instead");
    }
    SessionId session = selection.session();
    if (session == null && !selection.continueLast()) {
      session = chosenSession(driver);
    }
    return new ResolvedAgent(
        agent.name(),
        agent.provider(),
        account,
        selection.model() == null ? agent.model() : selection.model(),
        workspace.toString(),
        session,
        agent.resumeMessage() == null ? host.resumeMessage() : agent.resumeMessage(),
        host.policy(),
        host.hostId(),
        Names.hostTaskQueue(host.taskQueue(), host.hostId()),
        searchAttributes.getAsBoolean(),
        host.hostPolicy(),
        null);
  }

  /** A new id for a session; null where the agent names its sessions itself. */
  private static SessionId chosenSession(AgentDriver driver) {
    return driver.choosesSession() ? new SessionId(UUID.randomUUID().toString()) : null;
  }

  private AgentDefinition agent(String name) {
    Map<String, AgentDefinition> agents = host.agents();
    if (name == null && !agents.isEmpty()) {
      return agents.values().iterator().next();
    }
    AgentDefinition agent = name == null ? null : agents.get(name);
    if (agent == null) {
      throw Failures.permanent(
          ErrorCode.UNKNOWN_AGENT,
          agents.isEmpty()
              ? "agent: this worker has no agents; configure one, or put a known one on its PATH"
              : "agent: '" + name + "' is unknown; this worker has " + listed(agents.keySet()));
    }
    return agent;
  }

  /** The account's definition; null for an agent's own account that is not configured further. */
  private AccountDefinition account(AgentDefinition agent, String name) {
    AccountDefinition account = host.accounts().get(name);
    if (account == null && !name.equals(agent.account())) {
      throw Failures.permanent(
          ErrorCode.UNKNOWN_ACCOUNT,
          "account: '"
              + name
              + "' is unknown; agent '"
              + agent.name()
              + "' may use "
              + usable(agent));
    }
    if (account != null && !account.provider().equals(agent.provider())) {
      throw Failures.permanent(
          ErrorCode.UNKNOWN_ACCOUNT,
          "account: '"
              + name
              + "' belongs to the provider "
              + account.provider()
              + ", and agent '"
              + agent.name()
              + "' to "
              + agent.provider()
              + "; it may use "
              + usable(agent));
    }
    return account;
  }

  private String usable(AgentDefinition agent) {
    TreeSet<String> names = new TreeSet<>();
    names.add(agent.account());
    host.accounts().values().stream()
        .filter(account -> account.provider().equals(agent.provider()))
        .forEach(account -> names.add(account.name()));
    return listed(names);
  }

  private static String listed(Iterable<String> names) {
    return StreamSupport.stream(names.spliterator(), false)
        .sorted()
        .collect(Collectors.joining(", "));
  }

  @Override
  public AgentOutcome invokeAgent(AgentInvocation invocation) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    if (drainEnds.get() != null) {
      throw Failures.benign(
          ErrorCode.DRAINED,
          "the worker is going away; the agent was not started",
          progressBefore(context));
    }
    AgentDefinition agent = agent(invocation.agent());
    AgentDriver driver = drivers.get(agent.name());
    String accountName = invocation.account() == null ? agent.account() : invocation.account();
    AccountDefinition account = account(agent, accountName);
    Path workspace = workspaces.resolve(invocation.workspace());
    Path executable = Executables.find(agent, host.environment().get("PATH"));
    ChildEnvironment environment = ChildEnvironment.of(host, agent, account);

    InvocationProgress before = progressBefore(context);
    String mark = mark(context.getInfo());
    endLeftBehind(before, mark);
    boolean retried = before != null || context.getInfo().getAttempt() > 1;
    CallPlan plan =
        CallPlan.of(invocation, before, retried, chosenSession(driver), workspace.toString());

    Call call =
        new Call(
            context,
            new Call.Setting(
                host,
                agent,
                accountName,
                driver,
                executable,
                workspace,
                environment,
                versions,
                mark,
                new TranscriptContext(
                    agent.provider(),
                    null,
                    context.getInfo().getWorkflowId(),
                    invocation.turn(),
                    invocation.number(),
                    context.getInfo().getAttempt())),
            new Call.Bounds(
                invocation.invocationTimeout(), invocation.silenceTimeout(), this::drained),
            clock);
    AgentOutcome outcome = call.make(plan.first(), plan.taken());
    boolean unknown =
        outcome instanceof AgentOutcome.Stopped stopped
            && stopped.reason() == StopReason.SESSION_UNKNOWN;
    return unknown && plan.ifUnknown() != null ? call.make(plan.ifUnknown(), false) : outcome;
  }

  @Override
  public HostSighting seeHost(String hostId) {
    throw new UnsupportedOperationException("seeHost");
  }

  @Override
  public WorktreeEnd releaseWorktree(Worktree worktree) {
    throw new UnsupportedOperationException("releaseWorktree");
  }

  private static InvocationProgress progressBefore(ActivityExecutionContext context) {
    try {
      return context.getLastHeartbeatDetails(InvocationProgress.class).orElse(null);
    } catch (DataConverterException unreadable) {
      log.warn("The heartbeat details of the attempt before cannot be read", unreadable);
      return null;
    }
  }

  /** The same for all attempts of one activity, and for no other. */
  private static String mark(ActivityInfo info) {
    return info.getWorkflowRunId() + "/" + info.getActivityId();
  }

  /** A worker that was killed leaves its agent behind; two must not work on one session. */
  private void endLeftBehind(InvocationProgress before, String mark) {
    if (before != null
        && before.pid() > 0
        && host.hostId().equals(before.host())
        && AgentProcess.endLeftBehind(before.pid(), Call.MARK, mark)) {
      log.warn("Ended agent {}, which an earlier attempt had left behind", before.pid());
    }
  }

  private boolean drained() {
    Long ends = drainEnds.get();
    return ends != null && System.nanoTime() - ends >= 0;
  }

  /**
   * Begins to drain: no agent is started any more, and those that still run after the host's drain
   * grace are ended so that another worker can resume them. Returns at once; further calls do
   * nothing.
   */
  public void drain() {
    Duration grace = host.drainGrace();
    drainEnds.compareAndSet(null, System.nanoTime() + grace.toNanos());
  }
}
