package dev.outlast.activities.transcript;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.outlast.activities.file.WholeFile;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of one session, numbered in their order. Each has one writer and only ever grows, until
 * it is complete; a complete one is replaced as a whole by a shorter one, or deleted.
 */
final class Segments {

  static final int MAX_NUMBER = 999_999;

  private static final Logger log = LoggerFactory.getLogger(Segments.class);
  private static final Pattern NAME = Pattern.compile("\\d{6}\\.jsonl");

  /** A smaller file is not worth the reading, to see whether it can be made smaller. */
  private static final long SMALL = 4 * 1024;

  /** How much of a file is kept in memory while it is copied, in bytes. */
  private static final int COPY = 64 * 1024;

  /** Where a file of records ends. */
  record End(long last, TranscriptKind kind, long good, long length) {

    /** Whether its writer has written all that it had to, and was not cut short. */
    boolean complete() {
      return kind != null && kind.closes() && good == length;
    }
  }

  private Segments() {}

  static Path file(Path folder, int number) {
    return folder.resolve(String.format(Locale.ROOT, "%06d.jsonl", number));
  }

  static int number(Path file) {
    return Integer.parseInt(file.getFileName().toString().substring(0, 6));
  }

  /** The files of a session, the oldest first; none if there is no such folder. */
  static List<Path> of(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> NAME.matcher(file.getFileName().toString()).matches())
          .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
          .sorted(Comparator.comparing(file -> file.getFileName().toString()))
          .toList();
    } catch (NoSuchFileException none) {
      return List.of();
    }
  }

  /** Finds the last whole record of a file. */
  static End end(Path file) throws IOException {
    long last = 0;
    long before = 0;
    long good = 0;
    long goodBefore = 0;
    TranscriptKind kind = null;
    byte[] lastLine = null;
    try (RecordLines lines = new RecordLines(file)) {
      for (byte[] line; (line = lines.next()) != null; ) {
        Optional<TranscriptCode.Head> head = TranscriptCode.head(line);
        if (head.isPresent() && lines.whole()) {
          before = last;
          goodBefore = good;
          last = head.get().through();
          kind = head.get().kind();
          good = lines.offset();
          lastLine = line;
        }
      }
      if (lastLine != null && TranscriptCode.read(lastLine).isEmpty()) {
        return new End(before, null, goodBefore, lines.offset());
      }
      return new End(last, kind, good, lines.offset());
    }
  }

  /**
   * Puts a file in the place of one that its writer has not completed: without a record that was
   * not written whole, in whose place one says so. Should that writer still live, what it writes
   * from now on gets into no file.
   *
   * @return the number of the last record
   */
  static long seal(Path file, End end) throws IOException {
    ByteArrayOutputStream mark = new ByteArrayOutputStream();
    long torn = end.length() - end.good();
    if (torn > 0) {
      TranscriptCode.write(mark, torn(end.last() + 1, torn));
    }
    replace(
        file,
        to -> {
          try (InputStream from = Files.newInputStream(file)) {
            for (long left = end.good(); left > 0; ) {
              byte[] piece = from.readNBytes((int) Math.min(left, COPY));
              if (piece.length == 0) {
                throw new EOFException(file + " has become shorter while it was read");
              }
              to.write(piece);
              left -= piece.length;
            }
          }
          to.write(mark.toByteArray());
        });
    return torn > 0 ? end.last() + 1 : end.last();
  }

  private static TranscriptRecord torn(long seq, long bytes) {
    return new TranscriptRecord(
        seq,
        seq,
        null,
        null,
        0,
        0,
        0,
        TranscriptKind.TORN,
        null,
        false,
        JsonNodeFactory.instance.objectNode().put("bytes", bytes));
  }

  private static void replace(Path file, WholeFile.Content content) throws IOException {
    FileTime modified = Files.getLastModifiedTime(file);
    WholeFile.writeDurably(file, content);
    Files.setLastModifiedTime(file, modified);
  }

  static void write(FileChannel channel, long at, byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      channel.write(buffer, at + buffer.position());
    }
  }

  /**
   * Makes files smaller until they are not larger than a bound together: first what was printed
   * goes, then everything. The oldest ones first; those that are in use are left alone.
   *
   * @param files the oldest first
   * @return how large they are then
   */
  static long shrink(List<Path> files, long bound, Upkeep upkeep) throws IOException {
    long left = shrink(files, bound, SMALL, kind -> !kind.output(), upkeep);
    return left <= bound ? left : shrink(files, bound, 0, kind -> false, upkeep);
  }

  private static long shrink(
      List<Path> files, long bound, long small, Predicate<TranscriptKind> kept, Upkeep upkeep)
      throws IOException {
    long[] sizes = files.stream().mapToLong(Segments::size).toArray();
    long total = LongStream.of(sizes).sum();
    for (int i = 0; i < sizes.length && total > bound; i++) {
      if (sizes[i] > small) {
        Path file = files.get(i);
        long besides = upkeep.alone(() -> rewritten(file, kept, upkeep));
        // Others may have been faster: what they have saved need not be saved once more.
        total += size(file) - sizes[i] - besides;
      }
    }
    return total;
  }

  static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException gone) {
      log.debug("{} cannot be measured", file, gone);
      return 0;
    }
  }

  /**
   * Leaves of a file only some kinds of records, and says of the others that they were there.
   *
   * @return how much has been saved besides, in the file before
   */
  private static long rewritten(Path file, Predicate<TranscriptKind> kept, Upkeep upkeep)
      throws IOException {
    if (!upkeep.atRest(file)) {
      return 0;
    }
    if (holdsOther(file, kept)) {
      replace(file, to -> copy(file, kept, to));
    }
    return mergedWithBefore(file, upkeep);
  }

  private static boolean holdsOther(Path file, Predicate<TranscriptKind> kept) throws IOException {
    try (RecordLines lines = new RecordLines(file)) {
      for (byte[] line; (line = lines.next()) != null; ) {
        Optional<TranscriptCode.Head> head = TranscriptCode.head(line);
        if (head.isEmpty() || drops(head.get(), kept)) {
          return true;
        }
      }
      return false;
    }
  }

  private static boolean drops(TranscriptCode.Head head, Predicate<TranscriptKind> kept) {
    return head.kind() != TranscriptKind.DROPPED && !kept.test(head.kind());
  }

  private static void copy(Path file, Predicate<TranscriptKind> kept, OutputStream to)
      throws IOException {
    try (RecordLines lines = new RecordLines(file)) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      long from = 0;
      long through = 0;
      for (byte[] line; (line = lines.next()) != null; ) {
        Optional<TranscriptCode.Head> read = TranscriptCode.head(line);
        if (read.isEmpty()) {
          continue;
        }
        TranscriptCode.Head head = read.get();
        if (head.kind() == TranscriptKind.DROPPED || drops(head, kept)) {
          from = from == 0 ? head.seq() : from;
          through = head.through();
          continue;
        }
        if (from > 0) {
          TranscriptCode.write(out, dropped(from, through));
          from = 0;
        }
        out.writeBytes(line);
        out.write('\n');
        if (out.size() > COPY) {
          to.write(out.toByteArray());
          out.reset();
        }
      }
      if (from > 0) {
        TranscriptCode.write(out, dropped(from, through));
      }
      to.write(out.toByteArray());
    }
  }

  private static TranscriptRecord dropped(long from, long through) {
    return new TranscriptRecord(
        from, through, null, null, 0, 0, 0, TranscriptKind.DROPPED, null, false, null);
  }

  /**
   * Of files in a row that say only that something was dropped, one says it for all of them, so
   * that their number is bounded too.
   *
   * @return how large the one before was that is gone then; 0 if it is not
   */
  private static long mergedWithBefore(Path file, Upkeep upkeep) throws IOException {
    Path before = file(file.getParent(), number(file) - 1);
    Optional<TranscriptCode.Head> one = onlyDropped(file);
    Optional<TranscriptCode.Head> other = onlyDropped(before);
    if (one.isEmpty() || other.isEmpty() || !upkeep.atRest(before)) {
      return 0;
    }
    ByteArrayOutputStream merged = new ByteArrayOutputStream();
    TranscriptCode.write(merged, dropped(other.get().seq(), one.get().through()));
    long saved = size(before);
    replace(file, to -> to.write(merged.toByteArray()));
    Files.deleteIfExists(before);
    return saved;
  }

  private static Optional<TranscriptCode.Head> onlyDropped(Path file) throws IOException {
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || size(file) > SMALL) {
      return Optional.empty();
    }
    try (RecordLines lines = new RecordLines(file)) {
      byte[] first = lines.next();
      return first == null || lines.next() != null
          ? Optional.empty()
          : TranscriptCode.head(first).filter(head -> head.kind() == TranscriptKind.DROPPED);
    }
  }

  /** Gives the records of files, as far as they are not dropped in the middle of the reading. */
  static void read(List<Path> files, Consumer<TranscriptRecord> sink) throws IOException {
    long last = 0;
    for (int i = 0; i < files.size(); i++) {
      boolean newest = i == files.size() - 1;
      try (RecordLines lines = new RecordLines(files.get(i))) {
        for (byte[] line; (line = lines.next()) != null; ) {
          Optional<TranscriptRecord> record =
              lines.whole() ? TranscriptCode.read(line) : Optional.empty();
          if (record.isPresent() && record.get().through() > last) {
            last = record.get().through();
            sink.accept(record.get());
          } else if (record.isEmpty() && (lines.whole() || !newest)) {
            sink.accept(torn(last, line.length));
          }
          // Else it is being written right now, or was read before it was merged into another.
        }
      } catch (NoSuchFileException gone) {
        log.debug("{} was dropped while it was read", files.get(i), gone);
      }
    }
  }

  static boolean olderThan(Path file, Instant than) throws IOException {
    return Files.getLastModifiedTime(file).toInstant().isBefore(than);
  }
}
