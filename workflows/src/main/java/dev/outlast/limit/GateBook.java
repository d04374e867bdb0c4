package dev.outlast.limit;

import dev.outlast.operator.OperatorTexts;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The rules of a gate: what it knows of an account, who may start an agent, and what is to be done
 * next. Pure: times come in as arguments, and nobody is told anything here. Not thread-safe.
 */
final class GateBook {

  /** The least time for which a refused probe closes the account; doubles with each one. */
  static final Duration REFUSED_FLOOR = Duration.ofMinutes(1);

  /** What it grows to. */
  static final Duration MAX_REFUSED = Duration.ofHours(6);

  /** How long a run that is to try first has to come, before another one is asked. */
  static final Duration PROBE_GRACE = Duration.ofSeconds(90);

  /** How long a run that tries has to be let through, before another one is asked. */
  static final Duration PROBE_SILENCE = Duration.ofMinutes(10);

  /** After it an agent that goes on answering shows that its account is not closed. */
  static final Duration LATE_WORDS = Duration.ofSeconds(5);

  /** How often it is looked whether places are held by runs that have ended. */
  static final Duration LEASE_LOOK = Duration.ofSeconds(60);

  static final int MAX_WAITERS = 1_000;
  static final int MAX_MODELS = 50;
  static final int MAX_WINDOWS = 20;
  static final int MAX_DAYS = 8;

  private long version;
  private String warning;
  private GateSettings settings = GateSettings.NONE;
  private Double pauseAt;
  private final Map<String, GatePart> parts = new TreeMap<>(KEYS);
  private final List<GateHold> holds = new ArrayList<>();
  private final Map<String, GateWaiter> waiters = new LinkedHashMap<>();
  private long forgotten;
  private final Map<String, Instant> leases = new LinkedHashMap<>();
  private final Map<String, GateReport.WindowUse> windows = new TreeMap<>();
  private final List<GateReport.Spent> spent = new ArrayList<>();
  private final Map<String, Instant> excused = new TreeMap<>();
  private final Set<GateTask> tasks = new LinkedHashSet<>();
  private Instant leasesSeen = Instant.EPOCH;

  /** The whole account, which has no model, first. */
  private static final Comparator<String> KEYS = Comparator.nullsFirst(Comparator.naturalOrder());

  /** The book of a new gate. */
  GateBook() {}

  static GateBook restore(GateMemory memory) {
    GateBook book = new GateBook();
    book.version = memory.version();
    book.settings = memory.settings();
    book.pauseAt = memory.pauseAt();
    memory.parts().forEach(part -> book.parts.put(part.model(), part));
    book.holds.addAll(memory.holds());
    memory.waiters().forEach(waiter -> book.waiters.put(waiter.run(), waiter));
    book.forgotten = memory.forgotten();
    book.leases.putAll(memory.leases());
    book.windows.putAll(memory.windows());
    book.spent.addAll(memory.spent());
    book.excused.putAll(memory.excused());
    book.tasks.addAll(memory.tasks());
    return book;
  }

  /**
   * @param unfinished what has been begun, and is to be done again
   */
  GateMemory save(List<GateTask> unfinished) {
    return new GateMemory(
        version,
        settings,
        pauseAt,
        List.copyOf(parts.values()),
        List.copyOf(holds),
        List.copyOf(waiters.values()),
        forgotten,
        Map.copyOf(leases),
        Map.copyOf(windows),
        List.copyOf(spent),
        Map.copyOf(excused),
        Stream.concat(unfinished.stream(), tasks.stream()).distinct().toList());
  }

