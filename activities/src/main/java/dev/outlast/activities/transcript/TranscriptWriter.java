package dev.outlast.activities.transcript;

import dev.outlast.agent.SessionId;
import dev.outlast.agent.TranscriptReference;
import java.io.Closeable;
import java.io.IOException;
import java.util.List;

/** Stores what one attempt of an invocation says and prints. Used by one thread at a time. */
public interface TranscriptWriter extends Closeable {

  /** Where it is stored now; known also while it cannot be stored. */
  TranscriptReference reference();

  /**
   * Stores entries in their order, all or none of them. May be called again after it failed.
   *
   * @throws TranscriptOvertakenException if a newer attempt stores to the same session; nothing
   *     more can be stored then
   * @throws IOException if they cannot be stored now
   */
  void append(List<TranscriptEntry> entries) throws IOException;

  /**
   * Makes what was stored outlast a loss of power.
   *
   * @throws IOException if that is not possible
   */
  void sync() throws IOException;

  /**
   * Goes on under the name of a session that was not known before, or is another now. What was
   * stored while there was none belongs to it too.
   *
   * @throws IOException if that is not possible now; it then goes on under the name that it has
   */
  void named(SessionId session) throws IOException;
}
