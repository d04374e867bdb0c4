package dev.outlast.worker.cli;

import dev.outlast.worker.config.ConfigException;
import dev.outlast.worker.config.ConfigLocation;
import dev.outlast.worker.config.OutlastConfig;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Which configuration a command uses. */
final class ConfigOptions {

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "Configuration (default: ./outlast.toml, else outlast/outlast.toml in the user's"
              + " configuration folder, else the agents found on the PATH).")
  Path config;

  @Option(
      names = "--task-queue",
      paramLabel = "NAME",
      description = "Task queue, in place of the configured one.")
  String taskQueue;

  /**
   * @throws dev.outlast.worker.config.ConfigException if anything is wrong with it
   */
  OutlastConfig load(Console console) {
    OutlastConfig.Builder builder =
        OutlastConfig.newBuilder()
            .setCurrentDirectory(console.currentDirectory())
            .setEnvironment(console.environment());
    Optional<Path> file =
        config == null
            ? ConfigLocation.find(console.currentDirectory(), console.environment())
            : Optional.of(console.currentDirectory().resolve(config));
    return file.isPresent()
        ? builder.load(file.get(), taskQueue)
        : (taskQueue == null ? builder : builder.setTaskQueue(taskQueue)).build();
  }

  /**
   * For commands that are about the server, and only know more with a configuration: one that is
   * not usable is told of and left out, unless it was named.
   *
   * @throws ConfigException if anything is wrong with the one that was named
   */
  Optional<OutlastConfig> loadIfUsable(Console console) {
    try {
      return Optional.of(load(console));
    } catch (ConfigException e) {
      if (config != null) {
        throw e;
      }
      console.say(
          "outlast: warning: the configuration of this folder is left out: "
              + Console.oneLine(e.problems().get(0).toString()));
      return Optional.empty();
    }
  }
}