  GateStatus status(String provider, String account, Instant now) {
    Optional<GateHold> hold = hold(now);
    GatePart whole = parts.get(null);
    boolean limited = whole != null && whole.state() != GateState.OPEN;
    return new GateStatus(
        provider,
        account,
        hold.isPresent() ? GateState.CLOSED : limited ? whole.state() : GateState.OPEN,
        hold.map(GateHold::until).orElse(limited ? whole.until() : null),
        hold.map(GateHold::why).orElse(limited ? whole.words() : null),
        version,
        settings,
        pauseAt,
        List.copyOf(parts.values()),
        List.copyOf(holds),
        waiters.size() + forgotten,
        waiters.values().stream().min(GateWaiter.FIRST).orElse(null),
        List.copyOf(leases.keySet()),
        windows,
        spent,
        warning);
  }

  // What the gate is told.

  void report(GateReport report, Instant now) {
    settings(report.settings());
    report.left().forEach(this::left);
    report.hits().forEach(hit -> limited(hit, now));
    report.passes().forEach(pass -> passed(pass, now));
    windows(report.windows(), now);
    if (report.spent() != null) {
      spent(report.spent(), now);
    }
  }

  private void settings(GateSettings told) {
    settings = told == null ? settings : told;
  }

  private void limited(GateReport.Hit hit, Instant now) {
    GatePart part =
        Objects.requireNonNullElseGet(
            parts.get(hit.model()), () -> GatePart.unknown(hit.model(), now));
    boolean refused = part.halfOpenFor(hit.waiter().run());
    Instant began = now.minus(hit.begunAgo());
    if (!refused && isOver(part, hit, began)) {
      return;
    }
    remember(hit.waiter());
    int refusals = refused ? part.refusals() + 1 : part.refusals();
    Duration lasts = refused ? longer(hit.lasts(), floor(refusals)) : hit.lasts();
    Instant until = later(now.plus(lasts), part.until());
    Instant since = part.state() == GateState.CLOSED ? part.since() : now;
    GatePart closed = part.closed(until, hit.scope(), latest(hit, part), since, refusals);
    put(hit.waiter().before(part.probe()) ? closed.withProbe(hit.waiter(), null) : closed);
  }

  private static Instant latest(GateReport.Hit hit, GatePart part) {
    return hit.reset() == null ? part.reset() : later(hit.reset(), part.reset());
  }

  /** Whether a hit tells of a limit that ended before, and only comes late. */
  private static boolean isOver(GatePart part, GateReport.Hit hit, Instant began) {
    Instant over = part.state() == GateState.OPEN ? part.ended() : part.reset();
    return part.state() != GateState.CLOSED
        && over != null
        && hit.reset() != null
        && !hit.reset().isAfter(over)
        && began.isBefore(part.since());
  }

  private void passed(GateReport.Pass pass, Instant now) {
    waiters.remove(pass.run());
    for (String model : keys(pass.model())) {
      GatePart part = parts.get(model);
      if (part != null && proves(pass, part, now)) {
        open(part, now);
      }
    }
  }

  private static boolean proves(GateReport.Pass pass, GatePart part, Instant now) {
    boolean begunSince = !now.minus(pass.begunAgo()).isBefore(part.since());
    return switch (part.state()) {
      case OPEN -> false;
      case HALF_OPEN -> begunSince || part.isProbe(pass.run());
      case CLOSED ->
          begunSince
              || (pass.said() && now.minus(pass.readAgo()).isAfter(part.since().plus(LATE_WORDS)));
    };
  }

  private void open(GatePart part, Instant now) {
    put(part.opened(now));
    release(part.model());
  }

  private void release(String model) {
    version++;
    tasks.add(new GateTask.Release(model));
  }

  private void windows(Map<String, GateReport.WindowUse> told, Instant now) {
    windows.putAll(told);
    while (windows.size() > MAX_WINDOWS) {
      windows.remove(windows.keySet().iterator().next());
    }
    holdBackBeforeTheWall(now);
  }

