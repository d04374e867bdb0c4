package dev.outlast.activities;

import dev.outlast.activities.claim.Answer;
import dev.outlast.activities.claim.HeldClaim;
import dev.outlast.activities.gate.Admission;
import dev.outlast.activities.gate.Shown;
import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentProcess;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.process.NotExecutedException;
import dev.outlast.activities.process.NotRecordedException;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.ProcessSpec;
import dev.outlast.activities.provider.AccountFacts;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.CommandLine;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.activities.transcript.TranscriptContext;
import dev.outlast.activities.transcript.TranscriptKind;
import dev.outlast.activities.transcript.TranscriptRecorder;
import dev.outlast.activities.workspace.WorkspaceException;
import dev.outlast.activities.workspace.Workspaces;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.InvocationProgress.Phase;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.Spending;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.OperatorTexts;
import io.temporal.activity.ActivityExecutionContext;
import io.temporal.activity.ActivityInfo;
import io.temporal.failure.ApplicationFailure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts an agent, watches it until it ends or has to be ended, and reports how that was. */
final class Call {

  /** How often progress is reported while nothing changes. */
  static final Duration HEARTBEAT = Duration.ofSeconds(5);

  /** How often it is looked whether anything has changed. */
  static final Duration LOOK = Duration.ofMillis(100);

  /** How often it is looked whether a newer attempt has taken over. */
  static final Duration CLAIM_LOOK = Duration.ofSeconds(1);

  /** How long it is waited after a session could not be claimed; each try may take seconds. */
  static final Duration CLAIM_AGAIN = Duration.ofSeconds(30);

  /**
   * The operating system was short of something for a moment: EAGAIN, ENOMEM, E(N|M)FILE, ETXTBSY.
   */
  private static final Pattern MOMENTARY = Pattern.compile("error=(?:11|12|23|24|26|35),");

  private static final int INTERRUPTED_EXIT = 130;

  /** Whom to call, and how. */
  record Setting(
      AgentHost host,
      AgentDefinition agent,
      String account,
      AgentDriver driver,
      Path executable,
      Path workspace,
      ChildEnvironment environment,
      AgentVersions versions,
      AgentRegistry registry,
      TranscriptContext transcript) {

    /**
     * @param needed variables that the agent needs besides those that it is configured with
     */
    Surroundings surroundings(Map<String, String> needed) {
      Map<String, String> variables = new HashMap<>(environment.variables());
      variables.putAll(needed);
      return new Surroundings(host.zone(), variables, host.stateFolder());
    }
  }

  /**
   * How long it may take.
   *
   * @param draining says that no agent may be started any more
   * @param drained says that agents at work must be ended
   * @param spending what all attempts together may spend
   */
  record Bounds(
      Duration invocation,
      Duration silence,
      BooleanSupplier draining,
      BooleanSupplier drained,
      Spending spending) {

    Bounds(
        Duration invocation, Duration silence, BooleanSupplier draining, BooleanSupplier drained) {
      this(invocation, silence, draining, drained, Spending.UNBOUNDED);
    }
  }

  /** Why we end an agent ourselves. */
  private enum Reason {
    CANCELLED,
    DRAINED,
    /** An operator has paused the activity. */
    PAUSED,
    TOO_LONG,
    TOO_SILENT,
    /** It sleeps in its own process until a limit is over. */
    SITS_OUT,
    /** It has said that it works on paid overage, which the run avoids. */
    OVERAGE,
    /** It has used what was left of the run's budget. */
    BUDGET,
    /** The server has given this attempt up, so nobody hears its answer. */
    ABANDONED,
    /** It has gone on with a session on which another run's agent works. */
    BUSY,
    /** Its output is not read any more. */
    UNREAD
  }

  private static final Logger log = LoggerFactory.getLogger(Call.class);

  private final ActivityExecutionContext context;
  private final Lifeline lifeline;
  private final Setting setting;
  private final Bounds bounds;
  private final HeldClaim claim;
  private final Function<SessionId, Checkpoint> left;
  private final InvocationProgress before;
  private final Clock clock;
  private final Meter meter;

  private AgentCall call;
  private boolean takenBefore;

  /** What was known before the call of how session and workspace were left; may be null. */
  private Checkpoint leftBefore;

  /** Whether the agent was let go. */
  private boolean ran;

