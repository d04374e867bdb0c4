package dev.outlast.worker.e2e;

import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.Closeable;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Temporal's development server in a process of its own, on a SQLite file, so that it can be killed
 * and started again with all that it knew.
 */
final class RealTemporal implements Closeable {

  private static final Duration START = Duration.ofSeconds(120);

  private static final int FIRST_PORT = 20_000;
  private static final int LAST_PORT = 32_000;
  private static final int PORT_TRIES = 100;

  private final Path folder;
  private final int port;
  private final List<String> options;
  private Program server;

  private RealTemporal(Path folder, int port, List<String> options) {
    this.folder = folder;
    this.port = port;
    this.options = options;
  }

  static boolean available() {
    return System.getenv("OUTLAST_TEMPORAL") != null;
  }

  /** The {@code temporal} executable. */
  static String executable() {
    String path = System.getenv("OUTLAST_TEMPORAL");
    if (path == null || !Files.isExecutable(Path.of(path))) {
      throw new AssertionError(
          "OUTLAST_TEMPORAL must name an executable 'temporal', but is "
              + path
              + "; '.ci/run server' builds one and runs these tests");
    }
    return path;
  }

  /**
   * A port for a server that comes later, and again on the same one. Not one of those from which
   * systems give outgoing connections theirs: another test's might have it by then.
   */
  static int freePort() throws IOException {
    IOException taken = null;
    for (int i = 0; i < PORT_TRIES; i++) {
      int port = ThreadLocalRandom.current().nextInt(FIRST_PORT, LAST_PORT);
      try (ServerSocket socket = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return socket.getLocalPort();
      } catch (BindException e) {
        taken = e;
      }
    }
    throw new IOException("no free port from " + FIRST_PORT + " to " + LAST_PORT, taken);
  }

  /**
   * Starts a server.
   *
   * @param options more of them for {@code temporal server start-dev}
   */
  static RealTemporal start(Path folder, String... options) throws Exception {
    RealTemporal temporal = new RealTemporal(folder, freePort(), List.of(options));
    temporal.start();
    return temporal;
  }

  String address() {
    return "127.0.0.1:" + port;
  }

  WorkflowServiceStubs newStubs() {
    return WorkflowServiceStubs.newServiceStubs(
        WorkflowServiceStubsOptions.newBuilder().setTarget(address()).build());
  }

  /** Starts the server on what its file holds; returns when it answers. */
  void start() throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                executable(),
                "server",
                "start-dev",
                "--headless",
                "--ip",
                "127.0.0.1",
                "--port",
                Integer.toString(port),
                "--db-filename",
                folder.resolve("temporal.sqlite").toString(),
                "--sqlite-pragma",
                "journal_mode=wal",
                "--sqlite-pragma",
                "synchronous=normal",
                "--log-level",
                "error"));
    command.addAll(options);
    server = Program.start(folder.resolve("temporal.log"), environment(), command);
    Await.until(
        START,
        () ->
            server.runs()
                && command("operator", "namespace", "describe", "default").contains("default"),
        () -> "the Temporal server does not start: " + server.output());
  }

  long pid() {
    return server.pid();
  }

  /** Ends the server as {@code kill -9} does; what it had accepted is in its file. */
  void kill() {
    server.kill();
  }

  /**
   * Runs a subcommand of {@code temporal} against this server and returns what it printed.
   *
   * @throws IOException when it fails
   */
  String command(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(executable()));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--address", address()));
    Path log = Files.createTempFile(folder, "command", ".log");
    try (Program program = Program.start(log, environment(), command)) {
      int exit = program.exitCode();
      if (exit != 0) {
        throw new IOException(command + " ended with " + exit + ": " + program.output());
      }
      return program.output();
    }
  }

  @Override
  public void close() {
    server.close();
  }

  private Map<String, String> environment() {
    return Map.of("HOME", folder.toString(), "PATH", System.getenv("PATH"));
  }
}
