package dev.outlast.activities.process;

import dev.outlast.activities.file.FolderLock;
import dev.outlast.activities.file.OwnerOnly;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which workers of a state folder live. Each has a file in it, on which it holds the operating
 * system's lock until its process has ended, however it ends; a frozen one holds it too. Other than
 * a process id, this is seen from every namespace of process ids, and so from other containers.
 * Thread-safe.
 */
final class LivingWorkers {

  private static final Logger log = LoggerFactory.getLogger(LivingWorkers.class);

  /** How long it is waited for others that begin at the same moment. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /** The most characters that a part of a file's name has. */
  private static final int MAX_PART = 80;

  private static final String LOCK = "lock";

  /** What separates the parts of a file's name: the namespace, the start and the process id. */
  private static final String DOT = ".";

  /** The locks of this process, by folder; what is not reachable any more would be closed. */
  private static final Map<Path, FileChannel> HELD = new HashMap<>();

  private final Path folder;
  private final ProcessIdentity self;

  LivingWorkers(Path folder, ProcessIdentity self) {
    this.folder = folder;
    this.self = self;
  }

  /**
   * Makes this process one of them, until it ends. Only the first call for a folder does anything.
   *
   * @throws IOException if it cannot be, or a worker lives whose processes cannot be seen from
   *     here; the message names the folder and the remedy
   */
  void join() throws IOException {
    try {
      joinOnce();
    } catch (FileSystemException e) {
      throw new IOException(
          folder + ": workers cannot be noted here (" + e + "); make it writable for this user", e);
    }
  }

  private void joinOnce() throws IOException {
    synchronized (HELD) {
      OwnerOnly.folder(folder);
      Path real = folder.toRealPath();
      if (HELD.containsKey(real)) {
        return;
      }
      FolderLock lock = FolderLock.take(real.resolve(LOCK), PATIENCE);
      try {
        for (Path file : files(real)) {
          if (file.getFileName().toString().equals(name(self))) {
            continue;
          }
          if (!locked(file)) {
            Files.deleteIfExists(file);
          } else if (!namespace(file).equals(word(self.boot()))) {
            throw new IOException(apart(real, file));
          }
        }
        HELD.put(real, hold(real.resolve(name(self))));
      } finally {
        lock.close();
      }
    }
  }

  private static List<Path> files(Path folder) throws IOException {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder, "*" + DOT + "*")) {
      all.forEach(files::add);
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return files;
  }

  private String apart(Path real, Path file) {
    String name = file.getFileName().toString();
    return real.getParent()
        + ": is in use by worker "
        + name.substring(name.lastIndexOf(DOT) + 1)
        + " of another namespace of process ids ("
        + namespace(file)
        + "; here it is "
        + word(self.boot())
        + "), such as another container: neither could see, or end, what the other's agents have"
        + " left; give each container a state folder of its own, or end that worker first";
  }

  private static FileChannel hold(Path file) throws IOException {
    FileChannel channel = OwnerOnly.shared(file);
    try {
      if (channel.tryLock() == null) {
        throw new IOException(file + ": is locked by another process, though it is for this one");
      }
    } catch (OverlappingFileLockException byAnotherClassLoader) {
      log.debug("{} is locked by this process already", file, byAnotherClassLoader);
    }
    return channel;
  }

  /**
   * Whether a worker lives. Where its file is gone, only those that can be seen from here do.
   *
   * @throws UncheckedIOException if that cannot be looked at; then nobody may go by it having ended
   */
  boolean lives(ProcessIdentity worker) {
    // Its file is opened by no process that is the worker itself: to close it would end the lock.
    if (worker.lives()) {
      return true;
    }
    Path file = folder.resolve(name(worker));
    try {
      return locked(file);
    } catch (NoSuchFileException none) {
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException("it cannot be seen whether worker " + file + " lives", e);
    }
  }

  /** Not by two threads at once, since locks belong to the whole process. */
  private static synchronized boolean locked(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      // A shared one keeps nobody else who looks at the same moment from seeing what is there.
      return channel.tryLock(0, Long.MAX_VALUE, true) == null;
    } catch (OverlappingFileLockException byAnotherClassLoader) {
      return true;
    }
  }

  private static String name(ProcessIdentity worker) {
    return String.join(DOT, word(worker.boot()), word(worker.start()), "" + worker.pid());
  }

  private static String namespace(Path file) {
    String name = file.getFileName().toString();
    return name.substring(0, name.indexOf(DOT));
  }

  /** What is in the names of files everywhere; records may hold anything. */
  private static String word(String text) {
    String word = text.replaceAll("[^A-Za-z0-9]+", "-");
    return word.substring(0, Math.min(word.length(), MAX_PART));
  }
}
