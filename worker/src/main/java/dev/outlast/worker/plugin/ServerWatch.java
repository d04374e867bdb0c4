package dev.outlast.worker.plugin;

import io.grpc.ConnectivityState;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Says in the log, once each, that the server cannot be reached and that it is reached again. Hears
 * of it from the channel, so it needs no thread and asks the server nothing. Ends with the channel.
 * Thread-safe.
 */
final class ServerWatch {

  private static final Logger log = LoggerFactory.getLogger(ServerWatch.class);

  private final ManagedChannel channel;
  private final LongSupplier nanos;

  /** When the outage began; null while there is none. */
  private Long awaySince;

  private ServerWatch(ManagedChannel channel, LongSupplier nanos) {
    this.channel = channel;
    this.nanos = nanos;
  }

  static void begin(ManagedChannel channel) {
    begin(channel, System::nanoTime);
  }

  static void begin(ManagedChannel channel, LongSupplier nanos) {
    new ServerWatch(channel, nanos).look();
  }

  private void look() {
    ConnectivityState state = channel.getState(false);
    note(state);
    if (state != ConnectivityState.SHUTDOWN) {
      channel.notifyWhenStateChanged(state, this::look);
    }
  }

  // A channel that is idle or connecting says nothing about the server.
  private synchronized void note(ConnectivityState state) {
    if (state == ConnectivityState.TRANSIENT_FAILURE && awaySince == null) {
      awaySince = nanos.getAsLong();
      log.warn(
          "Temporal cannot be reached; its answer is waited for. Agents at work go on meanwhile.");
    } else if (state == ConnectivityState.READY && awaySince != null) {
      Duration away = Duration.ofNanos(nanos.getAsLong() - awaySince);
      awaySince = null;
      log.info("Temporal is reached again, after {} s", away.toSeconds());
    }
  }
}
