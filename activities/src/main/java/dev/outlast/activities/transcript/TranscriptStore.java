package dev.outlast.activities.transcript;

import dev.outlast.agent.TranscriptReference;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;

/**
 * Where transcripts are kept. In its shape it follows the Temporal SDK's {@code StorageDriver}:
 * what is stored is claimed by a small reference, which goes into the workflow's history, and is
 * retrieved by that. Members that are added later will carry a default. Thread-safe.
 */
public interface TranscriptStore {

  /** The name of the kind of store, as references carry it. */
  String name();

  /** Begins to store an attempt. Stores nothing yet, and so never fails. */
  TranscriptWriter store(TranscriptContext context);

  /**
   * Gives all records of a session, oldest first. What is being stored meanwhile may be among them.
   * A reference behind which there is nothing gives none.
   *
   * @throws IllegalArgumentException if the reference is not of this store
   * @throws IOException if it cannot be read
   */
  void retrieve(TranscriptReference reference, Consumer<TranscriptRecord> sink) throws IOException;

  /**
   * Gives the newest records of a session, oldest first, for who needs no more than its end. What
   * is given may be more than asked for; where it is less than all, the first record's number says
   * so.
   *
   * @param enough how much of the store's bytes is enough; over 0
   * @throws IllegalArgumentException if the reference is not of this store
   * @throws IOException if it cannot be read
   */
  default void retrieveEnd(
      TranscriptReference reference, long enough, Consumer<TranscriptRecord> sink)
      throws IOException {
    retrieve(reference, sink);
  }

  /**
   * The sessions in which there is something of a run, in the order in which it came to them.
   *
   * @param run the workflow id
   * @throws IOException if that cannot be found out
   */
  List<TranscriptReference> ofRun(String run) throws IOException;

  /**
   * Drops what is older, or more, than is to be kept; never what is being written. Called when a
   * worker starts, and once a day.
   *
   * @throws IOException if some of it could not be dropped
   */
  default void clean(Instant now) throws IOException {}
}
