package dev.outlast.limit;

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

/** Keeps what operators see of a gate up to date; search attributes only when they change. */
final class GateView {

  private final boolean searchAttributes;
  private GateStatus shown;

  /**
   * @param searchAttributes whether the namespace knows them
   */
  GateView(boolean searchAttributes) {
    this.searchAttributes = searchAttributes;
  }

  void show(GateStatus status, Instant now) {
    if (searchAttributes) {
      SearchAttributeUpdate<?>[] changes = changes(status);
      if (changes.length > 0) {
        Workflow.upsertTypedSearchAttributes(changes);
      }
    }
    shown = status;
    Workflow.setCurrentDetails(details(status, now));
  }

  private SearchAttributeUpdate<?>[] changes(GateStatus status) {
    List<SearchAttributeUpdate<?>> changes = new ArrayList<>();
    if (shown == null) {
      changes.add(Names.AGENT_PROVIDER.valueSet(status.provider()));
      changes.add(Names.AGENT_ACCOUNT.valueSet(status.account()));
    }
    if (shown == null || shown.state() != status.state()) {
      changes.add(Names.AGENT_STATE.valueSet(status.state().word()));
    }
    if (!Objects.equals(shown == null ? null : shown.until(), status.until())) {
      changes.add(
          status.until() == null
              ? Names.AGENT_RESUME_AT.valueUnset()
              : Names.AGENT_RESUME_AT.valueSet(status.until().atOffset(ZoneOffset.UTC)));
    }
    return changes.toArray(SearchAttributeUpdate<?>[]::new);
  }

  /** The pane shows about five lines, so the first two say it all. */
  static String details(GateStatus status, Instant now) {
    StringBuilder text = new StringBuilder("**").append(status.state().word()).append("**");
    if (status.until() != null) {
      text.append(" until **")
          .append(OperatorTexts.moment(status.until()))
          .append("** (in ")
          .append(DurationText.of(Duration.between(now, status.until())))
          .append(" as of ")
          .append(OperatorTexts.moment(now))
          .append("): ")
          .append(status.why());
    }
    if (status.warning() != null) {
      text.append("  \n**Warning:** ").append(status.warning());
    }
    text.append("  \nYou can: update `")
        .append(status.state() == GateState.OPEN ? Names.UPDATE_CLOSE : Names.UPDATE_RELEASE)
        .append(
            status.state() == GateState.OPEN
                ? "` to let no agent start until a moment, or `"
                : "` to let the waiting runs go at once, `close`, or `")
        .append(Names.UPDATE_PAUSE_AT)
        .append("` to stop before the wall.  \n");
    for (GatePart part : status.parts()) {
      if (part.state() != GateState.OPEN) {
        appendLimit(text, part);
      }
    }
    status.holds().forEach(hold -> appendHold(text, hold, status));
    text.append("Waiting runs known: ").append(status.waiters());
    if (status.settings().maxAgents() > 0) {
      text.append(" · agents at work: ")
          .append(status.atWork().size())
          .append(" of ")
          .append(status.settings().maxAgents());
    }
    status
        .windows()
        .forEach(
            (window, use) ->
                text.append("  \nWindow ")
                    .append(OperatorTexts.plain(window))
                    .append(": ")
                    .append(OperatorTexts.percent(use.used()))
                    .append(use.resetsAt() == null ? "" : reset(use.resetsAt(), now)));
    status.pausesAt().ifPresent(shares -> text.append("  \nPauses at ").append(shares));
    if (!status.spent().isEmpty()) {
      appendSpent(text, status.spent().get(status.spent().size() - 1), status);
    }
    return text.toString();
  }

  /** Of a window that has begun anew, nobody has told the use yet. */
  private static String reset(Instant at, Instant now) {
    return (at.isAfter(now) ? ", begins anew " : " before it began anew ")
        + OperatorTexts.moment(at);
  }

  /** Names the day, since what is shown stays when the day is over. */
  private static void appendSpent(StringBuilder text, GateReport.Spent day, GateStatus status) {
    text.append("  \nSpent on ")
        .append(OperatorTexts.plain(day.day()))
        .append(": ")
        .append(status.spending(day));
    if (day.overageUsd() > 0) {
      text.append(", of it beyond the allowance ").append(OperatorTexts.usd(day.overageUsd()));
    }
  }

  private static void appendHold(StringBuilder text, GateHold hold, GateStatus status) {
    text.append("Held: ").append(hold.why());
    if (hold.cause() == GateHold.Cause.BUDGET) {
      text.append("; to go on for the rest of that day: outlast accounts release ")
          .append(OperatorTexts.plain(status.provider()))
          .append('/')
          .append(OperatorTexts.plain(status.account()));
    }
    text.append("  \n");
  }

  private static void appendLimit(StringBuilder text, GatePart part) {
    text.append(part.model() == null ? "Account" : "Model " + OperatorTexts.plain(part.model()))
        .append(": ")
        .append(part.state().word())
        .append(", ")
        .append(part.scope().word())
        .append(" limit until ")
        .append(OperatorTexts.moment(part.until()));
    if (part.probe() != null) {
      text.append(part.state() == GateState.HALF_OPEN ? "; tries now: " : "; tries first: ")
          .append(OperatorTexts.plain(part.probe().run()));
    }
    if (part.refusals() > 0) {
      text.append("; refused ").append(part.refusals()).append(" times in a row");
    }
    text.append("  \n");
  }
}
