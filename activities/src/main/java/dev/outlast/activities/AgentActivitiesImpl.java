package dev.outlast.activities;

import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.AgentSelection;
import dev.outlast.agent.ResolvedAgent;
import java.util.Objects;
import java.util.function.BooleanSupplier;

/** Runs the agents of one host. Thread-safe. */
public final class AgentActivitiesImpl implements AgentActivities {

  private final AgentHost host;
  private final BooleanSupplier searchAttributes;

  /**
   * @param searchAttributes says whether the namespace knows Outlast's search attributes; asked
   *     once for each run
   */
  public AgentActivitiesImpl(AgentHost host, BooleanSupplier searchAttributes) {
    this.host = Objects.requireNonNull(host, "host");
    this.searchAttributes = Objects.requireNonNull(searchAttributes, "searchAttributes");
  }

  @Override
  public ResolvedAgent resolveAgent(AgentSelection selection) {
    throw new UnsupportedOperationException();
  }

  @Override
  public AgentOutcome invokeAgent(AgentInvocation invocation) {
    throw new UnsupportedOperationException();
  }

  /**
   * Begins to drain: no agent is started any more, and those that still run after the host's drain
   * grace are ended so that another worker can resume them. Returns at once.
   */
  public void drain() {
    throw new UnsupportedOperationException();
  }
}
