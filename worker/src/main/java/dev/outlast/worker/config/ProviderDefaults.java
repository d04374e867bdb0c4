package dev.outlast.worker.config;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.process.SearchPath;
import dev.outlast.activities.provider.AgentProvider;
import dev.outlast.activities.provider.Providers;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What is known of a provider before anything is configured. */
final class ProviderDefaults {

  private static final List<String> NAMES = Providers.names();

  private ProviderDefaults() {}

  static List<String> names() {
    return NAMES;
  }

  /** The program that the provider is found under; empty for a provider without one of its own. */
  static Optional<String> executable(String provider) {
    return Providers.named(provider).flatMap(AgentProvider::executable);
  }

  /** The variables that an agent of this provider inherits, unless configured. */
  static List<String> environment(String provider) {
    return Providers.named(provider).map(AgentProvider::defaultEnvironment).orElse(List.of());
  }

  /** The programs that are looked for when no agent is configured. */
  static List<String> searched() {
    return NAMES.stream().flatMap(n -> executable(n).stream()).toList();
  }

  /** An agent for each known program on the PATH, under its provider's name. */
  static Map<String, AgentDefinition> agentsOnPath(Map<String, String> environment) {
    Map<String, AgentDefinition> found = new LinkedHashMap<>();
    for (String provider : NAMES) {
      executable(provider)
          .filter(program -> SearchPath.find(program, environment.get("PATH")).isPresent())
          .ifPresent(program -> found.put(provider, agent(provider, program)));
    }
    return found;
  }

  static AgentDefinition agent(String provider) {
    if (!NAMES.contains(provider)) {
      throw new ConfigException(
          null,
          "provider",
          "got "
              + ConfigRules.shown(provider)
              + "; expected one of "
              + String.join(", ", NAMES)
              + Suggestion.didYouMean(provider, NAMES));
    }
    return agent(provider, executable(provider).orElse(provider));
  }

  private static AgentDefinition agent(String provider, String program) {
    return AgentDefinition.newBuilder(provider, provider)
        .setCommand(List.of(program))
        .setEnv(environment(provider))
        .build();
  }
}
