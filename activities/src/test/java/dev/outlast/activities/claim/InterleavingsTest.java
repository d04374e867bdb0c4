package dev.outlast.activities.claim;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.claim.SimulatedHost.Attempt;
import dev.outlast.activities.claim.SimulatedHost.Worker;
import dev.outlast.agent.SessionId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Many attempts of several runs at once, on several workers that are frozen and killed at any step:
 * the host watches that no two agents run beside each other.
 */
@Timeout(300)
class InterleavingsTest {

  private static final int ROUNDS = Integer.getInteger("outlast.interleavings", 40);
  private static final int RUNS = 3;
  private static final int ATTEMPTS = 5;

  /** How long somebody is frozen; others get through several steps meanwhile. */
  private static final int FROZEN_MILLIS = 25;

  @TempDir Path folder;

  /** What a worker that was killed in the middle does no more. */
  private static final class Killed extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** One round: a host, and everything in it that is decided by chance. */
  private static final class Round {
    final SimulatedHost host;
    final long seed;
    final AtomicInteger letGo = new AtomicInteger();

    /** Each thread has its own, so that a seed decides the same whatever the others do. */
    final ThreadLocal<Random> random = new ThreadLocal<>();

    Round(Path folder, long seed) {
      this.seed = seed;
      this.host = new SimulatedHost(folder, Duration.ofSeconds(20));
      host.beforeEnding = this::pause;
    }

    void pause() {
      Random mine = random.get();
      int millis = mine.nextInt(4) == 0 ? mine.nextInt(FROZEN_MILLIS) : 0;
      try {
        Thread.sleep(millis);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    void step(Worker worker) {
      pause();
      if (random.get().nextInt(12) == 0) {
        worker.dies();
        throw new Killed();
      }
    }

    /** One attempt, as it goes on a worker of its own. */
    Void attempt(int run, int number, long scheduledAt) throws IOException {
      random.set(new Random(seed * 31 + run * 1_000L + number));
      Worker worker = host.worker();
      String name = "run-" + run;
      // Two attempts make one invocation.
      Attempt attempt =
          worker
              .attempt(name, "execution", number / 2, scheduledAt, 1 + number % 2)
              // Of three runs each two have something in common.
              .in(Path.of("/srv/" + (run == 2 ? "b" : "a")))
              .with("claude", run == 0 ? "s-0" : "s-1");
      try {
        step(worker);
        if (attempt.claim() instanceof Answer.Granted) {
          step(worker);
          attempt.starts();
          step(worker);
          if (attempt.isOurs()) {
            step(worker);
            if (attempt.lets_go()) {
              letGo.incrementAndGet();
              step(worker);
              attempt.held().add(new SessionId("named-by-" + run));
              step(worker);
            }
          }
          attempt.ends();
        }
      } catch (Killed nothingMoreIsDone) {
        // Its agent runs on until somebody ends it.
        return null;
      }
      return null;
    }
  }

  @Test
  void no_two_agents_ever_run_beside_each_other() throws Exception {
    long base = Long.getLong("outlast.seed", System.nanoTime());
    ExecutorService threads = Executors.newFixedThreadPool(RUNS * ATTEMPTS);
    int letGo = 0;
    try {
      for (int i = 0; i < ROUNDS; i++) {
        long seed = base + i;
        Round round = new Round(Files.createDirectory(folder.resolve("round-" + i)), seed);
        try {
          play(round, threads);
        } catch (ExecutionException e) {
          throw new AssertionError(
              "seed " + seed + " (-Doutlast.seed): " + e.getCause(), e.getCause());
        }
        letGo += round.letGo.get();
      }
    } finally {
      threads.shutdownNow();
    }
    assertTrue(letGo > ROUNDS, "only " + letGo + " agents were ever let go: nothing was tried");
  }

  private static void play(Round round, ExecutorService threads) throws Exception {
    List<Callable<Void>> attempts = new ArrayList<>();
    for (int number = 0; number < ATTEMPTS; number++) {
      for (int run = 0; run < RUNS; run++) {
        int theRun = run;
        int theNumber = number;
        attempts.add(() -> round.attempt(theRun, theNumber, 1_000 + theNumber));
      }
    }
    for (Future<Void> attempt : threads.invokeAll(attempts)) {
      attempt.get();
    }
    // Whatever has happened, the next attempt of each run gets its turn, once nobody waits who has
    // waited longer.
    round.host.now = round.host.now.plus(WaitingRuns.GRACE).plusMillis(1);
    round.random.set(new Random(round.seed));
    for (int run = 0; run < RUNS; run++) {
      Attempt last =
          round
              .host
              .worker()
              .attempt("run-" + run, "execution", ATTEMPTS, 9_000, 1)
              .in(Path.of("/srv/" + (run == 2 ? "b" : "a")))
              .with("claude", run == 0 ? "s-0" : "s-1");
      Answer answer = last.claim();
      assertTrue(
          answer instanceof Answer.Granted, "seed " + round.seed + ", run " + run + ": " + answer);
      assertTrue(last.worksAfterClaim());
      last.ends();
    }
  }
}
