package dev.outlast.activities.process;

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

  private final Consumer<OutputLine> sink;
  private byte[] line = new byte[INITIAL];
  private int length;
  private boolean cut;
  private boolean open;

  public LineSplitter(Consumer<OutputLine> sink) {
    this.sink = sink;
  }

  /** Takes the next bytes; calls the sink for each line that they complete. */
  public void feed(byte[] bytes, int count) {
    int start = 0;
    for (int i = 0; i < count; i++) {
      if (bytes[i] == '\n') {
        append(bytes, start, i);
        emit();
        start = i + 1;
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

  private void append(byte[] bytes, int from, int to) {
    if (from == to) {
      return;
    }
    open = true;
    int taken = Math.min(to - from, MAX_LINE - length);
    cut |= taken < to - from;
    if (length + taken > line.length) {
      line = Arrays.copyOf(line, Math.min(MAX_LINE, Math.max(length + taken, 2 * line.length)));
    }
    System.arraycopy(bytes, from, line, length, taken);
    length += taken;
  }

  private void emit() {
    int end = !cut && length > 0 && line[length - 1] == '\r' ? length - 1 : length;
    OutputLine done = new OutputLine(Arrays.copyOf(line, end), cut);
    length = 0;
    cut = false;
    open = false;
    if (line.length > INITIAL) {
      line = new byte[INITIAL];
    }
    sink.accept(done);
  }
}
