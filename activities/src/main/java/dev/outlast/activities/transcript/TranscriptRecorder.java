package dev.outlast.activities.transcript;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.transcript.TranscriptQueue.Loss;
import dev.outlast.activities.transcript.TranscriptQueue.Waiting;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TranscriptReference;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records one attempt of an invocation. A thread of its own takes the secrets out and writes, so
 * that a store that is slow, or hangs, keeps nobody from reading output and telling the server of
 * it: what finds no room in {@link TranscriptQueue#MAX_BYTES} is counted, and a record says where
 * how much is missing. The same goes for what a store refuses. What was said to the agent, and how
 * it ended, is synchronised to the disk before the method returns, unless the store takes more than
 * {@link #MAX_WAIT}; output is handed to the store when there is much of it, and at least once a
 * second.
 *
 * <p>No method ever throws for what is wrong with a store. Whoever makes one calls {@link #ended}
 * at last. Thread-safe.
 */
public final class TranscriptRecorder {

  /** How long output is held back; and the pause after a store has failed. */
  static final Duration PERIOD = Duration.ofSeconds(1);

  /**
   * How long whoever brings output waits for a store that is slower than the agent. After that,
   * output is dropped until the store has moved on.
   */
  static final Duration MAX_STALL = Duration.ofSeconds(1);

  /**
   * How long the prompt, the reference and the outcome wait for the store; well below the time
   * after which the server gives up an attempt that it does not hear of.
   */
  public static final Duration MAX_WAIT = Duration.ofSeconds(10);

  /**
   * How many attempts may be over while a store still hangs with their output. As long as there are
   * so many, no other is recorded.
   */
  static final int MAX_HANGING = 8;

  private static final Logger log = LoggerFactory.getLogger(TranscriptRecorder.class);

  private static final Semaphore HANGING = new Semaphore(MAX_HANGING);

  private final TranscriptQueue queue;
  private final UnaryOperator<String> redact;
  private final Clock clock;
  private final Duration maxStall;
  private final Duration maxWait;

  /** Null if nothing is recorded. Used by the thread only, once that is there. */
  private final TranscriptWriter writer;

  private volatile TranscriptReference reference;

  // Of whoever calls, under the lock.
  private SessionId session;
  private Thread thread;
  private boolean toldThatItHangs;
  private boolean leftHanging;

  // Of the thread.
  private Loss lost = Loss.NONE;
  private boolean failing;

  /**
   * @param store null where no transcripts are kept; the recorder then does nothing
   * @param redact takes the secrets out of a text; is called by a thread of the recorder
   */
  public TranscriptRecorder(
      TranscriptStore store, TranscriptContext context, UnaryOperator<String> redact, Clock clock) {
    this(store, context, redact, clock, PERIOD, MAX_STALL, MAX_WAIT);
  }

  TranscriptRecorder(
      TranscriptStore store,
      TranscriptContext context,
      UnaryOperator<String> redact,
      Clock clock,
      Duration period,
      Duration maxStall,
      Duration maxWait) {
    this.queue = new TranscriptQueue(period);
    this.redact = Objects.requireNonNull(redact, "redact");
    this.clock = Objects.requireNonNull(clock, "clock");
    this.maxStall = maxStall;
    this.maxWait = maxWait;
    this.session = context == null ? null : context.session();
    this.writer = store == null || tooManyHang(context) ? null : store.store(context);
    if (writer == null) {
      queue.close();
    } else {
      reference = writer.reference();
    }
  }

  private static boolean tooManyHang(TranscriptContext context) {
    if (HANGING.availablePermits() > 0) {
      return false;
    }
    log.warn(
        "Run {}: no transcript is kept of this attempt, as the store still hangs with {} earlier"
            + " ones",
        context.run(),
        MAX_HANGING);
    return true;
  }

  /** Where it is stored; null if it is not. */
  public TranscriptReference reference() {
    flush();
    return reference;
  }

  /** The attempt begins. */
  public void opened(JsonNode about) {
    add(TranscriptKind.OPENED, null, about);
  }

  /** Something is about to be said to the agent. */
  public void prompt(String text) {
    add(TranscriptKind.PROMPT, text, null);
    flush();
  }

  /** The agent has printed a line. May wait for a moment, so no lock should be held. */
  public void output(TranscriptKind kind, OutputLine line) {
    if (queue.closed()) {
      return;
    }
    begin();
    queue.bring(
        new Waiting(
            clock.instant(),
            kind,
            () -> redact.apply(line.text()),
            line.bytes().length,
            line.cut(),
            null,
            null,
            Loss.NONE),
        maxStall);
  }

  /** The session is known, from now on or still. To be told again and again. */
  public synchronized void session(SessionId named) {
    if (queue.closed() || named == null || named.equals(session)) {
      return;
    }
    begin();
    if (queue.offer(waiting(TranscriptKind.SESSION, named::value, 0, null, named))) {
      session = named;
    }
  }

  /** The attempt has ended; nothing can follow. */
  public void ended(TranscriptKind how, String text, JsonNode about) {
    add(how, text, about);
    if (!flush()) {
      leave();
    }
  }

  private void add(TranscriptKind kind, String text, JsonNode data) {
    if (queue.closed()) {
      return;
    }
    begin();
    Supplier<String> redacted = text == null ? null : () -> redact.apply(text);
    queue.add(waiting(kind, redacted, text == null ? 0 : text.length(), data, null));
  }

  private Waiting waiting(
      TranscriptKind kind, Supplier<String> text, int bytes, JsonNode data, SessionId named) {
    return new Waiting(clock.instant(), kind, text, bytes, false, data, named, Loss.NONE);
  }

  /** Says whether all is stored, or never will be. */
  private boolean flush() {
    boolean done = queue.flush(maxWait);
    if (!done) {
      tellThatItHangs();
    }
    return done;
  }

  private synchronized void tellThatItHangs() {
    if (!toldThatItHangs) {
      log.warn(
          "Transcript {} cannot be written within {} s; the run goes on without waiting for it",
          reference.key(),
          maxWait.toSeconds());
    }
    toldThatItHangs = true;
  }

  private synchronized void begin() {
    if (thread == null) {
      thread = new Thread(this::write, "transcript-" + reference.key());
      thread.setDaemon(true);
      thread.start();
    }
  }

  /** The thread ends by itself if it ever can. */
  private synchronized void leave() {
    leftHanging = !queue.closed() && HANGING.tryAcquire();
  }

  private synchronized void free() {
    queue.close();
    if (leftHanging) {
      HANGING.release();
    }
  }

  private void write() {
    boolean over = false;
    try {
      while (!over) {
        List<Waiting> batch = queue.next();
        Waiting last = batch.get(batch.size() - 1);
        boolean stored = false;
        try {
          append(batch);
          failing = false;
          if (last.kind() == TranscriptKind.PROMPT || last.kind().closes()) {
            writer.sync();
          }
          stored = true;
        } catch (TranscriptOvertakenException overtaken) {
          over = true;
          log.info("{}", overtaken.getMessage());
        } catch (IOException | RuntimeException e) {
          failed(e);
        }
        if (!over && last.named() != null) {
          name(last.named());
        }
        over = over || last.kind().closes();
        queue.settle(batch.size(), stored);
      }
    } catch (InterruptedException nobodyDoes) {
      Thread.currentThread().interrupt();
    } finally {
      close();
      free();
    }
  }

  private void append(List<Waiting> batch) throws IOException {
    Loss all = lost;
    for (Waiting one : batch) {
      all = all.plus(one.loss());
    }
    Loss before = lost;
    lost = all;
    List<TranscriptEntry> entries = new ArrayList<>();
    for (Waiting one : batch) {
      before = before.plus(one.before());
      if (before.entries() > 0) {
        entries.add(gap(one.time(), before));
        before = Loss.NONE;
      }
      String text = one.text() == null ? null : one.text().get();
      entries.add(new TranscriptEntry(one.time(), one.kind(), text, one.cut(), one.data()));
    }
    writer.append(entries);
    lost = Loss.NONE;
  }

  private void name(SessionId named) {
    try {
      writer.named(named);
    } catch (IOException | RuntimeException e) {
      failed(e);
    }
    reference = writer.reference();
  }

  private static TranscriptEntry gap(Instant time, Loss lost) {
    JsonNode data =
        JsonNodeFactory.instance
            .objectNode()
            .put("lost", lost.entries())
            .put("bytes", lost.bytes());
    return new TranscriptEntry(time, TranscriptKind.GAP, null, false, data);
  }

  private void failed(Exception e) {
    if (!failing) {
      log.warn(
          "Transcript {} is incomplete from here on, until it can be written again; the run goes"
              + " on: {}",
          reference.key(),
          e.toString());
    }
    failing = true;
  }

  private void close() {
    if (lost.entries() > 0) {
      log.warn("Transcript {} ends without its last {} records", reference.key(), lost.entries());
    }
    try {
      writer.close();
    } catch (IOException | RuntimeException e) {
      log.debug("Transcript {} cannot be closed", reference.key(), e);
    }
  }
}
