package dev.outlast.worker.cli;

import io.grpc.StatusRuntimeException;
import io.temporal.api.workflowservice.v1.DescribeNamespaceRequest;
import io.temporal.api.workflowservice.v1.GetSystemInfoRequest;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.envconfig.ClientConfigProfile;
import io.temporal.envconfig.LoadClientConfigProfileOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import io.temporal.serviceclient.WorkflowServiceStubsPlugin;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.regex.Pattern;
import picocli.CommandLine.Option;

/** Where Temporal is, as Temporal's own tools find it. */
final class ConnectionOptions {

  private static final long CONNECT_SECONDS = 10;
  private static final String DEFAULT_ADDRESS = "127.0.0.1:7233";
  private static final Pattern HOST_PORT =
      Pattern.compile("([^\\s:/]+|\\[[0-9a-fA-F:.]+]):[0-9]{1,5}");

  /** Held, since a logger that nobody holds forgets its level. */
  private static final Logger GRPC_LOG = Logger.getLogger("io.grpc");

  @Option(
      names = "--address",
      paramLabel = "HOST:PORT",
      description = "Temporal's address (default: TEMPORAL_ADDRESS, the profile, 127.0.0.1:7233).")
  String address;

  @Option(
      names = "--namespace",
      paramLabel = "NAME",
      description = "Temporal namespace (default: TEMPORAL_NAMESPACE, the profile, default).")
  String namespace;

  @Option(
      names = "--profile",
      paramLabel = "NAME",
      description = "Profile of Temporal's own temporal.toml (default: TEMPORAL_PROFILE, default).")
  String profile;

  /** A connection that has been tried. */
  record Connection(WorkflowClient client, String address) implements AutoCloseable {

    WorkflowServiceStubs stubs() {
      return client.getWorkflowServiceStubs();
    }

    /** The server's version; empty for the in-memory server, which has none. */
    String serverVersion() {
      return stubs()
          .blockingStub()
          .withDeadlineAfter(CONNECT_SECONDS, TimeUnit.SECONDS)
          .getSystemInfo(GetSystemInfoRequest.getDefaultInstance())
          .getServerVersion();
    }

    @Override
    public void close() {
      stubs().shutdownNow();
    }
  }

  /**
   * Connects.
   *
   * @param plugins set on the stubs, from where they reach clients and workers
   * @throws CliException with {@link ExitCode#NO_TEMPORAL} if Temporal does not answer
   */
  Connection connect(Console console, WorkflowServiceStubsPlugin... plugins) {
    // gRPC logs every address that cannot be resolved with its trace, past the logging of this
    // command; what matters is in the exception.
    GRPC_LOG.setLevel(Level.OFF);
    ClientConfigProfile found = profile(console);
    checkAddress(found.getAddress());
    WorkflowServiceStubs stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder(stubsOptions(found, console))
                .setPlugins(plugins)
                .build());
    WorkflowClientOptions options = found.toWorkflowClientOptions();
    String where = found.getAddress() == null ? DEFAULT_ADDRESS : found.getAddress();
    try {
      WorkflowClient client = WorkflowClient.newInstance(stubs, options);
      stubs
          .blockingStub()
          .withDeadlineAfter(CONNECT_SECONDS, TimeUnit.SECONDS)
          .describeNamespace(
              DescribeNamespaceRequest.newBuilder()
                  .setNamespace(client.getOptions().getNamespace())
                  .build());
      return new Connection(client, where);
    } catch (StatusRuntimeException e) {
      stubs.shutdownNow();
      throw new CliException(ExitCode.NO_TEMPORAL, unreachable(where, found.getNamespace(), e));
    }
  }

  private void checkAddress(String target) {
    if (target == null || target.isEmpty()) {
      return;
    }
    int colon = target.lastIndexOf(':');
    String port = target.substring(colon + 1);
    boolean good =
        HOST_PORT.matcher(target).matches() && Integer.parseInt(port) <= ServerOptions.MAX_PORT;
    if (!good) {
      throw new CliException(
          ExitCode.USAGE,
          (address == null ? "Temporal's address (TEMPORAL_ADDRESS or the profile)" : "--address")
              + ": got \""
              + Console.oneLine(target)
              + "\"; expected HOST:PORT, such as "
              + DEFAULT_ADDRESS
              + (address == null ? "; correct it, or give --address" : ""));
    }
  }

  private WorkflowServiceStubsOptions stubsOptions(ClientConfigProfile found, Console console) {
    try {
      return found.toWorkflowServiceStubsOptions();
    } catch (RuntimeException e) {
      // A certificate or key that is missing, or is none; the library throws all sorts.
      throw unusable("TLS settings", e, console);
    }
  }

  private static CliException unusable(String what, Exception e, Console console) {
    Throwable cause = e.getCause() == null ? e : e.getCause();
    String file = console.environment().get("TEMPORAL_CONFIG_FILE");
    return new CliException(
        ExitCode.USAGE,
        "Temporal's configuration cannot be used: "
            + what
            + ": "
            + Console.oneLine(
                cause instanceof IOException
                    ? cause.toString()
                    : String.valueOf(cause.getMessage()))
            + "; correct --profile, the variables TEMPORAL_*, or "
            + (file == null || file.isEmpty() ? "temporal.toml" : file));
  }

  private ClientConfigProfile profile(Console console) {
    try {
      ClientConfigProfile found =
          ClientConfigProfile.load(
              LoadClientConfigProfileOptions.newBuilder()
                  .setConfigFileProfile(profile)
                  .setEnvOverrides(console.environment())
                  .build());
      ClientConfigProfile.Builder builder = found.toBuilder();
      if (address != null) {
        builder.setAddress(address);
      }
      if (namespace != null) {
        builder.setNamespace(namespace);
      }
      return builder.build();
    } catch (NullPointerException e) {
      // What the library makes of a file that has no profile at all.
      throw unusable(
          "file",
          new IllegalArgumentException("it has no section [profile.NAME]; add one"),
          console);
    } catch (IllegalArgumentException | IOException e) {
      throw unusable("profile", e, console);
    }
  }

  private static String unreachable(String where, String namespace, StatusRuntimeException e) {
    Throwable cause = e.getStatus().getCause();
    String said = cause == null ? e.getStatus().getDescription() : cause.getMessage();
    String detail = said == null ? "" : ": " + Console.oneLine(said);
    return switch (e.getStatus().getCode()) {
      case NOT_FOUND ->
          "Temporal at "
              + where
              + " has no namespace "
              + (namespace == null ? "default" : namespace)
              + "; correct --namespace, or create it with: temporal operator namespace create";
      case UNAUTHENTICATED, PERMISSION_DENIED ->
          "Temporal at " + where + " refuses the credential" + detail + "; check --profile";
      default ->
          "cannot reach Temporal at "
              + where
              + " ("
              + e.getStatus().getCode()
              + detail
              + "); is it running? Correct --address, or start one with: outlast dev";
    };
  }
}
