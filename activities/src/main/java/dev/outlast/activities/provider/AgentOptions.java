package dev.outlast.activities.provider;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.secret.Redaction;
import java.util.List;

/** Checks the options of an agent that its definition says in the agent's own words. */
public final class AgentOptions {

  private AgentOptions() {}

  /**
   * Checks the key {@code permission-mode}.
   *
   * @param allowed the words that the agent knows; empty if it has no such option
   * @param otherwise what to do about finer wishes; may be empty
   * @throws IllegalArgumentException if another word is set; the message begins with the key
   */
  public static void permissionMode(AgentDefinition agent, List<String> allowed, String otherwise) {
    check(agent, "permission-mode", agent.permissionMode(), allowed, otherwise);
  }

  /**
   * Checks the key {@code sandbox}, as {@link #permissionMode} does its own. An agent must not be
   * thought to be in a sandbox that nobody has made.
   */
  public static void sandbox(AgentDefinition agent, List<String> allowed, String otherwise) {
    check(agent, "sandbox", agent.sandbox(), allowed, otherwise);
  }

  /** Every user of a host can read what its programs were started with. */
  static void withoutKeys(AgentDefinition agent, String key, List<String> arguments) {
    for (int i = 0; i < arguments.size(); i++) {
      if (Redaction.SHAPES_ONLY.finds(arguments.get(i))) {
        throw new IllegalArgumentException(
            "agents."
                + agent.name()
                + "."
                + key
                + "["
                + i
                + "]: holds what looks like a key, which everybody on the host could read in the"
                + " list of processes; name it in accounts."
                + agent.account()
                + ".secrets, as an environment variable of the agent");
      }
    }
  }

  private static void check(
      AgentDefinition agent, String key, String value, List<String> allowed, String otherwise) {
    if (value == null || allowed.contains(value)) {
      return;
    }
    String which =
        allowed.isEmpty()
            ? agent.provider() + " has no option for it; leave it out"
            : "'"
                + value
                + "' is unknown to "
                + agent.provider()
                + "; use "
                + String.join(", ", allowed);
    throw new IllegalArgumentException(
        "agents."
            + agent.name()
            + "."
            + key
            + ": "
            + which
            + (otherwise.isEmpty() ? "" : "; " + otherwise));
  }
}
