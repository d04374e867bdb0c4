package dev.outlast.activities.provider;

import dev.outlast.activities.AgentDefinition;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** A kind of agent. Implementations are stateless and thread-safe. */
public interface AgentProvider {

  /** The name in configuration, search attributes and ids, for example {@code claude}. */
  String name();

  /** What the executable is called, to find it on the PATH; empty where it may be any. */
  Optional<String> executable();

  /**
   * The environment variables that an agent of this kind inherits where nothing else is configured;
   * a name may end in {@code *}.
   */
  List<String> defaultEnvironment();

  /** A reader that turns the output of one invocation into items. */
  ItemReader items(Consumer<Item> sink);

  /**
   * Prepares one configured agent.
   *
   * @throws IllegalArgumentException if the definition is wrong; the message begins with the key,
   *     for example {@code agents.mine.args[2]}, and says what is allowed
   */
  AgentDriver driver(AgentDefinition agent);
}
