package dev.outlast.activities.transcript;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** The lines of a file, one at a time, with where they end. Not thread-safe. */
final class RecordLines implements Closeable {

  private static final int CHUNK = 64 * 1024;

  private final InputStream file;
  private final byte[] chunk = new byte[CHUNK];
  private byte[] line = new byte[CHUNK];
  private int at;
  private int count;
  private long offset;
  private boolean whole;

  RecordLines(Path file) throws IOException {
    this.file = Files.newInputStream(file);
  }

  /**
   * The next line without its line feed; null after the last. Of one that is longer than any record
   * the rest is left out.
   */
  byte[] next() throws IOException {
    int length = 0;
    boolean any = false;
    while (true) {
      if (at == count) {
        count = file.read(chunk);
        at = 0;
        if (count < 0) {
          count = 0;
          whole = false;
          return any ? Arrays.copyOf(line, length) : null;
        }
      }
      int end = at;
      while (end < count && chunk[end] != '\n') {
        end++;
      }
      int taken = Math.min(end - at, TranscriptCode.MAX_LINE - length);
      if (length + taken > line.length) {
        line = Arrays.copyOf(line, Math.max(length + taken, 2 * line.length));
      }
      System.arraycopy(chunk, at, line, length, taken);
      length += taken;
      offset += end - at;
      any = true;
      at = end;
      if (end < count) {
        at++;
        offset++;
        whole = true;
        return Arrays.copyOf(line, length);
      }
    }
  }

  /** Whether the last line had a line feed. */
  boolean whole() {
    return whole;
  }

  /** Where the last line ended, its line feed included. */
  long offset() {
    return offset;
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
