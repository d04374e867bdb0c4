package dev.outlast.activities;

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
 */
public record AccountDefinition(
    String name, String provider, Map<String, String> env, Map<String, String> secrets) {

  public AccountDefinition {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(provider, "provider");
    env = Map.copyOf(env);
    secrets = Map.copyOf(secrets);
  }
}
