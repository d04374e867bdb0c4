package dev.outlast.worker.cli;

import dev.outlast.worker.config.OutlastConfig;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "worker",
    mixinStandardHelpOptions = true,
    description = "Run agents until asked to end (SIGTERM; a second one ends at once).")
final class WorkerCommand implements Callable<Integer> {

  private final Console console;
  @Mixin private ConnectionOptions connection;
  @Mixin private ConfigOptions config;

  WorkerCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    LogLevel.forServices();
    OutlastConfig loaded = config.load(console);
    RunningWorker worker = RunningWorker.start(console, connection, loaded);
    return worker.runUntilSignalled();
  }
}
