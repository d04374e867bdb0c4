package dev.outlast.activities.transcript;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.agent.SessionId;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Supplier;

/**
 * What waits for a store, within a bound. What finds no room is dropped and counted, and the next
 * that finds some carries the count. Thread-safe; one thread takes out.
 */
final class TranscriptQueue {

  /**
   * How much may wait, or be being stored, in bytes. What an attempt has once only (its beginning,
   * its prompt and its end) is let in beyond it.
   */
  static final int MAX_BYTES = 4 * 1024 * 1024;

  /** How much output is taken out at once, in bytes. */
  static final int BATCH = 64 * 1024;

  /** What an entry takes besides its text, roughly, in bytes. */
  static final int ENTRY = 200;

  /** What could not be stored, in entries and in bytes of their texts. */
  record Loss(long entries, long bytes) {
    static final Loss NONE = new Loss(0, 0);

    Loss plus(Loss more) {
      return new Loss(entries + more.entries, bytes + more.bytes);
    }
  }

  /**
   * Something to be stored.
   *
   * @param text null if it has none
   * @param bytes of the text, roughly
   * @param named the session that is known from here on; null if that is not what it says
   * @param before what has been dropped just before it
   */
  record Waiting(
      Instant time,
      TranscriptKind kind,
      Supplier<String> text,
      int bytes,
      boolean cut,
      JsonNode data,
      SessionId named,
      Loss before) {

    private Waiting after(Loss loss) {
      return new Waiting(time, kind, text, bytes, cut, data, named, loss);
    }

    /** All that is missing if this is not stored. */
    Loss loss() {
      return before.plus(new Loss(1, bytes));
    }

    /** Whether it is to be stored at once, with nothing after it. */
    private boolean urgent() {
      return !kind.output() && kind != TranscriptKind.OPENED;
    }

    private int size() {
      return bytes + ENTRY;
    }
  }

  private final Duration period;
  private final Deque<Waiting> waiting = new ArrayDeque<>();
  private long size;
  private Loss lost = Loss.NONE;

  /** How many have been let in, and how many of them the store is done with. */
  private long added;

  private long settled;

  /** How many of those let in are to be stored at once. */
  private long wanted;

  /** When those that wait are to be stored at the latest, by {@link System#nanoTime()}. */
  private long due;

  /** Whether output does not wait for room, as that was in vain, or the store has failed. */
  private boolean behind;

  /** Whether somebody has waited for the store in vain since it last was done with anything. */
  private boolean hangs;

  private boolean closed;

  /**
   * @param period how long output waits for more; and the pause after the store has failed
   */
  TranscriptQueue(Duration period) {
    this.period = period;
  }

  /** Lets something in, whether there is room or not. */
  synchronized void add(Waiting one) {
    if (closed) {
      return;
    }
    if (waiting.isEmpty()) {
      due = System.nanoTime() + period.toNanos();
    }
    waiting.add(one.after(lost));
    lost = Loss.NONE;
    size += one.size();
    added++;
    if (one.urgent()) {
      wanted = added;
    }
    if (wanted == added || size >= BATCH || waiting.size() == 1) {
      notifyAll();
    }
  }

  /** Lets something in if there is room now; says whether it has. */
  synchronized boolean offer(Waiting one) {
    if (!room(one)) {
      return false;
    }
    add(one);
    return true;
  }

  /** Lets something in as soon as there is room; drops it if there is none within the patience. */
  synchronized void bring(Waiting one, Duration patience) {
    if (!room(one) && !behind && !hangs) {
      behind = !await(() -> room(one) || behind, patience) || behind;
    }
    if (!offer(one)) {
      lost = lost.plus(one.loss());
    }
  }

  private boolean room(Waiting one) {
    return closed || size + one.size() <= MAX_BYTES;
  }

  /**
   * Waits until the store is done with all that has been let in so far, and asks it to make haste.
   * While the store hangs, only the first one waits.
   *
   * @return whether it is done
   */
  synchronized boolean flush(Duration patience) {
    long mine = added;
    if (settled < mine && !closed) {
      wanted = mine;
      notifyAll();
      if (!hangs) {
        hangs = !await(() -> settled >= mine || closed || hangs, patience) || hangs;
      }
    }
    return settled >= mine || closed;
  }

  /** Waits until something is so; says whether it is in time. An interrupt is for others. */
  private boolean await(Supplier<Boolean> condition, Duration patience) {
    long deadline = System.nanoTime() + patience.toNanos();
    boolean interrupted = false;
    try {
      while (!condition.get()) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          return false;
        }
        try {
          wait(left / 1_000_000 + 1);
        } catch (InterruptedException later) {
          interrupted = true;
        }
      }
      return true;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Waits for what is to be stored next, together. Nothing of it is taken out by that. */
  synchronized List<Waiting> next() throws InterruptedException {
    while (waiting.isEmpty() || wanted <= settled) {
      long left = due - System.nanoTime();
      if (!waiting.isEmpty() && (left <= 0 || (size >= BATCH && !behind))) {
        break;
      }
      wait(waiting.isEmpty() ? 0 : left / 1_000_000 + 1);
    }
    List<Waiting> batch = new ArrayList<>();
    int bytes = 0;
    for (Waiting one : waiting) {
      batch.add(one);
      bytes += one.size();
      if (bytes >= BATCH || one.urgent()) {
        break;
      }
    }
    return batch;
  }

  /** The store is done with a number of those that came first. */
  synchronized void settle(int count, boolean stored) {
    for (int i = 0; i < count; i++) {
      size -= waiting.remove().size();
    }
    settled += count;
    hangs = false;
    behind = !stored;
    due = System.nanoTime() + period.toNanos();
    notifyAll();
  }

  /** Lets nothing in any more, forgets what waits, and keeps nobody waiting. */
  synchronized void close() {
    closed = true;
    waiting.clear();
    notifyAll();
  }

  synchronized boolean closed() {
    return closed;
  }
}