  private long started = System.nanoTime();
  private InvocationProgress reported;
  private long reportedAt;

  /** When the agent last said anything; null before it has. */
  private volatile Instant heardAt;

  private long lookedAt = System.nanoTime();
  private TranscriptRecorder transcript;

  /** The run whose agent works on the session. */
  private String elsewhere;

  /** The session that could not be claimed yet; null if there is none. */
  private SessionId unclaimed;

  private long triedAt;

  /** Who hears what the agent shows of its account; null if nobody does. */
  private Admission admission;

  /** Whose output is read; null before the call is made ready. */
  private SharedReader read;

  /**
   * @param lifeline of the attempt that the call belongs to
   * @param claim held for as long as the call is made
   * @param left says how a session, which may be null, and the workspace stand; asked when the
   *     agent has ended
   * @param before what is known of attempts before this one; null if there was none
   */
  Call(
      ActivityExecutionContext context,
      Lifeline lifeline,
      Setting setting,
      Bounds bounds,
      HeldClaim claim,
      Function<SessionId, Checkpoint> left,
      InvocationProgress before,
      Clock clock) {
    this.context = context;
    this.lifeline = lifeline;
    this.setting = setting;
    this.bounds = bounds;
    this.claim = claim;
    this.left = left;
    this.before = before;
    this.clock = clock;
    this.meter = new Meter(bounds.spending(), before);
  }

  /** Who is shown, from now on, what the agent learns of its account. */
  void showing(Admission toWhom) {
    admission = toWhom;
  }

  /** An {@link OutputReader} that is fed by one thread and asked by another. */
  private final class SharedReader {
    private final OutputReader reader;
    private boolean saidMore;
    private UsageLimit limit;
    private Boolean answered;

    SharedReader(Surroundings surroundings) {
      reader = setting.driver().reader(surroundings, call);
    }

    void stdout(OutputLine line) {
      transcript.output(TranscriptKind.STDOUT, line);
      synchronized (this) {
        heardAt = clock.instant();
        reader.stdout(line, heardAt);
        saidMore = true;
        answered = null;
      }
    }

    void stderr(OutputLine line) {
      transcript.output(TranscriptKind.STDERR, line);
      synchronized (this) {
        heardAt = clock.instant();
        reader.stderr(line, heardAt);
        saidMore = true;
        answered = null;
      }
    }

    /** Whatever else becomes of what an agent has told: no secret gets further than here. */
    synchronized CallFacts facts() {
      return setting.environment().redact(reader.facts());
    }

    /** What it has shown of its account; nothing speaks for one that looks limited now. */
    synchronized Shown shown() {
      CallFacts facts = reader.facts();
      AccountFacts account = reader.account();
      return new Shown(
          facts.progressed() && limit == null,
          limit == null ? account : new AccountFacts(false, account.windows()),
          facts.tokens(),
          facts.costUsd(),
          overage(facts.agentVersion(), clock.instant()));
    }

    /** The limit that it has met; null if it has not, or has gone on since. */
    synchronized UsageLimit limit() {
      if (saidMore) {
        saidMore = false;
        Instant now = clock.instant();
        limit =
            meter
                .avoided(reader.overage())
                .filter(avoided -> !answered())
                .or(() -> reader.limited(now))
                .map(met -> new CallReport(setting, met, facts().agentVersion(), heardAt, now))
                .map(CallReport::limit)
                .orElse(null);
      }
      return limit;
    }

    /** Whether it has said all that there was to say, and has only to go away. */
    synchronized boolean answered() {
      if (answered == null) {
        answered = reader.conclude(0, clock.instant()) instanceof Conclusion.Completed;
      }
      return answered;
    }

    /** Why it must not spend any more; null if it may, or has answered. */
    Reason overspends() {
      CallFacts now = facts();
      boolean overage = meter.avoids() && now.usingOverage();
      if ((!overage && !meter.spent(now)) || answered()) {
        return null;
      }
      return overage ? Reason.OVERAGE : Reason.BUDGET;
    }

    synchronized boolean sitsOutLimit() {
      return reader.sitsOutLimit(clock.instant());
    }

    synchronized Conclusion conclude(int exitCode, Instant now) {
      return meter.decided(reader.conclude(exitCode, now), reader.overage());
    }

