package dev.outlast.activities;

import dev.outlast.activities.gate.Hours;
import dev.outlast.limit.GateSettings;
import java.util.Map;
import java.util.Objects;

/**
 * An account as configured on a worker, under a name.
 *
 * @param name what agents and runs call it
 * @param provider the kind of agent that it belongs to
 * @param env environment variables that an agent gets when it uses this account
 * @param secrets environment variables whose values are looked up on the worker when an agent
 *     starts: {@code env:NAME} takes the worker's own variable {@code NAME}, {@code file:PATH} the
 *     first line of a file
 * @param gate how it is to be kept, all hosts together
 * @param reserve hours in which only runs of a high priority may start an agent
 */
public record AccountDefinition(
    String name,
    String provider,
    Map<String, String> env,
    Map<String, String> secrets,
    GateSettings gate,
    Hours reserve) {

  /** An account that nothing is kept back of. */
  public AccountDefinition(
      String name, String provider, Map<String, String> env, Map<String, String> secrets) {
    this(name, provider, env, secrets, GateSettings.NONE, Hours.NONE);
  }

  public AccountDefinition {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(provider, "provider");
    env = Map.copyOf(env);
    secrets = Map.copyOf(secrets);
    Objects.requireNonNull(gate, "gate");
    Objects.requireNonNull(reserve, "reserve");
  }
}
