package dev.outlast.activities;

import dev.outlast.activities.claim.HeldClaim;
import dev.outlast.activities.provider.AgentCall;
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
   * The outcome of an invocation whose session is no longer as our last agent has left it.
   *
   * @param left how that one has left it; null if that is not known
   * @param call that is to be made
   * @param told whether the session has the invocation's message, or may have, so that it must not
   *     be said again
   * @param now the activity's clock
   * @return empty if nobody is known to have gone on with the session
   */
  Optional<AgentOutcome> movedOn(Checkpoint left, AgentCall call, boolean told, Instant now) {
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
                told,
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
   * @param session null if it has none
   * @param workspace how the workspace stands; null if it is not under git
   */
  Checkpoint checkpoint(SessionId session, WorkspaceState workspace) {
    return new Checkpoint(session == null ? null : mark(session), workspace);
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
