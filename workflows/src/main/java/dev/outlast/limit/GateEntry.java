package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.Objects;

/**
 * A run that wants to start its agent, and asks.
 *
 * @param waiter the run
 * @param settings as the worker that asks is configured
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record GateEntry(GateWaiter waiter, GateSettings settings) {
  public GateEntry {
    Objects.requireNonNull(waiter, "waiter");
    settings = settings == null ? GateSettings.NONE : settings;
  }
}
