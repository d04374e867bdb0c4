package dev.outlast.activities;

import dev.outlast.activities.process.SearchPath;
import dev.outlast.operator.ErrorCode;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Finds agents' programs as a shell would, in the worker's PATH. */
final class Executables {

  private Executables() {}

  /**
   * The absolute path of an agent's program.
   *
   * @param path the worker's PATH; may be null
   * @throws MissingException if there is none that can be executed
   */
  static Path find(AgentDefinition agent, String path) {
    String program = agent.command().get(0);
    try {
      return SearchPath.find(program, path)
          .orElseThrow(() -> missing(agent, program, why(program, path)));
    } catch (InvalidPathException notAPath) {
      throw missing(agent, program, "is not a path: " + notAPath.getReason());
    }
  }

  private static String why(String program, String path) {
    if (program.indexOf('/') < 0) {
      return "is not on the worker's PATH (" + path + ")";
    }
    return Files.exists(Path.of(program)) ? "is not executable" : "does not exist";
  }

  private static RuntimeException missing(AgentDefinition agent, String program, String what) {
    return new MissingException(
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
