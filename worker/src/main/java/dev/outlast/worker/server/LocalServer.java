package dev.outlast.worker.server;

import dev.outlast.activities.process.SearchPath;
import io.temporal.testing.TemporalDevServer;
import io.temporal.testing.TemporalDevServerOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A Temporal server on this machine, with the namespace {@code default}, until it is closed. */
public final class LocalServer implements AutoCloseable {

  /** The variable that names the {@code temporal} executable. */
  public static final String VARIABLE = "OUTLAST_TEMPORAL";

  /** How to get the real server, for messages. */
  public static final String HOW_TO_GET_REAL =
      "install the temporal CLI (https://docs.temporal.io/cli), or give --temporal PATH, or"
          + " --download-server";

  private final String target;
  private final String webUi;
  private final AutoCloseable server;

  private LocalServer(String target, String webUi, AutoCloseable server) {
    this.target = target;
    this.webUi = webUi;
    this.server = server;
  }

  /**
   * Finds the {@code temporal} executable.
   *
   * @param given where the user says it is; null to look at {@value #VARIABLE} and the PATH
   * @throws LocalServerException if the user names one that cannot be executed
   */
  public static Optional<Path> executable(String given, Map<String, String> environment) {
    String named = given == null ? environment.get(VARIABLE) : given;
    if (named != null && !named.isBlank()) {
      Path path = Path.of(named).toAbsolutePath();
      Optional<Path> found = SearchPath.find(path.toString(), null);
      if (found.isEmpty()) {
        throw new LocalServerException(
            path
                + " is not an executable file; correct "
                + (given == null ? "the variable " + VARIABLE : "--temporal"));
      }
      return found;
    }
    return SearchPath.find("temporal", environment.get("PATH"));
  }

  /**
   * Starts the in-memory server. Its state is lost when it ends, it has no Web UI, and it cannot
   * list runs.
   *
   * @param port 0 for a free one
   * @throws LocalServerException if the port is taken
   */
  public static LocalServer inMemory(int port) {
    try {
      InMemoryServer server = InMemoryServer.start(port);
      return new LocalServer("127.0.0.1:" + server.port(), null, server);
    } catch (IOException e) {
      throw taken("--port", port, e);
    }
  }

  /**
   * Starts the real development server, with its Web UI.
   *
   * @param executable the {@code temporal} executable; null to download it
   * @param port 0 for a free one
   * @param uiPort 0 for a free one
   * @param database the SQLite file that keeps the state
   * @param log the file that gets the server's output
   * @param searchAttributes names and types to register
   * @throws LocalServerException if a port is taken or the server does not start
   */
  public static LocalServer real(
      Path executable,
      int port,
      int uiPort,
      Path database,
      Path log,
      Map<String, String> searchAttributes) {
    int chosen = freePort("--port", port);
    int chosenUi = freePort("--ui-port", uiPort);
    List<String> more = new ArrayList<>();
    // Without these every step of a workflow waits for the disk.
    more.addAll(List.of("--sqlite-pragma", "journal_mode=wal"));
    more.addAll(List.of("--sqlite-pragma", "synchronous=normal"));
    searchAttributes.forEach(
        (name, type) -> more.addAll(List.of("--search-attribute", name + "=" + type)));
    TemporalDevServerOptions options =
        TemporalDevServerOptions.newBuilder()
            .setExistingPath(executable == null ? null : executable.toString())
            .setDownloadEnabled(executable == null)
            .setPort(chosen)
            .setUiPort(chosenUi)
            .setDatabaseFilename(database.toString())
            .setLogFile(log.toString())
            .setExtraArgs(more)
            .build();
    try {
      TemporalDevServer server = TemporalDevServer.start(options);
      return new LocalServer(server.getTarget(), "http://127.0.0.1:" + chosenUi, server);
    } catch (IllegalStateException e) {
      String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("unknown error");
      throw new LocalServerException(
          "the Temporal server does not start: "
              + why
              + "; its output is in "
              + log
              + (executable == null ? "; or install the temporal CLI by hand" : ""),
          e);
    }
  }

  /** The given port if it is free, or any free one for 0. */
  private static int freePort(String option, int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return socket.getLocalPort();
    } catch (IOException e) {
      throw taken(option, port, e);
    }
  }

  private static LocalServerException taken(String option, int port, IOException cause) {
    return new LocalServerException(
        "port "
            + port
            + " of 127.0.0.1 cannot be used: it is taken by another program, or not"
            + " allowed; choose another with "
            + option
            + ", or 0 for any free one",
        cause);
  }

  /** Where clients and workers connect: {@code 127.0.0.1:PORT}. */
  public String target() {
    return target;
  }

  /** The address of the Web UI; empty for the in-memory server. */
  public Optional<String> webUi() {
    return Optional.ofNullable(webUi);
  }

  /** Ends the server and waits for its end. */
  @Override
  public void close() {
    try {
      server.close();
    } catch (Exception e) {
      throw new LocalServerException("the Temporal server does not end: " + e.getMessage(), e);
    }
  }
}
