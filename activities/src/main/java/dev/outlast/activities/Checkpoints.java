package dev.outlast.activities;

import dev.outlast.activities.provider.AgentCall;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.Checkpoint;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.agent.TokenUsage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.InvalidPathException;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How calls leave a session and its workspace, and whether somebody has gone on with the session
 * since. What cannot be told never keeps a run from going on.
 */
final class Checkpoints {

  private static final Logger log = LoggerFactory.getLogger(Checkpoints.class);

  private final Call.Setting setting;
  private final Clock clock;

  Checkpoints(Call.Setting setting, Clock clock) {
    this.setting = setting;
    this.clock = clock;
  }

  /**
   * The outcome of an invocation whose session is no longer as the last one left it. To be asked
   * only where no attempt of this invocation can have started an agent, whose own words these would
   * be.
   *
   * @param call that is to be made
   * @return empty if nobody is known to have gone on with the session
   */
  Optional<AgentOutcome> movedOn(AgentInvocation invocation, AgentCall call) {
    Checkpoint left = invocation.checkpoint();
    if (call.start() != SessionStart.RESUME || left == null || left.session() == null) {
      return Optional.empty();
    }
    SessionMark now = mark(call.session());
    if (now == null || now.equals(left.session())) {
      return Optional.empty();
    }
    String message =
        "somebody has gone on with session "
            + call.session()
            + " of agent '"
            + setting.agent().name()
            + "' since the run left it: look at it before the run goes on.";
    return Optional.of(
        new AgentOutcome.Stopped(
            new InvocationFacts(
                call.session(),
                false,
                null,
                false,
                TokenUsage.NONE,
                0,
                clock.instant(),
                new Checkpoint(now, left.workspace()),
                null),
            StopReason.CONTINUED_ELSEWHERE,
            setting.environment().redact(message),
            null));
  }

  /** The outcome with how the call has left its session; to be asked once its agent has ended. */
  AgentOutcome added(AgentOutcome outcome) {
    if (outcome instanceof AgentOutcome.Completed completed) {
      return new AgentOutcome.Completed(added(completed.facts()), completed.text());
    }
    if (outcome instanceof AgentOutcome.Limited limited) {
      return new AgentOutcome.Limited(added(limited.facts()), limited.limit());
    }
    if (outcome instanceof AgentOutcome.Stopped stopped) {
      return new AgentOutcome.Stopped(
          added(stopped.facts()), stopped.reason(), stopped.message(), stopped.limit());
    }
    return outcome;
  }

  private InvocationFacts added(InvocationFacts facts) {
    SessionMark mark = facts.session() == null ? null : mark(facts.session());
    return new InvocationFacts(
        facts.session(),
        facts.taken(),
        facts.agentVersion(),
        facts.progressed(),
        facts.tokens(),
        facts.costUsd(),
        facts.observedAt(),
        mark == null ? null : new Checkpoint(mark, null),
        facts.transcript());
  }

  /** The mark of a session as it stands now; null if none can be taken. */
  private SessionMark mark(SessionId session) {
    Map<String, String> variables = setting.environment().variables();
    try {
      Optional<SessionMark> mark =
          setting
              .driver()
              .mark(
                  session,
                  setting.surroundings(Map.of()),
                  new AskedProgram(setting.executable(), setting.workspace(), variables));
      if (mark.isEmpty()) {
        log.debug("Session {} of agent {} has no mark", session, setting.agent().name());
      }
      return mark.map(SessionMark::value)
          .map(setting.environment()::redact)
          .map(SessionMark::new)
          .orElse(null);
    } catch (IOException | UncheckedIOException | SecurityException | InvalidPathException e) {
      log.debug("No mark of session {} can be taken", session, e);
      return null;
    }
  }
}
