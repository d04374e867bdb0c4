package dev.outlast.limit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Many runs of one account, a provider that closes and opens, workers that die, operators that
 * interfere, and messages that take their time: played at random against the gate's rules, and
 * compared with what a much simpler account of the same events allows.
 */
class GateSimulationTest {

  private static final int RUNS = 60;
  private static final int WORKERS = 2;
  private static final Instant START = Instant.parse("2026-11-21T08:00:00Z");

  /** After the last limit is over everybody must have got through in this time. */
  private static final Duration PATIENCE = Duration.ofHours(3);

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

  private static final class Run {
    final String id;
    final int priority;
    int work;
    boolean done;
    boolean waiting;
    boolean probing;
    Instant since;
    long wait;

    Run(String id, int priority, int work) {
      this.id = id;
      this.priority = priority;
      this.work = work;
    }
  }

  /** What may happen, told as simply as possible. */
  private static final class Allowed {
    Instant closedUntil;
    String trying;
    Instant tryingSince;

    void limited(String run, Instant until) {
      closedUntil = closedUntil == null || until.isAfter(closedUntil) ? until : closedUntil;
      if (run.equals(trying)) {
        trying = null;
      }
    }

    void opened() {
      closedUntil = null;
      trying = null;
    }

    /** Why a run must not start now; null if it may. */
    String against(String run, Instant now) {
      if (closedUntil == null) {
        return null;
      }
      if (now.isBefore(closedUntil)) {
        return "is closed until " + closedUntil;
      }
      boolean another =
          trying != null
              && !trying.equals(run)
              && now.isBefore(tryingSince.plus(GateBook.PROBE_SILENCE));
      return another ? "is tried by " + trying + " since " + tryingSince : null;
    }

    void started(String run, Instant now) {
      if (closedUntil != null) {
        trying = run;
        tryingSince = now;
      }
    }
  }

  private static final class World {
    private final long seed;
    private final Random random;
    private final PriorityQueue<Event> events =
        new PriorityQueue<>(Comparator.comparing(Event::at).thenComparing(Event::number));
    private final List<Run> runs = new ArrayList<>();
    private final List<Instant[]> exhausted = new ArrayList<>();
    private final Allowed allowed = new Allowed();
    private GateBook book = new GateBook();
    private Instant now = START;
    private long number;
    private Instant gateWakes = Instant.MAX;
    private int starts;

    World(long seed) {
      this.seed = seed;
      this.random = new Random(seed);
    }

    void play() {
      Instant from = START.plus(minutes(10, 60));
      for (int i = 0; i < 4; i++) {
        Instant to = from.plus(minutes(5, 240));
        exhausted.add(new Instant[] {from, to});
        from = to.plus(minutes(1, 90));
      }
      Instant end = from.plus(PATIENCE);
      for (int i = 0; i < RUNS; i++) {
        Run run = new Run("run-" + i, 1 + random.nextInt(5), 1 + random.nextInt(4));
        runs.add(run);
        at(START.plus(minutes(0, 300)), () -> ask(run));
      }
      for (int i = 0; i < random.nextInt(4); i++) {
        at(START.plus(minutes(0, 600)), this::operate);
      }
      while (!events.isEmpty() && events.peek().at().isBefore(end)) {
        Event event = events.poll();
        now = event.at();
        event.what().run();
        lookAtGate();
      }
      List<String> left = runs.stream().filter(run -> !run.done).map(run -> run.id).toList();
      assertEquals(List.of(), left, () -> "forgotten; seed " + seed + ", " + book.waiting(null, 9));
      assertTrue(starts >= RUNS, () -> "seed " + seed);
    }

    private void ask(Run run) {
      if (run.done) {
        return;
      }
      if (random.nextInt(50) == 0) {
        // Its worker dies before it has an answer; the invocation is tried again.
        after(Duration.ofSeconds(30 + random.nextInt(30)), () -> ask(run));
        return;
      }
      GateAnswer answer =
          book.enter(
              new GateEntry(new GateWaiter(run.id, run.priority, since(run), null), null), now);
      if (answer.go()) {
        String against = allowed.against(run.id, now);
        assertEquals(null, against, () -> run.id + " starts at " + now + "; seed " + seed);
        allowed.started(run.id, now);
        start(run);
      } else {
        await(run, answer.probe() ? answer.until().plusSeconds(5) : answer.latest());
      }
    }

    private Instant since(Run run) {
      return run.since == null ? now : run.since;
    }

    private void start(Run run) {
      starts++;
      run.waiting = false;
      run.since = null;
      Instant began = now;
      int fate = random.nextInt(20);
      if (fate == 0) {
        // It is never heard of again, and tried anew.
        after(Duration.ofSeconds(60), () -> ask(run));
      } else {
        after(Duration.ofSeconds(1 + random.nextInt(20)), () -> firstWords(run, began));
      }
    }

