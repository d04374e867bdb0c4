package dev.outlast.activities.process;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Cuts a stream of bytes into lines in bounded memory, however the bytes are chunked and however
 * long a line is. Not thread-safe.
 */
public final class LineSplitter {

  /** The longest line that is kept: 1 MiB. The rest of a longer one is dropped. */
  public static final int MAX_LINE = 1024 * 1024;

  private static final int INITIAL = 8 * 1024;

  private static final VarHandle WORDS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long LOWEST_BITS = 0x0101010101010101L;
  private static final long HIGHEST_BITS = 0x8080808080808080L;
  private static final long LINE_FEEDS = '\n' * LOWEST_BITS;

  private final Consumer<OutputLine> sink;

  /** What earlier chunks had of a line that is not complete. */
  private byte[] begun = new byte[INITIAL];

  private int length;
  private boolean cut;
  private boolean open;

  public LineSplitter(Consumer<OutputLine> sink) {
    this.sink = sink;
  }

  /** Takes the next bytes; calls the sink for each line that they complete. */
  public void feed(byte[] bytes, int count) {
    int start = 0;
    for (int end; (end = lineFeed(bytes, start, count)) >= 0; start = end + 1) {
      if (open) {
        append(bytes, start, end);
        emit();
      } else {
        emit(bytes, start, end);
      }
    }
    append(bytes, start, count);
  }

  /** Ends the stream; a last line without a line end is a line too. */
  public void end() {
    if (open) {
      emit();
    }
  }

  /** Where the first line feed of a range is, looked for in eight bytes at once; -1 if nowhere. */
  private static int lineFeed(byte[] bytes, int from, int to) {
    int i = from;
    for (; i <= to - Long.BYTES; i += Long.BYTES) {
      long word = (long) WORDS.get(bytes, i) ^ LINE_FEEDS;
      // The lowest bit that is set here stands in the first byte of the word that is zero.
      long zeros = (word - LOWEST_BITS) & ~word & HIGHEST_BITS;
      if (zeros != 0) {
        return i + Long.numberOfTrailingZeros(zeros) / Byte.SIZE;
      }
    }
    for (; i < to; i++) {
      if (bytes[i] == '\n') {
        return i;
      }
    }
    return -1;
  }

  private void append(byte[] bytes, int from, int to) {
    if (from == to) {
      return;
    }
    open = true;
    int taken = Math.min(to - from, MAX_LINE - length);
    cut |= taken < to - from;
    if (length + taken > begun.length) {
      begun = Arrays.copyOf(begun, Math.min(MAX_LINE, Math.max(length + taken, 2 * begun.length)));
    }
    System.arraycopy(bytes, from, begun, length, taken);
    length += taken;
  }

  private void emit() {
    byte[] line = begun;
    int end = length;
    boolean wasCut = cut;
    length = 0;
    cut = false;
    open = false;
    if (line.length > INITIAL) {
      begun = new byte[INITIAL];
    }
    emit(line, 0, end, wasCut);
  }

  private void emit(byte[] bytes, int from, int to) {
    int kept = Math.min(to, from + MAX_LINE);
    emit(bytes, from, kept, kept < to);
  }

  private void emit(byte[] bytes, int from, int to, boolean wasCut) {
    int end = !wasCut && to > from && bytes[to - 1] == '\r' ? to - 1 : to;
    sink.accept(new OutputLine(Arrays.copyOfRange(bytes, from, end), wasCut));
  }
}
