package dev.outlast.worker.plugin;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SharedTest {

  private static final long PATIENCE_SECONDS = 120;

  private final ExecutorService executor = Executors.newCachedThreadPool();

  @AfterEach
  void end() {
    executor.shutdownNow();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void nobody_gets_an_answer_that_is_older_than_his_question(long seed) throws Exception {
    int askers = 8;
    int each = 200;
    AtomicLong truth = new AtomicLong();
    AtomicInteger atATime = new AtomicInteger();
    AtomicInteger questions = new AtomicInteger();
    List<String> wrong = new ArrayList<>();
    Shared<Long> shared =
        new Shared<>(
            () -> {
              questions.incrementAndGet();
              if (atATime.incrementAndGet() > 1) {
                wrong.add("two questions at a time");
              }
              long seen = truth.get();
              Thread.yield();
              atATime.decrementAndGet();
              return seen;
            },
            executor);
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < askers; i++) {
      Random random = new Random(31 * seed + i);
      all.add(
          executor.submit(
              () -> {
                for (int j = 0; j < each; j++) {
                  long mine = truth.incrementAndGet();
                  long answer = shared.ask().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
                  assertTrue(answer >= mine, () -> answer + " is older than " + mine);
                  if (random.nextInt(4) == 0) {
                    Thread.yield();
                  }
                }
                return null;
              }));
    }
    for (Future<?> asker : all) {
      asker.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }
    assertEquals(List.of(), wrong, "seed " + seed);
    assertTrue(questions.get() <= askers * each, "seed " + seed);
  }

  @Test
  void all_who_come_while_it_is_answered_share_the_next_question() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    CountDownLatch answer = new CountDownLatch(1);
    AtomicInteger questions = new AtomicInteger();
    Shared<Integer> shared =
        new Shared<>(
            () -> {
              int number = questions.incrementAndGet();
              asked.countDown();
              await(answer);
              return number;
            },
            executor);
    CompletableFuture<Integer> first = shared.ask();
    await(asked);
    List<CompletableFuture<Integer>> others = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      others.add(shared.ask());
    }
    answer.countDown();
    assertEquals(1, first.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
    for (CompletableFuture<Integer> other : others) {
      assertEquals(2, other.get(PATIENCE_SECONDS, TimeUnit.SECONDS));
    }
    assertEquals(2, questions.get());
  }

  @Test
  void a_question_that_fails_fails_for_those_who_share_it_and_for_nobody_after() {
    AtomicInteger questions = new AtomicInteger();
    Shared<String> shared =
        new Shared<>(
            () -> {
              if (questions.incrementAndGet() == 1) {
                throw new IllegalStateException("away");
              }
              return "here";
            },
            Runnable::run);
    CompletionException e = assertThrows(CompletionException.class, () -> shared.ask().join());
    assertEquals("away", e.getCause().getMessage());
    assertEquals("here", shared.ask().join());
  }

  @Test
  void where_no_thread_can_be_had_the_question_fails_and_the_next_one_is_asked() {
    AtomicInteger refusals = new AtomicInteger(1);
    Shared<String> shared =
        new Shared<>(
            () -> "here",
            work -> {
              if (refusals.getAndDecrement() > 0) {
                throw new RejectedExecutionException("no thread");
              }
              work.run();
            });
    assertThrows(CompletionException.class, () -> shared.ask().join());
    assertEquals("here", shared.ask().join());
  }

  private static void await(CountDownLatch latch) {
    try {
      assertTrue(latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }
}
