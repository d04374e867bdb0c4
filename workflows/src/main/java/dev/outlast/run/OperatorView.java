package dev.outlast.run;

import static dev.outlast.operator.OperatorTexts.moment;
import static dev.outlast.operator.OperatorTexts.plain;

import dev.outlast.operator.AgentState;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.Names;
import dev.outlast.operator.OperatorTexts;
import io.temporal.common.SearchAttributeUpdate;
import io.temporal.workflow.Workflow;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * Keeps what operators see up to date: search attributes, of which only changes are written because
 * each write is an event in the history, and the current details, which cost nothing.
 */
final class OperatorView {

  private RunStatus shown;

  /** Since when the run waits for its account, as the search attribute has it. */
  private Instant sinceWritten;

  void show(RunStatus status, boolean searchAttributes) {
    if (searchAttributes) {
      SearchAttributeUpdate<?>[] changes = changes(status);
      if (changes.length > 0) {
        Workflow.upsertTypedSearchAttributes(changes);
      }
    }
    shown = status;
    Workflow.setCurrentDetails(details(status, RunClock.now()));
  }

  private SearchAttributeUpdate<?>[] changes(RunStatus status) {
    List<SearchAttributeUpdate<?>> changes = new ArrayList<>();
    if (shown == null || shown.state() != status.state()) {
      changes.add(Names.AGENT_STATE.valueSet(status.state().word()));
    }
    if (shown == null
        || !Objects.equals(shown.provider(), status.provider())
        || !Objects.equals(shown.account(), status.account())) {
      changes.add(Names.AGENT_PROVIDER.valueSet(status.provider()));
      changes.add(Names.AGENT_ACCOUNT.valueSet(status.account()));
    }
    if (status.session() != null
        && (shown == null || !Objects.equals(shown.session(), status.session()))) {
      changes.add(Names.AGENT_SESSION.valueSet(status.session().value()));
    }
    if (shown == null || shown.limitsHit() != status.limitsHit()) {
      changes.add(Names.AGENT_LIMIT_HITS.valueSet((long) status.limitsHit()));
    }
    if (shown == null) {
      changes.add(Names.AGENT_PRIORITY.valueSet((long) status.priority()));
    }
    Instant shownResumeAt = shown == null ? null : shown.resumeAt();
    if (!Objects.equals(shownResumeAt, status.resumeAt())) {
      changes.add(
          status.resumeAt() == null
              ? Names.AGENT_RESUME_AT.valueUnset()
              : Names.AGENT_RESUME_AT.valueSet(status.resumeAt().atOffset(ZoneOffset.UTC)));
    }
    // It only matters of runs that wait, and is worth no event of its own.
    boolean maybeStale =
        shown == null && Workflow.getInfo().getContinuedExecutionRunId().isPresent();
    if (!changes.isEmpty()
        && (maybeStale || !Objects.equals(sinceWritten, status.waitingSince()))) {
      sinceWritten = status.waitingSince();
      changes.add(
          sinceWritten == null
              ? Names.AGENT_WAITING_SINCE.valueUnset()
              : Names.AGENT_WAITING_SINCE.valueSet(sinceWritten.atOffset(ZoneOffset.UTC)));
    }
    return changes.toArray(SearchAttributeUpdate<?>[]::new);
  }

  /** The pane shows about five lines, so the first two say it all. */
  static String details(RunStatus status, Instant now) {
    StringBuilder text = new StringBuilder(headline(status, now)).append("  \n");
    if (status.warning() != null) {
      text.append("**Warning:** ").append(status.warning()).append("  \n");
    }
    text.append(whatNow(status)).append("  \n");
    text.append("Agent: ")
        .append(plain(status.agent()))
        .append(" · account: ")
        .append(plain(status.account()))
        .append(" · session: ")
        .append(status.session() == null ? "not known yet" : plain(status.session().value()))
        .append("  \n");
    text.append("Turn ")
        .append(status.turn())
        .append(", invocation ")
        .append(status.invocations())
        .append(" · limits so far: ")
        .append(status.limitsHit())
        .append(", waited ")
        .append(DurationText.of(Duration.ofSeconds(status.waitedSeconds())))
        .append(" · tokens: ")
        .append(status.tokens().total())
        .append(" · queued prompts: ")
        .append(status.queuedPrompts());
    money(status, text);
    return text.append(others(status)).toString();
  }

