package dev.outlast.activities.process;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The processes of this system that have not ended; a zombie that nobody waits for has. Read from
 * {@code /proc} where there is one, and else from {@code ps}.
 */
final class ProcessTable {

  private static final Logger log = LoggerFactory.getLogger(ProcessTable.class);
  private static final Path PROC = Path.of("/proc");

  /** Linux; macOS has none. */
  static final boolean HAS_PROC = Files.isReadable(PROC.resolve("self/stat"));

  // Of /proc/PID/stat, counted from the state, which is its third field.
  private static final int PARENT = 1;
  private static final int GROUP = 2;
  private static final int START = 19;

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

  /** All processes, each as of some moment during the call. */
  static List<Entry> all() {
    List<Entry> all = new ArrayList<>();
    if (!HAS_PROC) {
      Commands.output(List.of("ps", "-ax", "-o", "pid=,ppid=,pgid=,stat="))
          .ifPresent(lines -> lines.lines().forEach(line -> listed(line).ifPresent(all::add)));
      return all;
    }
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
      for (Path process : processes) {
        stat(Long.parseLong(process.getFileName().toString())).ifPresent(all::add);
      }
    } catch (IOException | DirectoryIteratorException unreadable) {
      log.warn("Cannot list {}", PROC, unreadable);
    }
    return all;
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

  /** One process from {@code /proc}; empty if there is none, or it has ended. */
  static Optional<Entry> stat(long pid) {
    String stat;
    try {
      stat =
          Files.readString(
              PROC.resolve(Long.toString(pid)).resolve("stat"), StandardCharsets.ISO_8859_1);
    } catch (IOException ended) {
      return Optional.empty();
    }
    // They follow the command's name in parentheses, which may have any character itself.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ");
    return fields.length <= START || fields[0].equals("Z") || fields[0].equals("X")
        ? Optional.empty()
        : Optional.of(
            new Entry(
                pid,
                Long.parseLong(fields[PARENT]),
                Long.parseLong(fields[GROUP]),
                Long.parseLong(fields[START])));
  }

  /**
   * Which of these processes were started with this in their environment. One whose environment
   * cannot be read, since it is another user's, is none of them; macOS hides those of its own
   * programs.
   *
   * @param variable {@code NAME=value}, without space
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
      Commands.output(List.of("ps", "-axEww", "-o", "pid=,command="))
          .ifPresent(
              lines ->
                  lines
                      .lines()
                      .filter(line -> (line + " ").contains(" " + variable + " "))
                      .map(line -> Long.parseLong(line.strip().split("\\s+", 2)[0]))
                      .filter(asked::contains)
                      .forEach(carriers::add));
    }
    return carriers;
  }

  private static boolean carries(long pid, String variable) {
    try {
      String environment =
          Files.readString(
              PROC.resolve(Long.toString(pid)).resolve("environ"), StandardCharsets.ISO_8859_1);
      return ("\0" + environment + "\0").contains("\0" + variable + "\0");
    } catch (IOException endedOrNotOurs) {
      return false;
    }
  }
}
