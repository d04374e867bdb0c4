package dev.outlast.activities;

import dev.outlast.activities.claim.Answer;
import dev.outlast.activities.claim.ClaimTable;
import dev.outlast.activities.claim.HeldClaim;
import dev.outlast.activities.gate.Account;
import dev.outlast.activities.gate.AccountRules;
import dev.outlast.activities.gate.Admission;
import dev.outlast.activities.gate.Gates;
import dev.outlast.activities.handoff.SessionReport;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.secret.KnownSecrets;
import dev.outlast.activities.transcript.TranscriptContext;
import dev.outlast.activities.workspace.GitState;
import dev.outlast.activities.workspace.WorkspaceException;
import dev.outlast.activities.workspace.Workspaces;
import dev.outlast.activities.workspace.Worktrees;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.HandoffNotes;
import dev.outlast.agent.HandoffRequest;
import dev.outlast.agent.HostSighting;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.InvocationProgress.Spend;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.Names;
import io.temporal.activity.Activity;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.common.converter.DataConverterException;
import io.temporal.failure.ApplicationFailure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs the agents of one host. Thread-safe. */
public final class AgentActivitiesImpl implements AgentActivities {

  private static final Logger log = LoggerFactory.getLogger(AgentActivitiesImpl.class);

  /** How often a transcript is read at most, to hand its session off. */
  static final int MAX_HANDOFF_READS = 3;

  private final AgentHost host;
  private final BooleanSupplier searchAttributes;
  private final Function<String, HostSighting> hosts;
  private final Gates gates;
  private final Clock clock;
  private final Workspaces workspaces;
  private final Worktrees worktrees;
  private final GitState gitState;
  private final Map<String, AgentDriver> drivers = new HashMap<>();
  private final AgentVersions versions = new AgentVersions();
  private final AgentRegistry registry;
  private final Fence fence;
  private final AtomicReference<Long> drainEnds = new AtomicReference<>();

  /**
   * @param searchAttributes says whether the namespace knows Outlast's search attributes; asked
   *     once for each run
   * @param hosts says when a worker of a host was last heard of, by the host's id; throws when that
   *     cannot be found out now
   * @param gates of the accounts
   * @throws IllegalArgumentException if an agent's definition or the zone is wrong; the message
   *     begins with the key and says what is allowed
   */
  public AgentActivitiesImpl(
      AgentHost host,
      BooleanSupplier searchAttributes,
      Function<String, HostSighting> hosts,
      Gates gates) {
    this(host, searchAttributes, hosts, gates, Clock.systemUTC());
  }

  AgentActivitiesImpl(
      AgentHost host,
      BooleanSupplier searchAttributes,
      Function<String, HostSighting> hosts,
      Gates gates,
      Clock clock) {
    this.host = Objects.requireNonNull(host, "host");
    this.searchAttributes = Objects.requireNonNull(searchAttributes, "searchAttributes");
    this.hosts = Objects.requireNonNull(hosts, "hosts");
    this.gates = Objects.requireNonNull(gates, "gates");
    this.clock = clock;
    String path = host.environment().get("PATH");
    this.worktrees = new Worktrees(path, host.stateFolder(), clock);
    this.gitState = new GitState(path, host.stateFolder());
    this.workspaces = new Workspaces(host.defaultWorkspace(), host.workspaces(), worktrees);
    this.registry = AgentRegistry.open(host.stateFolder());
    this.fence =
        new Fence(ClaimTable.of(host.stateFolder(), registry, clock), host.stateFolder(), clock);
    ChildEnvironment.posixZone(host.zone());
    ChildEnvironment.learnSecrets(host);
    host.agents().values().forEach(agent -> drivers.put(agent.name(), Providers.driver(agent)));
  }

