package dev.outlast.activities.transcript;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;

/**
 * Something that was stored.
 *
 * @param seq 1 for the first record of a session, then without gaps
 * @param through the last number that it stands for; {@code seq}, unless it is {@link
 *     TranscriptKind#DROPPED}
 * @param time null if it is not known
 * @param run the workflow id; null if it is not known
 * @param turn of the run, from 1; 0 if it is not known, as with the next two
 * @param text null if it has none
 * @param cut whether the text was longer
 * @param data null if it has none
 */
public record TranscriptRecord(
    long seq,
    long through,
    Instant time,
    String run,
    int turn,
    int invocation,
    int attempt,
    TranscriptKind kind,
    String text,
    boolean cut,
    JsonNode data) {

  TranscriptRecord renumbered(long number) {
    return new TranscriptRecord(
        number,
        number + through - seq,
        time,
        run,
        turn,
        invocation,
        attempt,
        kind,
        text,
        cut,
        data);
  }
}
