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
import java.nio.channels.FileLock;
import java.nio.file.FileAlreadyExistsException;
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

  /** How often somebody else may take the number that is next. */
  private static final int TRIES = 100;

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
    OwnerOnly.folder(folder());
    for (int i = 0; i < TRIES; i++) {
      List<Path> files = Segments.of(folder());
      number = files.isEmpty() ? 1 : Segments.number(files.get(files.size() - 1)) + 1;
      if (number > Segments.MAX_NUMBER) {
        throw new IOException(folder() + ": the session has more files than can be numbered");
      }
      next = sealed(files) + 1;
      store.remember(context.run(), key);
      try {
        begin(OwnerOnly.create(Segments.file(folder(), number)));
      } catch (FileAlreadyExistsException taken) {
        log.debug("{}: somebody else was faster", folder(), taken);
        continue;
      }
      return;
    }
    throw new IOException(folder() + ": others write to this session all the time");
  }

  private void begin(FileChannel file) throws IOException {
    channel = file;
    size = 0;
    torn = false;
    store.writes(this, Segments.file(folder(), number));
    try {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        log.debug("{}: somebody looks at the new file {}", folder(), number);
      }
    } catch (IOException noLocks) {
      // Without it the file is only known to be in use by its age.
      log.debug("{}: this file system has no locks", folder(), noLocks);
    }
    try {
      store.shrink(folder());
    } catch (IOException full) {
      // A shorter file needs room too, for a moment; there is another try with the next file.
      log.debug("{} cannot be made smaller now", folder(), full);
    }
  }

  /** Completes the newest file, and gives the number of the last record in any. */
  private long sealed(List<Path> files) throws IOException {
    for (int i = files.size() - 1; i >= 0; i--) {
      Segments.End end = Segments.end(files.get(i));
      boolean newest = i == files.size() - 1;
      if (newest && !end.complete() && end.length() > 0) {
        try {
          return Segments.seal(files.get(i), end);
        } catch (IOException full) {
          log.debug("{}: cannot be put in order now", files.get(i), full);
        }
      }
      if (end.last() > 0) {
        return end.last();
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
    FileChannel created;
    try {
      created = OwnerOnly.create(Segments.file(folder(), number + 1));
    } catch (FileAlreadyExistsException taken) {
      throw overtaken();
    }
    number++;
    begin(created);
    old.close();
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
    } else if (unnamed && !Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      store.remember(context.run(), to);
      Files.move(folder(), target, StandardCopyOption.ATOMIC_MOVE);
      key = to;
      store.writes(this, Segments.file(target, number));
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
      store.writes(this, null);
      closed.close();
    }
  }
}
