package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.operator.DurationText;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * What one worker's invocations have learnt of an account, in one message, since it last told.
 * Moments are told as durations until the message was sent, so that no two clocks are compared.
 *
 * @param settings as the worker is configured; null to keep what the gate goes by
 * @param hits usage limits, and runs that ask to be the one that tries first; the oldest first
 * @param passes invocations that the provider let through; the oldest first
 * @param windows how much of the account's windows is used, by their names
 * @param spent what ended invocations have cost; null if none has ended
 * @param left the workflow ids of runs whose agent has ended, whenever it was let in
 * @param leftAgo runs whose agent has ended, with when it was let in; in place of {@code left}
 * @param id so that it counts once though it is sent twice; null if nothing in it is counted
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record GateReport(
    GateSettings settings,
    List<Hit> hits,
    List<Pass> passes,
    Map<String, WindowUse> windows,
    Spent spent,
    List<String> left,
    List<Left> leftAgo,
    Id id) {

  /** How many of a kind a report may hold. */
  public static final int MAX_ITEMS = 100;

  /** The most that can be spent in US dollars, alone or in a sum. */
  static final double MAX_USD = 1e12;

  /** How long a window's name may be. */
  static final int MAX_NAME = 100;

  /**
   * Which report it is.
   *
   * @param reporter whoever sends it, by a name that nobody else ever has
   * @param number grows with each report of this reporter
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Id(String reporter, long number) {
    public Id {
      Objects.requireNonNull(reporter, "reporter");
    }
  }

  /** Without {@code id}. */
  public GateReport(
      GateSettings settings,
      List<Hit> hits,
      List<Pass> passes,
      Map<String, WindowUse> windows,
      Spent spent,
      List<String> left,
      List<Left> leftAgo) {
    this(settings, hits, passes, windows, spent, left, leftAgo, null);
  }

  /** Without {@code leftAgo}. */
  public GateReport(
      GateSettings settings,
      List<Hit> hits,
      List<Pass> passes,
      Map<String, WindowUse> windows,
      Spent spent,
      List<String> left) {
    this(settings, hits, passes, windows, spent, left, null);
  }

  public GateReport {
    hits = bounded("hits", hits);
    passes = bounded("passes", passes);
    left = bounded("left", left);
    leftAgo = bounded("leftAgo", leftAgo);
    windows = named(windows);
    if (windows.size() > MAX_ITEMS) {
      throw new IllegalArgumentException("windows: more than " + MAX_ITEMS);
    }
  }

  /** The same, by its id. */
  public GateReport as(Id known) {
    return new GateReport(settings, hits, passes, windows, spent, left, leftAgo, known);
  }

  /** What has no name that could be shown is left out, and not the whole report. */
  private static Map<String, WindowUse> named(Map<String, WindowUse> told) {
    Map<String, WindowUse> windows = new TreeMap<>();
    if (told != null) {
      told.forEach(
          (name, use) -> {
            if (use != null && name.length() <= MAX_NAME) {
              windows.put(name, use);
            }
          });
    }
    return Collections.unmodifiableMap(windows);
  }

  /** Of a duration that another host has measured: not negative, and not longer than any is. */
  private static Duration sane(Duration told) {
    Duration atLeast = told.isNegative() ? Duration.ZERO : told;
    return atLeast.compareTo(DurationText.MAX) > 0 ? DurationText.MAX : atLeast;
  }

  private static <T> List<T> bounded(String name, List<T> items) {
    List<T> copy = items == null ? List.of() : List.copyOf(items);
    if (copy.size() > MAX_ITEMS) {
      throw new IllegalArgumentException(name + ": more than " + MAX_ITEMS);
    }
    return copy;
  }

  /**
   * A run has hit a usage limit.
   *
   * @param waiter the run
   * @param scope what part of the allowance is used up
   * @param lasts how long it lasts from now on; where the agent did not say it, the fallback
   * @param reset when it ends, as the agent said; null if it did not. It is only compared with
   *     other resets
   * @param begunAgo how long ago the invocation began
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Hit(
      GateWaiter waiter,
      @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
          LimitScope scope,
      Duration lasts,
      Instant reset,
      Duration begunAgo) {
    public Hit {
      Objects.requireNonNull(waiter, "waiter");
      Objects.requireNonNull(lasts, "lasts");
      Objects.requireNonNull(begunAgo, "begunAgo");
      scope = scope == null ? LimitScope.UNKNOWN : scope;
      lasts = sane(lasts);
      begunAgo = sane(begunAgo);
    }

    /** The model that is closed; null for the whole account. */
    String model() {
      return scope == LimitScope.MODEL ? waiter.model() : null;
    }
  }

  /**
   * The provider has let an invocation through.
   *
   * @param run its workflow id
   * @param model that it asked for; null for the agent's own choice
   * @param said whether the agent itself said that the allowance is there; else it has answered
   * @param begunAgo how long ago the invocation began
   * @param readAgo how long ago that was read
   * @param overage that it was let through on paid overage only; null if by the allowance
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Pass(
      String run,
      String model,
      boolean said,
      Duration begunAgo,
      Duration readAgo,
      @JsonInclude(JsonInclude.Include.NON_NULL) Overage overage) {

    /** Let through by the allowance. */
    public Pass(String run, String model, boolean said, Duration begunAgo, Duration readAgo) {
      this(run, model, said, begunAgo, readAgo, null);
    }

    public Pass {
      Objects.requireNonNull(run, "run");
      Objects.requireNonNull(begunAgo, "begunAgo");
      Objects.requireNonNull(readAgo, "readAgo");
      begunAgo = sane(begunAgo);
      readAgo = sane(readAgo);
    }
  }

  /**
   * An agent has ended. It may be told late, or twice: then another attempt of the run may have
   * been let in meanwhile, which stays.
   *
   * @param run its workflow id
   * @param enteredAgo how long ago the gate's answer that let it in had come; null if that is not
   *     known
   * @param heldFor how long it is before the run comes by itself, if it was not even started for a
   *     reason of its host's: nobody is to wait for it; null if it was started
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Left(
      String run,
      Duration enteredAgo,
      @JsonInclude(JsonInclude.Include.NON_NULL) Duration heldFor) {

    /** One that was started. */
    public Left(String run, Duration enteredAgo) {
      this(run, enteredAgo, null);
    }

    public Left {
      Objects.requireNonNull(run, "run");
      enteredAgo = enteredAgo == null ? null : sane(enteredAgo);
      heldFor = heldFor == null ? null : sane(heldFor);
    }
  }

  /**
   * The allowance is used up; paid overage goes on in its place.
   *
   * @param allowanceIn how soon the allowance returns; where the agent did not say it, the fallback
   * @param waits the run, if it waits for that since it avoids overage; null if it does not
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Overage(
      Duration allowanceIn, @JsonInclude(JsonInclude.Include.NON_NULL) GateWaiter waits) {
    public Overage {
      Objects.requireNonNull(allowanceIn, "allowanceIn");
      allowanceIn = sane(allowanceIn);
    }
  }

  /**
   * How much of a window's allowance is used.
   *
   * @param used the share; 1 is all of it
   * @param resetsAt when it begins anew; null if that is not known. What no calendar shows counts
   *     as not known
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record WindowUse(double used, Instant resetsAt) {
    private static final Instant LATEST = Instant.parse("9999-12-31T00:00:00Z");

    public WindowUse {
      boolean shown =
          resetsAt != null && !resetsAt.isBefore(Instant.EPOCH) && !resetsAt.isAfter(LATEST);
      resetsAt = shown ? resetsAt : null;
    }
  }

  /**
   * What ended invocations have cost.
   *
   * @param day of which it is a part, as the worker's zone has it, ISO-8601
   * @param dayEnds when that day ends
   * @param overageUsd the part of the cost that was paid beyond the allowance
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Spent(
      String day,
      Instant dayEnds,
      int invocations,
      double costUsd,
      double overageUsd,
      long tokens) {
    public Spent {
      Objects.requireNonNull(day, "day");
      Objects.requireNonNull(dayEnds, "dayEnds");
      costUsd = amount(costUsd);
      overageUsd = amount(overageUsd);
    }

    /** What no agent can have cost counts as nothing, so that the sum stays one. */
    private static double amount(double told) {
      return told > 0 && told <= MAX_USD ? told : 0;
    }

    /** Both together, which must be of one day. */
    public Spent plus(Spent more) {
      return new Spent(
          day,
          dayEnds,
          invocations + more.invocations,
          costUsd + more.costUsd,
          overageUsd + more.overageUsd,
          tokens + more.tokens);
    }
  }
}
