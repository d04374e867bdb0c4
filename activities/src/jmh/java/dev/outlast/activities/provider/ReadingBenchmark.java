package dev.outlast.activities.provider;

import dev.outlast.activities.process.LineSplitter;
import dev.outlast.activities.secret.Redaction;
import dev.outlast.activities.transcript.FileTranscripts;
import dev.outlast.activities.transcript.TranscriptContext;
import dev.outlast.activities.transcript.TranscriptKind;
import dev.outlast.activities.transcript.TranscriptLimits;
import dev.outlast.activities.transcript.TranscriptRecorder;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TranscriptReference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** How fast each provider reads what its agent prints, beside a loop that only counts lines. */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@State(Scope.Benchmark)
public class ReadingBenchmark {

  /** As much as is read from a process at once. */
  private static final int CHUNK = 64 * 1024;

  private static final int SIZE = 4 * 1024 * 1024;
  private static final Instant NOW = Instant.parse("2026-11-21T00:00:00Z");

  /** What an agent prints. */
  public enum Content {
    /** An ordinary hour. */
    HOUR,
    /** Records from which nothing is needed. */
    IDLE,
    /** Plain lines. */
    NOISE
  }

  @Param public Wire wire;
  @Param public Content content;

  private byte[][] chunks;
  private long size;
  private long lines;
  private AgentDriver driver;

  /** What was read, which is reported per second. */
  @AuxCounters(AuxCounters.Type.OPERATIONS)
  @State(Scope.Thread)
  public static class Volume {
    public long bytes;
    public long lines;
  }

  /** Makes the output. */
  @Setup
  public void print() {
    byte[] all =
        switch (content) {
          case HOUR -> wire.hour(1);
          case IDLE -> wire.idle(1, SIZE);
          case NOISE -> wire.noise(1, SIZE);
        };
    chunks = new byte[(all.length + CHUNK - 1) / CHUNK][];
    for (int i = 0; i < chunks.length; i++) {
      chunks[i] = Arrays.copyOfRange(all, i * CHUNK, Math.min(all.length, (i + 1) * CHUNK));
    }
    size = all.length;
    lines = count();
    driver = wire.driver();
  }

  private void count(Volume volume) {
    volume.bytes += size;
    volume.lines += lines;
  }

  private long count() {
    long count = 0;
    for (byte[] chunk : chunks) {
      for (byte b : chunk) {
        if (b == '\n') {
          count++;
        }
      }
    }
    return count;
  }

  /** The measure: what any reading costs at least. */
  @Benchmark
  public long countLines(Volume volume) {
    count(volume);
    return count();
  }

  /** All that happens to an agent's output until it is understood. */
  @Benchmark
  public Conclusion read(Volume volume) {
    count(volume);
    OutputReader reader = driver.reader(Surroundings.recorded(ZoneOffset.UTC));
    LineSplitter splitter = new LineSplitter(line -> reader.stdout(line, NOW));
    for (byte[] chunk : chunks) {
      splitter.feed(chunk, chunk.length);
    }
    splitter.end();
    return reader.conclude(0, NOW);
  }

  /**
   * The same while the transcript is written, by a thread of its own, and secrets are taken out of
   * it; until all of it is on the disk.
   */
  @Benchmark
  public Conclusion readAndRecord(Volume volume, Transcripts transcripts) {
    count(volume);
    TranscriptRecorder transcript = transcripts.recorder();
    transcript.prompt("do it");
    OutputReader reader = driver.reader(Surroundings.recorded(ZoneOffset.UTC));
    LineSplitter splitter =
        new LineSplitter(
            line -> {
              transcript.output(TranscriptKind.STDOUT, line);
              reader.stdout(line, NOW);
            });
    for (byte[] chunk : chunks) {
      splitter.feed(chunk, chunk.length);
    }
    splitter.end();
    transcript.ended(TranscriptKind.OUTCOME, "done", null);
    return reader.conclude(0, NOW);
  }

  /** Where the transcript goes; a session that is at its bound. */
  @State(Scope.Benchmark)
  public static class Transcripts {
    private static final TranscriptContext ATTEMPT =
        new TranscriptContext("agent", new SessionId("session"), "run", 1, 1, 1);
    private static final TranscriptLimits LIMITS =
        new TranscriptLimits(Duration.ofDays(1), 64L << 20, 64L << 20);

    private final Redaction secrets =
        Redaction.of(
            List.of("correct horse battery", "a0b1c2d3e4f5a6b7c8d9e0f1", "another-secret-of-42"));
    private Path folder;
    private FileTranscripts store;

    /** Makes the folder. */
    @Setup
    public void make() throws IOException {
      folder = Files.createTempDirectory("transcripts");
      store = new FileTranscripts(folder, "host", LIMITS);
    }

    private TranscriptRecorder recorder() {
      return new TranscriptRecorder(store, ATTEMPT, secrets::redact, Clock.systemUTC());
    }

    /** Deletes the folder. What was not stored was not measured. */
    @TearDown
    public void delete() throws IOException {
      TranscriptReference all = store.store(ATTEMPT).reference();
      store.retrieve(
          all,
          record -> {
            if (record.kind() == TranscriptKind.GAP) {
              throw new IllegalStateException("something was not stored: " + record.data());
            }
          });
      try (Stream<Path> files = Files.walk(folder)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }
}
