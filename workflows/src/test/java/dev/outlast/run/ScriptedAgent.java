package dev.outlast.run;

import dev.outlast.agent.AccountPolicy;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.HandoffNotes;
import dev.outlast.agent.HandoffRequest;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.HostSighting;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import dev.outlast.agent.TranscriptReference;
import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.UsageLimit;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import java.util.function.Supplier;

/** An agent that does what a test says, and keeps a ledger of what it was asked. */
final class ScriptedAgent implements AgentActivities {

  static final SessionId CHOSEN = new SessionId("11111111-2222-3333-4444-555555555555");
  static final String RESUME_MESSAGE = "the limit is over, go on";
  static final ResumePolicy POLICY = ResumePolicy.DEFAULT;

  /** One line of the ledger. */
  record Asked(Instant at, AgentInvocation invocation) {}

  private final Queue<Function<AgentInvocation, AgentOutcome>> script =
      new ConcurrentLinkedQueue<>();
  private final List<Asked> ledger = new CopyOnWriteArrayList<>();
  private final Supplier<Instant> clock;
  volatile Duration skew = Duration.ZERO;
  volatile SessionId chosen = CHOSEN;
  volatile boolean searchAttributes = true;
  volatile RuntimeException refusal;
  volatile String account = "work";
  volatile ResumePolicy policy = POLICY;
  volatile HostPolicy hostPolicy = HostPolicy.DEFAULT;
  volatile AccountPolicy accountPolicy = AccountPolicy.DEFAULT;
  volatile String host = "host-1";

  /** Where the agent is invoked; null for the run's own queue. */
  volatile String taskQueue;

  /** How long ago the server has heard of the host; null if it has not. */
  volatile Duration seenAgo = Duration.ZERO;

  /** Whether nobody can be asked when the host was heard of. */
  volatile boolean unseeable;

  /** Done before an invocation is answered. */
  volatile Runnable onInvoked = () -> {};

  volatile Supplier<Worktree> making;
  volatile Supplier<WorktreeEnd> release = () -> new WorktreeEnd(false, 0, 0);
  final List<AgentSelection> selections = new CopyOnWriteArrayList<>();
  final List<String> makings = new CopyOnWriteArrayList<>();
  final List<Worktree> releases = new CopyOnWriteArrayList<>();
  final List<String> looks = new CopyOnWriteArrayList<>();

  ScriptedAgent(Supplier<Instant> clock) {
    this.clock = clock;
  }

  @SafeVarargs
  final void does(Function<AgentInvocation, AgentOutcome>... steps) {
    for (Function<AgentInvocation, AgentOutcome> step : steps) {
      script.add(step);
    }
  }

  List<Asked> ledger() {
    return ledger;
  }

  Instant now() {
    return clock.get().plus(skew);
  }

  /** Finds agents instead of the one that there is; null for that one. */
  volatile Function<AgentSelection, ResolvedAgent> finding;

  /** What was done in sessions before. */
  volatile Function<HandoffRequest, HandoffNotes> notes = request -> new HandoffNotes("");

  final List<HandoffRequest> handoffs = new CopyOnWriteArrayList<>();

  @Override
  public ResolvedAgent resolveAgent(AgentSelection selection) {
    selections.add(selection);
    if (refusal != null) {
      throw refusal;
    }
    if (finding != null) {
      return finding.apply(selection);
    }
    return new ResolvedAgent(
        "claude",
        "claude",
        account,
        selection.model(),
        "/srv/repo",
        selection.session() != null
            ? selection.session()
            : selection.continueLast() ? null : chosen,
        RESUME_MESSAGE,
        policy,
        host,
        taskQueue,
        searchAttributes,
        hostPolicy,
        null,
        accountPolicy,
        null);
  }

  @Override
  public Worktree makeWorktree(String workspace) {
    makings.add(workspace);
    return making.get();
  }

  @Override
  public AgentOutcome invokeAgent(AgentInvocation invocation) {
    ledger.add(new Asked(clock.get(), invocation));
    onInvoked.run();
    Function<AgentInvocation, AgentOutcome> step = script.poll();
    if (step == null) {
      throw new IllegalStateException("the script has ended, but was asked: " + invocation);
    }
    return step.apply(invocation);
  }

  @Override
  public HandoffNotes handOff(HandoffRequest request) {
    handoffs.add(request);
    return notes.apply(request);
  }

  @Override
  public HostSighting seeHost(String host) {
    looks.add(host);
    if (unseeable) {
      throw ApplicationFailure.newNonRetryableFailure("the server does not answer", "test");
    }
    return new HostSighting(seenAgo == null ? null : now().minus(seenAgo), now());
  }

