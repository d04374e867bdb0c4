package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.limit.GateHold;
import dev.outlast.limit.GatePart;
import dev.outlast.limit.GateReport.Spent;
import dev.outlast.limit.GateReport.WindowUse;
import dev.outlast.limit.GateState;
import dev.outlast.limit.GateStatus;
import dev.outlast.limit.RunPriority;
import dev.outlast.operator.DurationText;
import dev.outlast.operator.OperatorTexts;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/** Prints accounts for people: a line for each that fits into 80 columns, and what is special. */
final class AccountTable {

  private static final String LINE = "%-24s %-10s %-22s %9s %9s";

  private static final String FIRST = RunPriority.HIGHEST + " to " + RunPriority.LOWEST_IN_RESERVE;

  private final Console console;
  private final Instant now;

  /**
   * An account.
   *
   * @param configured whether it is in the configuration of this side
   * @param gate null for one that was never limited, bounded or closed, or if no worker answers
   * @param lastSeen of its gate; null unless it has one and no worker answers
   * @param quietUntil when the quiet hours of this side's configuration end; null if it is in none
   * @param reservedUntil when the account's hours end that this side's configuration reserves; null
   *     if it is in none
   * @param waitingRuns null where the server cannot count
   * @param runningRuns null where the server cannot count
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Row(
      String provider,
      String account,
      boolean configured,
      GateStatus gate,
      LastSeen lastSeen,
      Instant quietUntil,
      Instant reservedUntil,
      Long waitingRuns,
      Long runningRuns) {

    String state() {
      return gate != null
          ? gate.state().word()
          : lastSeen != null ? lastSeen.state() : GateState.OPEN.word();
    }

    Instant until() {
      return gate != null ? gate.until() : lastSeen != null ? lastSeen.until() : null;
    }
  }

  /**
   * What the server itself has of a gate.
   *
   * @param state {@code unknown} where the server has no search attributes
   * @param until null if it is open, or that is not known
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record LastSeen(String state, Instant until) {}

  AccountTable(Console console, Instant now) {
    this.console = console;
    this.now = now;
  }

  void print(List<Row> rows) {
    if (rows.isEmpty()) {
      console.say("no account is configured here, and none was ever limited, bounded or closed");
      return;
    }
    console.print(String.format(LINE, "ACCOUNT", "STATE", "UNTIL", "WAITING", "RUNNING"));
    rows.forEach(this::print);
  }

  private void print(Row row) {
    GateStatus gate = row.gate();
    String name = new AccountName(row.provider(), row.account()).toString();
    console.print(
        String.format(
            LINE,
            name,
            Console.oneLine(row.state()),
            row.until() == null ? "-" : second(row.until()),
            row.waitingRuns() != null ? row.waitingRuns() : gate == null ? "-" : gate.waiters(),
            row.runningRuns() != null ? row.runningRuns() : "-"));
    List<String> lines = new ArrayList<>();
    if (row.quietUntil() != null) {
      lines.add("quiet hours, as configured here: no agent is started");
      lines.add(" until " + second(row.quietUntil()) + left(row.quietUntil()));
    }
    if (row.reservedUntil() != null) {
      lines.add("reserved, as configured here: only runs of priority " + FIRST + " start");
      lines.add(" until " + second(row.reservedUntil()) + left(row.reservedUntil()));
    }
    if (gate != null) {
      lines.addAll(details(gate));
    }
    if (row.state().equals(GateState.OPEN.word())
        && row.waitingRuns() != null
        && row.waitingRuns() > 0) {
      lines.add("why a run waits though it is open: outlast show ID");
    }
    lines.forEach(line -> console.print(indent(line)));
  }

  /** On one line and harmless, and a little further in where it belongs to the line before. */
  private static String indent(String line) {
    return (line.startsWith(" ") ? "    " : "  ") + Console.oneLine(line);
  }

  /** A line that belongs to the one before begins with a space. */
  private List<String> details(GateStatus gate) {
    List<String> lines = new ArrayList<>();
    if (gate.warning() != null) {
      lines.add("warning: " + gate.warning());
    }
    for (GatePart part : gate.parts()) {
      if (part.state() != GateState.OPEN) {
        limit(part, lines);
      }
    }
    for (GateHold hold : gate.holds()) {
      lines.add(who(hold.cause()) + hold.why());
      lines.add(" until " + second(hold.until()) + left(hold.until()));
    }
    new TreeMap<>(gate.windows()).forEach((name, use) -> lines.add(window(name, use)));
    if (gate.settings().maxAgents() > 0) {
      lines.add("agents at work: " + gate.atWork().size() + " of " + gate.settings().maxAgents());
    }
    gate.pausesAt().ifPresent(shares -> lines.add("pauses at " + shares));
    if (!gate.spent().isEmpty()) {
      Spent day = gate.spent().get(gate.spent().size() - 1);
      String when = day.dayEnds().isAfter(now) ? "spent today" : "last spent on " + day.day();
      lines.add(when + ": " + gate.spending(day));
      if (day.overageUsd() > 0) {
        lines.add(" of it beyond the allowance: " + OperatorTexts.usd(day.overageUsd()));
      }
    }
    return lines;
  }

  private void limit(GatePart part, List<String> lines) {
    String what = part.model() == null ? "" : "model " + part.model() + ": ";
    String refused =
        part.refusals() == 0
            ? ""
            : ", refused " + part.refusals() + (part.refusals() == 1 ? " time" : " times");
    lines.add(
        what
            + part.state().word()
            + ", "
            + part.scope().word()
            + " limit until "
            + second(part.until())
            + left(part.until())
            + refused);
    if (part.probe() != null) {
      lines.add(
          (part.state() == GateState.HALF_OPEN ? "tries now: " : "tries first: ")
              + part.probe().run());
    }
  }

  /** How long something goes on; nothing once it has ended. */
  private String left(Instant until) {
    return until.isAfter(now)
        ? " (in "
            + DurationText.of(Duration.between(now, until).truncatedTo(ChronoUnit.SECONDS))
            + ")"
        : "";
  }

  /** What an operator has closed says so itself. */
  private static String who(GateHold.Cause cause) {
    return switch (cause) {
      case OPERATOR, ALLOWANCE -> "";
      case PAUSE_AT -> "pause-at: ";
      case BUDGET -> "the day's bound: ";
    };
  }

  private String window(String name, WindowUse use) {
    return "window "
        + name
        + ": "
        + OperatorTexts.percent(use.used())
        + " used"
        + (use.resetsAt() == null ? "" : reset(use.resetsAt()));
  }

  /** Of a window that has begun anew, nobody has told the use yet. */
  private String reset(Instant at) {
    return at.isAfter(now)
        ? ", resets " + second(at) + left(at)
        : " (before its reset at " + second(at) + ")";
  }

  private static String second(Instant moment) {
    return moment.truncatedTo(ChronoUnit.SECONDS).toString();
  }
}
