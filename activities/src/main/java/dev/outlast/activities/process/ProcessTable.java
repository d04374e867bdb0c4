package dev.outlast.activities.process;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The processes of this system that have not ended; a zombie that nobody waits for has. Read from
 * {@code /proc} where there is one, and else from {@code ps}. What cannot be looked at, since for
 * example this process has no descriptor left, has not ended for that: it is an exception.
 */
final class ProcessTable {

  private static final Path PROC = Path.of("/proc");

  /** Linux; macOS has none. */
  static final boolean HAS_PROC = Files.isReadable(PROC.resolve("self/stat"));

  // Of /proc/PID/stat, counted from the state, which is its third field.
  private static final int PARENT = 1;
  private static final int GROUP = 2;
  private static final int FLAGS = 6;
  private static final int START = 19;

  /** Of the flags: a process that is ending, and a thread of the kernel. */
  private static final long WITHOUT_ENVIRONMENT = 0x4 | 0x200000;

  private ProcessTable() {}

  /**
   * One process.
   *
   * @param started when, in clock ticks after the boot; 0 where there is no {@code /proc}
   */
  record Entry(long pid, long parent, long group, long started) {

    /** The start as {@link ProcessIdentity} has it; only where there is {@code /proc}. */
    String start() {
      return Long.toString(started);
    }
  }

  /**
   * All processes, each as of some moment during the call.
   *
   * @throws UncheckedIOException if they cannot be listed
   */
  static List<Entry> all() {
    List<Entry> all = new ArrayList<>();
    if (!HAS_PROC) {
      ps("-ax", "-o", "pid=,ppid=,pgid=,stat=")
          .lines()
          .forEach(line -> listed(line).ifPresent(all::add));
      return all;
    }
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : processes) {
        stat(Long.parseLong(process.getFileName().toString())).ifPresent(all::add);
      }
    } catch (DirectoryIteratorException unreadable) {
      throw new UncheckedIOException(PROC + " cannot be listed", unreadable.getCause());
    } catch (IOException unreadable) {
      throw new UncheckedIOException(PROC + " cannot be listed", unreadable);
    }
    return all;
  }

  /** There is always something to list: at least the one who asks. */
  private static String ps(String... arguments) {
    List<String> command = new ArrayList<>(List.of("ps"));
    command.addAll(List.of(arguments));
    return Commands.output(command)
        .orElseThrow(
            () ->
                new UncheckedIOException(
                    new IOException("ps fails, or does not answer: no process can be seen")));
  }

  private static Optional<Entry> listed(String line) {
    String[] fields = line.strip().split("\\s+");
    return fields.length < 4 || fields[3].startsWith("Z")
        ? Optional.empty()
        : Optional.of(
            new Entry(
                Long.parseLong(fields[0]),
                Long.parseLong(fields[1]),
                Long.parseLong(fields[2]),
                0));
  }

  /**
   * One process from {@code /proc}; empty if there is none, it has ended, or is hidden from us.
   *
   * @throws UncheckedIOException if it is there and cannot be looked at
   */
  static Optional<Entry> stat(long pid) {
    Optional<String> read = read(pid, "stat");
    if (read.isEmpty()) {
      return Optional.empty();
    }
    String[] fields = fields(read.get());
    return fields.length <= START || fields[0].equals("Z") || fields[0].equals("X")
        ? Optional.empty()
        : Optional.of(
            new Entry(
                pid,
                Long.parseLong(fields[PARENT]),
                Long.parseLong(fields[GROUP]),
                Long.parseLong(fields[START])));
  }

  private static String[] fields(String stat) {
    // They follow the command's name in parentheses, which may have any character itself.
    return stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ");
  }

  /**
   * What {@code /proc} has of one process; empty if it has ended, or does not let us see that since
   * it is another user's.
   */
  private static Optional<String> read(long pid, String name) {
    Path file = PROC.resolve(Long.toString(pid)).resolve(name);
    try {
      return Optional.of(Files.readString(file, StandardCharsets.ISO_8859_1));
    } catch (AccessDeniedException notOurs) {
      return Optional.empty();
    } catch (IOException failed) {
      // ESRCH and EPERM have no exceptions of their own. This asks without a descriptor.
      if (Files.isReadable(file)) {
        throw new UncheckedIOException(file + " cannot be read", failed);
      }
      return Optional.empty();
    }
  }

  /**
   * Which of these processes were started with this in their environment. One whose environment
   * cannot be read, since it is another user's, is none of them; macOS hides those of its own
   * programs.
   *
   * @param variable {@code NAME=value}, without space
   * @throws UncheckedIOException if that cannot be looked at
   */
  static Set<Long> carriers(List<Entry> processes, String variable) {
    Set<Long> carriers = new HashSet<>();
    if (HAS_PROC) {
      for (Entry process : processes) {
        if (carries(process.pid(), variable)) {
          carriers.add(process.pid());
        }
      }
    } else {
      Set<Long> asked = new HashSet<>();
      processes.forEach(process -> asked.add(process.pid()));
      ps("-axEww", "-o", "pid=,command=")
          .lines()
          .filter(line -> (line + " ").contains(" " + variable + " "))
          .map(line -> Long.parseLong(line.strip().split("\\s+", 2)[0]))
          .filter(asked::contains)
          .forEach(carriers::add);
    }
    return carriers;
  }

  private static boolean carries(long pid, String variable) {
    try {
      return read(pid, "environ")
          .filter(environment -> ("\0" + environment + "\0").contains("\0" + variable + "\0"))
          .isPresent();
    } catch (UncheckedIOException failed) {
      // Some have none: Linux 6.18 answers ESRCH, older ones with nothing.
      if (hasEnvironment(pid)) {
        throw failed;
      }
      return false;
    }
  }

  private static boolean hasEnvironment(long pid) {
    return read(pid, "stat")
        .map(stat -> Long.parseLong(fields(stat)[FLAGS]))
        .filter(flags -> (flags & WITHOUT_ENVIRONMENT) == 0)
        .isPresent();
  }
}
