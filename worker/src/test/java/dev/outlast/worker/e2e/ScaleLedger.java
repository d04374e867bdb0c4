package dev.outlast.worker.e2e;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What the scripted agents of a scale run have written down themselves, of all workers. */
final class ScaleLedger {

  /** One fact. */
  record Entry(Instant at, long pid, String event, String run, int invocation) {
    static Entry of(String line) {
      String[] fields = line.split(" ");
      long micros = Long.parseLong(fields[0]);
      return new Entry(
          Instant.ofEpochSecond(micros / 1_000_000, micros % 1_000_000 * 1_000),
          Long.parseLong(fields[1]),
          fields[2],
          fields[3],
          Integer.parseInt(fields[4]));
    }

    boolean is(String wanted) {
      return event.equals(wanted);
    }
  }

  /** How long after its agent's end an invocation may take to be over. */
  private static final Duration LONGEST_REPORT = Duration.ofSeconds(12);

  private final List<Entry> entries;

  private ScaleLedger(List<Entry> entries) {
    this.entries = entries;
  }

  /** Reads the files {@code ledger-<pid>} of a folder, as far as their lines are whole. */
  static ScaleLedger in(Path folder) throws IOException {
    List<Entry> entries = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "ledger-*")) {
      for (Path file : files) {
        String text = Files.readString(file);
        text.substring(0, text.lastIndexOf('\n') + 1)
            .lines()
            .forEach(line -> entries.add(Entry.of(line)));
      }
    }
    entries.sort(Comparator.comparing(Entry::at));
    return new ScaleLedger(entries);
  }

  List<Entry> all(String event) {
    return entries.stream().filter(entry -> entry.is(event)).toList();
  }

  long count(String event) {
    return entries.stream().filter(entry -> entry.is(event)).count();
  }

  /** Agents that were started, the first first: each invocation's, and each attempt's. */
  List<Entry> starts() {
    return all("START");
  }

  /** Agents that were started from one moment on and before another one. */
  List<Entry> starts(Instant from, Instant before) {
    return starts().stream()
        .filter(start -> !start.at().isBefore(from) && start.at().isBefore(before))
        .toList();
  }

  /** How many runs have met the limit, or were told of it. */
  long held() {
    return entries.stream()
        .filter(entry -> entry.is("LIMIT") || entry.is("DEFER"))
        .map(Entry::run)
        .distinct()
        .count();
  }

  /** Runs that never came to their end. */
  Set<String> lost(Set<String> runs) {
    Set<String> lost = new HashSet<>(runs);
    all("DONE").forEach(done -> lost.remove(done.run()));
    return lost;
  }

  /**
   * Runs that were gone on with twice: after their end, or besides an agent that was not killed.
   *
   * @param killed workers, and when they were killed: their agents ended with them, and of what
   *     ended right before it, the server may not have heard
   */
  Set<String> doubled(Map<Long, Instant> killed) {
    Set<String> doubled = new HashSet<>();
    Map<String, Entry> last = new HashMap<>();
    for (Entry entry : entries) {
      if (entry.is("DEFER")) {
        continue;
      }
      Entry before = last.put(entry.run(), entry);
      boolean again = entry.is("START") && before != null && !before.is("LIMIT");
      if (again && !unheard(before, killed.get(before.pid()))) {
        doubled.add(entry.run());
      }
    }
    return doubled;
  }

  /** Whether a worker's end has kept the server from hearing of something. */
  private static boolean unheard(Entry entry, Instant killed) {
    return killed != null
        && (entry.is("START") || entry.at().isAfter(killed.minus(LONGEST_REPORT)));
  }

  /** How many first starts there were in each ten seconds since a moment. */
  Map<Long, Integer> histogram(List<Entry> starts, Instant since) {
    Map<Long, Integer> histogram = new TreeMap<>();
    for (Entry start : starts) {
      long slot = Duration.between(since, start.at()).toSeconds() / 10;
      histogram.merge(slot, 1, Integer::sum);
    }
    return histogram;
  }

  /** The first start of each run since a moment, the first first. */
  List<Entry> firstStarts(Instant since) {
    Set<String> seen = new HashSet<>();
    return starts().stream()
        .filter(start -> !start.at().isBefore(since))
        .filter(start -> seen.add(start.run()))
        .toList();
  }
}
