package dev.outlast.worker.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.worker.cli.Cli.Called;
import dev.outlast.worker.server.LocalServer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A server, in memory mostly, and a worker with the {@code outlast.toml} of a folder, for the
 * command.
 */
record Served(Cli cli, LocalServer server, RunningWorker worker) implements AutoCloseable {

  static final Duration PATIENCE = Duration.ofMinutes(2);

  static Served start(Path folder, Cli cli) {
    return start(folder, cli, LocalServer.inMemory(0));
  }

  static Served start(Path folder, Cli cli, LocalServer server) {
    ConnectionOptions connection = new ConnectionOptions();
    connection.address = server.target();
    ConfigOptions options = new ConfigOptions();
    options.config = folder.resolve("outlast.toml");
    Console console = cli.console();
    return new Served(cli, server, RunningWorker.start(console, connection, options.load(console)));
  }

  Called call(String... args) {
    List<String> all = new ArrayList<>(Arrays.asList(args));
    all.add("--address");
    all.add(server.target());
    return cli.call(all.toArray(String[]::new));
  }

  /** What {@code show} tells of a run once it is in this state. */
  JsonNode awaitState(String id, String state) throws Exception {
    Instant until = Instant.now().plus(PATIENCE);
    Called last;
    do {
      last = call("show", id, "--json");
      if (last.exitCode() == ExitCode.DONE && last.json().path("state").asText().equals(state)) {
        return last.json();
      }
      Thread.sleep(200);
    } while (Instant.now().isBefore(until));
    throw new AssertionError(id + " is not " + state + ": " + last);
  }

  @Override
  public void close() {
    worker.close();
    server.close();
  }
}
