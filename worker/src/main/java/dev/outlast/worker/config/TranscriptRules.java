package dev.outlast.worker.config;

import dev.outlast.activities.transcript.TranscriptLimits;
import dev.outlast.operator.DurationText;
import java.util.Map;

/** What the bounds of transcripts must be like. */
final class TranscriptRules {

  private TranscriptRules() {}

  /** Adds what is wrong, by key. */
  static void check(TranscriptLimits limits, Map<String, String> problems) {
    if (limits.retention().compareTo(TranscriptLimits.MIN_RETENTION) < 0
        || limits.retention().compareTo(DurationText.MAX) > 0) {
      problems.put(
          "transcripts.retention",
          "got " + DurationText.of(limits.retention()) + "; expected 1h to 3650d");
    }
    if (limits.maxSession() < TranscriptLimits.MIN_BYTES) {
      problems.put(
          "transcripts.max-session",
          "got "
              + ByteSize.text(limits.maxSession())
              + "; expected at least "
              + ByteSize.text(TranscriptLimits.MIN_BYTES));
    }
    if (limits.maxTotal() < limits.maxSession()) {
      problems.put(
          "transcripts.max-total",
          "got "
              + ByteSize.text(limits.maxTotal())
              + "; expected at least transcripts.max-session, which is "
              + ByteSize.text(limits.maxSession()));
    }
  }
}
