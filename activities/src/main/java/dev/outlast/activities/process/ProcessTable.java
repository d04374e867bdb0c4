package dev.outlast.activities.process;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The processes of this system that have not ended; a zombie that nobody waits for has. What cannot
 * be looked at, since for example this process has no descriptor left, has not ended for that: it
 * is an exception. Starts and {@link #now} count alike: what has started later has no smaller one.
 */
interface ProcessTable {

  /** Linux; macOS has none. */
  boolean HAS_PROC = Files.isReadable(Path.of("/proc/self/stat"));

  /** The table that this system has. */
  ProcessTable OF_THIS_SYSTEM =
      HAS_PROC ? new ProcTable() : new PsTable(PsTable.ENVIRONMENTS_ON_MACOS);

  /**
   * One process.
   *
   * @param started when
   */
  record Entry(long pid, long parent, long group, long started) {}

  /**
   * All processes, each as of some moment during the call.
   *
   * @throws UncheckedIOException if they cannot be listed
   */
  List<Entry> all();

  /**
   * One process; empty if there is none, it has ended, or is hidden from us.
   *
   * @throws UncheckedIOException if it is there and cannot be looked at
   */
  Optional<Entry> entry(long pid);

  /**
   * Which of these processes were started with this in their environment. One whose environment
   * cannot be read, since it is another user's, is none of them; macOS hides those of its own
   * programs.
   *
   * @param variable {@code NAME=value}, without space
   * @throws UncheckedIOException if that cannot be looked at
   */
  Set<Long> carriers(List<Entry> processes, String variable);

  /**
   * The start of a process that would start now; 0 where that is hidden from us.
   *
   * @throws UncheckedIOException if that cannot be looked at
   */
  long now();

  /** A start as {@link ProcessIdentity} has it. */
  String text(long started);

  /** The reverse of {@link #text}; later than any where the text is of another kind of table. */
  long started(String text);

  /** A start as the dead man's switch compares it: one word. */
  String word(long started);

  /** How {@code ps} is told to show environments; empty where {@code /proc} has them. */
  String environments();
}