    private void firstWords(Run run, Instant began) {
      Instant reset = reset();
      if (reset != null) {
        hit(run, began, reset);
        return;
      }
      tell(
          () -> {
            report(null, new GateReport.Pass(run.id, null, false, since(began), Duration.ZERO));
          });
      Instant ends = now.plusSeconds(30 + random.nextInt(1200));
      Instant[] wall =
          exhausted.stream()
              .filter(each -> each[0].isAfter(now) && each[0].isBefore(ends))
              .findFirst()
              .orElse(null);
      if (wall != null) {
        at(wall[0].plusMillis(random.nextInt(5_000)), () -> hit(run, began, reset()));
        return;
      }
      at(
          ends,
          () -> {
            run.work--;
            run.done = run.work == 0;
            ask(run);
          });
    }

    private Duration since(Instant began) {
      return Duration.between(began, now);
    }

    private Instant reset() {
      return exhausted.stream()
          .filter(each -> !now.isBefore(each[0]) && now.isBefore(each[1]))
          .map(each -> each[1])
          .findFirst()
          .orElse(null);
    }

    private void hit(Run run, Instant began, Instant reset) {
      // Now and then the provider promises too much, or nothing.
      Instant named = random.nextInt(8) == 0 ? now.plusSeconds(30) : reset;
      Duration lasts = Duration.between(now, named);
      GateWaiter waiter = new GateWaiter(run.id, run.priority, now, null);
      tell(
          () -> {
            GateReport.Hit hit =
                new GateReport.Hit(waiter, LimitScope.SESSION, lasts, named, since(began));
            boolean late = allowed.closedUntil == null && !named.isAfter(now);
            report(hit, null);
            if (!late) {
              allowed.limited(run.id, book.part(null).until());
            }
            GateStatus status = book.status("claude", "work", now);
            boolean probe = status.part(null).map(part -> part.isProbe(run.id)).orElse(false);
            Instant until = now.plus(lasts);
            await(
                run,
                probe
                    ? until.plusSeconds(5 + random.nextInt(30))
                    : until.plus(book.spread().multipliedBy(2)).plus(GateAnswer.SAFETY));
          });
    }

    private void await(Run run, Instant until) {
      run.waiting = true;
      run.since = since(run);
      long wait = ++run.wait;
      at(until.isBefore(now) ? now : until, () -> endOf(run, wait));
    }

    private void endOf(Run run, long wait) {
      if (run.waiting && run.wait == wait) {
        run.waiting = false;
        ask(run);
      }
    }

    private void operate() {
      if (random.nextBoolean()) {
        if (book.release(now)) {
          allowed.opened();
        }
      } else {
        Instant until = now.plus(minutes(1, 60));
        book.close(until, "by an operator");
      }
    }

    /** Messages to the gate take their time. */
    private void tell(Runnable what) {
      after(Duration.ofMillis(5 + random.nextInt(2_000)), what);
    }

    private void report(GateReport.Hit hit, GateReport.Pass pass) {
      boolean open = book.opened(null, now);
      book.report(
          new GateReport(
              null,
              hit == null ? null : List.of(hit),
              pass == null ? null : List.of(pass),
              null,
              null,
              null),
          now);
      if (!open && pass != null && book.part(null).state() == GateState.OPEN) {
        allowed.opened();
      }
    }

    private void lookAtGate() {
      if (random.nextInt(100) == 0) {
        book = GateBook.restore(book.save(List.of()));
      }
      for (GateTask task : book.due(now)) {
        after(Duration.ofMillis(200 + random.nextInt(3_000)), () -> perform(task));
      }
      Instant next = book.next().orElse(Instant.MAX);
      if (!next.equals(gateWakes) && next.isBefore(Instant.MAX)) {
        at(next.isBefore(now) ? now : next, () -> {});
      }
      gateWakes = next;
    }

    private void perform(GateTask task) {
      List<Run> waiting =
          runs.stream()
              .filter(run -> run.waiting)
              .sorted(
                  Comparator.comparing(
                      run -> new GateWaiter(run.id, run.priority, run.since, null),
                      GateWaiter.FIRST))
              .toList();
      if (task instanceof GateTask.SeekProbe) {
        Run first = waiting.isEmpty() ? null : waiting.get(0);
        boolean closed = !book.opened(null, now);
        book.sought(
            null,
            first == null ? null : new GateWaiter(first.id, first.priority, first.since, null),
            now);
        if (first != null) {
          release(first, now);
        } else if (closed && book.opened(null, now)) {
          allowed.opened();
        }
      } else if (task instanceof GateTask.Release) {
        for (int i = 0; i < waiting.size(); i++) {
          release(
              waiting.get(i), now.plus(book.spread().multipliedBy(i).dividedBy(waiting.size())));
        }
      }
    }

    private void release(Run run, Instant when) {
      at(
          when,
          () -> {
            if (run.waiting) {
              run.waiting = false;
              ask(run);
            }
          });
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
