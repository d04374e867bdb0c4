package dev.outlast.worker.e2e;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * The processes of a test's agents, all that they have started included, wherever those have moved:
 * known by a variable that only they have in their environment. Reads {@code /proc}.
 */
final class AgentProcesses {

  static final String VARIABLE = "OUTLAST_TEST_AGENT";

  /**
   * A living process.
   *
   * @param start when it was started, so that another one with the same id is not taken for it
   * @param worker the value of {@link #VARIABLE} that its worker has given to all its agents
   */
  record Found(long pid, long parent, String start, String worker, String command) {}

  private final String mark = UUID.randomUUID().toString();

  /** The value of {@link #VARIABLE}, for every worker of the test. */
  String mark() {
    return mark;
  }

  /** The value of {@link #VARIABLE} for one of several workers. */
  String mark(int worker) {
    return mark + "/" + worker;
  }

  List<Found> alive() {
    List<Found> found = new ArrayList<>();
    try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
      for (Path process : processes) {
        look(process, found);
      }
    } catch (IOException | DirectoryIteratorException e) {
      throw new AssertionError("cannot read the process table", e);
    }
    return found;
  }

  private void look(Path process, List<Found> found) {
    try {
      String environment =
          Files.readString(process.resolve("environ"), StandardCharsets.ISO_8859_1);
      Optional<String> worker =
          Stream.of(environment.split("\0"))
              .filter(variable -> variable.startsWith(VARIABLE + "=" + mark))
              .map(variable -> variable.substring(VARIABLE.length() + 1))
              .findFirst();
      if (worker.isEmpty()) {
        return;
      }
      String stat = Files.readString(process.resolve("stat"), StandardCharsets.ISO_8859_1);
      // state ppid ... starttime: fields 3, 4 and 22; the command's name before them is in
      // parentheses.
      String[] field = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      if (field[0].equals("Z") || field[0].equals("X")) {
        return;
      }
      String command =
          Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1)
              .replace('\0', ' ')
              .strip();
      found.add(
          new Found(
              Long.parseLong(process.getFileName().toString()),
              Long.parseLong(field[1]),
              field[19],
              worker.get(),
              command));
    } catch (IOException ended) {
      // It ended while we looked at it, which is all that there is to know.
      return;
    }
  }
}
