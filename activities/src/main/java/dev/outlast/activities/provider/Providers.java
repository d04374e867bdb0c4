package dev.outlast.activities.provider;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.provider.claude.ClaudeProvider;
import dev.outlast.activities.provider.codex.CodexProvider;
import dev.outlast.activities.provider.command.CommandProvider;
import dev.outlast.activities.provider.copilot.CopilotProvider;
import dev.outlast.activities.provider.gemini.GeminiProvider;
import dev.outlast.activities.provider.opencode.OpenCodeProvider;
import java.util.List;
import java.util.Optional;

/** The kinds of agent that there are. */
public final class Providers {

  private static final List<AgentProvider> ALL =
      List.of(
          new ClaudeProvider(),
          new CodexProvider(),
          new GeminiProvider(),
          new CopilotProvider(),
          new OpenCodeProvider(),
          new CommandProvider());

  private Providers() {}

  /** Their names. */
  public static List<String> names() {
    return ALL.stream().map(AgentProvider::name).toList();
  }

  /** The provider of that name. */
  public static Optional<AgentProvider> named(String name) {
    return ALL.stream().filter(provider -> provider.name().equals(name)).findFirst();
  }

  /**
   * Prepares a configured agent.
   *
   * @throws IllegalArgumentException if its provider is unknown, or the definition is wrong; the
   *     message begins with the key and says what is allowed
   */
  public static AgentDriver driver(AgentDefinition agent) {
    AgentOptions.withoutKeys(agent, "command", agent.command());
    AgentOptions.withoutKeys(agent, "args", agent.args());
    return named(agent.provider())
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "agents."
                        + agent.name()
                        + ".provider: '"
                        + agent.provider()
                        + "' is unknown; known are "
                        + String.join(", ", names())))
        .driver(agent);
  }
}
