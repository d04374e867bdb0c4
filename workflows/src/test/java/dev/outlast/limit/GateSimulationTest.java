package dev.outlast.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Many runs of one account and its models, a provider that closes and opens, workers that die, runs
 * that are paused and cancelled, operators that interfere, bounds on agents and on windows, and
 * messages that take their time: played at random against the gate's rules, and compared with what
 * a much simpler account of the same events allows.
 */
class GateSimulationTest {

  private static final int RUNS = 60;
  private static final Instant START = Instant.parse("2026-11-21T08:00:00Z");
  private static final String WINDOW = "five_hour";

  /** The whole account, and two models. */
  private static final String[] MODELS = {null, "opus", "sonnet"};

  /**
   * After the last limit is over everybody must have got through in this time: whoever tries may
   * have been refused just before, for as long as it grows to where nobody knows the end.
   */
  private static final Duration PATIENCE = GateBook.MAX_REFUSED.plusHours(1);

  /** What a release may take beyond its spread: messages, and one that is lost on the way. */
  private static final Duration RELEASED_WITHIN = Duration.ofMinutes(2);

  static LongStream seeds() {
    return LongStream.range(0, 300);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void no_agent_starts_against_a_closed_gate_and_no_run_is_forgotten(long seed) {
    new World(seed).play();
  }

  /** When something happens. */
  private record Event(Instant at, long number, Runnable what) {}

  /** When the provider lets nobody through: at all, or with one model. */
  private record Wall(String model, Instant from, Instant to) {
    boolean stands(String wanted, Instant now) {
      return (model == null || model.equals(wanted)) && !now.isBefore(from) && now.isBefore(to);
    }
  }

  private static final class Run {
    final String id;
    final int priority;
    final String model;
    int work;
    boolean done;
    boolean waiting;
    boolean working;
    boolean paused;
    boolean modelOnly;
    boolean first;
    Instant began;
    Instant since;
    Instant waitsSince;
    long wait;
    int toldIn;

    Run(String id, int priority, String model, int work) {
      this.id = id;
      this.priority = priority;
      this.model = model;
      this.work = work;
    }

    GateWaiter waiter(Instant now) {
      return new GateWaiter(id, priority, since == null ? now : since, model);
    }
  }

  /** What may happen to the account or to one model, told as simply as possible. */
  private static final class Allowed {
    Instant closedUntil;
    Instant since = Instant.EPOCH;
    Instant reset;
    Instant over;
    String trying;
    Instant tryingSince;

    /** Counts how often it was closed, or closed again. */
    int spell;

    boolean sought;

    boolean limited(GateReport.Hit hit, Instant now) {
      String run = hit.waiter().run();
      Instant began = now.minus(hit.begunAgo());
      Instant known = closedUntil == null ? over : reset;
      boolean passed =
          known != null
              && ((hit.reset() != null && !hit.reset().isAfter(known)) || hit.lasts().isZero());
      boolean settled = closedUntil == null || trying != null;
      if (settled && !run.equals(trying) && began.isBefore(since) && passed) {
        return false;
      }
      Instant until = now.plus(hit.lasts());
      if (run.equals(trying) && until.isBefore(now.plus(GateBook.REFUSED_FLOOR))) {
        until = now.plus(GateBook.REFUSED_FLOOR);
      }
      if (closedUntil == null || trying != null) {
        since = now;
        spell++;
        sought = false;
      }
      closedUntil =
          closedUntil == null ? until : later(closedUntil, until.minus(GateBook.SAME_RESET));
      reset = hit.reset() == null ? reset : later(hit.reset(), reset);
      trying = null;
      return true;
    }

    void passed(GateReport.Pass pass, Instant now) {
      Instant begun = now.minus(pass.begunAgo());
      boolean begunSince =
          !begun.isBefore(since)
              || (closedUntil != null && !begun.plus(GateBook.SAME_ENTRY).isBefore(closedUntil));
      boolean goesOn =
          trying == null
              && pass.said()
              && now.minus(pass.readAgo()).isAfter(since.plus(GateBook.LATE_WORDS));
      if (closedUntil != null && (begunSince || pass.run().equals(trying) || goesOn)) {
        opened(now);
      }
    }

    void opened(Instant now) {
      if (closedUntil != null) {
        closedUntil = null;
        trying = null;
        since = now;
        over = reset == null ? over : reset;
        reset = null;
      }
    }

    void left(String run) {
      trying = run.equals(trying) ? null : trying;
    }

    /** Of an attempt before the one that tries nothing follows. */
    void left(String run, Instant entered) {
      if (trying != null && !entered.plus(GateBook.SAME_ENTRY).isBefore(tryingSince)) {
        left(run);
      }
    }

    /** Why a run must not start now; null if it may. */
    String against(String run, Instant now) {
      if (closedUntil == null) {
        return null;
      }
      if (now.isBefore(closedUntil)) {
        return "it is closed until " + closedUntil;
      }
      boolean another =
          trying != null
              && !trying.equals(run)
              && now.isBefore(tryingSince.plus(GateBook.PROBE_SILENCE));
      return another ? "it is tried by " + trying + " since " + tryingSince : null;
    }

    void started(String run, Instant now) {
      if (closedUntil != null) {
        since = run.equals(trying) ? since : now;
        tryingSince = run.equals(trying) ? tryingSince : now;
        trying = run;
      }
    }

    private static Instant later(Instant a, Instant b) {
      return b == null || a.isAfter(b) ? a : b;
    }
  }

  /** What the gate has begun to have done for it. */
  private static final class Work {
    final GateTask task;
    final Instant begun;
    boolean ended;

    Work(GateTask task, Instant begun) {
      this.task = task;
      this.begun = begun;
    }
  }

  private static final class World {
    private final long seed;
    private final Random random;
    private final PriorityQueue<Event> events =
        new PriorityQueue<>(Comparator.comparing(Event::at).thenComparing(Event::number));
    private final List<Run> runs = new ArrayList<>();
    private final List<Wall> walls = new ArrayList<>();
    private final Map<String, Allowed> allowed = new HashMap<>();
    private final Map<String, Instant> openSince = new HashMap<>();
    private final List<Work> works = new ArrayList<>();
    private final GateSettings settings;
    private final boolean searchable;
    private Instant closedByOperator = Instant.MIN;
    private GateReport.WindowUse window;
    private Double share;
    private Instant excused;
    private GateBook book = new GateBook();
    private Instant now = START;
    private long number;
    private Instant gateWakes = Instant.MAX;
    private int starts;

    World(long seed) {
      this.seed = seed;
      this.random = new Random(seed);
      int most = oneIn(3) ? 2 + random.nextInt(6) : 0;
      Duration spread = Duration.ofMinutes(List.of(0, 1, 5).get(random.nextInt(3)));
      Map<String, Double> pauseAt = oneIn(3) ? Map.of(WINDOW, 0.9) : Map.of();
      settings = new GateSettings(most, pauseAt, 0, 0, spread);
      searchable = !oneIn(4);
      // It was never closed.
      for (String model : MODELS) {
        openSince.put(String.valueOf(model), START.minus(Duration.ofDays(1)));
      }
    }

    void play() {
      Instant last = build();
      Instant end = last.plus(PATIENCE);
      if (settings.maxAgents() > 0) {
        long work = runs.stream().mapToInt(run -> run.work).sum();
        end = end.plus(Duration.ofMinutes(25 * work / settings.maxAgents()));
      }
      playUntil(end);
      List<String> left = runs.stream().filter(run -> !run.done).map(run -> run.id).toList();
      assertEquals(
          List.of(),
          left,
          () -> "forgotten " + where() + ": " + book.status("claude", "work", now));
      assertTrue(starts >= RUNS / 2, this::where);
      playUntil(end.plus(Duration.ofDays(2)));
      assertEquals(
          Optional.empty(), book.next(), () -> "the gate does not come to rest " + where());
    }

    private Instant build() {
      Instant from = START.plus(minutes(10, 60));
      for (int i = 0; i < 4; i++) {
        Instant to = from.plus(minutes(5, 240));
        walls.add(new Wall(null, from, to));
        if (oneIn(2)) {
          Instant before = from.minus(minutes(0, 10));
          walls.add(new Wall("opus", before, before.plus(minutes(5, 300))));
        }
        from = to.plus(minutes(1, 90));
      }
      for (int i = 0; i < RUNS; i++) {
        String model = List.of("", "", "opus", "sonnet").get(random.nextInt(4));
        Run run =
            new Run(
                "run-" + i,
                1 + random.nextInt(5),
                model.isEmpty() ? null : model,
                1 + random.nextInt(4));
        runs.add(run);
        at(START.plus(minutes(0, 300)), () -> ask(run));
      }
      for (int i = random.nextInt(5); i > 0; i--) {
        at(START.plus(minutes(0, 600)), this::operate);
      }
      for (int i = random.nextInt(8); i > 0; i--) {
        at(START.plus(minutes(0, 600)), this::pauseOrCancel);
      }
      return walls.stream().map(Wall::to).max(Comparator.naturalOrder()).orElseThrow();
    }

    private void playUntil(Instant end) {
      while (!events.isEmpty() && events.peek().at().isBefore(end)) {
        Event event = events.poll();
        now = event.at();
        event.what().run();
        lookAtGate();
      }
    }

    private String where() {
      return "at " + now + " with seed " + seed + " and " + settings;
    }

    private boolean oneIn(int many) {
      return random.nextInt(many) == 0;
    }

    private Allowed allowed(String model) {
      return allowed.computeIfAbsent(String.valueOf(model), each -> new Allowed());
    }

    private List<Allowed> concerned(Run run) {
      return run.model == null
          ? List.of(allowed(null))
          : List.of(allowed(null), allowed(run.model));
    }

    // What runs do.

    private void ask(Run run) {
      if (run.done) {
        return;
      }
      if (run.paused) {
        after(Duration.ofMinutes(1), () -> ask(run));
        return;
      }
      if (oneIn(50)) {
        // Its worker dies before it has an answer; the invocation is tried again.
        after(Duration.ofSeconds(30 + random.nextInt(30)), () -> ask(run));
        return;
      }
      GateAnswer answer = answer(run);
      if (answer.go()) {
        start(run, answer);
        return;
      }
      Duration atLeast = settings.spread().multipliedBy(2);
      assertTrue(
          !answer.latest().isBefore(answer.until().plus(atLeast)),
          () -> run.id + " asks before it can have been released " + where());
      // A run that asks again is not one that tries any more.
      concerned(run).forEach(part -> part.left(run.id));
      boolean held = isFull() || now.isBefore(closedByOperator);
      if (allowed(null).trying == null && !held) {
        run.toldIn = allowed(null).spell;
      }
      run.modelOnly = false;
      await(run, answer.probe(), answer.probe() ? margin(answer.until()) : answer.latest());
    }

    /** As workers do it: what the gate's status says is enough, if it says anything. */
    private GateAnswer answer(Run run) {
      GateWaiter waiter = run.waiter(now);
      if (settings.maxAgents() == 0 && oneIn(2)) {
        Instant there = now.plusSeconds(random.nextInt(5) - 2);
        GateEntry entry = new GateEntry(waiter, settings);
        Optional<GateAnswer> known = book.status("claude", "work", now).answer(entry, there);
        if (known.isPresent()) {
          return known.get();
        }
      }
      return book.enter(new GateEntry(waiter, settings), now);
    }

    private Instant margin(Instant until) {
      return Allowed.later(until, now).plusSeconds(5 + random.nextInt(30));
    }

    private void start(Run run, GateAnswer answer) {
      for (Allowed part : concerned(run)) {
        assertEquals(null, part.against(run.id, now), () -> run.id + " must not start " + where());
      }
      assertTrue(
          !now.isBefore(closedByOperator), () -> run.id + " starts though closed " + where());
      assertTrue(!isFull(), () -> run.id + " starts though the window is full " + where());
      if (settings.maxAgents() > 0) {
        long atWork = runs.stream().filter(each -> each.working && each != run).count();
        assertTrue(atWork < settings.maxAgents(), () -> run.id + " is one too many " + where());
      }
      if (answer.probe()) {
        assertIsFirst(run);
      }
      concerned(run).forEach(part -> part.started(run.id, now));
      starts++;
      run.working = true;
      run.toldIn = 0;
      Instant began = now;
      run.began = began;
      int fate = random.nextInt(60);
      if (fate < 3) {
        // It is never heard of again, and tried anew.
        run.working = false;
        after(Duration.ofSeconds(60), () -> ask(run));
      } else if (fate == 3) {
        // It is cancelled; now and then its worker has died, too, and tells nobody.
        after(Duration.ofSeconds(5), () -> ended(run, true, oneIn(2)));
      } else {
        after(Duration.ofSeconds(1 + random.nextInt(20)), () -> firstWords(run, began));
      }
    }

    /** Who tries first is the first of those of whom the gate has heard in time. */
    private void assertIsFirst(Run run) {
      Allowed part = allowed(null);
      boolean inTime =
          part.closedUntil != null && !now.isAfter(part.closedUntil.plus(GateBook.PROBE_GRACE));
      if (!inTime || part.sought || part.trying != null || settings.maxAgents() > 0) {
        return;
      }
      for (Run other : runs) {
        boolean could =
            other.waiting
                && !other.paused
                && other.toldIn == part.spell
                && (other.model == null || allowed(other.model).closedUntil == null);
        assertTrue(
            !could || run.waiter(now).before(other.waiter(now)),
            () -> other.id + " goes before " + run.id + " " + where());
      }
    }

    private boolean isFull() {
      double most = share == null ? settings.pauseAt(WINDOW) : share;
      return window != null
          && most < 1
          && window.used() >= most
          && window.resetsAt().isAfter(now)
          && !window.resetsAt().equals(excused);
    }

    private void firstWords(Run run, Instant began) {
      if (wall(run) != null) {
        hit(run, began);
        return;
      }
      run.since = null;
      Instant read = now;
      after(
          oneIn(30) ? minutes(1, 200) : Duration.ofMillis(5 + random.nextInt(2_000)),
          () ->
              report(
                  null,
                  new GateReport.Pass(run.id, run.model, oneIn(4), age(began), age(read)),
                  null));
      Instant ends = now.plusSeconds(30 + random.nextInt(1200));
      Optional<Wall> next =
          walls.stream()
              .filter(each -> each.model() == null || each.model().equals(run.model))
              .filter(each -> each.from().isAfter(now) && each.from().isBefore(ends))
              .min(Comparator.comparing(Wall::from));
      if (next.isPresent()) {
        at(next.get().from().plusMillis(random.nextInt(5_000)), () -> hit(run, began));
      } else {
        at(ends, () -> ended(run, false, true));
      }
    }

    private void ended(Run run, boolean cancelled, boolean told) {
      run.working = false;
      run.work--;
      run.done = cancelled || run.work == 0;
      GateReport.Left left = new GateReport.Left(run.id, age(run.began));
      Instant ended = now;
      if (told) {
        tell(
            () -> {
              report(null, null, since(ended, left));
              ask(run);
            });
      }
      if (told && oneIn(5)) {
        // A worker that was frozen, or could not reach the gate, tells it once more.
        after(minutes(1, 30), () -> report(null, null, since(ended, left)));
      }
    }

    private GateReport.Left since(Instant moment, GateReport.Left left) {
      return new GateReport.Left(left.run(), left.enteredAgo().plus(age(moment)));
    }

    private Duration age(Instant moment) {
      return Duration.between(moment, now);
    }

    private Wall wall(Run run) {
      return walls.stream()
          .filter(each -> each.stands(run.model, now))
          .max(Comparator.comparing(Wall::to))
          .orElse(null);
    }

    private void hit(Run run, Instant began) {
      run.working = false;
      Wall wall = wall(run);
      if (wall == null) {
        ended(run, false, true);
        return;
      }
      // Now and then the provider promises too much, or nothing.
      Instant named = oneIn(8) ? now.plusSeconds(30) : wall.to();
      Instant reset = oneIn(10) ? null : named;
      Instant read = now;
      run.since = run.since == null ? now : run.since;
      LimitScope scope = wall.model() == null ? LimitScope.SESSION : LimitScope.MODEL;
      // Now and then the gate cannot be reached for long.
      Duration late = oneIn(30) ? minutes(1, 200) : Duration.ofMillis(5 + random.nextInt(2_000));
      after(
          late,
          () -> {
            Duration lasts = Duration.between(now, named);
            report(
                new GateReport.Hit(run.waiter(read), scope, lasts, reset, age(began)),
                null,
                oneIn(2) ? new GateReport.Left(run.id, age(began)) : null);
            run.modelOnly = wall.model() != null;
            boolean first =
                book.status("claude", "work", now)
                    .part(wall.model())
                    .map(part -> part.isProbe(run.id))
                    .orElse(false);
            Instant until = Allowed.later(named, now);
            await(
                run,
                first,
                first
                    ? margin(until)
                    : until.plus(settings.spread().multipliedBy(2)).plus(GateAnswer.SAFETY));
          });
    }

    private void await(Run run, boolean first, Instant until) {
      run.waiting = true;
      run.first = first;
      run.waitsSince = now;
      run.since = run.since == null ? now : run.since;
      long wait = ++run.wait;
      at(Allowed.later(until, now), () -> endOf(run, wait));
    }

    private void endOf(Run run, long wait) {
      if (run.waiting && run.wait == wait) {
        assertNotForgotten(run);
        run.waiting = false;
        ask(run);
      }
    }

    /** A run's own timer is for the case that a message is lost, and none is here. */
    private void assertNotForgotten(Run run) {
      Instant open = openSince.get(String.valueOf(run.model));
      boolean forgotten =
          open != null
              && !run.first
              && !run.paused
              && searchable
              && settings.maxAgents() == 0
              && run.waitsSince.isBefore(open)
              && now.isAfter(open.plus(settings.spread()).plus(RELEASED_WITHIN));
      assertTrue(!forgotten, () -> run.id + " was not released since " + open + " " + where());
    }

    private void pauseOrCancel() {
      List<Run> waiting = runs.stream().filter(run -> run.waiting && !run.paused).toList();
      if (waiting.isEmpty()) {
        return;
      }
      Run run = waiting.get(random.nextInt(waiting.size()));
      if (oneIn(3)) {
        run.done = true;
        run.waiting = false;
        return;
      }
      run.paused = true;
      after(
          minutes(5, 120),
          () -> {
            run.paused = false;
            // Others were released while it was not there.
            run.first = true;
          });
    }

    // What operators do.

    private void operate() {
      int what = random.nextInt(4);
      if (what < 2) {
        if (book.release(now)) {
          allowed.values().forEach(part -> part.opened(now));
          excused = isFull() ? window.resetsAt() : excused;
          closedByOperator = Instant.MIN;
        }
      } else if (what == 2) {
        closedByOperator = now.plus(minutes(1, 60));
        book.close(closedByOperator, "by an operator", now);
      } else {
        share = oneIn(2) ? null : 0.7;
        book.pauseAt(share, now);
      }
    }

    // What the gate is told, and has done.

    /** Messages to the gate take their time. */
    private void tell(Runnable what) {
      after(Duration.ofMillis(5 + random.nextInt(2_000)), what);
    }

    private void report(GateReport.Hit hit, GateReport.Pass pass, GateReport.Left left) {
      Map<String, GateReport.WindowUse> windows = Map.of();
      if (pass != null && !settings.pauseAt().isEmpty()) {
        // A window begins anew every hour here.
        Instant reset = START.plus(Duration.ofHours(1 + Duration.between(START, now).toHours()));
        boolean over = walls.stream().noneMatch(wall -> wall.to().isAfter(now));
        window = new GateReport.WindowUse(over ? 0.5 : 0.5 + random.nextDouble() / 2, reset);
        windows = Map.of(WINDOW, window);
      }
      book.report(
          new GateReport(
              settings,
              hit == null ? null : List.of(hit),
              pass == null ? null : List.of(pass),
              windows,
              null,
              null,
              left == null ? null : List.of(left)),
          now);
      if (hit != null && allowed(hit.model()).limited(hit, now)) {
        Run run = run(hit.waiter().run());
        run.toldIn = hit.model() == null ? allowed(null).spell : 0;
      }
      if (hit != null) {
        allowed.values().forEach(part -> part.left(hit.waiter().run()));
      }
      if (pass != null) {
        concerned(run(pass.run())).forEach(part -> part.passed(pass, now));
      }
      if (left != null) {
        allowed.values().forEach(part -> part.left(left.run(), now.minus(left.enteredAgo())));
      }
      allowed.forEach(
          (model, part) -> {
            GatePart known = book.part("null".equals(model) ? null : model);
            boolean open = known == null || known.state() == GateState.OPEN;
            assertEquals(
                part.closedUntil == null, open, () -> "whether " + model + " is open " + where());
          });
    }

    private Run run(String id) {
      return runs.stream().filter(each -> each.id.equals(id)).findFirst().orElseThrow();
    }

    private void lookAtGate() {
      if (oneIn(100)) {
        goOnInNewHistory();
      }
      book.due(now).forEach(this::begin);
      for (Work work : works) {
        if (!work.ended
            && work.task instanceof GateTask.Release all
            && !book.opened(all.model(), now)) {
          work.ended = true;
          book.postponed(all);
        }
        work.ended |= work.task instanceof GateTask.Wake && !book.opened(null, now);
      }
      works.removeIf(work -> work.ended);
      for (String model : MODELS) {
        String key = String.valueOf(model);
        if (book.opened(model, now)) {
          openSince.putIfAbsent(key, now);
        } else {
          openSince.remove(key);
        }
      }
      Instant next = book.next().orElse(Instant.MAX);
      if (!next.equals(gateWakes) && next.isBefore(Instant.MAX)) {
        at(Allowed.later(next, now), () -> {});
      }
      gateWakes = next;
    }

    private void goOnInNewHistory() {
      List<GateTask> unfinished = works.stream().map(work -> work.task).toList();
      works.forEach(work -> work.ended = true);
      works.clear();
      book = GateBook.restore(book.save(unfinished));
    }

    private void begin(GateTask task) {
      works.stream()
          .filter(
              work ->
                  work.task.equals(task)
                      || (task instanceof GateTask.Wake && work.task instanceof GateTask.Wake))
          .forEach(work -> work.ended = true);
      Work work = new Work(task, now);
      works.add(work);
      after(Duration.ofMillis(200 + random.nextInt(3_000)), () -> perform(work));
    }

    private void perform(Work work) {
      if (work.ended) {
        return;
      }
      if (work.task instanceof GateTask.SeekProbe seek) {
        seekProbe(seek);
        work.ended = true;
      } else if (work.task instanceof GateTask.Release all) {
        releaseAll(work, all.model());
      } else if (work.task instanceof GateTask.Wake some) {
        wake(work, some.places());
      } else {
        List<String> gone = book.held().stream().filter(id -> run(id).done).toList();
        book.gone(gone, work.begun, now);
        gone.forEach(run -> allowed.values().forEach(part -> part.left(run)));
        work.ended = true;
      }
    }

    private void seekProbe(GateTask.SeekProbe seek) {
      List<Run> waiting = waiting(seek.model());
      int most = book.asked(seek.model());
      Allowed part = allowed(seek.model());
      part.sought = true;
      if (waiting.isEmpty()) {
        Instant until = part.closedUntil;
        book.sought(seek.model(), null, now);
        GatePart known = book.part(seek.model());
        if (until != null && !now.isBefore(until) && known.state() == GateState.OPEN) {
          part.opened(now);
        }
        return;
      }
      if (most == 1) {
        book.sought(seek.model(), waiting.get(0).waiter(now), now);
      }
      waiting.stream().limit(most).toList().forEach(run -> release(run, seek.model()));
    }

    private void wake(Work work, int places) {
      List<Run> waiting = waiting(null);
      List<Run> woken = waiting.subList(0, Math.min(places, waiting.size()));
      Duration spread = book.spreadOfPlaces(now);
      assertSpread(spread, null);
      Duration between = woken.isEmpty() ? Duration.ZERO : spread.dividedBy(woken.size());
      for (int i = 0; i < woken.size(); i++) {
        Run run = woken.get(i);
        after(
            between.multipliedBy(i),
            () -> {
              if (!work.ended) {
                release(run, null);
              }
            });
      }
      after(
          between.multipliedBy(Math.max(0, woken.size() - 1)),
          () -> {
            if (!work.ended) {
              work.ended = true;
              book.woken(places, woken.size(), now);
            }
          });
    }

    private void releaseAll(Work work, String model) {
      List<GateWaiter> remembered = remembered(model);
      List<Run> waiting = waiting(model);
      Set<String> told = new HashSet<>();
      Duration spread = book.spread(model, now);
      assertSpread(spread, model);
      Duration between = waiting.isEmpty() ? Duration.ZERO : spread.dividedBy(waiting.size());
      for (int i = 0; i < waiting.size(); i++) {
        Run run = waiting.get(i);
        told.add(run.id);
        after(
            between.multipliedBy(i),
            () -> {
              if (!work.ended) {
                release(run, model);
              }
            });
      }
      after(
          spread,
          () -> {
            if (!work.ended) {
              work.ended = true;
              // Some begin to wait while others are told.
              waiting(model).stream()
                  .filter(run -> told.add(run.id))
                  .toList()
                  .forEach(run -> release(run, model));
              book.released(model, remembered);
            }
          });
    }

    /** They are spread over what is left of the time since it was opened. */
    private void assertSpread(Duration spread, String model) {
      Duration gone = age(openSince.get(String.valueOf(model)));
      assertTrue(
          spread.compareTo(settings.spread().minus(gone)) >= 0
              && spread.compareTo(settings.spread()) <= 0,
          () -> "spread over " + spread + ", " + gone + " after it was opened " + where());
    }

    private List<GateWaiter> remembered(String model) {
      List<GateWaiter> remembered = book.waiting(model, GateBook.MAX_WAITERS);
      for (int i = 1; i < remembered.size(); i++) {
        GateWaiter before = remembered.get(i - 1);
        GateWaiter after = remembered.get(i);
        boolean ordered =
            before.priority() < after.priority()
                || (before.priority() == after.priority()
                    && !before.since().isAfter(after.since()));
        assertTrue(ordered, () -> before + " before " + after + " " + where());
      }
      return remembered;
    }

    /** Whom a search finds, or the gate remembers; a model can only be told by the latter. */
    private List<Run> waiting(String model) {
      if (!searchable) {
        return remembered(model).stream()
            .map(waiter -> run(waiter.run()))
            .filter(run -> !run.done)
            .toList();
      }
      return runs.stream()
          .filter(run -> run.waiting && !run.paused)
          .filter(run -> model == null || model.equals(run.model))
          .sorted(Comparator.comparing(run -> run.waiter(now), GateWaiter.FIRST))
          .toList();
    }

    private void release(Run run, String model) {
      boolean concerned = model == null ? !run.modelOnly : Objects.equals(model, run.model);
      if (run.waiting && !run.paused && concerned) {
        run.waiting = false;
        ask(run);
      }
    }

    private Duration minutes(int least, int most) {
      return Duration.ofSeconds(60L * least + random.nextInt(60 * (most - least)));
    }

    private void after(Duration delay, Runnable what) {
      at(now.plus(delay), what);
    }

    private void at(Instant when, Runnable what) {
      events.add(new Event(when, number++, what));
    }
  }
}
