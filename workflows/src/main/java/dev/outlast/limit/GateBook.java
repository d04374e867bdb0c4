package dev.outlast.limit;

import dev.outlast.operator.OperatorTexts;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
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

  /** How soon it is looked whether places are held by runs that have ended; doubles in vain. */
  static final Duration LEASE_LOOK = Duration.ofSeconds(60);

  /** How soon others are told of a free place which those that were told have not taken. */
  static final Duration WAKE_GRACE = Duration.ofSeconds(90);

  /** What has been in vain is done again after at most this many times its first pause. */
  static final int MOST_PATIENCE = 16;

  /** Who was asked to try and cannot is not waited for, but others may be on their way. */
  static final Duration DECLINED_GRACE = Duration.ofSeconds(5);

  /** How many runs are asked to try at a time when those that were asked before did not come. */
  static final int MOST_ASKED = 64;

  /** Ends of limits that are later by no more are the same: messages take their time. */
  static final Duration SAME_RESET = Duration.ofSeconds(5);

  /** When an agent was let in, two hosts may measure differently by so much. */
  static final Duration SAME_ENTRY = Duration.ofSeconds(1);

  /** The longest for which anything closes an account, whatever it is told. */
  static final Duration MAX_CLOSED = Duration.ofDays(30);

  static final int MAX_WAITERS = 1_000;

  /**
   * How many runs, at work and waiting, are handed from one history to the next by their ids: a
   * Temporal server takes ids of 1,000 bytes, and 2 MB at a time.
   */
  static final int MAX_NAMED = 1_400;

  static final int MAX_MODELS = 50;
  static final int MAX_WINDOWS = 20;
  static final int MAX_DAYS = 8;
  static final int MAX_EXCUSED = 100;

  /** Of how many workers' processes it is known which reports have been heard. */
  static final int MAX_REPORTERS = 100;

  private long version;
  private String warning;
  private GateSettings settings = GateSettings.NONE;
  private Double pauseAt;
  private final Map<String, GatePart> parts = new TreeMap<>(KEYS);
  private final List<GateHold> holds = new ArrayList<>();
  private final Map<String, GateWaiter> waiters = new LinkedHashMap<>();
  private long forgotten;

  /** Whether runs may wait that never came to ask, since it is known that the account is closed. */
  private boolean othersWait;

  private final Map<String, Instant> leases = new TreeMap<>();
  private final Map<String, GateReport.WindowUse> windows = new TreeMap<>();
  private final List<GateReport.Spent> spent = new ArrayList<>();
  private final Map<String, Instant> excused = new TreeMap<>();
  private final Set<GateTask> tasks = new LinkedHashSet<>();
  private final Map<String, Instant> releasing = new TreeMap<>(KEYS);

  /** The number of each reporter's newest report; who has told last comes last. */
  private final Map<String, Long> heard = new LinkedHashMap<>();

  // How often something was done in vain. Not handed on: then it is begun anew.
  private final Map<String, Seeking> seeking = new TreeMap<>(KEYS);
  private int wakes;
  private int wokenInVain;

  /** Until then runs may come that wait though they cannot be found; null if none was held back. */
  private Instant heldUntil;

  private int looks;

  /** When the last of those was told, or is to be told, for whom there are places. */
  private Instant woken = Instant.EPOCH;

  private Instant leasesSeen = Instant.EPOCH;

  /** The whole account, which has no model, first. */
  private static final Comparator<String> KEYS = Comparator.nullsFirst(Comparator.naturalOrder());

  /** As if nobody was ever sought; not to be changed. */
  private static final Seeking NOBODY = new Seeking();

  /** How a run is sought that tries first. */
  private static final class Seeking {
    /** How often. */
    int times;

    /** How many were asked, and neither came nor said that they do not. */
    int inVain;

    /** Whether somebody was asked last who cannot come. */
    boolean declined;
  }

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
    book.othersWait = memory.othersWait();
    book.leases.putAll(memory.leases());
    book.windows.putAll(memory.windows());
    book.spent.addAll(memory.spent());
    book.excused.putAll(memory.excused());
    memory.tasks().stream()
        .map(task -> task instanceof GateTask.Wake ? new GateTask.Wake(0) : task)
        .forEach(book.tasks::add);
    memory.releasing().forEach(each -> book.releasing.put(each.model(), each.since()));
    book.heldUntil = memory.heldUntil();
    memory.heard().forEach(id -> book.heard.put(id.reporter(), id.number()));
    return book;
  }

  /**
   * @param unfinished what has been begun, and is to be done again
   */
  GateMemory save(List<GateTask> unfinished) {
    List<GateWaiter> named =
        waiters.values().stream()
            .sorted(GateWaiter.FIRST)
            .limit(Math.max(0, MAX_NAMED - leases.size()))
            .toList();
    return new GateMemory(
        version,
        settings,
        pauseAt,
        List.copyOf(parts.values()),
        List.copyOf(holds),
        named,
        forgotten + waiters.size() - named.size(),
        othersWait,
        Map.copyOf(leases),
        Map.copyOf(windows),
        List.copyOf(spent),
        Map.copyOf(excused),
        Stream.concat(unfinished.stream(), tasks.stream()).distinct().toList(),
        releasing.entrySet().stream()
            .map(each -> new GateMemory.Releasing(each.getKey(), each.getValue()))
            .toList(),
        heldUntil,
        heard.entrySet().stream()
            .map(each -> new GateReport.Id(each.getKey(), each.getValue()))
            .toList());
  }

  GateStatus status(String provider, String account, Instant now) {
    Optional<GateHold> hold = hold(now);
    GatePart whole = parts.get(null);
    boolean limited = whole != null && whole.state() != GateState.OPEN;
    boolean held = hold.isPresent() && !(limited && whole.until().isAfter(hold.get().until()));
    return new GateStatus(
        provider,
        account,
        hold.isPresent() ? GateState.CLOSED : limited ? whole.state() : GateState.OPEN,
        held ? hold.get().until() : limited ? whole.until() : null,
        held ? hold.get().why() : limited ? whole.words() : null,
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
    knowsAt(now);
    if (report.id() != null && !hears(report.id())) {
      return;
    }
    settings(report.settings(), now);
    report.hits().forEach(hit -> limited(hit, now));
    report.passes().forEach(pass -> passed(pass, now));
    report.left().forEach(run -> left(run, now, now));
    report.leftAgo().forEach(left -> left(left, now));
    windows(report.windows(), now);
    if (report.spent() != null) {
      spent(report.spent(), now);
    }
  }

  /** Whether a report is new; each reporter sends one after the other. */
  private boolean hears(GateReport.Id id) {
    Long before = heard.get(id.reporter());
    if (before != null && id.number() <= before) {
      return false;
    }
    heard.remove(id.reporter());
    heard.put(id.reporter(), id.number());
    if (heard.size() > MAX_REPORTERS) {
      heard.remove(heard.keySet().iterator().next());
    }
    return true;
  }

  /**
   * The version never is below one of before, also not that of a gate of the same account which
   * somebody has ended or reset: runs still go by what that has told them.
   */
  private void knowsAt(Instant now) {
    version = Math.max(version, now.toEpochMilli());
  }

  private void nextVersion(Instant now) {
    version++;
    knowsAt(now);
  }

  /** What other settings have closed is judged anew, in both directions. */
  private void settings(GateSettings told, Instant now) {
    if (told == null || told.equals(settings)) {
      return;
    }
    boolean room = settings.maxAgents() > 0 && roomier(told.maxAgents());
    settings = told;
    boolean held = holds.removeIf(GateHold::isBySettings);
    holdBackBeforeTheWall(now);
    holdBackBeyondTheBudgets(now);
    if (nothingHoldsAll() && (held || room)) {
      holdsAreOver(now);
    }
  }

  private boolean roomier(int maxAgents) {
    return maxAgents == 0 || maxAgents > settings.maxAgents();
  }

  private void limited(GateReport.Hit hit, Instant now) {
    GatePart part =
        Objects.requireNonNullElseGet(
            parts.get(hit.model()), () -> GatePart.unknown(hit.model(), now));
    GateWaiter waiter = hit.waiter();
    boolean refused = part.halfOpenFor(waiter.run());
    boolean triedByAnother = part.state() == GateState.HALF_OPEN && !refused;
    left(waiter.run(), entered(hit.begunAgo(), now), now);
    if (!refused && isOver(part, hit, now.minus(hit.begunAgo()))) {
      return;
    }
    remember(waiter);
    seeking.remove(part.model());
    int refusals = refused ? part.refusals() + 1 : part.refusals();
    Duration lasts = refused ? refusedFor(hit, part, refusals) : hit.lasts();
    Instant since = part.state() == GateState.CLOSED ? part.since() : now;
    GatePart closed =
        part.closed(
            end(part, hit, now.plus(shorter(lasts, MAX_CLOSED))),
            hit.scope(),
            latest(hit, part),
            since,
            refusals);
    // Whoever is out trying does not wait, and cannot try first the next time; nor can whoever
    // goes.
    boolean nobody = triedByAnother || (waiter.movesOn() && closed.isProbe(waiter.run()));
    GateWaiter first = nobody ? null : closed.probe();
    put(closed.withProbe(waiter.triesBefore(first) ? waiter : first, null));
  }

  /** Where nobody knows the end, it is doubled as the run doubles its own wait. */
  private static Duration refusedFor(GateReport.Hit hit, GatePart part, int refusals) {
    boolean known =
        hit.reset() != null && (part.reset() == null || hit.reset().isAfter(part.reset()));
    Duration told = known ? hit.lasts() : doubled(hit.lasts(), refusals);
    return longer(told, doubled(REFUSED_FLOOR, refusals - 1));
  }

  private static Instant end(GatePart part, GateReport.Hit hit, Instant told) {
    Instant known = part.until();
    if (known == null || part.state() != GateState.CLOSED) {
      return later(told, known);
    }
    if (part.refusals() == 0 && isSame(hit.reset(), part.reset())) {
      // What is told late ends the later for it: of one reset the earliest word is the best.
      return told.isBefore(known.minus(SAME_RESET)) ? told : known;
    }
    return told.isAfter(known.plus(SAME_RESET)) ? told : known;
  }

  private static boolean isSame(Instant reset, Instant other) {
    return reset != null
        && other != null
        && Duration.between(reset, other).abs().compareTo(SAME_RESET) <= 0;
  }

  private static Instant latest(GateReport.Hit hit, GatePart part) {
    return hit.reset() == null ? part.reset() : later(hit.reset(), part.reset());
  }

  /** Whether a hit tells of a limit that ended before, and only comes late. */
  private static boolean isOver(GatePart part, GateReport.Hit hit, Instant began) {
    Instant over = part.state() == GateState.OPEN ? part.ended() : part.reset();
    boolean named = over != null && hit.reset() != null && !hit.reset().isAfter(over);
    return part.state() != GateState.CLOSED
        && began.isBefore(part.since())
        && (named || (over != null && hit.lasts().isZero()));
  }

  private void passed(GateReport.Pass pass, Instant now) {
    waiters.remove(pass.run());
    for (String model : keys(pass.model())) {
      GatePart part = parts.get(model);
      if (part != null && proves(pass, part, now)) {
        open(part, now);
      }
    }
    allowance(pass, now);
  }

  /** Whether the allowance is used up matters only to runs that avoid paid overage. */
  private void allowance(GateReport.Pass pass, Instant now) {
    Instant read = now.minus(pass.readAgo());
    if (pass.overage() != null) {
      holds.removeIf(each -> each.cause() == GateHold.Cause.ALLOWANCE);
      holds.add(
          new GateHold(
              GateHold.Cause.ALLOWANCE,
              now.plus(shorter(pass.overage().allowanceIn(), MAX_CLOSED)),
              "the allowance is used up, and agents work on paid overage: runs that avoid it wait",
              read));
      if (pass.overage().waits() != null) {
        remember(pass.overage().waits());
      }
    } else if (pass.said() && holds.stream().anyMatch(each -> isBack(each, read))) {
      end(GateHold.Cause.ALLOWANCE, now);
    }
  }

  private static boolean isBack(GateHold hold, Instant read) {
    return hold.cause() == GateHold.Cause.ALLOWANCE && read.isAfter(hold.since().plus(LATE_WORDS));
  }

  private static boolean proves(GateReport.Pass pass, GatePart part, Instant now) {
    // The limit of a model that nobody has named says nothing of other models, nor they of it.
    if (part.isOfUnnamedModel() && pass.model() != null && !part.halfOpenFor(pass.run())) {
      return false;
    }
    if (part.state() == GateState.OPEN) {
      return false;
    }
    boolean begunSince = !now.minus(pass.begunAgo()).isBefore(part.since());
    // Who tried and was replaced may answer after hours; a refusal would have moved the end.
    boolean begunAfter = !entered(pass.begunAgo(), now).isBefore(part.until());
    boolean goesOn =
        pass.said() && now.minus(pass.readAgo()).isAfter(part.since().plus(LATE_WORDS));
    return begunSince
        || begunAfter
        || (part.state() == GateState.CLOSED ? goesOn : part.isProbe(pass.run()));
  }

  private void open(GatePart part, Instant now) {
    put(part.opened(now));
    seeking.remove(part.model());
    release(part.model(), now);
    if (part.model() == null) {
      callThoseWhoTry(now);
    }
  }

  /** Where places are bounded, whoever leaves lets the next one in after that. */
  private void release(String model, Instant now) {
    nextVersion(now);
    if (settings.maxAgents() > 0) {
      othersWait = true;
      releasing.put(null, now);
      woken = Instant.EPOCH;
      wake(now);
    } else {
      releasing.remove(model);
      tasks.add(new GateTask.Release(model));
    }
  }

  /** Nobody could try while something else was closed; now that is over, and time has gone on. */
  private void callThoseWhoTry(Instant now) {
    for (GatePart part : List.copyOf(parts.values())) {
      if (part.state() == GateState.CLOSED && !now.isBefore(part.until())) {
        put(part.withProbe(part.probe(), now));
        seek(part.model(), now);
      }
    }
  }

  private void holdsAreOver(Instant now) {
    if (isOpen(parts.get(null))) {
      release(null, now);
    }
    callThoseWhoTry(now);
  }

  private void seek(String model, Instant now) {
    nextVersion(now);
    Seeking search = seeking.computeIfAbsent(model, each -> new Seeking());
    search.times++;
    search.declined = false;
    tasks.add(new GateTask.SeekProbe(model));
  }

  private void windows(Map<String, GateReport.WindowUse> told, Instant now) {
    windows.putAll(told);
    while (windows.size() > MAX_WINDOWS) {
      windows.remove(windows.keySet().iterator().next());
    }
    boolean full = holdBackBeforeTheWall(now);
    if (!told.isEmpty() && !full) {
      end(GateHold.Cause.PAUSE_AT, now);
    }
  }

  /** Whether any window is so full that it is left alone. */
  private boolean holdBackBeforeTheWall(Instant now) {
    boolean any = false;
    for (Map.Entry<String, GateReport.WindowUse> each : windows.entrySet()) {
      String window = each.getKey();
      GateReport.WindowUse use = each.getValue();
      double most = pauseAt == null ? settings.pauseAt(window) : pauseAt;
      Instant reset = use.resetsAt();
      boolean full = most < 1 && use.used() >= most && reset != null && reset.isAfter(now);
      if (full && !isSame(reset, excused.get(window))) {
        any = true;
        hold(
            GateHold.Cause.PAUSE_AT,
            reset,
            String.format(
                Locale.ROOT,
                "%s: %.0f %% is used, and from %.0f %% on it is left alone",
                OperatorTexts.plain(window),
                100 * use.used(),
                100 * most),
            now);
      }
    }
    return any;
  }

  private void end(GateHold.Cause cause, Instant now) {
    if (holds.removeIf(each -> each.cause() == cause) && nothingHoldsAll()) {
      holdsAreOver(now);
    }
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
    holdBackBeyondTheBudgets(now);
  }

  private void holdBackBeyondTheBudgets(Instant now) {
    for (GateReport.Spent day : spent) {
      boolean money = settings.dayCostUsd() > 0 && day.costUsd() >= settings.dayCostUsd();
      boolean tokens = settings.dayTokens() > 0 && day.tokens() >= settings.dayTokens();
      if ((money || tokens) && day.dayEnds().isAfter(now) && !excusedDay(day)) {
        String of = OperatorTexts.plain(day.day());
        hold(
            GateHold.Cause.BUDGET,
            day.dayEnds(),
            money
                ? String.format(
                    Locale.ROOT,
                    "the budget of %.2f USD for %s is spent",
                    settings.dayCostUsd(),
                    of)
                : "the budget of " + settings.dayTokens() + " tokens for " + of + " is used",
            now);
      }
    }
  }

  private boolean excusedDay(GateReport.Spent day) {
    return isSame(day.dayEnds(), excused.get(GateHold.Cause.BUDGET.name()));
  }

  private void hold(GateHold.Cause cause, Instant until, String why, Instant now) {
    Instant longest = now.plus(MAX_CLOSED);
    GateHold hold = new GateHold(cause, until.isAfter(longest) ? longest : until, why);
    boolean known =
        holds.stream()
            .anyMatch(each -> each.cause() == cause && !hold.until().isAfter(each.until()));
    if (!known) {
      holds.removeIf(each -> each.cause() == cause);
      holds.add(hold);
    }
  }

  private static Instant entered(Duration ago, Instant now) {
    return ago == null ? now : now.minus(ago).plus(SAME_ENTRY);
  }

  /**
   * A run's agent does not work, whether it has ended or was not started.
   *
   * @param entered when it was let in, at the latest: an attempt that came later stays
   */
  private void left(String run, Instant entered, Instant now) {
    Instant held = leases.get(run);
    if (held != null && entered.isBefore(held)) {
      return;
    }
    boolean full = full();
    if (leases.remove(run) != null) {
      looks = 0;
      wake(now);
      if (full && !full()) {
        callThoseWhoTry(now);
      }
    }
    for (GatePart part : List.copyOf(parts.values())) {
      if (part.halfOpenFor(run) && !entered.isBefore(part.since())) {
        // It has ended without an answer. It may come again; if it does not, another one tries.
        put(part.withProbe(part.probe(), now));
      }
    }
  }

  private void left(GateReport.Left told, Instant now) {
    left(told.run(), entered(told.enteredAgo(), now), now);
    if (told.heldFor() != null) {
      heldBack(told.run(), told.heldFor(), now);
    }
  }

  /** It does not come when it is asked, so that it is another one's turn. */
  private void heldBack(String run, Duration lasts, Instant now) {
    heldUntil = later(now.plus(shorter(lasts, MAX_CLOSED)), heldUntil);
    waiters.remove(run);
    wokenInVain = Math.max(0, wokenInVain - 1);
    if (settings.maxAgents() > 0 && !full()) {
      wake(now);
    }
    for (GatePart part : parts.values()) {
      boolean asked = part.probe() == null ? part.sought() != null : part.isProbe(run);
      if (asked && part.state() == GateState.CLOSED) {
        seeking.computeIfAbsent(part.model(), each -> new Seeking()).declined = true;
      }
    }
  }

  private boolean anyWaits() {
    return !waiters.isEmpty() || forgotten > 0 || othersWait;
  }

  /** Whether anybody waits whom nothing else keeps from coming. */
  private boolean anyMayCome() {
    return forgotten > 0 || othersWait || waiters.values().stream().anyMatch(this::mayCome);
  }

  private void wake(Instant now) {
    if (anyMayCome()) {
      nextVersion(now);
      tasks.add(new GateTask.Wake(0));
    }
  }

  private boolean full() {
    return settings.maxAgents() > 0 && leases.size() >= settings.maxAgents();
  }

  // What it is asked.

  /** Answers a run that is about to start its agent. */
  GateAnswer enter(GateEntry entry, Instant now) {
    knowsAt(now);
    settings(entry.settings(), now);
    GateWaiter waiter = entry.waiter();
    List<GatePart> closed =
        keys(waiter.model()).stream()
            .map(parts::get)
            .filter(part -> part != null && part.state() != GateState.OPEN)
            .toList();
    Optional<GateHold> hold = last(holds.stream().filter(each -> each.holds(waiter)), now);
    boolean held =
        hold.isPresent()
            && closed.stream().noneMatch(part -> part.until().isAfter(hold.get().until()));
    if (held) {
      return notNow(waiter, false, hold.get().until(), hold.get().why(), now);
    }
    List<GatePart> tried = new ArrayList<>();
    boolean tries = false;
    for (GatePart part : closed) {
      tries = true;
      if (part.halfOpenFor(waiter.run())) {
        continue;
      }
      boolean due = part.state() == GateState.CLOSED && !now.isBefore(part.until());
      if (!due || !mayTry(part, waiter, now)) {
        return notNow(waiter, triesFirst(part, waiter), part.until(), part.words(), now);
      }
      tried.add(part);
    }
    if (full() && !leases.containsKey(waiter.run())) {
      String many = leases.size() + " of " + settings.maxAgents() + " agents are at work";
      return notNow(waiter, false, now, many, now);
    }
    for (GatePart part : tried) {
      seeking.remove(part.model());
      put(part.halfOpen(waiter, now));
    }
    if (settings.maxAgents() > 0 && leases.put(waiter.run(), now) == null) {
      looks = 0;
    }
    wakes = 0;
    wokenInVain = 0;
    waiters.remove(waiter.run());
    return GateAnswer.go(tries, version);
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
    if (part.state() == GateState.CLOSED && waiter.triesBefore(part.probe())) {
      put(part.withProbe(waiter, null));
      return true;
    }
    return part.isProbe(waiter.run());
  }

  private GateAnswer notNow(
      GateWaiter waiter, boolean probe, Instant until, String why, Instant now) {
    left(waiter.run(), now, now);
    remember(waiter);
    Instant opens = later(until, now);
    Instant latest = GateAnswer.latest(opens, settings);
    return new GateAnswer(false, probe, opens, latest, version, why, Duration.between(now, opens));
  }

  /** What keeps all runs from starting. */
  private Optional<GateHold> hold(Instant now) {
    return last(holds.stream().filter(GateHold::holdsAll), now);
  }

  private boolean nothingHoldsAll() {
    return holds.stream().noneMatch(GateHold::holdsAll);
  }

  private static Optional<GateHold> last(Stream<GateHold> of, Instant now) {
    return of.filter(each -> each.until().isAfter(now)).max(Comparator.comparing(GateHold::until));
  }

  // What operators do.

  /** Opens all that is closed; false if nothing was. */
  boolean release(Instant now) {
    boolean closed = !holds.isEmpty();
    excused.values().removeIf(until -> !until.isAfter(now));
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
      release(null, now);
    }
    return closed;
  }

  private void excuse(String what, Instant until) {
    if (until != null && excused.size() < MAX_EXCUSED) {
      excused.put(what, until);
    }
  }

  /** Closes the account for a while, also for a shorter one than before. */
  void close(Instant until, String why, Instant now) {
    knowsAt(now);
    holds.removeIf(each -> each.cause() == GateHold.Cause.OPERATOR);
    hold(GateHold.Cause.OPERATOR, until, why, now);
  }

  /**
   * @param share null to go by the settings again
   */
  void pauseAt(Double share, Instant now) {
    knowsAt(now);
    pauseAt = share;
    end(GateHold.Cause.PAUSE_AT, now);
    holdBackBeforeTheWall(now);
  }

  // What is to be done, and when.

  /** When something is to be done next by the clock; empty if nothing is. */
  Optional<Instant> next() {
    List<Instant> moments = new ArrayList<>();
    holds.forEach(hold -> moments.add(hold.until()));
    parts.values().stream().filter(this::canBeTried).map(this::nextOf).forEach(moments::add);
    if (looksAfterLeases()) {
      moments.add(leasesSeen.plus(LEASE_LOOK.multipliedBy(patience(looks))));
    }
    if (tasks.contains(new GateTask.Wake(0)) && isOpen(parts.get(null)) && nothingHoldsAll()) {
      moments.add(woken);
    }
    if (wakesAgain()) {
      moments.add(woken.plus(WAKE_GRACE.multipliedBy(patience(wakes))));
    }
    return moments.stream().min(Comparator.naturalOrder());
  }

  private static long patience(int inVain) {
    return Math.min(1L << Math.min(Math.max(inVain - 1, 0), 30), MOST_PATIENCE);
  }

  /** Whether nothing but a try keeps a part closed. */
  private boolean canBeTried(GatePart part) {
    return part.state() != GateState.OPEN
        && nothingHoldsAll()
        && (part.state() == GateState.HALF_OPEN || !full())
        && (part.model() == null || isOpen(parts.get(null)));
  }

  private Instant nextOf(GatePart part) {
    if (part.state() == GateState.HALF_OPEN) {
      return part.since().plus(PROBE_SILENCE);
    }
    if (part.probe() == null && part.sought() == null) {
      return part.until();
    }
    Instant asked = part.sought() == null ? part.until() : later(part.sought(), part.until());
    Seeking search = seeking.getOrDefault(part.model(), NOBODY);
    Instant next =
        asked.plus(
            search.declined ? DECLINED_GRACE : PROBE_GRACE.multipliedBy(patience(search.times)));
    boolean inVain = part.model() == null && patience(search.times) == MOST_PATIENCE;
    return inVain ? later(next, nobodyComesBefore()) : next;
  }

  /** Until when limits of their models, or holds, keep all runs that are known to wait. */
  private Instant nobodyComesBefore() {
    return forgotten > 0
        ? Instant.EPOCH
        : waiters.values().stream()
            .map(this::comesAt)
            .min(Comparator.naturalOrder())
            .orElse(Instant.EPOCH);
  }

  private Instant comesAt(GateWaiter waiter) {
    GatePart part = waiter.model() == null ? null : parts.get(waiter.model());
    Instant opens = part == null || part.state() != GateState.CLOSED ? Instant.EPOCH : part.until();
    return holds.stream()
        .filter(hold -> hold.holds(waiter))
        .map(GateHold::until)
        .reduce(opens, GateBook::later);
  }

  private boolean looksAfterLeases() {
    return !leases.isEmpty() && anyWaits();
  }

  /** Whether there is room, and runs are waiting that have been told of it in vain. */
  private boolean wakesAgain() {
    return settings.maxAgents() > 0
        && !tasks.contains(new GateTask.Wake(0))
        && !full()
        && anyMayCome()
        && nothingHoldsAll()
        && isOpen(parts.get(null));
  }

  private static boolean isOpen(GatePart part) {
    return part == null || part.state() == GateState.OPEN;
  }

  /** What has become due; each is told once. */
  List<GateTask> due(Instant now) {
    if (holds.removeIf(each -> !each.until().isAfter(now)) && nothingHoldsAll()) {
      holdsAreOver(now);
    }
    for (GatePart part : List.copyOf(parts.values())) {
      if (canBeTried(part) && !now.isBefore(nextOf(part))) {
        // Whoever was to try is late, or silent, or cannot: it is another one's turn.
        Seeking search = seeking.get(part.model());
        if (search != null && !search.declined) {
          search.inVain += asked(part.model());
        }
        forget(part.probe(), now);
        put(part.withProbe(null, now));
        seek(part.model(), now);
      }
    }
    if (looksAfterLeases()
        && !now.isBefore(leasesSeen.plus(LEASE_LOOK.multipliedBy(patience(looks))))) {
      leasesSeen = now;
      looks++;
      tasks.add(new GateTask.LookAfterLeases());
    }
    if (wakesAgain() && !now.isBefore(woken.plus(WAKE_GRACE.multipliedBy(patience(wakes))))) {
      wakes++;
      wake(now);
    }
    List<GateTask> due = tasks.stream().filter(task -> canBeDone(task, now)).toList();
    due.forEach(tasks::remove);
    return due.stream().map(task -> begun(task, now)).flatMap(Optional::stream).toList();
  }

  private Optional<GateTask> begun(GateTask task, Instant now) {
    if (!(task instanceof GateTask.Wake)) {
      return Optional.of(task);
    }
    int places = settings.maxAgents() - leases.size();
    if (places <= 0) {
      return Optional.empty();
    }
    woken = now.plus(spreadOfPlaces(now));
    // Of those that were told before, some do not come; others are kept by something else.
    int more = (int) Math.min((1L << Math.min(wakes, 30)) - 1, MOST_ASKED);
    return Optional.of(new GateTask.Wake(places + more + (int) Math.min(keptOut(), MOST_ASKED)));
  }

  private long keptOut() {
    return waiters.values().stream().filter(waiter -> !mayCome(waiter)).count();
  }

  /** What is to be released while something else keeps it closed is released after that. */
  private boolean canBeDone(GateTask task, Instant now) {
    if (task instanceof GateTask.Release all) {
      return opened(all.model(), now);
    }
    return task instanceof GateTask.LookAfterLeases
        || (task instanceof GateTask.SeekProbe seek && hold(now).isEmpty() && !seeksInVain(seek))
        || (task instanceof GateTask.Wake && opened(null, now) && !now.isBefore(woken));
  }

  /** It was ended by something that closed meanwhile, and is to be done when that is over. */
  void postponed(GateTask.Release task) {
    releasing.remove(task.model());
    tasks.add(task);
  }

  private boolean seeksInVain(GateTask.SeekProbe seek) {
    return seek.model() != null && !isOpen(parts.get(null));
  }

  boolean anyDue(Instant now) {
    return tasks.stream().anyMatch(task -> canBeDone(task, now));
  }

  /** How many runs are asked at a time to try. */
  int asked(String model) {
    int before = Math.max(seeking.getOrDefault(model, NOBODY).times - 1, 0);
    return (int) Math.min(1L << Math.min(before, 30), MOST_ASKED);
  }

  /** How many were asked to try before and have not come, though they wait: others are asked. */
  int askedInVain(String model) {
    return seeking.getOrDefault(model, NOBODY).inVain;
  }

  /** The same of those that were told of free places. */
  int wokenInVain() {
    return wakes == 0 ? 0 : wokenInVain;
  }

  /** These were told that they may go on: who still waits has asked again since. */
  void released(String model, List<GateWaiter> told) {
    releasing.remove(model);
    Set<GateWaiter> same = Collections.newSetFromMap(new IdentityHashMap<>());
    same.addAll(told);
    waiters.values().removeIf(same::contains);
    forgotten = 0;
  }

  /**
   * Runs were told of free places.
   *
   * @param places how many runs were to be told
   * @param told how many were: fewer only if nobody else waits
   */
  void woken(int places, int told, Instant now) {
    woken = now.isBefore(woken) ? now : woken;
    wokenInVain += told;
    othersWait &= told >= places;
    if (told == 0 && wakes >= 2) {
      waiters.values().removeIf(this::mayCome);
      forgotten = 0;
    }
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
    if (found == null && heldUntil != null && now.isBefore(heldUntil)) {
      // They would all start at once then: the first of them is to try.
      put(part.withProbe(null, heldUntil));
    } else if (found == null) {
      open(part, now);
    } else {
      put(part.withProbe(found, now));
    }
  }

  /**
   * These runs have no agent at work.
   *
   * @param looked when it was begun to look: who was let in since is not meant
   */
  void gone(List<String> runs, Instant looked, Instant now) {
    runs.forEach(
        run -> {
          waiters.remove(run);
          left(run, looked, now);
        });
  }

  /** The best of the waiting runs that are remembered. */
  List<GateWaiter> waiting(String model, int most) {
    return waiters.values().stream()
        .filter(waiter -> model == null ? mayCome(waiter) : model.equals(waiter.model()))
        .sorted(GateWaiter.FIRST)
        .limit(most)
        .toList();
  }

  /** Whether neither a limit of its model nor the allowance that it waits for keeps it away. */
  private boolean mayCome(GateWaiter waiter) {
    return (waiter.model() == null || isOpen(parts.get(waiter.model())))
        && holds.stream().noneMatch(hold -> !hold.holdsAll() && hold.holds(waiter));
  }

  private void remember(GateWaiter waiter) {
    GateWaiter before = waiters.get(waiter.run());
    if (before != null || waiters.size() < MAX_WAITERS) {
      // It keeps its place in time.
      waiters.put(
          waiter.run(),
          before != null && before.since().isBefore(waiter.since())
              ? waiter.waitingSince(before.since())
              : waiter);
    } else {
      forgotten++;
    }
  }

  /** Forgets who was to try and has not come, unless something else keeps it away. */
  private void forget(GateWaiter late, Instant now) {
    GateWaiter known = late == null ? null : waiters.get(late.run());
    if (known != null && !comesAt(known).isAfter(now)) {
      waiters.remove(known.run());
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

  /** What is left of the time over which a release that begins now, or goes on, is spread. */
  Duration spread(String model, Instant now) {
    Instant begun = releasing.computeIfAbsent(model, each -> now);
    Duration rest = settings.spread().minus(Duration.between(begun, now));
    return rest.isNegative() ? Duration.ZERO : rest;
  }

  /**
   * Over how long those are spread for whom there are places: after an opening all are free at the
   * same time, but later they become free one by one.
   */
  Duration spreadOfPlaces(Instant now) {
    return releasing.containsKey(null) ? spread(null, now) : Duration.ZERO;
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
    return hold(now).isEmpty() && isOpen(parts.get(null)) && isOpen(parts.get(model));
  }

  /** Whether anything is closed, be it to some runs only. */
  boolean closedAtAll(Instant now) {
    return last(holds.stream(), now).isPresent()
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

  /** Up to {@link #MAX_REFUSED}; what is longer from the beginning stays as it is. */
  private static Duration doubled(Duration base, int times) {
    Duration doubled = base;
    for (int i = 0; i < times && doubled.compareTo(MAX_REFUSED) < 0; i++) {
      doubled = doubled.multipliedBy(2);
    }
    return doubled.compareTo(MAX_REFUSED) < 0 ? doubled : longer(MAX_REFUSED, base);
  }

  private static Instant later(Instant a, Instant b) {
    return b == null || a.isAfter(b) ? a : b;
  }

  private static Duration shorter(Duration a, Duration b) {
    return a.compareTo(b) <= 0 ? a : b;
  }

  private static Duration longer(Duration a, Duration b) {
    return a.compareTo(b) >= 0 ? a : b;
  }
}