  private static String others(RunStatus status) {
    if (status.agents() == null) {
      return "";
    }
    return status.agents().stream()
        .map(AgentStanding::words)
        .collect(Collectors.joining(", ", "  \nAgents: ", ""));
  }

  private static void money(RunStatus status, StringBuilder text) {
    if (status.budget() != null || status.overageUsd() != null) {
      text.append("  \nCost: ").append(OperatorTexts.usd(status.costUsd()));
    }
    if (status.budget() != null) {
      text.append(" · budget: ")
          .append(OperatorTexts.budget(status.budget().costUsd(), status.budget().tokens()));
    }
    if (status.overageUsd() != null) {
      text.append(" · ").append(OperatorTexts.onOverage(status.overageUsd()));
    }
  }

  private static String headline(RunStatus status, Instant now) {
    return switch (status.state()) {
      case WAITING -> waiting(status, now);
      case PAUSED ->
          goneOnElsewhere(status)
              ? "**paused**: somebody else has gone on with the session"
              : Boolean.TRUE.equals(status.budgetSpent())
                  ? "**paused**: " + status.pausedBecause()
                  : status.resumeAt() == null
                      ? "**paused** by an operator"
                      : "**paused** by an operator; the wait for the limit ends "
                          + moment(status.resumeAt());
      case RUNNING -> "**running** since " + moment(now);
      case AWAITING_APPROVAL -> "**awaiting approval**";
      case COMPLETED -> "**completed** " + moment(now);
      case STOPPED -> "**stopped** " + moment(now);
    };
  }

  private static boolean goneOnElsewhere(RunStatus status) {
    return Boolean.TRUE.equals(status.continuedElsewhere());
  }

  private static String waiting(RunStatus status, Instant now) {
    return switch (status.waitsFor()) {
      case LIMIT -> OperatorTexts.waiting(now, status.resumeAt(), status.scope());
      case ACCOUNT -> OperatorTexts.waitingForAccount(now, status.resumeAt(), status.waitsWhy());
      case WORKSPACE, SESSION ->
          OperatorTexts.waitingForBusy(
              now, status.resumeAt(), status.waitsFor().word(), status.holder());
      case START -> OperatorTexts.waitingForStart(now, status.resumeAt());
      case HOST -> OperatorTexts.waitingForHost(status.host());
      case WORKER ->
          OperatorTexts.waitingForWorker(now, status.resumeAt(), String.valueOf(status.host()));
      case OTHER -> "**waiting**";
    };
  }

  private static String whatNow(RunStatus status) {
    if (status.state() == AgentState.WAITING && status.waitsFor() == WaitsFor.HOST) {
      return "You can: start a worker on that host, update `move` to go on elsewhere in a fresh"
          + " session, signal `pause`, or cancel.";
    }
    if (status.state() == AgentState.PAUSED && goneOnElsewhere(status)) {
      return "You can: signal `unpause` to resume it nevertheless (the agent is told so), or cancel"
          + " to leave it to whoever went on.";
    }
    if (status.state() == AgentState.PAUSED && Boolean.TRUE.equals(status.budgetSpent())) {
      return "You can: update `changeBudget` to give it more (it then goes on by itself), or cancel.";
    }
    return switch (status.state()) {
      case WAITING ->
          "You can: signal `resumeNow` to go on at once, update `changeResume` to move the moment,"
              + " signal `pause`, or cancel.";
      case PAUSED -> "You can: signal `unpause` to go on, or cancel.";
      case RUNNING, AWAITING_APPROVAL ->
          "You can: update `send` to queue another prompt, signal `pause` to end the agent and keep"
              + " its session, or cancel.";
      case COMPLETED -> "Nothing to do.";
      case STOPPED -> "A new run can go on with the session: give its id as `session`.";
    };
  }
}