  @Override
  public WorktreeEnd releaseWorktree(Worktree worktree) {
    releases.add(worktree);
    return release.get();
  }

  Function<AgentInvocation, AgentOutcome> completes(String text) {
    return call -> new AgentOutcome.Completed(facts(call, true), text);
  }

  /** Answers no sooner than something has happened, such as that another prompt is queued. */
  Function<AgentInvocation, AgentOutcome> completesAfter(CountDownLatch happened, String text) {
    return call -> {
      try {
        happened.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return completes(text).apply(call);
    };
  }

  Function<AgentInvocation, AgentOutcome> limitedFor(Duration left) {
    return call -> limited(facts(call, true), ResetTime.exactly(now().plus(left)));
  }

  Function<AgentInvocation, AgentOutcome> refusedFor(Duration left) {
    return call -> limited(facts(call, false), ResetTime.exactly(now().plus(left)));
  }

  Function<AgentInvocation, AgentOutcome> limitedWithoutReset() {
    return call -> limited(facts(call, false), null);
  }

  Function<AgentInvocation, AgentOutcome> stops(StopReason reason, String message) {
    return call -> new AgentOutcome.Stopped(facts(call, false), reason, message, null);
  }

  /** Waiting will not help, unless the policy says so. */
  Function<AgentInvocation, AgentOutcome> lacks(StopReason reason, LimitScope scope) {
    return call ->
        new AgentOutcome.Stopped(
            facts(call, false), reason, "see to it", limit(scope, "test-rule", null));
  }

  Function<AgentInvocation, AgentOutcome> outOfCredit(ResetTime reset) {
    return call ->
        new AgentOutcome.Limited(facts(call, false), limit(LimitScope.CREDIT, "test-rule", reset));
  }

  Function<AgentInvocation, AgentOutcome> unrecognised(ResetTime reset) {
    return call ->
        new AgentOutcome.Limited(
            facts(call, false), limit(LimitScope.UNKNOWN, LimitEvidence.UNRECOGNISED, reset));
  }

  Function<AgentInvocation, AgentOutcome> deferredFor(Duration left) {
    return call ->
        new AgentOutcome.Deferred(
            now().plus(left), now(), AgentOutcome.Deferred.Cause.ACCOUNT, null);
  }

  /** Another run's agent is there. */
  Function<AgentInvocation, AgentOutcome> busy(AgentOutcome.Deferred.Cause cause, String holder) {
    return busy(cause, holder, Duration.ofSeconds(3));
  }

  /**
   * Another run's agent is there.
   *
   * @param left when to ask again; may be negative
   */
  Function<AgentInvocation, AgentOutcome> busy(
      AgentOutcome.Deferred.Cause cause, String holder, Duration left) {
    return call -> new AgentOutcome.Deferred(now().plus(left), now(), cause, holder);
  }

  /** Somebody else has gone on with the session, which stands at this mark now. */
  Function<AgentInvocation, AgentOutcome> findsContinued(String mark) {
    return call ->
        new AgentOutcome.Stopped(
            left(call, null, false, checkpoint(mark)), StopReason.CONTINUED_ELSEWHERE, "", null);
  }

  static Checkpoint checkpoint(String mark) {
    return new Checkpoint(new SessionMark(mark), null);
  }

  /** What is known of an invocation that left its session at a checkpoint. */
  InvocationFacts left(
      AgentInvocation call, Boolean taken, boolean progressed, Checkpoint checkpoint) {
    return new InvocationFacts(
        call.session(),
        taken,
        "2.1.329",
        progressed,
        null,
        0,
        now(),
        checkpoint,
        new TranscriptReference("file", host, call.session().value()));
  }

  AgentOutcome.Limited limited(InvocationFacts facts, ResetTime reset) {
    return new AgentOutcome.Limited(facts, limit(LimitScope.SESSION, "test-rule", reset));
  }

  private UsageLimit limit(LimitScope scope, String rule, ResetTime reset) {
    return new UsageLimit(
        "claude",
        account,
        scope,
        reset,
        UsageLimit.SetBy.WINDOW,
        now(),
        new LimitEvidence(rule, "limit text", "stdout result", "2.1.329", "UTC"),
        null);
  }

  InvocationFacts facts(AgentInvocation call, boolean progressed) {
    SessionId session =
        call.start() == SessionStart.CONTINUE_LAST
            ? new SessionId("last-session")
            : call.session() == null ? new SessionId("named-by-agent") : call.session();
    return new InvocationFacts(
        session,
        true,
        "2.1.329",
        progressed,
        new TokenUsage(10, 5, 0, 0, 0),
        0.25,
        now(),
        null,
        null);
  }
}
