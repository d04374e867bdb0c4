package dev.outlast.worker.plugin;

import dev.outlast.activities.gate.Gates;
import io.grpc.Context;
import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * Calls of a server that may hang. Left to itself the SDK tries for a minute what it cannot get
 * through; here each call has {@link #CALL} and nobody waits for longer than {@link #WAIT}. The
 * threads are daemons and end when they have nothing to do, so there is nothing to close.
 * Thread-safe.
 */
final class GateCalls {

  /** How long the server is tried for, apart from the SDK's last pause of 5 s at most. */
  static final Duration CALL = Duration.ofSeconds(8);

  /** How long somebody waits for all that he wants to know. */
  static final Duration WAIT = Duration.ofSeconds(Gates.PATIENCE_SECONDS - 1);

  /**
   * How many calls are made at a time. For each account that is one question and one report; where
   * agents are counted, runs ask for places besides, {@link AccountGates#MAX_ENTRIES} at a time.
   */
  static final int MAX_CALLS = 32;

  /** Whose turn to call comes when less is left of his patience than this, does not take it. */
  private static final Duration LEAST = Duration.ofSeconds(3);

  private static final Duration IDLE = Duration.ofSeconds(5);

  private final ThreadPoolExecutor callers;
  private final ScheduledThreadPoolExecutor deadlines;

  GateCalls() {
    callers =
        new ThreadPoolExecutor(
            MAX_CALLS,
            MAX_CALLS,
            IDLE.toMillis(),
            TimeUnit.MILLISECONDS,
            new LinkedBlockingQueue<>(),
            threads("outlast-gate-"));
    callers.allowCoreThreadTimeOut(true);
    deadlines = new ScheduledThreadPoolExecutor(1, threads("outlast-gate-deadline-"));
    deadlines.setRemoveOnCancelPolicy(true);
    deadlines.setKeepAliveTime(IDLE.toMillis(), TimeUnit.MILLISECONDS);
    deadlines.allowCoreThreadTimeOut(true);
  }

  private static ThreadFactory threads(String name) {
    AtomicInteger number = new AtomicInteger();
    return work -> {
      Thread thread = new Thread(work, name + number.incrementAndGet());
      thread.setDaemon(true);
      return thread;
    };
  }

  /** Where calls are made of which several may share the answer. */
  Executor executor() {
    return callers;
  }

  /**
   * Makes a call, on the thread that wants it.
   *
   * @throws io.grpc.StatusRuntimeException with {@code DEADLINE_EXCEEDED} if its time has run out
   */
  <T> T bounded(Supplier<T> call) {
    Context.CancellableContext context =
        Context.current().withDeadlineAfter(CALL.toMillis(), TimeUnit.MILLISECONDS, deadlines);
    try {
      return context.call(call::get);
    } catch (RuntimeException e) {
      if (context.getDeadline().isExpired()) {
        // The SDK says this in many ways, one of which complains of its own arguments.
        throw Status.DEADLINE_EXCEEDED
            .withDescription("no answer within " + CALL.toSeconds() + " s")
            .withCause(e)
            .asRuntimeException();
      }
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("a supplier throws no checked exception", e);
    } finally {
      context.close();
    }
  }

  /** What somebody wants to know who has begun to wait now. */
  Patience patience() {
    return new Patience(System.nanoTime() + WAIT.toNanos());
  }

  /** How long somebody still waits. */
  final class Patience {
    private final long ends;

    private Patience(long ends) {
      this.ends = ends;
    }

    /**
     * Waits for an answer.
     *
     * @throws UnreachedException if it does not come in time, or is that the call has failed
     */
    <T> T await(CompletableFuture<T> answer) throws UnreachedException {
      try {
        return answer.get(Math.max(0, ends - System.nanoTime()), TimeUnit.NANOSECONDS);
      } catch (ExecutionException e) {
        throw new UnreachedException(e.getCause());
      } catch (TimeoutException e) {
        throw new UnreachedException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new UnreachedException(e);
      }
    }

    /**
     * Waits for a turn, which is to be released by whoever has got it.
     *
     * @throws UnreachedException if it does not come in time
     */
    void await(Semaphore turns) throws UnreachedException {
      long left = ends - LEAST.toNanos() - System.nanoTime();
      try {
        if (!turns.tryAcquire(Math.max(0, left), TimeUnit.NANOSECONDS)) {
          throw new UnreachedException(new TimeoutException());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new UnreachedException(e);
      }
    }

    /** Makes a call for nobody else, and waits for its answer; it is ended when it is too late. */
    <T> T call(Supplier<T> call) throws UnreachedException {
      CompletableFuture<T> answer = new CompletableFuture<>();
      var work =
          callers.submit(
              () -> {
                try {
                  answer.complete(bounded(call));
                } catch (RuntimeException | Error e) {
                  answer.completeExceptionally(e);
                }
              });
      try {
        return await(answer);
      } catch (UnreachedException e) {
        work.cancel(true);
        throw e;
      }
    }
  }

  /** The gate did not answer. */
  static final class UnreachedException extends Exception {
    private static final long serialVersionUID = 1L;

    private UnreachedException(Throwable cause) {
      super(cause);
    }

    /** What the server or the way to it has said, in one line. */
    String why() {
      Throwable cause = getCause();
      if (cause instanceof TimeoutException) {
        return "no answer within " + WAIT.toSeconds() + " s";
      }
      if (cause instanceof InterruptedException) {
        return "the worker is going away";
      }
      return String.valueOf(cause.getMessage());
    }
  }
}
