package dev.outlast.worker.cli;

import dev.outlast.worker.plugin.SearchAttributes;
import dev.outlast.worker.server.LocalServer;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Which Temporal server a command starts. */
final class ServerOptions {

  static final int MAX_PORT = 65_535;

  @Option(
      names = "--temporal",
      paramLabel = "PATH",
      description =
          "The temporal executable (default: the variable OUTLAST_TEMPORAL, else the PATH, else an"
              + " in-memory server).")
  private String temporal;

  @Option(names = "--download-server", description = "Download the temporal executable if needed.")
  private boolean download;

  @Option(names = "--in-memory", description = "Use the in-memory server in any case.")
  private boolean inMemory;

  /**
   * Starts the real server if there is one, else the in-memory server, and says what is missing.
   */
  LocalServer start(Console console, int port, int uiPort, Path database, Path log) {
    check("--port", port);
    check("--ui-port", uiPort);
    Optional<Path> executable =
        inMemory ? Optional.empty() : LocalServer.executable(temporal, console.environment());
    if (executable.isPresent() || (download && !inMemory)) {
      return LocalServer.real(
          executable.orElse(null), port, uiPort, database, log, SearchAttributes.wanted());
    }
    LocalServer server = LocalServer.inMemory(port);
    if (!inMemory) {
      console.say(
          "outlast: using Temporal's in-memory server: no Web UI, no list of runs, and its state"
              + " is lost when it ends. For the real one: "
              + LocalServer.HOW_TO_GET_REAL);
    }
    return server;
  }

  private static void check(String option, int port) {
    if (port < 0 || port > MAX_PORT) {
      throw new CliException(
          ExitCode.USAGE, option + ": got " + port + "; expected 0 to " + MAX_PORT);
    }
  }
}
