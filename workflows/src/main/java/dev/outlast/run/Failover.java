package dev.outlast.run;

import static dev.outlast.operator.OperatorTexts.plain;

import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.AccountOpened;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResumeDecision;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.ErrorCode;
import dev.outlast.operator.OperatorTexts;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.workflow.Async;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * How a run goes from one of its agents to another. Before each invocation {@link #settled} does
 * what is missing, one step at a time, so that a run that is paused, moved or cancelled meanwhile
 * notices it between two steps.
 *
 * <p>A run that fails over uses the first of its agents that is not known to be closed ({@link
 * Choices}). Every way to leave one closes it until a later moment, so that a run of n agents makes
 * at most n invocations before it has to wait, however long they take. Any other run uses the first
 * of the list, which only an operator changes.
 */
final class Failover {

  /** When an agent is tried again that could not be found on the run's new host. */
  static final Duration LOOK_AGAIN = Duration.ofMinutes(5);

  /** What stops one agent, but not another one that works for the same task. */
  private static final Set<StopReason> OF_THE_AGENT =
      EnumSet.of(
          StopReason.AUTH,
          StopReason.BILLING,
          StopReason.CREDIT,
          StopReason.PLAN,
          StopReason.CONFIG);

  private final AgentRunRequest request;
  private final RunMemory memory;
  private final HostWait host;
  private final AccountWait account;
  private final RunWaits waits;
  private final RunEnd runEnd;
  private final RunHistory history;
  private final Runnable show;
  private final NextSession nextSession;
  private boolean allClosed;
  private boolean otherOpened;
  private boolean switchAsked;

  /**
   * @param show shows operators where the run stands
   */
  Failover(
      AgentRunRequest request,
      RunMemory memory,
      HostWait host,
      AccountWait account,
      RunWaits waits,
      RunEnd runEnd,
      RunHistory history,
      Runnable show) {
    this.request = request;
    this.memory = memory;
    this.host = host;
    this.account = account;
    this.waits = waits;
    this.runEnd = runEnd;
    this.history = history;
    this.show = show;
    this.nextSession = new NextSession(request, memory, host);
  }

  /** Whether the run goes on with another agent when one is closed. */
  boolean automatic() {
    return request.onLimit() == AgentRunRequest.OnLimit.FAILOVER && agents().size() > 1;
  }

  private RunAgents agents() {
    return memory.agents();
  }

  private Choices choices() {
    return memory.agents().choices();
  }

  /**
   * Does the next thing that has to be done before the agent is invoked.
   *
   * @return whether nothing was left to do; else it is to be called again
   */
  boolean settled() {
    Optional<Integer> unresolved = agents().unresolved();
    if (unresolved.isPresent()) {
      resolve(unresolved.get());
      return false;
    }
    Optional<Integer> next = automatic() ? choices().firstOpen(RunClock.now()) : Optional.of(0);
    if (next.isEmpty()) {
      awaitEarliest();
      return false;
    }
    if (automatic()) {
      // Something has opened before the wait for it began.
      memory.openIncident().ifPresent(open -> resumed(open, unwaited(open)));
    }
    if (next.get() != choices().current()) {
      goTo(next.get());
      return false;
    }
    agents().rested(RunClock.now());
    if (agents().afterLimit()) {
      agents().afterLimit(false);
      nextSession.decide();
    }
    return !agents().arriving() || nextSession.arrive();
  }

  // Finding the agents.

  private void resolve(int choice) {
    AgentChoice asked = agents().get(choice).asked();
    Duration takenWithin = host.takenWithin();
    ResolvedAgent found;
    try {
      found =
          host.call(
              takenWithin,
              () ->
                  Async.function(
                      AgentCalls.resolverAt(memory.agent(), takenWithin)::resolveAgent,
                      selection(asked)));
    } catch (ActivityFailure failure) {
      Cancellation.throwIfRequested();
      switch (Unanswered.of(failure, host.missed()).why()) {
        case CANCELLED -> {
          return;
        }
        case NOT_TAKEN -> {
          runEnd.stopIfHostIsLost();
          return;
        }
        default -> throw runEnd.unusable("agents[" + choice + "]", failure);
      }
    }
    host.isBack(HostWait.TAKEN);
    for (int i = 0; i < choice; i++) {
      if (same(agents().get(i).agent(), found)) {
        throw runEnd.stopped(
            ErrorCode.INVALID_REQUEST,
            "agents["
                + choice
                + "]: the same as agents["
                + i
                + "], which is "
                + AgentStanding.name(found)
                + "; name each once");
      }
    }
    agents().resolved(choice, found);
  }

  private AgentSelection selection(AgentChoice asked) {
    return new AgentSelection(
        asked.agent(),
        asked.account(),
        asked.model(),
        request.workspace(),
        null,
        false,
        request.worktree());
  }

  private static boolean same(ResolvedAgent a, ResolvedAgent b) {
    return a.agent().equals(b.agent())
        && a.account().equals(b.account())
        && Objects.equals(a.model(), b.model());
  }

  // Going from one to another.

  private void goTo(int choice) {
    if (isHere(choice)) {
      switchTo(choice, why(choice));
      show.run();
    }
  }

  private void switchTo(int choice, String why) {
    ResolvedAgent before = memory.agent();
    String incident = closedBy();
    memory.goTo(choice);
    account.left(before);
    memory.record(
        RunClock.now(),
        RunEvent.Type.AGENT_CHANGED,
        incident,
        "from "
            + AgentStanding.name(before)
            + " to "
            + AgentStanding.name(memory.agent())
            + ": "
            + why);
  }

  /** The incident that has closed the present agent; null if it is open, or closed otherwise. */
  private String closedBy() {
    Instant until = choices().closedUntil(choices().current());
    boolean closed = until != null && until.isAfter(RunClock.now());
    return closed && agents().present().limit() != null ? memory.lastIncident().id() : null;
  }

  private String why(int next) {
    Instant until = choices().closedUntil(choices().current());
    if (until != null && until.isAfter(RunClock.now())) {
      return "the former is closed" + words(until);
    }
    return next < choices().current()
        ? "it is preferred, and not known to be closed"
        : "the former is not used any more";
  }

  private static String words(Instant until) {
    return until.equals(Choices.NEVER) ? "" : " until " + OperatorTexts.moment(until);
  }

  /** Whether an agent is on the run's host; finds it there if the run has moved. */
  private boolean isHere(int choice) {
    RunAgent there = agents().get(choice);
    if (Objects.equals(there.agent().host(), memory.agent().host())) {
      return true;
    }
    Duration takenWithin = host.takenWithin();
    try {
      ResolvedAgent found =
          AgentCalls.resolverAt(memory.agent(), takenWithin).resolveAgent(selection(there.asked()));
      agents().movedTo(agents().indexOf(there), found);
    } catch (ActivityFailure failure) {
      Cancellation.throwIfRequested();
      // Meanwhile an operator may have preferred another.
      choices().closed(agents().indexOf(there), RunClock.now().plus(LOOK_AGAIN), Duration.ZERO);
      memory.record(
          RunClock.now(),
          RunEvent.Type.MOVE_FAILED,
          null,
          AgentStanding.name(there.agent()) + " cannot be used on host " + plain(hostName()));
      if (!automatic()) {
        // Nobody but the operator has asked for it, and the one before is there.
        agents().prefer(agents().current());
      }
    }
    return false;
  }

  private String hostName() {
    return String.valueOf(memory.agent().host());
  }

  // When one is closed.

  /**
   * The present agent has met a limit.
   *
   * @param endless the reason to stop, where nothing says that the allowance ever returns; null
   *     where it does
   */
  void limited(Incident incident, UsageLimit limit, String endless) {
    Instant now = RunClock.now();
    boolean never = endless != null && waits.policy().onCredit() == ResumePolicy.OnCredit.STOP;
    Instant until = never ? Choices.NEVER : opens(incident, limit, now);
    boolean fromReset = !never && limit.reset() != null;
    memory.waitBegins();
    agents().closed(limit, until, account.grace());
    agents().afterLimit(true);
    if (choices().firstOpen(now).isPresent()) {
      memory.resumed();
      memory.put(incident.ended(now, Incident.End.FAILED_OVER));
    } else if (choices().hopeless()) {
      memory.put(incident.ended(now, Incident.End.GIVEN_UP));
      throw runEnd.stopped(ErrorCode.AGENT_STOPPED, endless);
    } else {
      Instant first = choices().closedUntil(choices().earliest());
      memory.put(incident.waiting(first, fromReset && first.equals(until)));
    }
  }

  /** When the present agent can be tried again; stops a run that has done so too often. */
  private Instant opens(Incident incident, UsageLimit limit, Instant now) {
    ResumeDecision decision =
        waits
            .policy()
            .withoutBounds()
            .decide(
                limit, memory.resumes(), memory.limitsInARow(), memory.waited(), waits.jitter());
    if (decision instanceof ResumeDecision.ResumeAfter resume) {
      return now.plus(resume.delay());
    }
    memory.put(incident.ended(now, Incident.End.GIVEN_UP));
    throw runEnd.stopped(ErrorCode.GAVE_UP, ((ResumeDecision.GiveUp) decision).why());
  }

  /**
   * The present agent's account is shut until a moment.
   *
   * @param hostWide whether those of all others are, too
   */
  void deferred(Instant until, boolean hostWide) {
    agents().closed(until, account.grace());
    if (hostWide) {
      agents().closedByHost(until);
    }
  }

  /**
   * The present agent cannot go on, and waiting will not help it.
   *
   * @return whether another one can
   */
  boolean replaces(StopReason reason) {
    if (!automatic() || !OF_THE_AGENT.contains(reason)) {
      return false;
    }
    choices().closed(Choices.NEVER);
    if (choices().hopeless()) {
      return false;
    }
    memory.record(
        RunClock.now(),
        RunEvent.Type.DEFERRED,
        null,
        AgentStanding.name(memory.agent()) + " cannot go on: " + reason.word());
    return true;
  }

  /** All are closed: waits for the one that is open first. */
  private void awaitEarliest() {
    int first = choices().earliest();
    Instant until = choices().closedUntil(first);
    if (!until.isAfter(RunClock.now())) {
      // It was asked in a round that has taken longer than that.
      until = RunClock.now().plus(DeferralWait.MIN_DEFERRAL);
    }
    if (until.equals(Choices.NEVER)) {
      throw runEnd.stopped(
          ErrorCode.AGENT_STOPPED, "no agent of the run is known to open again; see its events");
    }
    if (first != choices().current()) {
      if (!isHere(first)) {
        return;
      }
      switchTo(first, "all are closed, and it is open first");
    }
    if (memory.waitingSince() == null) {
      memory.waitingSince(RunClock.now());
    }
    UsageLimit limit = agents().present().limit();
    Optional<Incident> incident = memory.openIncident();
    if (limit != null) {
      stopIfTooLong(Duration.between(RunClock.now(), until), incident);
    }
    ResolvedAgent agent = memory.agent();
    String scope = (limit == null ? LimitScope.UNKNOWN : limit.scope()).word();
    ResumeTimer timer =
        new ResumeTimer(
            until,
            choices().grace(first),
            at -> OperatorTexts.timerSummary(agent.agent(), agent.account(), scope, at));
    account.goesOn(limit == null ? null : limit.scope());
    ResumeTimer.End end;
    waitBegins();
    allClosed = true;
    try {
      end = waits.awaitAccount(timer, limit);
    } catch (CanceledFailure cancelled) {
      incident.ifPresent(open -> memory.put(open.ended(RunClock.now(), Incident.End.CANCELLED)));
      throw cancelled;
    } finally {
      allClosed = false;
    }
    if (end == ResumeTimer.End.HISTORY_LONG) {
      choices().closed(choices().current(), timer.until(), choices().grace(choices().current()));
      history.goOnInNew();
    }
    waited(end, incident);
  }

  private void stopIfTooLong(Duration wait, Optional<Incident> incident) {
    Optional<String> refused = waits.policy().refuses(wait, memory.waited());
    if (refused.isPresent()) {
      incident.ifPresent(open -> memory.put(open.ended(RunClock.now(), Incident.End.GIVEN_UP)));
      throw runEnd.stopped(ErrorCode.GAVE_UP, "all agents are closed, and " + refused.get());
    }
  }

  /** Makes of the end of a wait what is known of the agents. */
  private void waited(ResumeTimer.End end, Optional<Incident> incident) {
    Incident.End how;
    if (end == ResumeTimer.End.DUE) {
      how = Incident.End.RESUMED;
      choices().opened(choices().current());
    } else if (memory.insists()) {
      how = Incident.End.RESUMED_BY_OPERATOR;
      choices().forget();
    } else if (switchAsked) {
      how = Incident.End.FAILED_OVER;
    } else {
      how = Incident.End.RELEASED;
      if (!otherOpened) {
        choices().opened(choices().current());
      }
    }
    incident.ifPresent(open -> resumed(open, how));
  }

  private static Incident.End unwaited(Incident open) {
    return open.resumeAt().isAfter(RunClock.now()) ? Incident.End.RELEASED : Incident.End.RESUMED;
  }

  private void resumed(Incident open, Incident.End how) {
    memory.resumed();
    memory.put(open.ended(RunClock.now(), how));
    memory.record(RunClock.now(), RunEvent.Type.RESUMED, open.id(), words(how));
  }

  /** What a run's event says of the end of a wait. */
  static String words(Incident.End how) {
    return switch (how) {
      case RESUMED_BY_OPERATOR -> "by an operator";
      case RELEASED -> "released by the account's gate";
      case FAILED_OVER -> "by another agent";
      default -> "the wait is over";
    };
  }

  /**
   * Takes over that an account is open again which is not the present agent's.
   *
   * @return whether that ends the present wait
   */
  boolean opened(AccountOpened told) {
    boolean any = false;
    for (int i = 0; i < agents().size(); i++) {
      if (i != agents().current()
          && choices().closedUntil(i) != null
          && concerns(told, agents().get(i))) {
        choices().opened(i);
        account.openedElsewhere(told);
        any = true;
      }
    }
    otherOpened = any && allClosed;
    return otherOpened;
  }

  private static boolean concerns(AccountOpened told, RunAgent one) {
    if (one.limit() == null && one.gate() == null) {
      // What closes it is no business of its gate.
      return false;
    }
    boolean account =
        told.provider().equals(one.agent().provider())
            && told.account().equals(one.agent().account());
    boolean modelOnly = one.limit() != null && one.limit().scope() == LimitScope.MODEL;
    return account
        && (told.model() == null ? !modelOnly : told.model().equals(one.agent().model()));
  }

  // What operators do.

  /**
   * Another agent is to go on.
   *
   * @param agent null for the present one with another account
   * @param account null for the agent's own
   * @return which agent goes on
   * @throws ApplicationFailure if it cannot; nothing has changed then
   */
  String switchAgent(String agent, String account) {
    String wanted = agent == null ? memory.agent().agent() : agent;
    int choice = known(wanted, account).orElse(-1);
    if (choice < 0) {
      choice =
          added(new AgentChoice(wanted, account, agent == null ? memory.agent().model() : null));
    }
    String name = AgentStanding.name(agents().get(choice).agent());
    boolean present = choice == agents().current();
    if (present) {
      agents().prefer(choice);
    } else {
      choices().opened(choice);
      agents().prefer(choice);
      switchAsked = true;
      memory.record(RunClock.now(), RunEvent.Type.SWITCH_ASKED, null, "to " + name);
      host.cutShort("another agent goes on");
      waits.endUnlessForStart();
    }
    return name;
  }

  private Optional<Integer> known(String agent, String account) {
    return IntStream.range(0, agents().size())
        .filter(i -> agents().get(i).agent().agent().equals(agent))
        .filter(i -> account == null || agents().get(i).agent().account().equals(account))
        .boxed()
        .findFirst();
  }

  private int added(AgentChoice asked) {
    ResolvedAgent found;
    try {
      found =
          AgentCalls.resolverAt(memory.agent(), host.takenWithin()).resolveAgent(selection(asked));
    } catch (ActivityFailure failure) {
      throw ApplicationFailure.newNonRetryableFailure(
          failure.getCause() instanceof ApplicationFailure cause
              ? cause.getOriginalMessage()
              : ErrorCode.HOST_LOST.message(
                  "switchAgent: host " + plain(hostName()) + " has not said whether it can"),
          failure.getCause() instanceof ApplicationFailure cause
              ? cause.getType()
              : ErrorCode.HOST_LOST.code());
    }
    for (int i = 0; i < agents().size(); i++) {
      if (same(agents().get(i).agent(), found)) {
        return i;
      }
    }
    if (agents().size() >= Choices.MAX) {
      throw Refusal.of(
          "switchAgent: the run has used " + Choices.MAX + " agents, and may use no more");
    }
    agents().add(asked, found);
    return agents().size() - 1;
  }

  /** Whether an operator wants another agent to go on, since the present wait has begun. */
  boolean switchAsked() {
    return switchAsked;
  }

  /** A wait begins. */
  void waitBegins() {
    switchAsked = false;
    otherOpened = false;
  }

  /** What operators see of the agents; null if there is only one. */
  List<AgentStanding> standings() {
    if (agents().size() < 2 || agents().unresolved().isPresent()) {
      return null;
    }
    Instant now = RunClock.now();
    List<AgentStanding> standings = new ArrayList<>();
    for (int i = 0; i < agents().size(); i++) {
      boolean present = i == agents().current();
      RunAgent one = agents().get(i);
      ResolvedAgent agent = one.agent();
      Instant until = choices().closedUntil(i);
      SessionId parked = one.session() == null || !one.session().open() ? null : one.session().id();
      standings.add(
          new AgentStanding(
              agent.agent(),
              agent.provider(),
              agent.account(),
              agent.model(),
              present ? memory.session() : parked,
              until == null || !until.isAfter(now) ? null : until,
              present));
    }
    return standings;
  }
}
