package dev.outlast.worker.cli;

import dev.outlast.worker.config.OutlastConfig;
import dev.outlast.worker.server.LocalServer;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "dev",
    mixinStandardHelpOptions = true,
    description = "A Temporal server and a worker in one, until Ctrl-C; for trying things out.")
final class DevCommand implements Callable<Integer> {

  private static final int DEFAULT_UI_PORT = 8233;

  private final Console console;
  @Mixin private ConfigOptions config;
  @Mixin private ServerOptions server;

  @Option(
      names = "--port",
      paramLabel = "N",
      defaultValue = "7233",
      description = "The server's port; 0 for a free one (default: ${DEFAULT-VALUE}).")
  private int port;

  @Option(
      names = "--ui-port",
      paramLabel = "N",
      defaultValue = "" + DEFAULT_UI_PORT,
      description = "The Web UI's port; 0 for a free one (default: ${DEFAULT-VALUE}).")
  private int uiPort;

  @Option(
      names = "--db",
      paramLabel = "FILE",
      description = "Keeps the server's state (default: dev-server.sqlite in the state folder).")
  private Path database;

  DevCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    LogLevel.forServices();
    OutlastConfig loaded = config.load(console);
    loaded.hostId(); // makes the state folder
    Path state =
        database == null
            ? loaded.stateDir().resolve("dev-server.sqlite")
            : console.currentDirectory().resolve(database);
    Path log = loaded.stateDir().resolve("dev-server.log");
    // Whatever happens, no server outlives the command.
    try (LocalServer running = server.start(console, port, uiPort, state, log)) {
      ConnectionOptions connection = new ConnectionOptions();
      connection.address = running.target();
      connection.namespace = "default";
      RunningWorker worker = RunningWorker.start(console, connection, loaded);
      console.print("Temporal: " + running.target());
      running.webUi().ifPresent(ui -> console.print("Web UI:   " + ui));
      console.print("Try:      outlast run --address " + running.target() + " \"…\"");
      console.out().flush();
      return worker.runUntilSignalled();
    }
  }
}
