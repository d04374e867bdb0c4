package dev.outlast.samples.hello;

import dev.outlast.worker.config.OutlastConfig;
import dev.outlast.worker.plugin.OutlastPlugin;
import io.temporal.client.WorkflowClient;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.worker.WorkerFactory;
import java.nio.file.Path;

/** Runs the agents of {@code outlast.toml} for the Temporal server on this machine. */
public final class HelloWorker {

  private HelloWorker() {}

  /** Works until it is ended: {@code HelloWorker outlast.toml}. */
  public static void main(String[] args) {
    OutlastConfig config = OutlastConfig.load(Path.of(args[0]));
    WorkerFactory factory = start(WorkflowServiceStubsOptions.newBuilder(), config);
    Runtime.getRuntime().addShutdownHook(new Thread(factory::shutdown));
  }

  static WorkerFactory start(WorkflowServiceStubsOptions.Builder server, OutlastConfig config) {
    OutlastPlugin plugin = new OutlastPlugin(config);
    WorkflowServiceStubs stubs =
        WorkflowServiceStubs.newServiceStubs(server.setPlugins(plugin).build());
    WorkerFactory factory = WorkerFactory.newInstance(WorkflowClient.newInstance(stubs));
    factory.newWorker(plugin.taskQueue());
    factory.start();
    return factory;
  }
}
