package dev.outlast.worker.plugin;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * One question at a time, however many ask it: who comes while it is answered shares the next one.
 * So nobody gets an answer that is older than his question. Thread-safe.
 */
final class Shared<T> {

  private final Supplier<T> question;
  private final Executor executor;

  /** The question that has yet to be asked; null if nobody waits for one. */
  private CompletableFuture<T> next;

  private boolean asking;

  /**
   * @param question takes a bounded time; what it throws, all get who share it
   * @param executor where it is asked
   */
  Shared(Supplier<T> question, Executor executor) {
    this.question = question;
    this.executor = executor;
  }

  /** The answer to a question that is asked from now on; shared, so not to be completed. */
  CompletableFuture<T> ask() {
    CompletableFuture<T> mine;
    boolean idle;
    synchronized (this) {
      if (next == null) {
        next = new CompletableFuture<>();
      }
      mine = next;
      idle = !asking;
      asking = true;
    }
    if (idle) {
      begin();
    }
    return mine;
  }

  private void begin() {
    try {
      executor.execute(this::answer);
    } catch (RuntimeException | Error noThread) {
      CompletableFuture<T> round = begun();
      if (round != null) {
        round.completeExceptionally(noThread);
      }
      synchronized (this) {
        asking = false;
      }
    }
  }

  private void answer() {
    for (CompletableFuture<T> round = begun(); round != null; round = begun()) {
      try {
        round.complete(question.get());
      } catch (RuntimeException | Error e) {
        round.completeExceptionally(e);
      }
    }
  }

  /** Closes the round: who comes from now on is in the next one. */
  private synchronized CompletableFuture<T> begun() {
    CompletableFuture<T> round = next;
    next = null;
    asking = round != null;
    return round;
  }
}
