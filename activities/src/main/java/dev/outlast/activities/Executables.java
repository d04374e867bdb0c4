package dev.outlast.activities;

import dev.outlast.operator.ErrorCode;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds agents' programs as a shell would, in the worker's PATH. */
final class Executables {

  private Executables() {}

  /**
   * The absolute path of an agent's program.
   *
   * @param path the worker's PATH; may be null
   * @throws io.temporal.failure.ApplicationFailure if there is none that can be executed
   */
  static Path find(AgentDefinition agent, String path) {
    String program = agent.command().get(0);
    try {
      if (program.indexOf('/') >= 0) {
        Path file = Path.of(program).toAbsolutePath();
        if (executable(file)) {
          return file;
        }
        throw missing(agent, program, Files.exists(file) ? "is not executable" : "does not exist");
      }
      Optional<Path> found =
          Stream.of((path == null ? "" : path).split(File.pathSeparator))
              .filter(folder -> !folder.isEmpty())
              .map(folder -> Path.of(folder, program).toAbsolutePath())
              .filter(Executables::executable)
              .findFirst();
      return found.orElseThrow(
          () -> missing(agent, program, "is not on the worker's PATH (" + path + ")"));
    } catch (InvalidPathException notAPath) {
      throw missing(agent, program, "is not a path: " + notAPath.getReason());
    }
  }

  private static boolean executable(Path file) {
    return Files.isRegularFile(file) && Files.isExecutable(file);
  }

  private static RuntimeException missing(AgentDefinition agent, String program, String what) {
    return Failures.permanent(
        ErrorCode.EXECUTABLE,
        "agents."
            + agent.name()
            + ".command: '"
            + program
            + "' "
            + what
            + "; install it on the worker's host or name its path");
  }
}