  private void holdBackBeforeTheWall(Instant now) {
    windows.forEach(
        (window, use) -> {
          double most = pauseAt == null ? settings.pauseAt(window) : pauseAt;
          Instant reset = use.resetsAt();
          boolean full = most < 1 && use.used() >= most && reset != null && reset.isAfter(now);
          if (full && !reset.equals(excused.get(window))) {
            hold(
                new GateHold(
                    GateHold.Cause.PAUSE_AT,
                    reset,
                    "%s: %.0f %% is used, and from %.0f %% on it is left alone"
                        .formatted(OperatorTexts.plain(window), 100 * use.used(), 100 * most)));
          }
        });
  }

  private void spent(GateReport.Spent more, Instant now) {
    GateReport.Spent day =
        spent.stream()
            .filter(each -> each.day().equals(more.day()))
            .findFirst()
            .map(each -> each.plus(more))
            .orElse(more);
    spent.removeIf(each -> each.day().equals(more.day()));
    spent.add(day);
    spent.sort(Comparator.comparing(GateReport.Spent::day));
    if (spent.size() > MAX_DAYS) {
      spent.remove(0);
    }
    boolean money = settings.dayCostUsd() > 0 && day.costUsd() >= settings.dayCostUsd();
    boolean tokens = settings.dayTokens() > 0 && day.tokens() >= settings.dayTokens();
    if ((money || tokens) && day.dayEnds().isAfter(now) && !excusedDay(day)) {
      hold(
          new GateHold(
              GateHold.Cause.BUDGET,
              day.dayEnds(),
              money
                  ? "the budget of %.2f USD for %s is spent"
                      .formatted(settings.dayCostUsd(), day.day())
                  : "the budget of %d tokens for %s is used"
                      .formatted(settings.dayTokens(), day.day())));
    }
  }

  private boolean excusedDay(GateReport.Spent day) {
    return day.dayEnds().equals(excused.get(GateHold.Cause.BUDGET.name()));
  }

  private void hold(GateHold hold) {
    Optional<GateHold> there =
        holds.stream().filter(each -> each.cause() == hold.cause()).findFirst();
    boolean longer = there.isEmpty() || hold.until().isAfter(there.get().until());
    if (longer) {
      holds.removeIf(each -> each.cause() == hold.cause());
      holds.add(hold);
    }
  }

  private void left(String run) {
    if (leases.remove(run) != null) {
      wake();
    }
  }

  private void wake() {
    int places = settings.maxAgents() - leases.size();
    if (places > 0 && (!waiters.isEmpty() || forgotten > 0)) {
      version++;
      tasks.removeIf(task -> task instanceof GateTask.Wake);
      tasks.add(new GateTask.Wake(places));
    }
  }

  // What it is asked.

  /** Answers a run that is about to start its agent. */
  GateAnswer enter(GateEntry entry, Instant now) {
    settings(entry.settings());
    GateWaiter waiter = entry.waiter();
    Optional<GateHold> hold = hold(now);
    if (hold.isPresent()) {
      return notNow(waiter, false, hold.get().until(), hold.get().why(), now);
    }
    boolean probe = false;
    for (String model : keys(waiter.model())) {
      GatePart part = parts.get(model);
      if (part == null || part.state() == GateState.OPEN || part.halfOpenFor(waiter.run())) {
        continue;
      }
      boolean due = part.state() == GateState.CLOSED && !now.isBefore(part.until());
      if (!due || !mayTry(part, waiter, now)) {
        return notNow(waiter, triesFirst(part, waiter), part.until(), part.words(), now);
      }
      put(part.halfOpen(waiter, now));
      probe = true;
    }
    return place(waiter, probe, now);
  }

  private GateAnswer place(GateWaiter waiter, boolean probe, Instant now) {
    int most = settings.maxAgents();
    if (most > 0 && leases.size() >= most && !leases.containsKey(waiter.run())) {
      return notNow(
          waiter, false, now, "%d of %d agents are at work".formatted(leases.size(), most), now);
    }
    if (most > 0) {
      leases.putIfAbsent(waiter.run(), now);
    }
    waiters.remove(waiter.run());
    return GateAnswer.go(probe, version);
  }