    /** The limit beyond which it has worked on paid overage; null if it has not said so. */
    synchronized UsageLimit overage(String version, Instant now) {
      return reader
          .overage()
          .map(beyond -> new CallReport(setting, beyond, version, heardAt, now).limit())
          .orElse(null);
    }
  }

  /** Makes a call of whose session and workspace nothing is known. */
  AgentOutcome make(AgentCall callToMake, boolean taken) {
    return make(callToMake, taken, null);
  }

  /**
   * Makes a call.
   *
   * @param callToMake what to say, and to which session
   * @param taken whether the session is known to have the message of an earlier attempt
   * @param checkpoint how session and workspace were left before; null if that is not known
   */
  AgentOutcome make(AgentCall callToMake, boolean taken, Checkpoint checkpoint) {
    call = callToMake;
    takenBefore = taken;
    leftBefore = checkpoint;
    ran = false;
    heardAt = null;
    read = null;
    transcript = CallTranscript.open(setting, call, clock);
    try {
      return CallTranscript.closing(transcript, this::made);
    } finally {
      if (admission != null && read != null) {
        admission.last(read.shown());
      }
      if (!ran && reported != null) {
        // Nothing has moved by our doing, so the next attempt compares as this one did.
        leave();
      }
    }
  }

  private AgentOutcome made() {
    Surroundings surroundings = setting.surroundings(prepared());
    SharedReader reader = new SharedReader(surroundings);
    read = reader;
    Reason early = report(progress(Phase.STARTING, reader, 0));
    if (early == null && meter.spent(reader.facts())) {
      early = Reason.BUDGET;
    }
    if (early == null) {
      early = settle(surroundings, reader);
    }
    if (early != null) {
      return ended(early, reader, INTERRUPTED_EXIT);
    }
    AgentProcess process = start(surroundings, reader);
    int exitCode = 0;
    Reason reason = null;
    boolean watched = false;
    try {
      reason = watch(process, reader);
      if (reason != null) {
        report(progress(Phase.ENDING, reader, process.pid()));
      }
      watched = true;
    } finally {
      // Whatever has gone wrong while it was watched: no agent goes on without us.
      exitCode = watched && reason == null ? process.finish() : process.end();
    }
    if (overtaken()) {
      throw givenUp();
    }
    Optional<NotExecutedException> notExecuted = process.notExecuted();
    if (notExecuted.isPresent()) {
      throw notStarted(notExecuted.get(), notExecuted.get().passing());
    }
    Optional<String> unread = process.unread();
    if (unread.isPresent()) {
      throw Failures.transientFailure(
          ErrorCode.AGENT_CRASHED,
          "the worker could not read the agent's output on, and has ended it ("
              + unread.get()
              + ")",
          reported);
    }
    InvocationProgress last = progress(Phase.ENDING, reader, process.pid());
    if (news(last)) {
      // A session named with the last words must be known to a retried attempt too.
      report(last);
    }
    if (reason != null) {
      return ended(reason, reader, Math.max(exitCode, INTERRUPTED_EXIT));
    }
    Conclusion conclusion = reader.conclude(exitCode, clock.instant());
    return outcome(conclusion, reader);
  }

  /** Does what follows a call and reports nothing itself, while the server is told that we live. */
  <T> T stillHere(Supplier<T> work) {
    report(reported);
    return lifeline.during(reported, work);
  }

  /**
   * Tells the next attempt how this one leaves session and workspace, to be compared with what it
   * finds. To be called when the agent has ended.
   */
  private InvocationProgress leave() {
    Checkpoint now = ran ? stillHere(() -> left.apply(reported.session())) : leftBefore;
    report(reported.leaving(now));
    return reported;
  }

  /** Makes the host ready; the variables that the agent needs for it. */
  private Map<String, String> prepared() {
    try {
      return setting.driver().prepare(setting.surroundings(Map.of()));
    } catch (IOException e) {
      String message =
          "agents."
              + setting.agent().name()
              + ": the host cannot be made ready for this agent: "
              + setting.environment().redact(String.valueOf(e.getMessage()));
      // Permissions stay as they are until somebody changes them; a full disk may be emptied.
      throw e instanceof AccessDeniedException
          ? Failures.permanent(ErrorCode.EXECUTABLE, message + ": permission denied")
          : Failures.notStarted(message, setting.host().stateFolder(), before);
    }
  }

