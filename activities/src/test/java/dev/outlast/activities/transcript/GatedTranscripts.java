package dev.outlast.activities.transcript;

import dev.outlast.agent.SessionId;
import dev.outlast.agent.TranscriptReference;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import java.util.function.Predicate;

/** A store that hangs when it is to store certain entries, until it is let go. */
public final class GatedTranscripts implements TranscriptStore {

  private final TranscriptStore store;
  private final Predicate<TranscriptEntry> hangsWith;
  private final CountDownLatch gate = new CountDownLatch(1);

  /** How many entries came with each call that has begun. */
  final BlockingQueue<Integer> begun = new LinkedBlockingQueue<>();

  /** Which threads have written. */
  final BlockingQueue<Thread> threads = new LinkedBlockingQueue<>();

  public GatedTranscripts(TranscriptStore store, Predicate<TranscriptEntry> hangsWith) {
    this.store = store;
    this.hangsWith = hangsWith;
  }

  /** The disk is well again. */
  public void letGo() {
    gate.countDown();
  }

  @Override
  public String name() {
    return store.name();
  }

  @Override
  public TranscriptWriter store(TranscriptContext context) {
    TranscriptWriter writer = store.store(context);
    return new TranscriptWriter() {
      @Override
      public TranscriptReference reference() {
        return writer.reference();
      }

      @Override
      public void append(List<TranscriptEntry> entries) throws IOException {
        threads.add(Thread.currentThread());
        begun.add(entries.size());
        if (entries.stream().anyMatch(hangsWith)) {
          try {
            gate.await();
          } catch (InterruptedException nobodyDoes) {
            throw new IOException(nobodyDoes);
          }
        }
        writer.append(entries);
      }

      @Override
      public void sync() throws IOException {
        writer.sync();
      }

      @Override
      public void named(SessionId session) throws IOException {
        writer.named(session);
      }

      @Override
      public void close() throws IOException {
        writer.close();
      }
    };
  }

  @Override
  public void retrieve(TranscriptReference reference, Consumer<TranscriptRecord> sink)
      throws IOException {
    store.retrieve(reference, sink);
  }

  @Override
  public List<TranscriptReference> ofRun(String run) throws IOException {
    return store.ofRun(run);
  }
}