  @Override
  public ResolvedAgent resolveAgent(AgentSelection selection) {
    AgentDefinition agent = agent(selection.agent());
    String account = selection.account() == null ? agent.account() : selection.account();
    AccountDefinition definition = account(agent, account);
    String run = Activity.getExecutionContext().getInfo().getWorkflowId();
    Path workspace = usable(() -> workspaces.resolve(selection.workspace(), run));
    if (selection.worktree()) {
      usable(() -> worktrees.source(workspace));
    }
    usable(() -> Executables.find(agent, host.environment().get("PATH")));
    ChildEnvironment environment = usable(() -> ChildEnvironment.of(host, agent, definition));
    AgentDriver driver = drivers.get(agent.name());
    if (selection.continueLast() && selection.session() == null && !driver.continuesLast()) {
      throw Failures.permanent(
          ErrorCode.INVALID_REQUEST,
          "continueLast: agent '"
              + agent.name()
              + "' cannot go on with the last session of a folder; name the session instead");
    }
    if (selection.continueLast() && selection.session() == null && selection.worktree()) {
      throw Failures.permanent(
          ErrorCode.INVALID_REQUEST,
          "continueLast: there is no last session in a new worktree; name the session instead, or"
              + " leave worktree out");
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
        null,
        host.accountPolicy(),
        SessionPlace.of(host, agent, driver, environment));
  }

  /**
   * What a run asks of its host before it begins or after it has ended. What is missing then is a
   * mistake.
   *
   * @throws io.temporal.failure.ApplicationFailure if it cannot be; the message says why
   */
  static <T> T usable(Supplier<T> asked) {
    try {
      return asked.get();
    } catch (WorkspaceException e) {
      throw e.passing()
          ? Failures.transientFailure(ErrorCode.WORKSPACE, e.getMessage(), null)
          : Failures.permanent(ErrorCode.WORKSPACE, e.getMessage());
    } catch (MissingException e) {
      throw Failures.permanent(e.code(), e.getMessage());
    }
  }

  /**
   * What a run that has begun needs of its host. What is missing now was there before and may come
   * back, so the run waits for it: a disk that is mounted late, a program that is replaced.
   *
   * @param before what is known of attempts before this one; null if there was none
   * @throws io.temporal.failure.ApplicationFailure if it cannot be; the message says why
   */
  private static <T> T awaited(InvocationProgress before, Supplier<T> needed) {
    try {
      return needed.get();
    } catch (WorkspaceException e) {
      throw e.passing()
          ? Failures.notStarted(e.getMessage(), before)
          : Failures.permanent(ErrorCode.WORKSPACE, e.getMessage());
    } catch (MissingException e) {
      throw Failures.notStarted(e.getMessage(), before);
    }
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
  public Worktree makeWorktree(String workspace) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    ActivityInfo info = context.getInfo();
    String run = info.getWorkflowId();
    return new Lifeline(context)
        .during(
            null,
            Worktree.MAX_ATTEMPT,
            () ->
                awaited(
                    null,
                    () ->
                        worktrees.make(
                            run, info.getWorkflowRunId(), workspaces.again(workspace, run))));
  }