  /** Waits until the call does no harm to its session; says why it must not be made at all. */
  private Reason settle(Surroundings surroundings, SharedReader reader) {
    Instant now = clock.instant();
    Duration wait = settling(now, setting.driver().startsAt(call, surroundings, now));
    long began = System.nanoTime();
    Reason reason = null;
    while (reason == null
        && !bounds.draining().getAsBoolean()
        && System.nanoTime() - began < wait.toNanos()) {
      InvocationProgress settling = progress(Phase.SETTLING, reader, 0);
      reason = reported.phase() != Phase.SETTLING || due() ? report(settling) : interruption();
      try {
        Thread.sleep(LOOK.toMillis());
      } catch (InterruptedException workerEnds) {
        // The flag stays cleared: the SDK has yet to tell the server, over the network.
        return Reason.DRAINED;
      }
    }
    // The agent's own time has not begun yet.
    started += System.nanoTime() - began;
    return reason == null && bounds.draining().getAsBoolean() ? Reason.DRAINED : reason;
  }

  static Duration settling(Instant now, Instant startsAt) {
    if (!startsAt.isAfter(now)) {
      return Duration.ZERO;
    }
    Duration told = Duration.between(now, startsAt);
    return told.compareTo(AgentDriver.MAX_SETTLING) > 0 ? AgentDriver.MAX_SETTLING : told;
  }

  private AgentProcess start(Surroundings surroundings, SharedReader reader) {
    CommandLine line;
    try {
      line = setting.driver().commandLine(call);
    } catch (IllegalArgumentException unfit) {
      throw Failures.permanent(
          ErrorCode.INVALID_REQUEST, setting.environment().redact(unfit.getMessage()));
    }
    List<String> argv = new ArrayList<>();
    argv.add(setting.executable().toString());
    argv.addAll(line.arguments());
    Map<String, String> environment = new HashMap<>(surroundings.environment());
    byte[] stdin = line.stdin() == null ? null : line.stdin().getBytes(StandardCharsets.UTF_8);
    AgentProcess process;
    transcript.prompt(call.message());
    try {
      process =
          setting
              .registry()
              .start(
                  new ProcessSpec(argv, setting.workspace(), environment, stdin),
                  owner(context.getInfo()),
                  call.session() == null ? null : call.session().value(),
                  setting.workspace().toString(),
                  reader::stdout,
                  reader::stderr);
    } catch (NotRecordedException e) {
      throw Failures.notStarted(
          setting.environment().redact(e.getMessage()), setting.host().stateFolder(), before);
    } catch (IOException | IllegalArgumentException e) {
      throw notStarted(e, MOMENTARY.matcher(String.valueOf(e.getMessage())).find());
    }
    try {
      // While it is held it has done nothing, and is where its path has led it.
      Workspaces.verify(setting.workspace(), process);
      // After it is on record and before it runs: whoever takes over ends what is on record.
      if (!claim.isOurs()) {
        process.end();
        throw givenUp();
      }
    } catch (WorkspaceException elsewhere) {
      process.end();
      throw elsewhere.passing()
          ? Failures.notStarted(elsewhere.getMessage(), before)
          : Failures.permanent(ErrorCode.WORKSPACE, elsewhere.getMessage());
    } catch (IOException e) {
      process.end();
      throw Fence.unusable(e, setting.host().stateFolder(), before);
    }
    try {
      ran = true;
      process.release();
      return process;
    } catch (IOException e) {
      process.end();
      throw overtaken() ? givenUp() : notStarted(e, true);
    }
  }

  /** Whether a newer attempt has taken over, for which the server has given up this one. */
  private boolean overtaken() {
    lookedAt = System.nanoTime();
    try {
      return !claim.isOurs();
    } catch (IOException unreadable) {
      // The agent has passed the gate, and the server refuses what an old attempt reports.
      log.warn("A claim cannot be read", unreadable);
      return false;
    }
  }

  private ApplicationFailure givenUp() {
    return Failures.benign(
        ErrorCode.DRAINED,
        "a newer attempt has taken over; the agent of this one has ended",
        reported);
  }

