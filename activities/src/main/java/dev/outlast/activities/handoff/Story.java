package dev.outlast.activities.handoff;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.AgentProvider;
import dev.outlast.activities.provider.ItemReader;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.transcript.TranscriptKind;
import dev.outlast.activities.transcript.TranscriptRecord;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Folds the records of a session, oldest first, into what is worth to be told of it. Keeps a
 * bounded part of them. Not thread-safe.
 */
final class Story {

  /** How many turns that are over are kept. */
  static final int MAX_TURNS = 20;

  /** How much of an earlier report is kept, in characters. */
  static final int MAX_REPORT = 4_000;

  private final AgentProvider provider;
  private final UnaryOperator<String> redact;
  private final List<String> over = new ArrayList<>();
  private String reportBefore = "";
  private boolean incomplete;
  private boolean any;

  /** The last turn so far; null before the first record of any. */
  private Chapter last;

  private ItemReader items;
  private int invocation;
  private int attempt;

  /**
   * @param redact takes the secrets out of a text: when it was stored they may not have been known
   */
  Story(AgentProvider provider, UnaryOperator<String> redact) {
    this.provider = provider;
    this.redact = redact;
  }

  void record(TranscriptRecord record) {
    if (!any) {
      incomplete = record.seq() > 1;
      any = true;
    }
    if (record.run() == null || record.kind() == TranscriptKind.GAP) {
      incomplete = true;
    }
    if (record.run() == null) {
      return;
    }
    if (last == null || !last.isOf(record.run(), record.turn())) {
      close();
      if (last != null) {
        over.add(0, last.past());
        if (over.size() > MAX_TURNS) {
          over.remove(MAX_TURNS);
        }
      }
      last = new Chapter(record);
    }
    JsonNode data = record.data() == null ? MissingNode.getInstance() : record.data();
    if (items == null || another(record, data)) {
      close();
      last.deeds().nextAttempt();
      items = provider.items(last.deeds()::item);
      invocation = record.invocation();
      attempt = record.attempt();
    }
    String text = record.text() == null ? "" : redact.apply(record.text());
    switch (record.kind()) {
      case PROMPT -> prompt(text);
      case STDOUT -> items.stdout(line(text, record.cut()));
      case STDERR -> items.stderr(line(text, record.cut()));
      case OUTCOME -> last.ended(Json.text(data, "kind"), Json.text(data, "reason"), text);
      case FAILURE -> last.ended("", "", "");
      default -> {
        // Beginnings, and what is told of the record itself.
      }
    }
  }

  private boolean another(TranscriptRecord record, JsonNode data) {
    return record.invocation() != invocation
        || record.attempt() != attempt
        || (record.kind() == TranscriptKind.OPENED && !data.has("from"));
  }

  private static OutputLine line(String text, boolean cut) {
    return new OutputLine(text.getBytes(StandardCharsets.UTF_8), cut);
  }

  /** A prompt with the report of a session before is told apart from it. */
  private void prompt(String text) {
    PromptReport found = PromptReport.in(text);
    reportBefore = found.report().isEmpty() ? reportBefore : found.report();
    last.prompt(found.rest());
  }

  /** Nothing follows. */
  void close() {
    if (items != null) {
      items.end();
      items = null;
    }
  }

  /** Whether there is anything. */
  boolean any() {
    return any;
  }

  String provider() {
    return provider.name();
  }

  /** Whether there was more than what was read. */
  boolean incomplete() {
    return incomplete;
  }

  /** A turn; null if the session has none of it. */
  Chapter present(String run, int turn) {
    return last != null && last.isOf(run, turn) ? last : null;
  }

  /** The turns before one, the newest first. */
  List<String> earlier(String run, int turn) {
    if (last == null || present(run, turn) != null) {
      return over;
    }
    List<String> all = new ArrayList<>(over);
    all.add(0, last.past());
    return all;
  }

  /** The report that the session was itself begun with; none or one. */
  List<String> reportBefore() {
    return reportBefore.isEmpty() ? List.of() : List.of(reportBefore);
  }
}
