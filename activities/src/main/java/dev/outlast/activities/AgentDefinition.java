package dev.outlast.activities;

import java.util.List;
import java.util.Objects;

/**
 * An agent as configured on a worker, under a name.
 *
 * @param name what runs call it
 * @param provider the kind of agent, one of the names in {@link
 *     dev.outlast.activities.provider.Providers}
 * @param command the executable and the arguments that always come first, at least one element
 * @param model the model to ask for; null for the agent's own default
 * @param permissionMode how the agent treats tools that need permission, in the words of its own
 *     command line; null for the agent's own default
 * @param sandbox what the agent's tools may reach, in the words of its own command line; null for
 *     the agent's own default
 * @param args more arguments. For the provider {@code command} this is the whole argument template
 * @param env the names of the environment variables that the agent inherits from the worker; a name
 *     may end in {@code *}
 * @param account the account that the agent uses unless a run names another
 * @param output how the provider {@code command} reads standard output: {@code json} (a JSON object
 *     a line) or {@code text}
 * @param patterns regular expressions for limit texts of this agent, with the optional named groups
 *     {@code reset} and {@code scope}
 * @param resumeMessage what is said to a session after a limit; null for the worker's message
 */
public record AgentDefinition(
    String name,
    String provider,
    List<String> command,
    String model,
    String permissionMode,
    String sandbox,
    List<String> args,
    List<String> env,
    String account,
    Output output,
    List<String> patterns,
    String resumeMessage) {

  /** The account of an agent for which none is configured. */
  public static final String DEFAULT_ACCOUNT = "default";

  /** How the provider {@code command} reads standard output. */
  public enum Output {
    JSON,
    TEXT
  }

  public AgentDefinition {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(provider, "provider");
    command = List.copyOf(command);
    args = List.copyOf(args);
    env = List.copyOf(env);
    patterns = List.copyOf(patterns);
    account = Objects.requireNonNullElse(account, DEFAULT_ACCOUNT);
    output = Objects.requireNonNullElse(output, Output.TEXT);
    if (command.isEmpty()) {
      throw new IllegalArgumentException("agents." + name + ".command: empty");
    }
  }
}
