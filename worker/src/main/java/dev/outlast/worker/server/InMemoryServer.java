package dev.outlast.worker.server;

import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.temporal.internal.testservice.GRPCServerHelper;
import io.temporal.internal.testservice.TestServicesStarter;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;

/**
 * The server of Temporal's test library, with real time, on a port of the loopback interface only.
 * (The library's own way to open a port opens it to the whole network, and whoever reaches it can
 * make agents do anything on this machine.)
 */
final class InMemoryServer implements AutoCloseable {

  private static final long CLOSE_SECONDS = 5;

  private final TestServicesStarter services;
  private final Server server;

  private InMemoryServer(TestServicesStarter services, Server server) {
    this.services = services;
    this.server = server;
  }

  /**
   * @param port 0 for a free one
   */
  static InMemoryServer start(int port) throws IOException {
    TestServicesStarter services = new TestServicesStarter(true, 0);
    try {
      NettyServerBuilder builder =
          NettyServerBuilder.forAddress(
              new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      GRPCServerHelper.registerServicesAndHealthChecks(services.getServices(), builder);
      return new InMemoryServer(services, builder.build().start());
    } catch (IOException e) {
      services.close();
      throw e;
    }
  }

  int port() {
    return server.getPort();
  }

  @Override
  public void close() {
    server.shutdownNow();
    try {
      server.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    services.close();
  }
}
