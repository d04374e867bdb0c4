package dev.outlast.activities.provider.command;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.AgentOptions;
import dev.outlast.activities.provider.AgentProvider;
import dev.outlast.activities.provider.CommandLine;
import dev.outlast.activities.provider.Environment;
import dev.outlast.activities.provider.Item;
import dev.outlast.activities.provider.ItemReader;
import dev.outlast.activities.provider.LimitPatterns;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.SessionStart;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Any executable. {@code args} is the {@linkplain ArgumentTemplate template} of its arguments; a
 * message for which the template has no place is given on standard input.
 */
public final class CommandProvider implements AgentProvider {

  @Override
  public String name() {
    return "command";
  }

  @Override
  public Optional<String> executable() {
    return Optional.empty();
  }

  @Override
  public List<String> defaultEnvironment() {
    return Environment.COMMON;
  }

  @Override
  public ItemReader items(Consumer<Item> sink) {
    return new CommandItems(sink);
  }

  @Override
  public AgentDriver driver(AgentDefinition agent) {
    AgentOptions.permissionMode(agent, List.of(), "write it into args");
    AgentOptions.sandbox(agent, List.of(), "write it into args");
    return new Driver(
        agent,
        ArgumentTemplate.parse("agents." + agent.name() + ".args", agent.args()),
        LimitPatterns.of(agent));
  }

  private static void refuse(AgentDefinition agent, String key, String value) {
    if (value != null) {
      throw new IllegalArgumentException(
          "agents."
              + agent.name()
              + "."
              + key
              + ": the provider command does not know how to say '"
              + value
              + "'; write it into args, in the program's own words");
    }
  }

  private record Driver(AgentDefinition agent, ArgumentTemplate template, LimitPatterns patterns)
      implements AgentDriver {

    @Override
    public boolean choosesSession() {
      return template.usesSessionWhenFresh();
    }

    @Override
    public boolean continuesLast() {
      return false;
    }

    @Override
    public CommandLine commandLine(AgentCall call) {
      if (template.usesPrompt() && !CommandLine.fitsArgument(call.message())) {
        throw new IllegalArgumentException(
            "prompt: cannot be an argument of agent '"
                + agent.name()
                + "': it is longer than "
                + CommandLine.MAX_ARGUMENT
                + " bytes, has a NUL character, or has characters that the worker's locale cannot pass on; start the"
                + " worker in a UTF-8 locale, or take {prompt} out of agents."
                + agent.name()
                + ".args so that the prompt is given on standard input");
      }
      List<String> line = new ArrayList<>(agent.leadingArguments());
      line.addAll(
          template.fill(
              call.start() == SessionStart.RESUME,
              name ->
                  switch (name) {
                    case PROMPT -> call.message();
                    case SESSION -> call.session() == null ? null : call.session().value();
                    case MODEL -> call.model();
                    case WORKSPACE -> call.workspace();
                  }));
      return new CommandLine(line, template.usesPrompt() ? null : call.message());
    }

    @Override
    public OutputReader reader(Surroundings host) {
      return new CommandReader(agent.output(), patterns, host.zone());
    }
  }
}