  /** Claims the session that the agent goes by; says whether it may go on with it. */
  private boolean claimed(SessionId session) {
    if (session == null || claim.covers(session)) {
      return true;
    }
    boolean again = session.equals(unclaimed);
    if (again && System.nanoTime() - triedAt < CLAIM_AGAIN.toNanos()) {
      return true;
    }
    try {
      Optional<Answer.Busy> busy = claim.add(session);
      busy.ifPresent(by -> elsewhere = by.run());
      return busy.isEmpty();
    } catch (IOException | UncheckedIOException e) {
      if (!again) {
        log.warn("Session {} cannot be claimed yet", session, e);
      }
      unclaimed = session;
      triedAt = System.nanoTime();
      return true;
    }
  }

  static AgentOwner owner(ActivityInfo info) {
    return new AgentOwner(
        info.getWorkflowId(), info.getWorkflowRunId(), info.getActivityId(), info.getAttempt());
  }

  private ApplicationFailure notStarted(Exception reason, boolean passing) {
    String message =
        "agents." + setting.agent().name() + ".command: cannot be started: " + reason.getMessage();
    return passing
        ? Failures.notStarted(
            setting.environment().redact(message), setting.host().stateFolder(), before)
        : Failures.permanent(ErrorCode.EXECUTABLE, setting.environment().redact(message));
  }

  /** Waits until the agent exits (null), or says why it must be ended. */
  private Reason watch(AgentProcess process, SharedReader reader) {
    while (true) {
      try {
        if (process.awaitExit(LOOK)) {
          return null;
        }
      } catch (InterruptedException workerEnds) {
        // The flag stays cleared: the SDK has yet to tell the server, over the network.
        return Reason.DRAINED;
      }
      Reason interruption = interruption();
      if (interruption != null) {
        return interruption;
      }
      Reason overspent = reader.overspends();
      if (overspent != null) {
        return overspent;
      }
      if (System.nanoTime() - lookedAt >= CLAIM_LOOK.toNanos() && overtaken()) {
        return Reason.ABANDONED;
      }
      if (process.unread().isPresent()) {
        return Reason.UNREAD;
      }
      if (reader.sitsOutLimit()) {
        return Reason.SITS_OUT;
      }
      if (System.nanoTime() - started >= bounds.invocation().toNanos()) {
        return Reason.TOO_LONG;
      }
      if (process.silence().compareTo(bounds.silence()) >= 0) {
        return Reason.TOO_SILENT;
      }
      InvocationProgress now = progress(Phase.WORKING, reader, process.pid());
      if (!claimed(now.session())) {
        return Reason.BUSY;
      }
      if (admission != null) {
        admission.atWork(reader.shown());
      }
      if (due() || news(now)) {
        Reason reason = report(now);
        if (reason != null) {
          return reason;
        }
      }
    }
  }

  /** Why an agent must not go on, or be started, although nothing is wrong with it. */
  private Reason interruption() {
    if (context.getCancellationToken().isCancellationRequested()) {
      return Reason.CANCELLED;
    }
    return bounds.drained().getAsBoolean() ? Reason.DRAINED : null;
  }

  private boolean due() {
    return System.nanoTime() - reportedAt >= HEARTBEAT.toNanos();
  }

  /** Whether a retried attempt would act differently if it knew this. */
  private boolean news(InvocationProgress now) {
    return now.taken() != reported.taken()
        || now.pid() != reported.pid()
        || !Objects.equals(now.limit(), reported.limit())
        || (now.overageUsd() == null) != (reported.overageUsd() == null)
        || (now.session() != null && !now.session().equals(reported.session()));
  }

  /**
   * Whether the session has the message. One that forgets what was refused has it for certain only
   * when the model has answered.
   */
  private boolean taken(boolean shown, boolean progressed) {
    return takenBefore || (shown && (progressed || setting.driver().keepsRefusedPrompt()));
  }

  /** Whether a fresh session that was refused at once is as if it had never been. */
  private boolean neverOpened(boolean progressed) {
    return call.start() == SessionStart.FRESH
        && !progressed
        && !setting.driver().keepsRefusedPrompt();
  }

  private InvocationProgress progress(Phase phase, SharedReader reader, long pid) {
    return progress(phase, reader.facts(), reader.limit(), pid);
  }

