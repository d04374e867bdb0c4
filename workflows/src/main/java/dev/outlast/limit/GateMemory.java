package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * All that a gate remembers, as it is handed from one history to the next. Only the gate makes one.
 *
 * @param version grows whenever somebody is released; not below the time of what it was told last,
 *     in epoch milliseconds
 * @param settings that it goes by
 * @param pauseAt an operator's share in place of the settings' one; null if there is none
 * @param parts usage limits, the whole account's first
 * @param holds other reasons for which it is closed
 * @param waiters runs that it has heard of and that wait
 * @param forgotten how many more it has heard of than it remembers
 * @param othersWait whether others may wait of whom it has not heard
 * @param leases since when which run has an agent at work; only where their number is bounded
 * @param windows use of the account's windows
 * @param spent what was spent on the newest days, the oldest first
 * @param excused windows that an operator has released, until these resets
 * @param tasks what has yet to be done
 * @param releasing since when which releases are under way
 * @param heldUntil when the last of the runs comes that were held back; null if none was
 * @param heard the newest report of each of those that have told last, the latest last
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record GateMemory(
    long version,
    GateSettings settings,
    Double pauseAt,
    List<GatePart> parts,
    List<GateHold> holds,
    List<GateWaiter> waiters,
    long forgotten,
    @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean othersWait,
    Map<String, Instant> leases,
    Map<String, GateReport.WindowUse> windows,
    List<GateReport.Spent> spent,
    Map<String, Instant> excused,
    List<GateTask> tasks,
    List<Releasing> releasing,
    Instant heldUntil,
    List<GateReport.Id> heard) {

  /**
   * A release that is under way.
   *
   * @param model null for the whole account
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Releasing(String model, Instant since) {
    public Releasing {
      Objects.requireNonNull(since, "since");
    }
  }

  public GateMemory {
    settings = settings == null ? GateSettings.NONE : settings;
    parts = parts == null ? List.of() : List.copyOf(parts);
    holds = holds == null ? List.of() : List.copyOf(holds);
    waiters = waiters == null ? List.of() : List.copyOf(waiters);
    leases = leases == null ? Map.of() : Map.copyOf(leases);
    windows = windows == null ? Map.of() : Map.copyOf(windows);
    spent = spent == null ? List.of() : List.copyOf(spent);
    excused = excused == null ? Map.of() : Map.copyOf(excused);
    tasks = tasks == null ? List.of() : List.copyOf(tasks);
    releasing = releasing == null ? List.of() : List.copyOf(releasing);
    heard = heard == null ? List.of() : List.copyOf(heard);
  }
}
