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

/** Linux: read from {@code /proc}. A start is in clock ticks after the boot. */
final class ProcTable implements ProcessTable {

  private static final Path PROC = Path.of("/proc");

  // Of /proc/PID/stat, counted from the state, which is its third field.
  private static final int PARENT = 1;
  private static final int GROUP = 2;
  private static final int FLAGS = 6;
  private static final int START = 19;

  /** Of the flags: a process that is ending, and a thread of the kernel. */
  private static final long WITHOUT_ENVIRONMENT = 0x4 | 0x200000;

  @Override
  public List<Entry> all() {
    List<Entry> all = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : processes) {
        entry(Long.parseLong(process.getFileName().toString())).ifPresent(all::add);
      }
    } catch (DirectoryIteratorException unreadable) {
      throw new UncheckedIOException(PROC + " cannot be listed", unreadable.getCause());
    } catch (IOException unreadable) {
      throw new UncheckedIOException(PROC + " cannot be listed", unreadable);
    }
    return all;
  }

  @Override
  public Optional<Entry> entry(long pid) {
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
    return read(pid + "/" + name);
  }

  private static Optional<String> read(String name) {
    Path file = PROC.resolve(name);
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

  @Override
  public Set<Long> carriers(List<Entry> processes, String variable) {
    Set<Long> carriers = new HashSet<>();
    for (Entry process : processes) {
      if (carries(process.pid(), variable)) {
        carriers.add(process.pid());
      }
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

  @Override
  public long now() {
    // Seconds with two digits after the point. A tick is 10 ms wherever Java runs on Linux.
    return read("uptime")
        .map(uptime -> Long.parseLong(uptime.split(" ")[0].replace(".", "")))
        .orElse(0L);
  }

  @Override
  public String text(long started) {
    return Long.toString(started);
  }

  @Override
  public long started(String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException instant) {
      return Long.MAX_VALUE;
    }
  }

  @Override
  public String word(long started) {
    return text(started);
  }

  @Override
  public String environments() {
    return "";
  }
}
