package dev.outlast.activities.transcript;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.LineSplitter;
import dev.outlast.activities.process.PlainText;
import java.time.Instant;
import java.util.Objects;

/**
 * Something to be stored.
 *
 * @param time by the worker's clock
 * @param text what was said or printed; null if it has none. At most {@link #MAX_TEXT} characters
 * @param cut whether the text was longer
 * @param data more about it; null for none
 */
public record TranscriptEntry(
    Instant time, TranscriptKind kind, String text, boolean cut, JsonNode data) {

  /** The longest text, in characters. No line is longer, and no prompt may be. */
  public static final int MAX_TEXT = LineSplitter.MAX_LINE;

  public TranscriptEntry {
    Objects.requireNonNull(time, "time");
    Objects.requireNonNull(kind, "kind");
    if (text != null && text.length() > MAX_TEXT) {
      text = PlainText.head(text, MAX_TEXT);
      cut = true;
    }
  }
}
