package dev.outlast.activities.transcript;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TranscriptReference;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records one attempt of an invocation. No method ever throws for what is wrong with a store: what
 * cannot be stored is counted, and once there is room again a record says how much is missing. What
 * was said to the agent, and how it ended, is synchronised to the disk at once; output is handed to
 * the store when there is much of it, and at least once a second, as long as {@link #tick} is
 * called. Thread-safe.
 */
public final class TranscriptRecorder {

  /** How long output may be held back; and the pause after a store has failed. */
  static final Duration PERIOD = Duration.ofSeconds(1);

  /** How much output is held back at most, in characters. */
  static final int BATCH = 64 * 1024;

  /** What an entry takes besides its text, roughly. */
  private static final int ENTRY = 100;

  private static final Logger log = LoggerFactory.getLogger(TranscriptRecorder.class);

  private final TranscriptWriter writer;
  private final UnaryOperator<String> redact;
  private final Clock clock;
  private final List<TranscriptEntry> batch = new ArrayList<>();
  private SessionId session;
  private int held;
  private long handedOver = System.nanoTime();
  private long lost;
  private boolean failing;
  private boolean over;

  /**
   * @param store null where no transcripts are kept; the recorder then does nothing
   * @param redact takes the secrets out of a text
   */
  public TranscriptRecorder(
      TranscriptStore store, TranscriptContext context, UnaryOperator<String> redact, Clock clock) {
    this.writer = store == null ? null : store.store(context);
    this.redact = Objects.requireNonNull(redact, "redact");
    this.clock = Objects.requireNonNull(clock, "clock");
    this.session = context == null ? null : context.session();
    this.over = writer == null;
  }

  /** Where it is stored; null if it is not. */
  public synchronized TranscriptReference reference() {
    return writer == null ? null : writer.claim();
  }

  /** The attempt begins. */
  public synchronized void opened(JsonNode about) {
    add(TranscriptKind.OPENED, null, false, about);
  }

  /** Something is about to be said to the agent. */
  public synchronized void prompt(String text) {
    add(TranscriptKind.PROMPT, redact.apply(text), false, null);
    handOver(true);
  }

  /** The agent has printed a line. */
  public synchronized void output(TranscriptKind kind, OutputLine line) {
    if (over) {
      return;
    }
    add(kind, redact.apply(line.text()), line.cut(), null);
    if (held >= BATCH || due()) {
      handOver(false);
    }
  }

  /** The session is known, from now on or still. */
  public synchronized void session(SessionId named) {
    if (over || named == null || named.equals(session)) {
      return;
    }
    session = named;
    add(TranscriptKind.SESSION, named.value(), false, null);
    handOver(false);
    try {
      writer.named(named);
    } catch (IOException | RuntimeException e) {
      failed(e);
    }
  }

  /** Hands over what has been held back for long enough. */
  public synchronized void tick() {
    if (!batch.isEmpty() && due()) {
      handOver(false);
    }
  }

  /** The attempt has ended; nothing can follow. */
  public synchronized void ended(TranscriptKind how, String text, JsonNode about) {
    if (over) {
      return;
    }
    add(how, text == null ? null : redact.apply(text), false, about);
    failing = false;
    handOver(true);
    if (lost > 0) {
      log.warn("Transcript {} ends without its last {} records", writer.claim().key(), lost);
    }
    over = true;
    try {
      writer.close();
    } catch (IOException | RuntimeException e) {
      log.debug("Transcript {} cannot be closed", writer.claim().key(), e);
    }
  }

  private boolean due() {
    return System.nanoTime() - handedOver >= PERIOD.toNanos();
  }

  private void add(TranscriptKind kind, String text, boolean cut, JsonNode data) {
    if (!over) {
      batch.add(new TranscriptEntry(clock.instant(), kind, text, cut, data));
      held += ENTRY + (text == null ? 0 : text.length());
    }
  }

  private void handOver(boolean sync) {
    if (over || batch.isEmpty()) {
      return;
    }
    int count = batch.size();
    boolean wait = failing && !due() && !sync;
    try {
      if (wait) {
        lost += count;
        return;
      }
      handedOver = System.nanoTime();
      if (lost > 0) {
        JsonNode data = JsonNodeFactory.instance.objectNode().put("lost", lost);
        batch.add(0, new TranscriptEntry(clock.instant(), TranscriptKind.GAP, null, false, data));
      }
      writer.append(batch);
      lost = 0;
      failing = false;
      if (sync) {
        writer.sync();
      }
    } catch (TranscriptOvertakenException overtaken) {
      over = true;
      log.info("{}", overtaken.getMessage());
    } catch (IOException | RuntimeException e) {
      lost += count;
      failed(e);
    } finally {
      batch.clear();
      held = 0;
    }
  }

  private void failed(Exception e) {
    if (!failing) {
      log.warn(
          "Transcript {} is incomplete from here on, until it can be written again; the run goes"
              + " on: {}",
          writer.claim().key(),
          e.toString());
    }
    failing = true;
  }
}
