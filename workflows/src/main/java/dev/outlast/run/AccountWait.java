package dev.outlast.run;

import dev.outlast.agent.AccountTurn;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentOutcome.Deferred;
import dev.outlast.agent.AgentOutcome.Limited;
import dev.outlast.agent.AgentOutcome.Stopped;
import dev.outlast.agent.ResolvedAgent;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.AccountOpened;
import dev.outlast.limit.GateWord;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.RunPriority;
import dev.outlast.operator.OperatorTexts;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Set;

/**
 * How a run waits for its account. The gate has said whether it tries first; then its own timer
 * wakes it. Otherwise it waits to be released, and its timer is there for the case that nobody
 * does.
 */
final class AccountWait {

  /** How an agent can end before its provider is asked anything. */
  private static final Set<StopReason> BEFORE_THE_PROVIDER =
      EnumSet.of(
          StopReason.SESSION_UNKNOWN, StopReason.CONTINUED_ELSEWHERE, StopReason.INTERRUPTED);

  private final AgentRunRequest request;
  private final RunMemory memory;

  /** The newest release that the run was told of, also one that came before it waited. */
  private AccountOpened opened;

  /** The newest release of another account, to which the run goes back. */
  private AccountOpened elsewhere;

  /** The release that the last invocation has shown to the gate; 0 for none. */
  private long shown;

  private String model;
  private boolean modelOnly;
  private boolean waiting;
  private boolean byHours;
  private boolean untilReset;

  /** What the last invocation was told that was not started for its account. */
  private String why;

  AccountWait(AgentRunRequest request, RunMemory memory) {
    this.request = request;
    this.memory = memory;
  }

  /**
   * The run's place among those that want the account, as the next invocation shows it. To be asked
   * when it is made.
   */
  AccountTurn turn() {
    shown = opened == null ? 0 : opened.version();
    return new AccountTurn(
        priority(), memory.waitingSince(), shown, beginsWithReset(), memory.insists(), movesOn());
  }

  private boolean movesOn() {
    return request.onLimit() == AgentRunRequest.OnLimit.FAILOVER
        && !beginsWithReset()
        && memory.agents().choices().anotherIsOpen(RunClock.now());
  }

  /** Whether the run is to begin with the account's next window, and has not waited for it yet. */
  boolean beginsWithReset() {
    return AgentRunRequest.NEXT_RESET.equals(request.startAt())
        && memory.invocations() <= 1
        && memory.waitingSince() == null
        && memory.agents().noneWaited();
  }

  /** Whether what the run was told last is to wait for the reset with which it is to begin. */
  boolean untilReset() {
    return untilReset;
  }

  int priority() {
    return request.priority() == null ? RunPriority.DEFAULT : request.priority();
  }

  /** Takes over what an invocation was told by the gate. */
  void heard(AgentOutcome answer, Instant now) {
    boolean closed =
        answer instanceof Limited
            || (answer instanceof Deferred deferred && deferred.cause() == Deferred.Cause.ACCOUNT);
    memory.insists(memory.insists() && provesNothing(answer));
    why =
        closed && answer instanceof Deferred deferred ? OperatorTexts.reason(deferred.why()) : null;
    if (!closed) {
      memory.gate(null);
      if (!(answer instanceof Deferred)) {
        memory.waitingSince(null);
      }
      return;
    }
    // Of the reset the worker says so by itself; what its gate says closes the account as ever.
    untilReset =
        answer instanceof Deferred deferred && deferred.gate() == null && beginsWithReset();
    waitsFor(answer instanceof Limited limited ? limited.limit().scope() : null);
    memory.gate(answer instanceof Limited limited ? limited.gate() : ((Deferred) answer).gate());
    if (memory.waitingSince() == null) {
      memory.waitingSince(now);
    }
  }

  /** Whether the agent ended before its provider could say whether the account is open. */
  private static boolean provesNothing(AgentOutcome answer) {
    return answer instanceof Stopped stopped
        && BEFORE_THE_PROVIDER.contains(stopped.reason())
        && (stopped.facts() == null || !stopped.facts().progressed());
  }

  /** Why no agent is started now, in one line that is safe to show; null if nobody has said it. */
  String why() {
    return why;
  }

  /** How long to wait beyond the time at which the account is expected to open. */
  Duration grace() {
    GateWord word = memory.gate();
    return word == null || word.first() ? Duration.ZERO : word.grace();
  }

  /**
   * The run has gone to another account, whose gate counts its releases by itself.
   *
   * @param before the agent whose account it had
   */
  void left(ResolvedAgent before) {
    ResolvedAgent now = memory.agent();
    if (!before.provider().equals(now.provider()) || !before.account().equals(now.account())) {
      opened = elsewhere != null && isOf(elsewhere, now) ? elsewhere : null;
      elsewhere = null;
      shown = 0;
    }
    why = null;
    waitsFor(null);
  }

  private void waitsFor(LimitScope scope) {
    model = memory.agent().model();
    // A model that nobody has named cannot be told from others, and closes the whole account.
    modelOnly = scope == LimitScope.MODEL && model != null;
  }

  /** The run waits for what it was told before, maybe in another history. */
  void goesOn(LimitScope scope) {
    waitsFor(scope);
  }

  /**
   * @param hours whether it is waited for a time of the day or the account's next window, which
   *     comes whatever the gate does
   */
  void begins(boolean hours) {
    waiting = true;
    byHours = hours;
  }

  /** Whether the run waits for what its gate does not know of, and is not to ask it to try. */
  boolean isHeldBack() {
    return waiting && byHours;
  }

  /** Whether the gate may have released others while the run was paused, and passed it over. */
  boolean mayBePassedOver() {
    return waiting && !grace().isZero();
  }

  void ends() {
    waiting = false;
  }

  /**
   * Whether the run was released after the gate had told it to wait. A release that the gate was
   * shown is none, whatever the gate has said to it: to ask again at once could go on for ever.
   */
  boolean released() {
    return opened != null
        && memory.gate() != null
        && opened.version() > Math.max(memory.gate().version(), shown);
  }

  /**
   * Takes over what the gate tells.
   *
   * @return whether it ends the present wait
   */
  boolean opened(AccountOpened told) {
    ResolvedAgent agent = memory.agent();
    boolean ours = agent != null && isOf(told, agent) && concernsUs(told);
    if (!ours || (opened != null && told.version() <= opened.version())) {
      return false;
    }
    opened = told;
    // What the gate does not know of it does not end: the run's own timer does, without grace.
    return waiting && !byHours && released();
  }

  /** Takes over that an account was released to which the run goes from the present one. */
  void openedElsewhere(AccountOpened told) {
    elsewhere = told;
  }

  private static boolean isOf(AccountOpened told, ResolvedAgent agent) {
    return told.provider().equals(agent.provider()) && told.account().equals(agent.account());
  }

  private boolean concernsUs(AccountOpened told) {
    if (told.model() == null) {
      return !(waiting && modelOnly);
    }
    return told.model().equals(model) && (modelOnly || !waiting || memory.gate() != null);
  }
}
