package dev.outlast.activities.transcript;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outlast.activities.file.OwnerOnly;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TranscriptReference;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes one attempt into files of its own. Not thread-safe. */
final class FileTranscriptWriter implements TranscriptWriter {

  private static final Logger log = LoggerFactory.getLogger(FileTranscriptWriter.class);

  private static final int BATCH = 64 * 1024;

  private final FileTranscripts store;
  private final TranscriptCode code;

  private TranscriptContext context;
  private String key;
  private FileChannel channel;
  private int number;
  private long size;
  private boolean torn;
  private long next = 1;

  /** The session that this goes on from, under another name; null if there is none. */
  private String from;

  FileTranscriptWriter(FileTranscripts store, TranscriptContext context) {
    this.store = store;
    this.context = context;
    this.code = new TranscriptCode(context);
    this.key = FileTranscripts.key(context);
  }

  @Override
  public TranscriptReference reference() {
    return store.reference(key);
  }

  private Path folder() {
    return store.folderOf(key);
  }

  @Override
  public void append(List<TranscriptEntry> entries) throws IOException {
    if (channel == null) {
      open();
    }
    ByteArrayOutputStream lines = new ByteArrayOutputStream(BATCH);
    long seq = next;
    if (from != null) {
      ObjectNode data = JsonNodeFactory.instance.objectNode().put("from", from);
      code.write(
          lines,
          seq++,
          new TranscriptEntry(entries.get(0).time(), TranscriptKind.OPENED, null, false, data));
    }
    for (TranscriptEntry entry : entries) {
      code.write(lines, seq++, entry);
    }
    write(lines);
    next = seq;
    from = null;
  }

  private void write(ByteArrayOutputStream lines) throws IOException {
    if (size >= store.limits().segment()) {
      rotate();
    }
    if (Files.exists(Segments.file(folder(), number + 1), LinkOption.NOFOLLOW_LINKS)) {
      throw overtaken();
    }
    if (torn) {
      channel.truncate(size);
      torn = false;
    }
    try {
      Segments.write(channel, size, lines.toByteArray());
    } catch (IOException e) {
      torn = true;
      throw e;
    }
    size += lines.size();
  }

  private TranscriptOvertakenException overtaken() {
    return new TranscriptOvertakenException(
        "transcript " + key + ": a newer attempt writes it, so this one does not any more");
  }

  /** Puts in order what is there of the session, and begins the next file. */
  private void open() throws IOException {
    begin(
        store
            .upkeep()
            .alone(
                () -> {
                  OwnerOnly.folder(folder());
                  List<Path> files = Segments.of(folder());
                  number = newest(files) + 1;
                  next = sealed(files) + 1;
                  store.remember(context.run(), key);
                  return create(number);
                }));
  }

  private void verifyNewest() throws IOException {
    if (newest(Segments.of(folder())) != number) {
      throw overtaken();
    }
  }

  private static int newest(List<Path> files) {
    return files.isEmpty() ? 0 : Segments.number(files.get(files.size() - 1));
  }

  private FileChannel create(int number) throws IOException {
    if (number > Segments.MAX_NUMBER) {
      throw new IOException(folder() + ": the session has more files than can be numbered");
    }
    Path file = Segments.file(folder(), number);
    FileChannel created = OwnerOnly.create(file);
    store.upkeep().writes(this, file);
    Upkeep.lock(created, file);
    return created;
  }

  private void begin(FileChannel file) {
    channel = file;
    size = 0;
    torn = false;
    try {
      store.shrink(folder());
    } catch (IOException full) {
      // A shorter file needs room too, for a moment; there is another try with the next file.
      log.debug("{} cannot be made smaller now", folder(), full);
    }
  }

  /**
   * Completes the newest file, and gives the number of the last record in any. One that its writer
   * may yet go on with is replaced even if it is empty: what he writes must not get into it, under
   * numbers that are taken then.
   *
   * @throws IOException if it cannot be replaced, for example as the disk is full
   */
  private static long sealed(List<Path> files) throws IOException {
    for (int i = files.size() - 1; i >= 0; i--) {
      Segments.End end = Segments.end(files.get(i));
      long last =
          i == files.size() - 1 && !end.complete() ? Segments.seal(files.get(i), end) : end.last();
      if (last > 0) {
        return last;
      }
    }
    return 0;
  }

  private void rotate() throws IOException {
    if (torn) {
      channel.truncate(size);
      torn = false;
    }
    FileChannel old = channel;
    long written = size;
    begin(
        store
            .upkeep()
            .alone(
                () -> {
                  verifyNewest();
                  FileChannel created = create(number + 1);
                  number++;
                  return created;
                }));
    old.close();
    store.written(written);
  }

  @Override
  public void sync() throws IOException {
    if (channel != null) {
      channel.force(true);
      syncFolder();
    }
  }

  /** Where folders cannot be opened, what is in them is on the disk without being asked. */
  private void syncFolder() {
    try (FileChannel opened = FileChannel.open(folder(), StandardOpenOption.READ)) {
      opened.force(true);
    } catch (IOException unsupported) {
      log.debug("{} cannot be synchronised", folder(), unsupported);
    }
  }

  @Override
  public void named(SessionId session) throws IOException {
    String to = FileTranscripts.key(context, session);
    if (to.equals(key)) {
      return;
    }
    boolean unnamed = context.session() == null;
    Path target = store.folderOf(to);
    if (channel == null) {
      key = to;
    } else if (unnamed && moved(target, to)) {
      key = to;
    } else {
      Path old = folder();
      String oldKey = key;
      close();
      key = to;
      if (unnamed) {
        adopt(old);
      } else {
        from = oldKey;
      }
    }
    context = context.with(session);
  }

  /** Gives the folder its name, if there is nothing of the session yet. */
  private boolean moved(Path target, String to) throws IOException {
    return store
        .upkeep()
        .alone(
            () -> {
              if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
                return false;
              }
              verifyNewest();
              store.remember(context.run(), to);
              Files.move(folder(), target, StandardCopyOption.ATOMIC_MOVE);
              store.upkeep().writes(this, Segments.file(target, number));
              return true;
            });
  }

  /** Copies what was stored before the session was known to the end of what is there of it. */
  private void adopt(Path folder) throws IOException {
    open();
    List<Path> files = Segments.of(folder);
    ByteArrayOutputStream lines = new ByteArrayOutputStream(BATCH);
    try {
      Segments.read(files, record -> adopt(record, lines));
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    write(lines);
    for (Path file : files) {
      Files.deleteIfExists(file);
    }
    Files.deleteIfExists(folder);
  }

  private void adopt(TranscriptRecord record, ByteArrayOutputStream lines) {
    TranscriptCode.write(lines, record.renumbered(next));
    next += record.through() - record.seq() + 1;
    if (lines.size() >= BATCH) {
      try {
        write(lines);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      lines.reset();
    }
  }

  @Override
  public void close() throws IOException {
    if (channel != null) {
      FileChannel closed = channel;
      channel = null;
      store.upkeep().writes(this, null);
      closed.close();
      store.written(size);
    }
  }
}
