package dev.outlast.activities.transcript;

import java.io.Closeable;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Cleans a store when it is started, and from then on once a day, until it is closed. */
public final class TranscriptCleaning implements Closeable {

  /** How often. */
  public static final Duration PERIOD = Duration.ofDays(1);

  private static final Logger log = LoggerFactory.getLogger(TranscriptCleaning.class);

  private final Thread thread;

  private TranscriptCleaning(TranscriptStore store, Clock clock, Duration period) {
    thread = new Thread(() -> run(store, clock, period), "outlast-transcripts");
    thread.setDaemon(true);
    thread.start();
  }

  /** Starts it on a thread of its own. */
  public static TranscriptCleaning start(TranscriptStore store, Clock clock) {
    return start(store, clock, PERIOD);
  }

  static TranscriptCleaning start(TranscriptStore store, Clock clock, Duration period) {
    return new TranscriptCleaning(store, clock, period);
  }

  private static void run(TranscriptStore store, Clock clock, Duration period) {
    try {
      while (true) {
        try {
          store.clean(clock.instant());
        } catch (IOException | RuntimeException e) {
          log.warn(
              "Old transcripts could not all be dropped; it is tried again in {} h",
              period.toHours(),
              e);
        }
        Thread.sleep(period.toMillis());
      }
    } catch (InterruptedException closed) {
      log.debug("Transcripts are not cleaned any more");
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
