package dev.outlast.run;

import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.HostSighting;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.OperatorTexts;
import io.temporal.common.converter.DataConverterException;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.workflow.CancellationScope;
import io.temporal.workflow.Promise;
import io.temporal.workflow.TimerOptions;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What a run has its host do, one thing at a time, and what it does when the host does not take it.
 * While the host is missed an invocation stays scheduled, so that a host that returns goes on at
 * once.
 */
final class HostWait {

  /** A host that a worker was heard of this long ago is there, and only busy. */
  static final Duration SEEN_WITHIN = Duration.ofMinutes(2);

  /** How often it is looked whether a missed host is there, if {@code hostGrace} is longer. */
  static final Duration LOOK = Duration.ofMinutes(2);

  /** How much later than its time the server may tell that an invocation was not taken. */
  static final Duration TOLD_WITHIN = Duration.ofSeconds(5);

  static final String TAKEN = "the host has taken the invocation";

  /** What is known of a host. */
  private enum Seen {
    THERE,
    AWAY,
    /** Nobody could be asked, or has answered. */
    UNKNOWN
  }

  private final AgentRunRequest request;
  private final RunMemory memory;
  private final Runnable show;
  private String moveFailure;
  private CancellationScope call;
  private boolean cutShort;

  /**
   * @param show shows operators where the run stands
   */
  HostWait(AgentRunRequest request, RunMemory memory, Runnable show) {
    this.request = request;
    this.memory = memory;
    this.show = show;
  }

  /** What the worker says of hosts and of other runs, with the request before it. */
  HostPolicy policy() {
    return request.over(memory.agent().hostPolicy());
  }

  boolean missed() {
    return memory.hostLostSince() != null;
  }

  /** How long the host may take to begin with an invocation before it is looked for. */
  Duration takenWithin() {
    Duration grace = policy().hostGrace();
    return missed() && grace.compareTo(LOOK) > 0 ? LOOK : grace;
  }

  /**
   * Has the host do something, and waits for it.
   *
   * @param takenWithin how long the host may take to begin
   * @param activity schedules it
   * @throws ActivityFailure if it has not done it; {@link #cutShort()} then says whether that is
   *     because somebody did not want it any more
   */
  <T> T call(Duration takenWithin, Supplier<Promise<T>> activity) {
    List<Promise<T>> outcome = new ArrayList<>();
    call = Workflow.newCancellationScope(() -> outcome.add(activity.get()));
    try {
      call.run();
      if (missed()) {
        awaitTaking(outcome.get(0), takenWithin);
      }
      return outcome.get(0).get();
    } finally {
      cutShort = call.isCancelRequested();
      call = null;
    }
  }

  /** What the host does now is not wanted any more; without effect if it does nothing. */
  void cutShort(String why) {
    if (call != null) {
      call.cancel(why);
    }
  }

  /** Whether what the host was to do last was cut short, or the run was cancelled meanwhile. */
  boolean cutShort() {
    return cutShort;
  }

  /**
   * The host has not taken an invocation in time: it is busy, or it is lost. Where that cannot be
   * told it is waited for, whatever the policy says of a lost one.
   *
   * @return why the run is to stop; empty if it is to go on
   */
  Optional<String> look() {
    String host = OperatorTexts.plain(host());
    Seen seen = seen(host());
    if (seen == Seen.THERE) {
      isBack("a worker of host " + host + " is there, and busy");
      return Optional.empty();
    }
    if (seen == Seen.UNKNOWN) {
      missed(
          "host " + host + " has not begun, and it is not known whether a worker of it is there");
      return Optional.empty();
    }
    String away = "no worker of host " + host + " is heard of";
    HostPolicy policy = policy();
    if (policy.onHostLost() == HostPolicy.OnHostLost.STOP) {
      String grace = DurationText.of(policy.hostGrace());
      return Optional.of(away + " for " + grace + ", and onHostLost says to stop");
    }
    missed(away);
    if (policy.onHostLost() == HostPolicy.OnHostLost.MOVE && memory.moveAsked() == null) {
      memory.moveAsked("onHostLost says so");
    }
    return Optional.empty();
  }

