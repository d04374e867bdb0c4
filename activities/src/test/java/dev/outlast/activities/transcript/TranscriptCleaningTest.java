package dev.outlast.activities.transcript;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.TranscriptReference;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class TranscriptCleaningTest {

  private static final Instant NOW = Instant.parse("2026-11-21T10:00:00Z");

  /** A store that keeps nothing, and cannot clean it either. */
  private static final class Broken implements TranscriptStore {
    private final CompletableFuture<Instant> cleaned = new CompletableFuture<>();
    private final CompletableFuture<Thread> by = new CompletableFuture<>();
    private final CountDownLatch often = new CountDownLatch(3);

    @Override
    public String name() {
      return "broken";
    }

    @Override
    public TranscriptWriter store(TranscriptContext context) {
      throw new UnsupportedOperationException("store");
    }

    @Override
    public void retrieve(TranscriptReference claim, Consumer<TranscriptRecord> sink) {
      throw new UnsupportedOperationException("retrieve");
    }

    @Override
    public List<TranscriptReference> ofRun(String run) {
      return List.of();
    }

    @Override
    public void clean(Instant now) throws IOException {
      by.complete(Thread.currentThread());
      cleaned.complete(now);
      often.countDown();
      throw new IOException("read-only");
    }
  }

  @Test
  void a_store_is_cleaned_at_once_and_one_that_cannot_be_is_tried_again() throws Exception {
    Broken store = new Broken();
    TranscriptCleaning cleaning =
        TranscriptCleaning.start(store, Clock.fixed(NOW, ZoneOffset.UTC), Duration.ofMillis(1));
    assertEquals(NOW, store.cleaned.get(1, TimeUnit.MINUTES));
    assertTrue(store.often.await(1, TimeUnit.MINUTES), "it has given up");
    Thread thread = store.by.get();
    cleaning.close();
    thread.join(TimeUnit.MINUTES.toMillis(1));
    assertTrue(!thread.isAlive());
  }
}
