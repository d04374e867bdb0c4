package dev.outlast.worker.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;

/** What the demo's agent wrote down: one line for each time that it was started. */
final class DemoLedger {

  private static final int FIELDS = 4;

  private DemoLedger() {}

  /**
   * @param at to the second
   * @param how {@code fresh} or {@code resume}
   */
  record Entry(Instant at, String session, String how, String message) {}

  static List<Entry> read(Path ledger) throws IOException {
    try (Stream<String> lines = Files.lines(ledger)) {
      return lines
          .map(line -> line.split("\t", FIELDS))
          .map(f -> new Entry(Instant.ofEpochSecond(Long.parseLong(f[0])), f[1], f[2], f[3]))
          .toList();
    }
  }

  /** The reset that the agent announced. */
  static Instant reset(Path file) throws IOException {
    return Instant.ofEpochSecond(Long.parseLong(Files.readString(file).strip()));
  }
}