  private void missed(String why) {
    if (!missed()) {
      memory.hostLost(RunClock.now());
      record(RunEvent.Type.HOST_LOST, why);
    }
  }

  private String host() {
    return String.valueOf(memory.agent().host());
  }

  private static Seen seen(String host) {
    try {
      HostSighting sighting = AgentCalls.seer().seeHost(host);
      return sighting.lastSeen() != null
              && Duration.between(sighting.lastSeen(), sighting.observedAt()).compareTo(SEEN_WITHIN)
                  <= 0
          ? Seen.THERE
          : Seen.AWAY;
    } catch (ActivityFailure | DataConverterException unknown) {
      Cancellation.throwIfRequested();
      return Seen.UNKNOWN;
    }
  }

  /**
   * Waits until what the host is to do has ended, or has been taken. The server does not tell of
   * the latter: it is so when it has not told of the contrary in time.
   */
  private void awaitTaking(Promise<?> outcome, Duration takenWithin) {
    Duration told = takenWithin.plus(TOLD_WITHIN);
    List<Promise<Void>> timer = new ArrayList<>();
    // A run that is cancelled meanwhile still waits for its agent's end.
    CancellationScope scope =
        Workflow.newDetachedCancellationScope(() -> timer.add(newTimer(told)));
    scope.run();
    Workflow.await(() -> outcome.isCompleted() || timer.get(0).isCompleted());
    if (outcome.isCompleted()) {
      scope.cancel();
    } else {
      isBack(TAKEN);
      show.run();
    }
  }

  private Promise<Void> newTimer(Duration length) {
    String summary = OperatorTexts.hostSummary(host(), RunClock.now().plus(length));
    Promise<Void> timer =
        Workflow.newTimer(length, TimerOptions.newBuilder().setSummary(summary).build());
    // A cancelled timer's failure is expected; touching it here keeps the SDK from warning of it.
    timer.handle((done, failure) -> null);
    return timer;
  }

  void isBack(String how) {
    if (memory.hostBack()) {
      moveFailure = null;
      record(RunEvent.Type.HOST_BACK, how);
    }
  }

  /** Goes on on another host, if that is wanted and one can; else goes on waiting. */
  void moveIfAsked() {
    if (memory.moveAsked() == null) {
      return;
    }
    ResolvedAgent here = memory.agent();
    ResolvedAgent there;
    try {
      there =
          AgentCalls.resolver()
              .resolveAgent(
                  new AgentSelection(
                      here.agent(),
                      here.account(),
                      memory.agents().present().asked().model(),
                      request.workspace(),
                      null,
                      false,
                      request.worktree()));
    } catch (ActivityFailure failure) {
      Cancellation.throwIfRequested();
      memory.moveAsked(null);
      moveFailed(failure);
      return;
    }
    if (host().equals(there.host())) {
      isBack("a worker of host " + OperatorTexts.plain(host()) + " has answered");
      return;
    }
    String why = memory.moveAsked();
    memory.moved(there);
    moveFailure = null;
    String to = "to host " + OperatorTexts.plain(host()) + ": " + why;
    record(RunEvent.Type.MOVED, here.worktree() == null ? to : to + "; " + leftBehind(here));
    show.run();
  }

  /** The host that has the worktree is away, so that only people can see to it. */
  private static String leftBehind(ResolvedAgent before) {
    return OperatorTexts.leftWorktree(before.worktree().branch(), String.valueOf(before.host()));
  }

  private void moveFailed(ActivityFailure failure) {
    String why =
        failure.getCause() instanceof ApplicationFailure cause
            ? OperatorTexts.plain(cause.getOriginalMessage())
            : "no host has answered";
    if (!why.equals(moveFailure)) {
      moveFailure = why;
      record(RunEvent.Type.MOVE_FAILED, "cannot go on elsewhere: " + why);
    }
  }

  private void record(RunEvent.Type type, String text) {
    memory.record(RunClock.now(), type, null, text);
  }
}
