package dev.outlast.activities.process;

import java.nio.charset.StandardCharsets;

/**
 * One line of an agent's output, without its line end. The bytes may be anything.
 *
 * @param bytes at most {@link LineSplitter#MAX_LINE} bytes; not to be changed
 * @param cut whether the line was longer, and its rest dropped
 */
public record OutputLine(byte[] bytes, boolean cut) {

  /** The line as UTF-8; bytes that are none become replacement characters. */
  public String text() {
    return head(bytes.length);
  }

  /**
   * The beginning of the line, without decoding the rest.
   *
   * @param maxBytes how many bytes of it; a character that they cut becomes a replacement character
   */
  public String head(int maxBytes) {
    return new String(bytes, 0, Math.min(bytes.length, maxBytes), StandardCharsets.UTF_8);
  }
}