  /** Whether this is the run that goes first, or may do so in place of one that has not come. */
  private static boolean mayTry(GatePart part, GateWaiter waiter, Instant now) {
    return part.probe() == null
        || part.isProbe(waiter.run())
        || waiter.before(part.probe())
        || now.isAfter(part.until().plus(PROBE_GRACE));
  }

  /** Makes a run the one that tries first if nobody is before it; says whether it is. */
  private boolean triesFirst(GatePart part, GateWaiter waiter) {
    if (part.state() == GateState.CLOSED && waiter.before(part.probe())) {
      put(part.withProbe(waiter, null));
      return true;
    }
    return part.isProbe(waiter.run());
  }

  private GateAnswer notNow(
      GateWaiter waiter, boolean probe, Instant until, String why, Instant now) {
    remember(waiter);
    Instant opens = later(until, now);
    return new GateAnswer(false, probe, opens, GateAnswer.latest(opens, settings), version, why);
  }

  private Optional<GateHold> hold(Instant now) {
    return holds.stream()
        .filter(each -> each.until().isAfter(now))
        .max(Comparator.comparing(GateHold::until));
  }

  // What operators do.

  /** Opens all that is closed; false if nothing was. */
  boolean release(Instant now) {
    boolean closed = !holds.isEmpty();
    for (GateHold hold : holds) {
      if (hold.cause() == GateHold.Cause.PAUSE_AT) {
        windows.forEach((window, use) -> excuse(window, use.resetsAt()));
      } else if (hold.cause() == GateHold.Cause.BUDGET) {
        excuse(GateHold.Cause.BUDGET.name(), hold.until());
      }
    }
    holds.clear();
    for (GatePart part : List.copyOf(parts.values())) {
      if (part.state() != GateState.OPEN) {
        closed = true;
        open(part, now);
      }
    }
    if (closed) {
      release((String) null);
    }
    return closed;
  }

  private void excuse(String what, Instant until) {
    if (until != null) {
      excused.put(what, until);
    }
  }

  void close(Instant until, String why) {
    holds.removeIf(each -> each.cause() == GateHold.Cause.OPERATOR);
    holds.add(new GateHold(GateHold.Cause.OPERATOR, until, why));
  }

  /**
   * @param share null to go by the settings again
   */
  void pauseAt(Double share, Instant now) {
    pauseAt = share;
    if (holds.removeIf(each -> each.cause() == GateHold.Cause.PAUSE_AT)) {
      release((String) null);
    }
    holdBackBeforeTheWall(now);
  }

  // What is to be done, and when.

  /** When something is to be done next by the clock; empty if nothing is. */
  Optional<Instant> next() {
    Stream<Instant> limits =
        parts.values().stream()
            .filter(part -> part.state() != GateState.OPEN)
            .map(GateBook::nextOf);
    Stream<Instant> ends = holds.stream().map(GateHold::until);
    Stream<Instant> looks =
        leases.isEmpty() || waiters.isEmpty()
            ? Stream.empty()
            : Stream.of(leasesSeen.plus(LEASE_LOOK));
    return Stream.of(limits, ends, looks).flatMap(each -> each).min(Comparator.naturalOrder());
  }

  private static Instant nextOf(GatePart part) {
    if (part.state() == GateState.HALF_OPEN) {
      return part.since().plus(PROBE_SILENCE);
    }
    Instant asked = part.sought() == null ? part.until() : later(part.sought(), part.until());
    return asked.plus(PROBE_GRACE);
  }

  /** What has become due; each is told once. */
  List<GateTask> due(Instant now) {
    if (holds.removeIf(each -> !each.until().isAfter(now))) {
      release((String) null);
    }
    for (GatePart part : List.copyOf(parts.values())) {
      if (part.state() != GateState.OPEN && !now.isBefore(nextOf(part))) {
        // Whoever was to try is late, or silent: it is another one's turn.
        forget(part.probe());
        put(part.withProbe(null, now));
        tasks.add(new GateTask.SeekProbe(part.model()));
      }
    }
    if (!leases.isEmpty() && !waiters.isEmpty() && !now.isBefore(leasesSeen.plus(LEASE_LOOK))) {
      leasesSeen = now;
      tasks.add(new GateTask.LookAfterLeases());
    }
    List<GateTask> due = List.copyOf(tasks);
    tasks.clear();
    return due;
  }