  @Override
  public AgentOutcome invokeAgent(AgentInvocation invocation) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    InvocationProgress before = progressBefore(context);
    Optional<AgentOutcome> unreported =
        CallReport.unreported(
            invocation,
            before,
            driver(invocation).keepsRefusedPrompt(),
            host.policy().margin(),
            clock.instant());
    Lifeline lifeline = new Lifeline(context);
    try (Admission admission = admission(context, invocation, before)) {
      return invokeAgent(context, lifeline, invocation, before, unreported, admission);
    } catch (ApplicationFailure failure) {
      throw Failures.paced(failure, context.getInfo().getAttempt());
    }
  }

  /** How an attempt asks and tells the gate of its account. */
  private Admission admission(
      ActivityExecutionContext context, AgentInvocation invocation, InvocationProgress before) {
    AgentDefinition agent = agent(invocation.agent());
    String account = invocation.account() == null ? agent.account() : invocation.account();
    return new Admission(
        gates,
        new AccountRules(
            host.gate(account), host.reserve(account), host.quiet(), host.policy(), host.zone()),
        clock,
        new Admission.Visitor(
            new Account(agent.provider(), account),
            context.getInfo().getWorkflowId(),
            invocation.model() == null ? agent.model() : invocation.model(),
            invocation.accountTurn(),
            retried(context, before),
            before == null ? Spend.NONE : before.untold(),
            invocation.spending().overage() == OverageUse.AVOID));
  }

  private AgentOutcome invokeAgent(
      ActivityExecutionContext context,
      Lifeline lifeline,
      AgentInvocation invocation,
      InvocationProgress before,
      Optional<AgentOutcome> unreported,
      Admission admission) {
    try {
      return claimed(context, lifeline, invocation, before, unreported, admission);
    } catch (ApplicationFailure failure) {
      if (unreported.isEmpty()) {
        throw failure;
      }
      // No agent was to be started, so that it could not have been does not matter.
      log.info(
          "Run {}: the limit of the attempt before is reported, although: {}",
          context.getInfo().getWorkflowId(),
          failure.getOriginalMessage());
      return lifeline.during(before, () -> admission.ended(unreported.get()));
    }
  }

  private AgentDriver driver(AgentInvocation invocation) {
    return drivers.get(agent(invocation.agent()).name());
  }

  /** It may not be told in place of a limit that anything else is in the way. */
  private void askNoneBeforeReset(
      Lifeline lifeline, InvocationProgress before, Admission admission) {
    if (before != null && before.limitLasts(clock.instant(), host.policy().margin())) {
      lifeline.during(
          before,
          () -> {
            admission.met(before.limit().countedFrom(clock.instant()));
            return null;
          });
      throw Failures.benign(
          ErrorCode.DRAINED,
          "the agent was not started: the usage limit that it has met is not over",
          before);
    }
  }

  private AgentOutcome claimed(
      ActivityExecutionContext context,
      Lifeline lifeline,
      AgentInvocation invocation,
      InvocationProgress before,
      Optional<AgentOutcome> unreported,
      Admission admission) {
    InvocationProgress known = attemptsBefore(context, invocation, before);
    if (draining()) {
      throw Failures.benign(
          ErrorCode.DRAINED, "the worker is going away; the agent was not started", known);
    }
    // To wait for the claims, and to end the agent of an attempt before, may take a while.
    Answer answer =
        lifeline.during(
            before,
            () ->
                fence.claim(
                    context.getInfo(),
                    invocation,
                    known,
                    agent(invocation.agent()),
                    workspace(invocation, context, known)));
    if (answer instanceof Answer.Busy busy) {
      if (unreported.isPresent()) {
        return lifeline.during(before, () -> admission.ended(unreported.get()));
      }
      askNoneBeforeReset(lifeline, before, admission);
      AgentOutcome deferred = fence.deferred(busy, invocation, before, retried(context, before));
      return lifeline.during(before, () -> admission.ended(deferred));
    }
    try (HeldClaim claim = ((Answer.Granted) answer).claim()) {
      if (unreported.isEmpty()) {
        askNoneBeforeReset(lifeline, before, admission);
      }
      return invokeAgent(
          context, lifeline, invocation, before, known, unreported, admission, claim);
    }
  }

  private Path workspace(
      AgentInvocation invocation, ActivityExecutionContext context, InvocationProgress known) {
    String run = context.getInfo().getWorkflowId();
    return awaited(known, () -> workspaces.again(invocation.workspace(), run));
  }

  private static boolean retried(ActivityExecutionContext context, InvocationProgress before) {
    return before != null || context.getInfo().getAttempt() > 1;
  }

  /** Nobody else works on the session or in the workspace until this returns. */
  private AgentOutcome invokeAgent(
      ActivityExecutionContext context,
      Lifeline lifeline,
      AgentInvocation invocation,
      InvocationProgress before,
      InvocationProgress known,
      Optional<AgentOutcome> unreported,
      Admission admission,
      HeldClaim claim) {
    AgentDefinition agent = agent(invocation.agent());
    AgentDriver driver = drivers.get(agent.name());
    String accountName = invocation.account() == null ? agent.account() : invocation.account();
    AccountDefinition account = account(agent, accountName);
    Path workspace = workspace(invocation, context, known);
    Path executable = awaited(known, () -> Executables.find(agent, host.environment().get("PATH")));
    ChildEnvironment environment = awaited(known, () -> ChildEnvironment.of(host, agent, account));

    boolean retried = retried(context, before);
    CallPlan untold =
        CallPlan.of(invocation, before, retried, chosenSession(driver), workspace.toString());
    Checkpoint left = left(context, invocation, before);
    CallPlan plan = lifeline.during(before, () -> withNews(untold, invocation, before, left));

    Call.Setting setting =
        new Call.Setting(
            host,
            agent,
            accountName,
            driver,
            executable,
            workspace,
            environment,
            versions,
            registry,
            new TranscriptContext(
                agent.provider(),
                null,
                context.getInfo().getWorkflowId(),
                invocation.turn(),
                invocation.number(),
                context.getInfo().getAttempt()));
    SessionMarks marks = new SessionMarks(setting, context.getInfo(), claim);
    Function<SessionId, Checkpoint> stands =
        session -> marks.checkpoint(session, gitState.read(workspace));
    if (unreported.isPresent()) {
      return lifeline.during(before, () -> admission.ended(leaving(unreported.get(), stands)));
    }
    boolean told = plan.taken() || (retried && invocation.start() == SessionStart.FRESH);
    Optional<AgentOutcome> movedOn =
        lifeline.during(before, () -> marks.movedOn(left, plan.first(), told, clock.instant()));
    if (movedOn.isPresent()) {
      return lifeline.during(before, () -> admission.ended(movedOn.get()));
    }
    InvocationFacts behind = retried ? Fence.leftBehind(invocation, before, clock.instant()) : null;
    // Nothing else can keep the agent from being started: a run that is let through to try for all
    // others must do so.
    Optional<AgentOutcome.Deferred> notNow = lifeline.during(before, () -> admission.ask(behind));
    if (notNow.isPresent()) {
      return lifeline.during(before, () -> admission.ended(notNow.get()));
    }

    Call call =
        new Call(
            context,
            lifeline,
            setting,
            new Call.Bounds(
                invocation.invocationTimeout(),
                invocation.silenceTimeout(),
                this::draining,
                this::drained,
                invocation.spending()),
            claim,
            stands,
            known,
            clock);
    call.showing(admission);
    AgentOutcome outcome = call.make(plan.first(), plan.taken(), left);
    boolean unknown =
        outcome instanceof AgentOutcome.Stopped stopped
            && stopped.reason() == StopReason.SESSION_UNKNOWN;
    if (unknown && plan.ifUnknown() != null) {
      outcome = call.make(plan.ifUnknown(), false);
    }
    AgentOutcome made = outcome;
    return call.stillHere(() -> admission.ended(leaving(made, stands)));
  }

  /** An outcome that says how the agent has left its session and its workspace. */
  private static AgentOutcome leaving(AgentOutcome made, Function<SessionId, Checkpoint> stands) {
    return made.withCheckpoint(stands.apply(made.facts().session()));
  }

  /**
   * How session and workspace were left, by the newest word of it; null if there is none. What an
   * attempt finds moved may be the doing of the agent of the attempt before, unless that has said
   * how it has left them.
   */
  private static Checkpoint left(
      ActivityExecutionContext context, AgentInvocation invocation, InvocationProgress before) {
    if (before == null) {
      return invocation.checkpoint();
    }
    return before.attempt() == context.getInfo().getAttempt() - 1 ? before.checkpoint() : null;
  }

  /**
   * A plan that tells the agent what has changed in its workspace.
   *
   * @param left how the attempt before has left it, or the last invocation; null if that is not
   *     known
   */
  private CallPlan withNews(
      CallPlan plan, AgentInvocation invocation, InvocationProgress before, Checkpoint left) {
    if (plan.first().start() != SessionStart.RESUME) {
      return plan;
    }
    // Not told yet is what has changed since the last invocation, also by an attempt of this one.
    boolean sinceLast = plan.resumesUntold() && invocation.checkpoint() != null;
    Checkpoint since = sinceLast ? invocation.checkpoint() : left;
    if (since == null) {
      return plan;
    }
    boolean perhapsByAgent = sinceLast && before != null;
    return gitState
        .news(Path.of(plan.first().workspace()), since.workspace(), perhapsByAgent)
        .map(plan::and)
        .orElse(plan);
  }

  @Override
  public HandoffNotes handOff(HandoffRequest request) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    String run = context.getInfo().getWorkflowId();
    return new Lifeline(context)
        .during(
            null,
            () ->
                recorded(request, run, context.getInfo().getAttempt())
                    .notes(standing(request, run)));
  }

  /**
   * What is on record of a session. A record that cannot be read is tried again a few times; that
   * nothing is known in the end keeps no run from going on.
   */
  SessionReport recorded(HandoffRequest request, String run, int attempt) {
    if (request.transcript() == null || host.transcripts() == null) {
      return SessionReport.UNRECORDED;
    }
    try {
      return SessionReport.of(
          host.transcripts(),
          request.transcript(),
          request.provider(),
          run,
          request.turn(),
          KnownSecrets::redact);
    } catch (IllegalArgumentException elsewhere) {
      log.warn("Run {}: a session is handed off without its record: {}", run, elsewhere.toString());
    } catch (IOException | UncheckedIOException e) {
      if (attempt < MAX_HANDOFF_READS) {
        throw Failures.paced(
            Failures.transientFailure(
                ErrorCode.NOT_STARTED,
                "the transcript "
                    + request.transcript().key()
                    + " cannot be read, to hand its session off ("
                    + e
                    + "); see to the disk of the worker's state folder, "
                    + host.stateFolder(),
                null),
            attempt);
      }
      log.warn("Run {}: a session is handed off without its record, which cannot be read", run, e);
    }
    return SessionReport.UNRECORDED;
  }

  /** How the workspace stands; it is the next invocation's business if it cannot be used. */
  private Optional<GitState.Standing> standing(HandoffRequest request, String run) {
    try {
      return gitState.standing(workspaces.again(request.workspace(), run), SessionReport.MAX_FILES);
    } catch (WorkspaceException unusable) {
      log.info("Run {}: its workspace is not looked at: {}", run, unusable.getMessage());
      return Optional.empty();
    }
  }

  @Override
  public HostSighting seeHost(String hostId) {
    return hosts.apply(hostId);
  }

  @Override
  public WorktreeEnd releaseWorktree(Worktree worktree) {
    ActivityExecutionContext context = Activity.getExecutionContext();
    String run = context.getInfo().getWorkflowId();
    return new Lifeline(context)
        .during(null, Worktree.MAX_ATTEMPT, () -> usable(() -> worktrees.release(worktree, run)));
  }

  /** What the attempt before has told; null if nothing is known of one. */
  private static InvocationProgress progressBefore(ActivityExecutionContext context) {
    try {
      return context.getLastHeartbeatDetails(InvocationProgress.class).orElse(null);
    } catch (DataConverterException unreadable) {
      log.warn("The heartbeat details of the attempt before cannot be read", unreadable);
      return null;
    }
  }

  /**
   * What a run must know of the attempts before one that starts no agent. One that was never heard
   * of may have started it.
   *
   * @return null if there was none
   */
  private InvocationProgress attemptsBefore(
      ActivityExecutionContext context, AgentInvocation invocation, InvocationProgress before) {
    return before != null || !retried(context, before)
        ? before
        : new InvocationProgress(
            InvocationProgress.Phase.STARTING,
            invocation.session(),
            false,
            null,
            null,
            null,
            host.hostId(),
            0);
  }

  private boolean draining() {
    return drainEnds.get() != null;
  }

  private boolean drained() {
    Long ends = drainEnds.get();
    return ends != null && System.nanoTime() - ends >= 0;
  }

  /**
   * Tells the runs of a namespace from those of others that have the same name, on other servers.
   * To be called before this worker takes its first invocation.
   *
   * @param namespaceId the server's id of the namespace, which no other one has
   */
  public void serve(String namespaceId) {
    fence.serve(namespaceId);
  }

  /**
   * Begins to drain: no agent is started any more, and those that still run after the host's drain
   * grace are ended so that another worker can resume them. Returns at once; further calls do
   * nothing.
   */
  public void drain() {
    Duration grace = host.drainGrace();
    drainEnds.compareAndSet(null, System.nanoTime() + grace.toNanos());
    registry.close();
  }

  /**
   * Ends the agents that killed workers of this host have left behind. To be called before this
   * worker takes its first invocation; takes ten seconds at most, fifteen if another container has
   * left some, and no time if there are none.
   *
   * @throws java.io.UncheckedIOException if the state folder cannot be used, or a worker of another
   *     container uses it; the message says what to do
   */
  public void reap() {
    registry.reap();
  }
}
