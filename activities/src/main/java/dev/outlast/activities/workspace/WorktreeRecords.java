package dev.outlast.activities.workspace;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outlast.activities.file.FolderLock;
import dev.outlast.activities.file.OwnerOnly;
import dev.outlast.activities.file.WholeFile;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The records of worktrees: one file each, replaced as a whole, in a folder that only the worker's
 * user can enter. Shared by all workers of one state folder.
 */
final class WorktreeRecords {

  /** How long it is waited for somebody else who works on the same name. */
  static final Duration MAX_LOCK_WAIT = Duration.ofSeconds(45);

  /** The largest record that is read, in bytes. */
  static final int MAX_BYTES = 64 * 1024;

  /** After how long a file that is not finished has nobody any more who writes it. */
  static final Duration UNFINISHED = Duration.ofHours(1);

  private static final Logger log = LoggerFactory.getLogger(WorktreeRecords.class);
  private static final ObjectMapper JSON =
      new ObjectMapper().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
  private static final String SUFFIX = ".json";

  /** Names share locks, so that there is not a file for every name that there ever was. */
  private static final int LOCKS = 16;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,100}");

  private final Path folder;

  WorktreeRecords(Path folder) {
    this.folder = folder;
  }

  /** What is done while nobody else works on the same name. */
  interface Work<T> {
    T run() throws IOException;
  }

  /**
   * Works on a name alone; not from within other such work.
   *
   * @throws WorkspaceException if somebody else works on it for too long
   */
  <T> T alone(String name, Work<T> work) throws IOException {
    OwnerOnly.folder(folder);
    FolderLock lock;
    try {
      Path file = folder.resolve("lock-" + Math.floorMod(name.hashCode(), LOCKS));
      lock = FolderLock.take(file, MAX_LOCK_WAIT);
    } catch (FolderLock.NotFreeException e) {
      throw WorkspaceException.passing("worktree: " + name + ": " + e.getMessage());
    } catch (InterruptedIOException workerEnds) {
      throw WorkspaceException.passing("worktree: " + name + ": the worker is going away");
    }
    try {
      return work.run();
    } finally {
      lock.close();
    }
  }

  /** The record of that name; empty if there is none, or it cannot be the name of one. */
  Optional<WorktreeRecord> read(String name) throws IOException {
    if (!NAME.matcher(name).matches()) {
      return Optional.empty();
    }
    Path file = folder.resolve(name + SUFFIX);
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new IOException(file + " is no record of a worktree: it is too large");
      }
      WorktreeRecord record = JSON.readValue(Files.readAllBytes(file), WorktreeRecord.class);
      if (record == null) {
        throw new IOException(file + " is no record of a worktree: null");
      }
      return Optional.of(record);
    } catch (NoSuchFileException none) {
      return Optional.empty();
    } catch (JacksonException torn) {
      throw new IOException(
          file + " is no record of a worktree: " + torn.getOriginalMessage(), torn);
    }
  }

  /**
   * All records that can be read, by name. What writers have left behind that were killed is taken
   * away.
   */
  List<WorktreeRecord> all(Instant now) throws IOException {
    sweep(now);
    List<WorktreeRecord> records = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*" + SUFFIX)) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        try {
          read(name.substring(0, name.length() - SUFFIX.length())).ifPresent(records::add);
        } catch (IOException unreadable) {
          log.warn("{}", unreadable.getMessage());
        }
      }
    } catch (NoSuchFileException none) {
      return List.of();
    }
    records.sort(Comparator.comparing(WorktreeRecord::name));
    return records;
  }

  private void sweep(Instant now) {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*" + WholeFile.PART)) {
      for (Path file : files) {
        if (Files.getLastModifiedTime(file).toInstant().isBefore(now.minus(UNFINISHED))) {
          Files.deleteIfExists(file);
        }
      }
    } catch (NoSuchFileException gone) {
      log.debug("{}: somebody else has taken it away", gone.getFile());
    } catch (IOException | DirectoryIteratorException e) {
      log.warn("{} could not be tidied up", folder, e);
    }
  }

  /** Writes a record so that whoever reads it finds the old one or the new one, never a part. */
  void write(WorktreeRecord record) throws IOException {
    WholeFile.writeDurably(folder.resolve(record.name() + SUFFIX), JSON.writeValueAsBytes(record));
  }

  void delete(String name) throws IOException {
    Files.deleteIfExists(folder.resolve(name + SUFFIX));
  }
}