  private InvocationProgress progress(Phase phase, CallFacts facts, UsageLimit limit, long pid) {
    transcript.session(facts.resumable());
    return new InvocationProgress(
        phase,
        facts.resumable() == null ? call.session() : facts.resumable(),
        taken(facts.taken(), facts.progressed()),
        facts.lastTool() == null ? null : OperatorTexts.plain(facts.lastTool()),
        facts.lastItem(),
        meter.tokens(facts),
        setting.host().hostId(),
        pid,
        context.getInfo().getAttempt(),
        // Heartbeats are shown to operators as they are.
        limit == null ? null : limit.withoutWords(),
        null,
        meter.costUsd(facts),
        meter.overageUsd(facts),
        before == null ? null : before.told());
  }

  /** Sends a heartbeat; says whether its answer was that the agent must be ended. */
  private Reason report(InvocationProgress progress) {
    reported = progress;
    reportedAt = System.nanoTime();
    return switch (lifeline.beat(progress)) {
      case GO_ON -> null;
      case CANCELLED -> Reason.CANCELLED;
      case DRAINED -> Reason.DRAINED;
      case PAUSED -> Reason.PAUSED;
      case LOST -> Reason.ABANDONED;
    };
  }

  private AgentOutcome ended(Reason reason, SharedReader reader, int exitCode) {
    Instant now = clock.instant();
    Conclusion conclusion = reader.conclude(exitCode, now);
    if (reason == Reason.CANCELLED && !limitLasts(conclusion, now)) {
      CallFacts facts = reader.facts();
      return new AgentOutcome.Stopped(
          facts(reader, facts, facts.agentVersion(), now, false, facts.progressed()),
          StopReason.INTERRUPTED,
          "The agent was ended because the run was paused or cancelled.",
          null);
    }
    if (reason == Reason.SITS_OUT
        && !(conclusion instanceof Conclusion.Limited)
        && !(conclusion instanceof Conclusion.Completed)) {
      // What it sits out is a limit, even if it has not said it in words that are known.
      conclusion =
          Conclusion.unrecognisedLimit(conclusion.basis().evidence(), conclusion.basis().channel());
    }
    if (conclusion instanceof Conclusion.Completed
        || (conclusion instanceof Conclusion.Limited limited && proves(limited, reason))) {
      // It had said all that there was to say, and only did not go away by itself.
      return outcome(conclusion, reader);
    }
    if (reason == Reason.BUDGET) {
      CallFacts facts = reader.facts();
      return new AgentOutcome.Stopped(
          facts(reader, facts, facts.agentVersion(), now, false, facts.progressed()),
          StopReason.BUDGET,
          meter.words(facts),
          null);
    }
    throw switch (reason) {
      case TOO_LONG ->
          Failures.transientFailure(
              ErrorCode.TIMED_OUT,
              "the agent was ended after "
                  + DurationText.of(bounds.invocation())
                  + ", the longest that an invocation may take (invocationTimeout)",
              leave());
      case TOO_SILENT ->
          Failures.transientFailure(
              ErrorCode.TIMED_OUT,
              "the agent was ended after it had printed nothing for "
                  + DurationText.of(bounds.silence())
                  + " (silenceTimeout)",
              leave());
      case PAUSED ->
          Failures.benign(
              ErrorCode.PAUSED,
              "the agent was ended: an operator has paused the activity; its session is resumed when"
                  + " it is unpaused",
              leave());
      case ABANDONED ->
          Failures.benign(
              ErrorCode.DRAINED,
              "the agent was ended: the server has given this attempt up",
              reported);
      case BUSY ->
          // The next invocation is told whom to wait for when it claims that session.
          Failures.benign(
              ErrorCode.DRAINED,
              "the agent was ended: the agent of run " + elsewhere + " works on the same session",
              reported);
      default ->
          Failures.benign(
              ErrorCode.DRAINED, "the agent was ended: the worker is going away", leave());
    };
  }

  /** Whether an agent has met a limit that a run must wait for that goes on later. */
  private boolean limitLasts(Conclusion conclusion, Instant now) {
    UsageLimit limit = new CallReport(setting, conclusion, null, heardAt, now).limit();
    return conclusion instanceof Conclusion.Limited limited
        && proves(limited, Reason.CANCELLED)
        && limit.lastsAt(now, setting.host().policy().margin());
  }

