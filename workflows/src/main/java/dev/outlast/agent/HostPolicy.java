package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Duration;
import java.util.Objects;

/**
 * What a run does when it cannot simply go on with its session on its host.
 *
 * @param onBusy when another run's agent works in the workspace or on the session
 * @param onContinued when somebody has gone on with the session since the agent ended
 * @param onHostLost when the host does not take an invocation within {@code hostGrace}
 * @param hostGrace how long a host that no worker is heard of may take; {@link #MIN_HOST_GRACE} at
 *     least
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record HostPolicy(
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
        OnBusy onBusy,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
        OnContinued onContinued,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
        OnHostLost onHostLost,
    Duration hostGrace) {

  /** The shortest grace for a host: a worker that is restarted must not count as lost. */
  public static final Duration MIN_HOST_GRACE = Duration.ofSeconds(10);

  /** What is done where nothing is configured. */
  public static final HostPolicy DEFAULT =
      new HostPolicy(OnBusy.WAIT, OnContinued.PAUSE, OnHostLost.WAIT, Duration.ofMinutes(10));

  /** What to do when the workspace or the session is another run's at the moment. */
  public enum OnBusy {
    /** Wait until it is free; also what is done for a word that only a newer version knows. */
    @JsonEnumDefaultValue
    @JsonProperty("wait")
    WAIT,
    /** Fail the run. */
    @JsonProperty("stop")
    STOP
  }

  /** What to do when somebody has gone on with the session. */
  public enum OnContinued {
    /**
     * Pause the run, and go on when an operator says so; also what is done for a word that only a
     * newer version knows.
     */
    @JsonEnumDefaultValue
    @JsonProperty("pause")
    PAUSE,
    /** Resume the session nevertheless, and tell the agent so. */
    @JsonProperty("resume")
    RESUME,
    /** End the run well: somebody else has taken over. */
    @JsonProperty("finish")
    FINISH
  }

  /** What to do when the host is gone. */
  public enum OnHostLost {
    /** Wait for the host; also what is done for a word that only a newer version knows. */
    @JsonEnumDefaultValue
    @JsonProperty("wait")
    WAIT,
    /** Go on elsewhere, in a fresh session that is told of the task so far. */
    @JsonProperty("move")
    MOVE,
    /** Fail the run. */
    @JsonProperty("stop")
    STOP
  }

  public HostPolicy {
    Objects.requireNonNull(onBusy, "onBusy");
    Objects.requireNonNull(onContinued, "onContinued");
    Objects.requireNonNull(onHostLost, "onHostLost");
    if (hostGrace.compareTo(MIN_HOST_GRACE) < 0) {
      throw new IllegalArgumentException("hostGrace: " + hostGrace + " is below " + MIN_HOST_GRACE);
    }
  }

  /** This policy with what a run's request says; null for what it does not say. */
  public HostPolicy overriddenBy(
      OnBusy busy, OnContinued continued, OnHostLost hostLost, Duration grace) {
    return new HostPolicy(
        Objects.requireNonNullElse(busy, onBusy),
        Objects.requireNonNullElse(continued, onContinued),
        Objects.requireNonNullElse(hostLost, onHostLost),
        Objects.requireNonNullElse(grace, hostGrace));
  }
}
