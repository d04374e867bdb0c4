package dev.outlast.worker.plugin;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.InputStream;
import java.time.Duration;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Keeps workers polling through an outage of the server. Left to themselves the SDK's pollers fail
 * at once while the server cannot be reached, pause for up to a minute after many failures, and no
 * option shortens that ({@code BackoffThrottler} of temporal-sdk 1.38). With this, a poll waits for
 * the connection instead, so that it reaches the server the moment it is back; and a poll that was
 * cut off after a while counts as one that brought no task, so that no failures add up.
 *
 * <p>A poll that fails at once, on a server that is there but refuses it, still counts as a
 * failure: the SDK then paces the next ones. So does one whose answer came but not its end. Other
 * calls are left alone. Thread-safe.
 */
final class PatientPolls implements ClientInterceptor {

  /** A poll that lasted this long was waiting, and may be followed by the next one at once. */
  static final Duration WAITED = Duration.ofSeconds(1);

  private static final Set<String> POLLS =
      Set.of("PollWorkflowTaskQueue", "PollActivityTaskQueue", "PollNexusTaskQueue");

  private final LongSupplier nanos;

  PatientPolls() {
    this(System::nanoTime);
  }

  PatientPolls(LongSupplier nanos) {
    this.nanos = nanos;
  }

  @Override
  public <ReqT, RespT> ClientCall<ReqT, RespT> interceptCall(
      MethodDescriptor<ReqT, RespT> method, CallOptions options, Channel next) {
    if (!POLLS.contains(method.getBareMethodName())) {
      return next.newCall(method, options);
    }
    return new SimpleForwardingClientCall<>(next.newCall(method, options.withWaitForReady())) {
      @Override
      public void start(Listener<RespT> listener, Metadata headers) {
        super.start(new Ending<>(listener, method), headers);
      }
    };
  }

  /** Sees how a poll ends. */
  private final class Ending<RespT> extends SimpleForwardingClientCallListener<RespT> {

    private final MethodDescriptor<?, RespT> method;
    private final long began = nanos.getAsLong();
    private boolean answered;

    Ending(ClientCall.Listener<RespT> listener, MethodDescriptor<?, RespT> method) {
      super(listener);
      this.method = method;
    }

    @Override
    public void onMessage(RespT message) {
      answered = true;
      super.onMessage(message);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      boolean cutOff =
          status.getCode() == Status.Code.UNAVAILABLE
              || status.getCode() == Status.Code.DEADLINE_EXCEEDED;
      if (cutOff && !answered && nanos.getAsLong() - began >= WAITED.toNanos()) {
        // No bytes are a message without any field: a poll's answer that there is no task.
        super.onMessage(method.parseResponse(InputStream.nullInputStream()));
        super.onClose(Status.OK, trailers);
      } else {
        super.onClose(status, trailers);
      }
    }
  }
}
