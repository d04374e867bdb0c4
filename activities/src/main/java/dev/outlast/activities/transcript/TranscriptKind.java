package dev.outlast.activities.transcript;

import java.util.Locale;

/** What a record of a transcript is. */
public enum TranscriptKind {
  /** An attempt of an invocation begins; the data says of which agent, and how. */
  OPENED,
  /** What was said to the agent. */
  PROMPT,
  /** A line of standard output. */
  STDOUT,
  /** A line of standard error. */
  STDERR,
  /** The agent has named its session; the text is the id. */
  SESSION,
  /** What the attempt ended with; the data says how. */
  OUTCOME,
  /** The attempt failed and is retried; the text says why. */
  FAILURE,
  /** Records before this one could not be stored; the data says how many. */
  GAP,
  /** Bytes before this one were no record: a write was cut short by a crash. */
  TORN,
  /** Output was dropped to keep within a bound: all records from this one's number on, through. */
  DROPPED,
  /** What only a newer version knows. */
  OTHER;

  private final String word = name().toLowerCase(Locale.ROOT);

  /** The word in a record. */
  public String word() {
    return word;
  }

  /** Whether it is what an agent printed, which is dropped first. */
  public boolean output() {
    return this == STDOUT || this == STDERR;
  }

  /** Whether nothing follows it from the same attempt. */
  boolean closes() {
    return this == OUTCOME || this == FAILURE;
  }

  static TranscriptKind of(String word) {
    for (TranscriptKind kind : values()) {
      if (kind.word.equals(word)) {
        return kind;
      }
    }
    return OTHER;
  }
}
