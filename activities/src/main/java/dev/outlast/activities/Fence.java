package dev.outlast.activities;

import dev.outlast.activities.claim.Answer;
import dev.outlast.activities.claim.ClaimTable;
import dev.outlast.activities.claim.Claimant;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationFacts;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.operator.ErrorCode;
import io.temporal.activity.ActivityInfo;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Claims for an invocation what it works with, and says what it means if it does not get it. */
final class Fence {

  /** After how long it is worth while to ask for a busy session or workspace again. */
  static final Duration ASK_AGAIN = Duration.ofSeconds(5);

  private final ClaimTable claims;
  private final Path stateFolder;
  private final Clock clock;

  /** Null where it is not known. */
  private volatile String namespaceId;

  Fence(ClaimTable claims, Path stateFolder, Clock clock) {
    this.claims = claims;
    this.stateFolder = stateFolder;
    this.clock = clock;
  }

  /** Which server's runs these are. */
  void serve(String namespace) {
    namespaceId = namespace;
  }

  /**
   * Claims the sessions that are known so far, and the workspace.
   *
   * @param before what the attempt before has reported; null if nothing is known of one
   * @return {@link Answer.Granted} or {@link Answer.Busy}
   * @throws io.temporal.failure.ApplicationFailure if the server has given this attempt up, or
   *     nothing can be claimed at the moment
   */
  Answer claim(
      ActivityInfo info,
      AgentInvocation invocation,
      InvocationProgress before,
      AgentDefinition agent,
      Path workspace) {
    List<SessionId> sessions = new ArrayList<>();
    Optional.ofNullable(invocation.session()).ifPresent(sessions::add);
    Optional.ofNullable(before).map(InvocationProgress::session).ifPresent(sessions::add);
    Claimant who =
        new Claimant(
            namespaceId == null ? info.getNamespace() : namespaceId,
            Call.owner(info),
            invocation.number(),
            info.getCurrentAttemptScheduledTimestamp());
    Answer answer;
    try {
      answer = claims.take(who, sessionKind(agent), sessions, workspace, !invocation.stopsIfBusy());
    } catch (IOException e) {
      throw unusable(e, stateFolder, before);
    } catch (UncheckedIOException e) {
      // A process could not be looked at, so it is not known who works here.
      throw unusable(e.getCause(), stateFolder, before);
    }
    if (answer instanceof Answer.Outdated outdated) {
      throw Failures.benign(
          ErrorCode.DRAINED,
          "the agent was not started: this attempt has been given up, and attempt "
              + outdated.newer().attempt()
              + " of activity "
              + outdated.newer().activityId()
              + " has taken its place",
          before);
    }
    return answer;
  }

  /** Commands are programs of their own, each with its own names for its sessions. */
  private static String sessionKind(AgentDefinition agent) {
    return agent.provider().equals("command") ? "command:" + agent.name() : agent.provider();
  }

  /**
   * Why nothing is started when claims cannot be used.
   *
   * @param before what is known of attempts before this one; null if there was none
   */
  static RuntimeException unusable(IOException e, Path stateFolder, InvocationProgress before) {
    if (e instanceof InterruptedIOException || e instanceof ClosedByInterruptException) {
      // The flag is cleared: the SDK has yet to tell the server, over the network.
      Thread.interrupted();
      return Failures.benign(
          ErrorCode.DRAINED, "the agent was not started: the worker is going away", before);
    }
    return Failures.notStarted(
        "the agent was not started, since its session and workspace cannot be claimed: " + e,
        stateFolder,
        before);
  }

  /**
   * What a run is told that comes second.
   *
   * @param retried whether an earlier attempt may have started an agent
   */
  AgentOutcome deferred(
      Answer.Busy busy, AgentInvocation invocation, InvocationProgress before, boolean retried) {
    Instant now = clock.instant();
    return new AgentOutcome.Deferred(
        now.plus(ASK_AGAIN),
        now,
        busy.what() == Answer.Busy.What.SESSION
            ? AgentOutcome.Deferred.Cause.SESSION
            : AgentOutcome.Deferred.Cause.WORKSPACE,
        busy.run(),
        retried ? leftBehind(invocation, before, now) : null);
  }

  /**
   * What the next invocation must know, since it is no retry of this one. A fresh session's prompt
   * may have got through without our knowing: sent again, it would be done twice.
   */
  private static InvocationFacts leftBehind(
      AgentInvocation invocation, InvocationProgress before, Instant now) {
    SessionId session =
        before != null && before.session() != null ? before.session() : invocation.session();
    boolean neverOpened =
        invocation.start() == SessionStart.FRESH && before != null && before.session() == null;
    if (session == null || neverOpened) {
      return null;
    }
    boolean taken = invocation.start() == SessionStart.FRESH || (before != null && before.taken());
    return new InvocationFacts(
        session,
        taken,
        null,
        false,
        before == null ? null : before.tokens(),
        before == null ? 0 : before.costUsd(),
        now,
        null,
        null,
        null,
        before == null || before.overageUsd() == null ? 0 : before.overageUsd(),
        null);
  }
}
