package dev.outlast.worker.cli;

import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.Item;
import dev.outlast.activities.provider.ItemReader;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.transcript.TranscriptKind;
import dev.outlast.activities.transcript.TranscriptRecord;
import dev.outlast.activities.transcript.TranscriptStore;
import dev.outlast.agent.TranscriptReference;
import dev.outlast.worker.cli.RunExport.Attempt;
import dev.outlast.worker.cli.RunExport.ExportedItem;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** What transcripts say of the attempts of one run. */
final class RecordedAttempts {

  /** The most items of one attempt; of more the first are left out. */
  static final int MAX_ITEMS = 5_000;

  /** The most text of all items together, in characters; later ones have their titles only. */
  static final long MAX_TEXT = 32L << 20;

  private final String run;
  private final Instant notBefore;
  private final Map<Integer, List<Attempt>> byInvocation = new TreeMap<>();
  private final Map<Integer, Integer> turns = new TreeMap<>();
  private long text;
  private Reading reading;

  /**
   * @param notBefore attempts before this moment are of another run with the same id; null if that
   *     is not known
   */
  RecordedAttempts(String run, Instant notBefore) {
    this.run = run;
    this.notBefore = notBefore;
  }

  /** The attempts of each invocation, by its number. */
  Map<Integer, List<Attempt>> byInvocation() {
    return byInvocation;
  }

  /** The turn to which an invocation belongs; 0 if that is not known. */
  int turn(int invocation) {
    return turns.getOrDefault(invocation, 0);
  }

  void read(TranscriptStore store, TranscriptReference claim) throws IOException {
    Function<Reading, ItemReader> items = items(claim);
    store.retrieve(claim, record -> record(record, items));
    close();
  }

  /** A key begins with the provider; what is not known is read as plain output. */
  private static Function<Reading, ItemReader> items(TranscriptReference claim) {
    String provider = claim.key().substring(0, Math.max(0, claim.key().indexOf('/')));
    return reading ->
        Providers.named(provider)
            .or(() -> Providers.named("command"))
            .orElseThrow()
            .items(reading::item);
  }

  private void record(TranscriptRecord record, Function<Reading, ItemReader> items) {
    if (record.run() == null) {
      if (reading != null) {
        reading.notRecorded(record);
      }
      return;
    }
    if (!record.run().equals(run)) {
      return;
    }
    boolean another =
        reading == null
            || reading.invocation != record.invocation()
            || reading.attempt != record.attempt()
            || (record.kind() == TranscriptKind.OPENED && !record.data().has("from"));
    if (another) {
      close();
      reading = new Reading(record);
      reading.items = items.apply(reading);
      turns.put(record.invocation(), record.turn());
    }
    reading.record(record);
  }

  private void close() {
    if (reading != null) {
      reading.items.end();
      if (notBefore == null
          || reading.startedAt == null
          || !reading.startedAt.isBefore(notBefore)) {
        byInvocation
            .computeIfAbsent(reading.invocation, n -> new ArrayList<>())
            .add(reading.attempt());
      }
      reading = null;
    }
  }

  /** An attempt that is being read. */
  private final class Reading {
    private final int invocation;
    private final int attempt;
    private final Instant startedAt;
    private final Map<String, Item> kept = new LinkedHashMap<>();
    private final List<String> remarks = new ArrayList<>();
    private ItemReader items;
    private String session;
    private String prompt;
    private long lines;
    private long leftOut;
    private Instant last;
    private Instant endedAt;
    private String ending;
    private String said;

    Reading(TranscriptRecord first) {
      invocation = first.invocation();
      attempt = first.attempt();
      startedAt = first.time();
    }

    void record(TranscriptRecord record) {
      last = record.time() == null ? last : record.time();
      switch (record.kind()) {
        case OPENED -> session = record.data().path("session").asText(session);
        case PROMPT -> prompt = record.text();
        case SESSION -> session = record.text();
        case STDOUT -> {
          lines++;
          items.stdout(line(record));
        }
        case STDERR -> {
          lines++;
          items.stderr(line(record));
        }
        case OUTCOME -> {
          ending = record.data().path("kind").asText("other");
          said = record.text();
          endedAt = record.time();
        }
        case FAILURE -> {
          ending = "failed";
          said = record.text();
          endedAt = record.time();
        }
        case GAP ->
            remarks.add(record.data().path("lost").asLong() + " records could not be stored here");
        default -> notRecorded(record);
      }
    }

    void notRecorded(TranscriptRecord record) {
      if (record.kind() == TranscriptKind.DROPPED) {
        remarks.add(
            (record.through() - record.seq() + 1)
                + " records were dropped here, to keep within the bound");
      } else if (record.kind() == TranscriptKind.TORN) {
        remarks.add("a record was not written whole here: the worker was killed");
      }
    }

    private OutputLine line(TranscriptRecord record) {
      String line = record.text() == null ? "" : record.text();
      return new OutputLine(line.getBytes(StandardCharsets.UTF_8), record.cut());
    }

    void item(Item item) {
      Item before = kept.put(item.id(), item);
      text += item.text().length() - (before == null ? 0 : before.text().length());
      if (text > MAX_TEXT) {
        text -= item.text().length();
        kept.put(item.id(), titleOnly(item));
      }
      if (kept.size() > MAX_ITEMS) {
        String oldest = kept.keySet().iterator().next();
        text -= kept.remove(oldest).text().length();
        leftOut++;
      }
    }

    private static Item titleOnly(Item item) {
      return new Item(item.kind(), item.id(), item.title(), "", true, item.status(), item.agent());
    }

    Attempt attempt() {
      return new Attempt(
          attempt,
          session,
          startedAt,
          endedAt == null ? last : endedAt,
          prompt,
          lines,
          kept.values().stream().map(Reading::exported).toList(),
          leftOut,
          ending,
          said,
          List.copyOf(remarks));
    }

    private static ExportedItem exported(Item item) {
      return new ExportedItem(
          item.kind().word(),
          item.id(),
          item.status().word(),
          item.title().isEmpty() ? null : item.title(),
          item.text().isEmpty() ? null : item.text(),
          item.cut() ? true : null,
          item.agent());
    }
  }
}
