package dev.outlast.worker.cli;

import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.config.OutlastConfig;
import dev.outlast.worker.plugin.OutlastPlugin;
import io.temporal.worker.WorkerFactory;
import io.temporal.worker.WorkerOptions;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A worker in this process. */
final class RunningWorker implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(RunningWorker.class);

  /** What ending the agents and reporting it may take beyond the grace that agents get. */
  private static final Duration DRAIN_MARGIN = Duration.ofSeconds(30);

  private final Connection connection;
  private final WorkerFactory factory;
  private final Duration drainTimeout;

  private RunningWorker(Connection connection, WorkerFactory factory, Duration drainTimeout) {
    this.connection = connection;
    this.factory = factory;
    this.drainTimeout = drainTimeout;
  }

  static RunningWorker start(Console console, ConnectionOptions options, OutlastConfig config) {
    config.warnings().forEach(warning -> log.warn("{}", warning));
    OutlastPlugin plugin = new OutlastPlugin(config);
    Connection connection = options.connect(console, plugin);
    try {
      WorkerFactory factory = WorkerFactory.newInstance(connection.client());
      factory.newWorker(plugin.taskQueue(), workerOptions(connection));
      factory.start();
      log.info(
          "Ready: agents {} on task queues {} and {}, host {}, Temporal {}, namespace {}, {}",
          String.join(", ", plugin.host().agents().keySet()),
          plugin.taskQueue(),
          plugin.hostTaskQueue(),
          plugin.host().hostId(),
          connection.address(),
          connection.client().getOptions().getNamespace(),
          config.source() == null ? "no configuration file" : "configuration " + config.source());
      return new RunningWorker(connection, factory, config.drainGrace().plus(DRAIN_MARGIN));
    } catch (RuntimeException e) {
      connection.close();
      throw e;
    }
  }

  // A server hands a workflow to the worker that has it in its cache, and after a while to any
  // other.
  // The in-memory server, which gives no version, never does the latter; zero keeps it from the
  // former.
  private static WorkerOptions workerOptions(Connection connection) {
    WorkerOptions.Builder options = WorkerOptions.newBuilder();
    if (connection.serverVersion().isEmpty()) {
      options.setStickyQueueScheduleToStartTimeout(Duration.ZERO);
    }
    return options.build();
  }

  /**
   * Waits for SIGTERM, SIGHUP or SIGINT, then drains. A second signal ends the process and its
   * agents at once.
   */
  int runUntilSignalled() {
    CompletableFuture<Integer> signalled = new CompletableFuture<>();
    Signals.handle(
        exitCode -> {
          if (!signalled.complete(exitCode)) {
            AgentRegistry.endDescendants();
            Runtime.getRuntime().halt(ExitCode.INTERRUPTED);
          }
        });
    int exitCode = signalled.join();
    log.info(
        "Draining: no agent is started any more; those at work get up to {} s. A second signal"
            + " ends at once.",
        drainTimeout.minus(DRAIN_MARGIN).toSeconds());
    close();
    log.info("Ended.");
    return exitCode;
  }

  @Override
  public void close() {
    factory.shutdown();
    factory.awaitTermination(drainTimeout.toMillis(), TimeUnit.MILLISECONDS);
    connection.close();
  }
}
