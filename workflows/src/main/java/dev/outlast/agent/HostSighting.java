package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.time.Instant;
import java.util.Objects;

/**
 * When a host's worker was last heard of by the server.
 *
 * @param lastSeen null if the server remembers no worker of that host
 * @param observedAt the clock that {@code lastSeen} is compared with
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record HostSighting(Instant lastSeen, Instant observedAt) {

  public HostSighting {
    Objects.requireNonNull(observedAt, "observedAt");
  }
}