  boolean anyDue() {
    return !tasks.isEmpty();
  }

  /**
   * Who has been found to try first.
   *
   * @param found null if no run waits: then nothing speaks against opening
   */
  void sought(String model, GateWaiter found, Instant now) {
    GatePart part = parts.get(model);
    if (part == null || part.state() != GateState.CLOSED || now.isBefore(part.until())) {
      return;
    }
    if (found == null) {
      open(part, now);
    } else {
      version++;
      put(part.withProbe(found, now));
    }
  }

  /** These runs have ended, or do not wait any more. */
  void gone(List<String> runs) {
    runs.forEach(
        run -> {
          waiters.remove(run);
          left(run);
        });
  }

  /** The best of the waiting runs that are remembered. */
  List<GateWaiter> waiting(String model, int most) {
    return waiters.values().stream()
        .filter(waiter -> model == null || model.equals(waiter.model()))
        .sorted(GateWaiter.FIRST)
        .limit(most)
        .toList();
  }

  private void remember(GateWaiter waiter) {
    GateWaiter before = waiters.get(waiter.run());
    if (before != null || waiters.size() < MAX_WAITERS) {
      // It keeps its place in time.
      waiters.put(
          waiter.run(),
          before != null && before.since().isBefore(waiter.since())
              ? new GateWaiter(waiter.run(), waiter.priority(), before.since(), waiter.model())
              : waiter);
    } else {
      forgotten++;
    }
  }

  private void forget(GateWaiter waiter) {
    if (waiter != null) {
      waiters.remove(waiter.run());
    }
  }

  /**
   * @param problem what did not work last; null if it did
   */
  void warning(String problem) {
    warning = problem;
  }

  Duration spread() {
    return settings.spread();
  }

  long version() {
    return version;
  }

  /** What is known of a model, or for null of the whole account; null if nothing is. */
  GatePart part(String model) {
    return parts.get(model);
  }

  /** The runs that hold a place. */
  List<String> held() {
    return List.copyOf(leases.keySet());
  }

  /** Whether a model, or for null the whole account, is open now. */
  boolean opened(String model, Instant now) {
    GatePart part = parts.get(model);
    return hold(now).isEmpty() && (part == null || part.state() == GateState.OPEN);
  }

  /** Whether anything is closed. */
  boolean closedAtAll(Instant now) {
    return hold(now).isPresent()
        || parts.values().stream().anyMatch(part -> part.state() != GateState.OPEN);
  }

  // Parts.

  private void put(GatePart part) {
    parts.put(part.model(), part);
    if (parts.size() > MAX_MODELS) {
      parts.values().stream()
          .filter(each -> each.model() != null && each.state() == GateState.OPEN)
          .min(Comparator.comparing(GatePart::since))
          .ifPresent(each -> parts.remove(each.model()));
    }
  }

  private static List<String> keys(String model) {
    List<String> keys = new ArrayList<>();
    keys.add(null);
    if (model != null) {
      keys.add(model);
    }
    return keys;
  }

  private static Duration floor(int refusals) {
    Duration floor = REFUSED_FLOOR;
    for (int i = 1; i < refusals && floor.compareTo(MAX_REFUSED) < 0; i++) {
      floor = floor.multipliedBy(2);
    }
    return floor.compareTo(MAX_REFUSED) < 0 ? floor : MAX_REFUSED;
  }

  private static Instant later(Instant a, Instant b) {
    return b == null || a.isAfter(b) ? a : b;
  }

  private static Duration longer(Duration a, Duration b) {
    return a.compareTo(b) >= 0 ? a : b;
  }
}
