package dev.outlast.activities;

import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import dev.outlast.operator.ErrorCode;
import io.temporal.failure.ApplicationFailure;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** What a run is told of how a call ended: no secret, and every text bounded. */
final class CallReport {

  /** The pause after a first throttle; it doubles with each attempt. */
  static final Duration THROTTLE_PAUSE = Duration.ofSeconds(15);

  /** The longest pause after a throttle. */
  static final Duration MAX_THROTTLE_PAUSE = Duration.ofMinutes(5);

  /** The most that a message quotes of an agent's words, in characters. */
  static final int MAX_QUOTE = 600;

  private final Call.Setting setting;
  private final Conclusion conclusion;
  private final String version;
  private final Instant heardAt;
  private final UsageLimit limit;

  /**
   * @param version of the agent's program; null if it is not known
   * @param heardAt when the agent last said anything; null if it never did
   * @param now the clock at the end of the call
   */
  CallReport(
      Call.Setting setting, Conclusion conclusion, String version, Instant heardAt, Instant now) {
    this.setting = setting;
    this.conclusion = conclusion;
    this.version = version;
    this.heardAt = heardAt;
    this.limit = limitAt(now);
  }

  /**
   * What an attempt would have reported of its agent, which had met a limit, if its worker had not
   * been lost. To start another before the reset would be too early.
   *
   * @param before what the attempt has told; null if nothing is known of one
   * @param keepsRefusedPrompt whether the session has a prompt also if its first request was
   *     refused
   * @param margin by how much the provider may open late
   * @param now the activity's clock
   * @return empty if that is not known, or the reset and the margin have passed
   */
  static Optional<AgentOutcome> unreported(
      AgentInvocation invocation,
      InvocationProgress before,
      boolean keepsRefusedPrompt,
      Duration margin,
      Instant now) {
    if (before == null || (keepsRefusedPrompt && !before.taken())) {
      return Optional.empty();
    }
    boolean neverOpened = !before.taken() && invocation.start() == SessionStart.FRESH;
    return before
        .limited(neverOpened ? null : before.session(), now, margin)
        .map(AgentOutcome.class::cast);
  }

  /** What the run may wait for, at least where its policy says so; null if nothing is. */
  UsageLimit limit() {
    return limit;
  }

  private UsageLimit limitAt(Instant now) {
    if (conclusion instanceof Conclusion.Limited limited) {
      return limit(limited.scope(), limited.reset(), limited.setBy(), now);
    }
    if (!(conclusion instanceof Conclusion.Stopped stopped)) {
      return null;
    }
    return switch (stopped.reason()) {
      case CREDIT -> limit(LimitScope.CREDIT, null, UsageLimit.SetBy.WINDOW, now);
      case PLAN -> limit(LimitScope.UNKNOWN, null, UsageLimit.SetBy.WINDOW, now);
      default -> null;
    };
  }

  private UsageLimit limit(LimitScope scope, ResetTime reset, UsageLimit.SetBy setBy, Instant now) {
    Conclusion.Basis basis = conclusion.basis();
    return new UsageLimit(
        setting.agent().provider(),
        setting.account(),
        scope,
        reset,
        setBy,
        now,
        new LimitEvidence(
            basis.rule(),
            setting.environment().redact(basis.evidence()),
            basis.channel(),
            version,
            setting.host().zone().getId()),
        heardAt);
  }

  /** The outcome; empty if the call failed, which is worth another try. */
  Optional<AgentOutcome> outcome(InvocationFacts facts) {
    if (conclusion instanceof Conclusion.Completed completed) {
      String text = setting.environment().redact(completed.text());
      return Optional.of(
          new AgentOutcome.Completed(
              facts, PlainText.headBytes(text, AgentOutcome.MAX_TEXT_BYTES)));
    }
    if (conclusion instanceof Conclusion.Limited) {
      return Optional.of(new AgentOutcome.Limited(facts, limit));
    }
    if (conclusion instanceof Conclusion.Stopped stopped) {
      String said = quote().isEmpty() ? "" : " The agent said: " + quote();
      return Optional.of(
          new AgentOutcome.Stopped(
              facts, stopped.reason(), advice(stopped.reason()) + said + by(), limit));
    }
    return Optional.empty();
  }

  /**
   * The failure of a call that has no outcome.
   *
   * @param last how far the call was
   * @param attempt which one this was, from 1
   */
  ApplicationFailure failure(InvocationProgress last, int attempt) {
    String agent = "agent '" + setting.agent().name() + "'";
    return conclusion instanceof Conclusion.Throttled
        ? Failures.after(
            ErrorCode.THROTTLED,
            "the provider throttled "
                + agent
                + " with account '"
                + setting.account()
                + "': "
                + quote()
                + by(),
            last,
            throttlePause(attempt))
        : Failures.transientFailure(
            ErrorCode.AGENT_CRASHED, agent + " failed: " + quote() + by(), last);
  }

  /** What it was decided by, for a bug report. */
  private String by() {
    return " (by rule "
        + conclusion.basis().rule()
        + (version == null ? "" : ", version " + version)
        + ")";
  }

  private static Duration throttlePause(int attempt) {
    int doublings = Math.min(Math.max(attempt - 1, 0), 10);
    Duration pause = THROTTLE_PAUSE.multipliedBy(1L << doublings);
    return pause.compareTo(MAX_THROTTLE_PAUSE) > 0 ? MAX_THROTTLE_PAUSE : pause;
  }

  /** An agent's own words on one line, bounded and without secrets. */
  String quote() {
    String line =
        setting.environment().redact(conclusion.basis().evidence()).replaceAll("\\s+", " ").strip();
    return PlainText.tail(line, MAX_QUOTE);
  }

  private String advice(StopReason reason) {
    String agent = "agent '" + setting.agent().name() + "'";
    return switch (reason) {
      case AUTH ->
          agent
              + " is not logged in, or its credential was refused: log in as the worker's user,"
              + " or correct the secrets of account '"
              + setting.account()
              + "'.";
      case BILLING -> "account '" + setting.account() + "' has a billing problem.";
      case CREDIT ->
          "the paid credit or spend cap of account '"
              + setting.account()
              + "' is used up, and"
              + " nothing says when it returns: raise it, or use another account.";
      case PLAN -> "the plan of account '" + setting.account() + "' does not include this.";
      case REFUSED -> "the model declined the task: change the prompt.";
      case CONTEXT ->
          "the conversation no longer fits the model's context window: start a fresh session.";
      case SESSION_UNKNOWN ->
          agent
              + " does not know the session, here on host "
              + setting.host().hostId()
              + " and in this workspace: start a fresh one.";
      case MAX_TURNS ->
          agent + " has reached its own limit of turns: raise it in the agent's arguments.";
      case CONFIG -> agent + " was called with wrong arguments: correct its configuration.";
      case CONTINUED_ELSEWHERE ->
          "somebody has gone on with the session; look at it before the run goes on.";
      case BUDGET -> "the run's budget is spent: raise it, or cancel the run.";
      case INTERRUPTED -> "the run was paused or cancelled.";
      case OTHER -> agent + " stopped.";
    };
  }
}
