package dev.outlast.activities;

import dev.outlast.activities.claim.HeldClaim;
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
import dev.outlast.agent.WorkspaceState;
import io.temporal.activity.ActivityInfo;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.InvalidPathException;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How calls leave their session, and whether somebody has gone on with it since. What cannot be
 * told never keeps a run from going on.
 */
final class SessionMarks {

  private static final Logger log = LoggerFactory.getLogger(SessionMarks.class);

  private final Call.Setting setting;
  private final ActivityInfo activity;
  private final HeldClaim claim;

  SessionMarks(Call.Setting setting, ActivityInfo activity, HeldClaim claim) {
    this.setting = setting;
    this.activity = activity;
    this.claim = claim;
  }

  /**
   * The outcome of an invocation whose session is no longer as the last one left it. To be asked
   * only where no attempt of this invocation can have started an agent, whose own words these would
   * be.
   *
   * @param call that is to be made
   * @param now the activity's clock
   * @return empty if nobody is known to have gone on with the session
   */
  Optional<AgentOutcome> movedOn(AgentInvocation invocation, AgentCall call, Instant now) {
    Checkpoint left = invocation.checkpoint();
    if (call.start() != SessionStart.RESUME || left == null || left.session() == null) {
      return Optional.empty();
    }
    SessionMark mark = mark(call.session());
    if (mark == null || mark.equals(left.session())) {
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
                now,
                new Checkpoint(mark, left.workspace()),
                null),
            StopReason.CONTINUED_ELSEWHERE,
            setting.environment().redact(message),
            null));
  }

  /**
   * How a call has left its session and its workspace; to be asked once its agent has ended.
   *
   * @param workspace how the workspace stands; null if it is not under git
   */
  Checkpoint checkpoint(AgentOutcome outcome, WorkspaceState workspace) {
    SessionId session = session(outcome);
    return new Checkpoint(session == null ? null : mark(session), workspace);
  }

  private static SessionId session(AgentOutcome outcome) {
    if (outcome instanceof AgentOutcome.Completed completed) {
      return completed.facts().session();
    }
    if (outcome instanceof AgentOutcome.Limited limited) {
      return limited.facts().session();
    }
    return outcome instanceof AgentOutcome.Stopped stopped ? stopped.facts().session() : null;
  }

  /** The mark of a session as it stands now; null if none can be taken. */
  private SessionMark mark(SessionId session) {
    try {
      Optional<SessionMark> mark =
          setting
              .driver()
              .mark(
                  session,
                  setting.surroundings(Map.of()),
                  AskedProgram.of(setting, Call.owner(activity), claim));
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
