package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.operator.OperatorTexts;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * How an account stands.
 *
 * @param state of the whole account
 * @param until when it is expected to open; null while it is open
 * @param why what is closed and why, in one line; null while it is open
 * @param version of the gate; grows whenever somebody is released, also beyond the end of a gate
 * @param settings that it goes by
 * @param pauseAt an operator's share in place of the settings' one; null if there is none
 * @param parts usage limits: of the whole account, and of single models
 * @param holds other reasons for which it is closed, or only some runs are held back
 * @param waiters how many waiting runs it has heard of; others may wait that never had to ask
 * @param first the first of them; null if there is none
 * @param atWork runs whose agent is at work; only where their number is bounded
 * @param windows how much of the account's windows is used
 * @param spent what was spent on the newest days, the oldest first
 * @param warning what does not work; null if all does
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record GateStatus(
    String provider,
    String account,
    GateState state,
    Instant until,
    String why,
    long version,
    GateSettings settings,
    Double pauseAt,
    List<GatePart> parts,
    List<GateHold> holds,
    long waiters,
    GateWaiter first,
    List<String> atWork,
    Map<String, GateReport.WindowUse> windows,
    List<GateReport.Spent> spent,
    String warning) {

  public GateStatus {
    Objects.requireNonNull(provider, "provider");
    Objects.requireNonNull(account, "account");
    settings = settings == null ? GateSettings.NONE : settings;
    parts = parts == null ? List.of() : List.copyOf(parts);
    holds = holds == null ? List.of() : List.copyOf(holds);
    atWork = atWork == null ? List.of() : List.copyOf(atWork);
    windows = windows == null ? Map.of() : Map.copyOf(windows);
    spent = spent == null ? List.of() : List.copyOf(spent);
  }

  /**
   * What is known of a limit.
   *
   * @param model null for the whole account
   */
  public Optional<GatePart> part(String model) {
    return parts.stream().filter(part -> Objects.equals(part.model(), model)).findFirst();
  }

  /**
   * From which share of its windows on it is left alone, in words that are safe to show: {@code 80
   * % of five_hour, 95 % of every other window}.
   *
   * @return empty if agents are started up to the wall
   */
  public Optional<String> pausesAt() {
    if (pauseAt != null) {
      return Optional.of(OperatorTexts.percent(pauseAt) + " of every window (an operator's)");
    }
    Map<String, Double> byWindow = new TreeMap<>(settings.pauseAt());
    Double others = byWindow.remove(GateSettings.ANY_WINDOW);
    List<String> shares = new ArrayList<>();
    byWindow.entrySet().stream()
        .limit(GateBook.MAX_WINDOWS)
        .forEach(
            each ->
                shares.add(
                    OperatorTexts.percent(each.getValue())
                        + " of "
                        + OperatorTexts.plain(each.getKey())));
    if (others != null && (others < 1 || !shares.isEmpty())) {
      shares.add(
          OperatorTexts.percent(others)
              + " of every "
              + (shares.isEmpty() ? "" : "other ")
              + "window");
    }
    return shares.isEmpty() ? Optional.empty() : Optional.of(String.join(", ", shares));
  }

  /**
   * What was spent on a day, and how much it may be: {@code 1.25 USD of 5.00 USD, 1,234 tokens}.
   */
  public String spending(GateReport.Spent day) {
    return OperatorTexts.usd(day.costUsd())
        + (settings.dayCostUsd() > 0 ? " of " + OperatorTexts.usd(settings.dayCostUsd()) : "")
        + String.format(Locale.ROOT, ", %,d", day.tokens())
        + (settings.dayTokens() > 0
            ? String.format(Locale.ROOT, " of %,d", settings.dayTokens())
            : "")
        + " tokens";
  }

  /**
   * When the next window of the allowance begins: of a limit, or of what agents have told of its
   * use.
   *
   * @return empty if none is known that is still to begin
   */
  public Optional<Instant> nextReset(Instant now) {
    return Stream.concat(
            windows.values().stream().map(GateReport.WindowUse::resetsAt),
            part(null).map(GatePart::reset).stream())
        .filter(reset -> reset != null && reset.isAfter(now))
        .min(Comparator.naturalOrder());
  }

  /**
   * What this means for a run whose worker may be configured otherwise than those before.
   *
   * @param now of any clock; one that is wrong makes nobody start too early
   * @return empty if only the gate itself can say, since time or the run may have changed
   *     something, or settings of which it does not know
   */
  public Optional<GateAnswer> answer(GateEntry entry, Instant now) {
    boolean judgedAnew = !holds.isEmpty() && !entry.settings().equals(settings);
    return judgedAnew ? Optional.empty() : answer(entry.waiter(), now);
  }

  /**
   * What this means for a run.
   *
   * @param now of any clock; one that is wrong makes nobody start too early
   * @return empty if only the gate itself can say, since time or the run may have changed something
   */
  public Optional<GateAnswer> answer(GateWaiter waiter, Instant now) {
    Optional<GateHold> hold =
        holds.stream()
            .filter(each -> each.holds(waiter) && each.until().isAfter(now))
            .max(Comparator.comparing(GateHold::until));
    boolean held =
        hold.isPresent()
            && parts.stream()
                .filter(part -> part.concerns(waiter.model()) && part.state() != GateState.OPEN)
                .noneMatch(part -> part.until().isAfter(hold.get().until()));
    if (held) {
      return Optional.of(notNow(false, hold.get().until(), hold.get().why()));
    }
    boolean open = holds.stream().noneMatch(each -> each.holds(waiter));
    for (GatePart part : parts) {
      if (part.state() == GateState.OPEN || !part.concerns(waiter.model())) {
        continue;
      }
      open = false;
      boolean closed = part.state() == GateState.CLOSED && part.until().isAfter(now);
      boolean tried = part.state() == GateState.HALF_OPEN && !part.isProbe(waiter.run());
      if (tried || (closed && !waiter.triesBefore(part.probe()))) {
        Instant until = part.until().isAfter(now) ? part.until() : now;
        return Optional.of(notNow(part.isProbe(waiter.run()), until, part.words()));
      }
    }
    return open ? Optional.of(GateAnswer.go(false, version)) : Optional.empty();
  }

  /** When a workflow is queried, its clock stands where it was when something happened to it. */
  private GateAnswer notNow(boolean probe, Instant opens, String words) {
    return new GateAnswer(false, probe, opens, GateAnswer.latest(opens, settings), version, words);
  }
}