  /**
   * Whether an agent that we have ended was limited. What only looks like a limit says so of one
   * that was at a standstill, but nothing of one that was ended in the middle of its work.
   */
  private static boolean proves(Conclusion.Limited limited, Reason reason) {
    return !limited.unrecognised() || reason == Reason.SITS_OUT || reason == Reason.TOO_SILENT;
  }

  private AgentOutcome outcome(Conclusion conclusion, SharedReader reader) {
    Instant now = clock.instant();
    CallFacts learnt = reader.facts();
    boolean completed = conclusion instanceof Conclusion.Completed;
    CallFacts callFacts = learnt;
    if (conclusion instanceof Conclusion.Stopped stopped
        && stopped.reason() == StopReason.SESSION_UNKNOWN) {
      // What it names then is an id that it made up to report the error, with no session behind it.
      callFacts = learnt.withoutSession();
    }
    tellOfAnotherSession(callFacts);
    String version = completed ? callFacts.agentVersion() : version(callFacts);
    CallReport report = new CallReport(setting, conclusion, version, heardAt, now);
    InvocationFacts facts =
        facts(
            reader,
            callFacts,
            version,
            now,
            completed || report.limit() != null,
            completed || callFacts.progressed());
    Optional<AgentOutcome> outcome = report.outcome(facts);
    if (outcome.isEmpty()) {
      report(last(facts, callFacts));
      throw report.failure(leave(), context.getInfo().getAttempt());
    }
    if (report.limit() != null && report.limit().unrecognised()) {
      log.warn(
          "Run {}: agent {} (version {}) has ended with what looks like a usage limit, in words"
              + " that no rule knows: {}",
          context.getInfo().getWorkflowId(),
          setting.agent().name(),
          version,
          report.quote());
    }
    return outcome.get();
  }

  /** An agent may be told to fork what it resumes, or have been given a session by its name. */
  private void tellOfAnotherSession(CallFacts facts) {
    if (call.start() == SessionStart.RESUME
        && facts.session() != null
        && !facts.session().equals(call.session())) {
      log.warn(
          "Run {}: agent {} was to resume session {} and names {}, with which the run goes on",
          context.getInfo().getWorkflowId(),
          setting.agent().name(),
          call.session(),
          facts.session());
    }
  }

  /** How far the call was when it ended; the next attempt is told of it too. */
  private InvocationProgress last(InvocationFacts facts, CallFacts callFacts) {
    InvocationProgress now = progress(Phase.ENDING, callFacts, null, reported.pid());
    if (!neverOpened(callFacts.progressed())) {
      return now;
    }
    return new InvocationProgress(
        now.phase(),
        facts.session(),
        now.taken(),
        now.lastTool(),
        now.lastItem(),
        now.tokens(),
        now.host(),
        now.pid(),
        now.attempt(),
        null,
        null,
        now.costUsd(),
        now.overageUsd(),
        now.told());
  }

  /** The version that the agent's program gives of itself, asked for where it has not said it. */
  private String version(CallFacts facts) {
    List<String> arguments = setting.driver().versionArguments();
    if (facts.agentVersion() != null || arguments.isEmpty()) {
      return facts.agentVersion();
    }
    List<String> command = setting.agent().command();
    List<String> line = new ArrayList<>(command.subList(1, command.size()));
    line.addAll(arguments);
    AskedProgram program = AskedProgram.of(setting, owner(context.getInfo()), claim);
    return stillHere(() -> setting.versions().of(program, line))
        .map(setting.environment()::redact)
        .orElse(null);
  }

  /**
   * What is known of the call. An agent that answered or met its limit had the message, and so is
   * in the session that was chosen for it, also where it does not name one.
   */
  private InvocationFacts facts(
      SharedReader reader,
      CallFacts facts,
      String version,
      Instant now,
      boolean answered,
      boolean progressed) {
    boolean taken = taken(answered || facts.taken(), progressed);
    SessionId session = facts.resumable();
    if (session == null && taken) {
      session = reported.session();
    }
    if (neverOpened(progressed)) {
      session = null;
    }
    Double overageUsd = meter.overageUsd(facts);
    return new InvocationFacts(
        session,
        taken,
        version,
        facts.progressed(),
        meter.tokens(facts),
        meter.costUsd(facts),
        now,
        null,
        transcript.reference(),
        facts.contextTokens(),
        overageUsd == null ? 0 : overageUsd,
        reader.overage(version, now));
  }
}
