package dev.outlast.activities.provider;

import dev.outlast.activities.process.LineSplitter;
import dev.outlast.activities.process.OutputLine;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Consumer;

/**
 * The end of a file in which a program keeps a session, one record a line. Several calls write into
 * one file, the last one at its end. Not thread-safe.
 */
public final class SessionFile implements Closeable {

  /** How much of the end of a file is read, in bytes. */
  public static final long MAX_TAIL = 64L * 1024 * 1024;

  private static final int CHUNK = 64 * 1024;

  private final FileChannel channel;
  private final long size;
  private final long tail;

  private SessionFile(FileChannel channel, long size, long tail) {
    this.channel = channel;
    this.size = size;
    this.tail = tail;
  }

  /** Whether there is a regular file, which is no link; nothing else can be opened. */
  public static boolean exists(Path file) {
    return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS);
  }

  /**
   * Opens a file as long as it is now: what it grows by later is another call's.
   *
   * @throws IOException if it does not exist as a regular file, or cannot be read
   */
  public static SessionFile open(Path file) throws IOException {
    return open(file, MAX_TAIL);
  }

  /**
   * The same, to read no more than so many bytes of its end.
   *
   * @throws IOException if it does not exist as a regular file, or cannot be read
   */
  static SessionFile open(Path file, long tail) throws IOException {
    if (!exists(file)) {
      throw new NoSuchFileException(file.toString(), null, "no regular file");
    }
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    try {
      return new SessionFile(channel, channel.size(), tail);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /** Whether all of the file is read, and not only its end. */
  public boolean isWhole() {
    return size <= tail;
  }

  /**
   * Gives each line to the sink; of a file that is not whole the first one is the end of a line.
   *
   * @throws IOException if the file cannot be read on
   */
  public void lines(Consumer<OutputLine> sink) throws IOException {
    channel.position(Math.max(0, size - tail));
    LineSplitter lines = new LineSplitter(sink);
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
    for (long left = Math.min(size, tail); left > 0; ) {
      chunk.clear().limit((int) Math.min(CHUNK, left));
      int count = channel.read(chunk);
      if (count < 0) {
        break;
      }
      lines.feed(chunk.array(), count);
      left -= count;
    }
    lines.end();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
