package dev.outlast.worker.plugin;

import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * One question at a time, however many ask it: who comes while it is answered shares the next one.
 * So nobody gets an answer that is older than his question. Thread-safe.
 */
final class Shared<T> {

  private final Supplier<T> question;
  private final ReentrantLock turn = new ReentrantLock();
  private Round<T> next = new Round<>();

  /** A question that has yet to be asked, and then its answer. */
  private static final class Round<T> {
    private boolean done;
    private T answer;
    private RuntimeException failure;
  }

  Shared(Supplier<T> question) {
    this.question = question;
  }

  /**
   * @throws RuntimeException what the question throws, to all who share it
   */
  T get() {
    Round<T> mine = mine();
    turn.lock();
    try {
      if (!mine.done) {
        begin();
        ask(mine);
      }
    } finally {
      turn.unlock();
    }
    if (mine.failure != null) {
      throw mine.failure;
    }
    return mine.answer;
  }

  private synchronized Round<T> mine() {
    return next;
  }

  private synchronized void begin() {
    next = new Round<>();
  }

  private void ask(Round<T> round) {
    try {
      round.answer = question.get();
    } catch (RuntimeException e) {
      round.failure = e;
    } finally {
      round.done = true;
    }
  }
}
