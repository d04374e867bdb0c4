package dev.outlast.activities.provider.copilot;

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
import dev.outlast.activities.provider.Program;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * GitHub Copilot CLI, called as {@code copilot --output-format json --no-ask-user} with the message
 * on standard input, where any text arrives as it is: as {@code -p TEXT} one that begins with a
 * dash is refused. The options are those of version 1.0.102.
 *
 * <p>{@code permissionMode} is one of {@link #PERMISSION_MODES}. Without one, no tool that needs a
 * permission can be used, as nobody is there to give it. {@code --autopilot} and finer permissions
 * ({@code --allow-tool=write}) are arguments.
 */
public final class CopilotProvider implements AgentProvider {

  /** What {@code permissionMode} may be; each is the option of that name. */
  static final List<String> PERMISSION_MODES =
      List.of("allow-all-tools", "allow-all", "yolo", "assisted-approval", "plan");

  /** An argument that still goes before {@code COPILOT_HOME}, though it warns of its end. */
  private static final String CONFIG_DIR = "--config-dir";

  @Override
  public String name() {
    return "copilot";
  }

  @Override
  public Optional<String> executable() {
    return Optional.of("copilot");
  }

  @Override
  public List<String> defaultEnvironment() {
    return Environment.commonAnd("COPILOT_*", "GH_TOKEN", "GITHUB_TOKEN", "GH_HOST");
  }

  @Override
  public ItemReader items(Consumer<Item> sink) {
    return new CopilotItems(sink);
  }

  @Override
  public AgentDriver driver(AgentDefinition agent) {
    AgentOptions.permissionMode(
        agent, PERMISSION_MODES, "finer permissions are arguments, for example --allow-tool=write");
    AgentOptions.sandbox(
        agent, List.of(), "copilot's own sandbox is set up with 'copilot sandbox'");
    return new Driver(agent, LimitPatterns.of(agent));
  }

  private record Driver(AgentDefinition agent, LimitPatterns patterns) implements AgentDriver {

    @Override
    public boolean choosesSession() {
      return true;
    }

    @Override
    public boolean continuesLast() {
      return true;
    }

    @Override
    public CommandLine commandLine(AgentCall call) {
      List<String> line = new ArrayList<>(agent.leadingArguments());
      line.addAll(List.of("--output-format", "json", "--no-ask-user"));
      switch (call.start()) {
        case FRESH -> {
          if (call.session() != null) {
            line.addAll(List.of("--session-id", call.session().value()));
          }
        }
        case RESUME -> line.addAll(List.of("--resume", call.session().value()));
        case CONTINUE_LAST -> line.add("--continue");
      }
      if (agent.permissionMode() != null) {
        line.add("--" + agent.permissionMode());
      }
      if (call.model() != null) {
        line.addAll(List.of("--model", call.model()));
      }
      line.addAll(agent.args());
      return new CommandLine(line, call.message());
    }

    @Override
    public OutputReader reader(Surroundings host) {
      return reader(host, (SessionId) null);
    }

    @Override
    public OutputReader reader(Surroundings host, AgentCall call) {
      return reader(host, call.session());
    }

    private OutputReader reader(Surroundings host, SessionId session) {
      return new CopilotReader(new CopilotErrors(patterns, host.zone()), host, session);
    }

    @Override
    public Optional<SessionMark> mark(SessionId session, Surroundings host, Program program)
        throws IOException {
      return SessionEvents.mark(host, session);
    }

    @Override
    public Optional<Path> sessionsAt(Surroundings host) {
      boolean elsewhere =
          Stream.concat(agent.leadingArguments().stream(), agent.args().stream())
              .anyMatch(argument -> argument.startsWith(CONFIG_DIR));
      return elsewhere ? Optional.empty() : host.folder("COPILOT_HOME", ".copilot");
    }

    @Override
    public List<String> versionArguments() {
      return List.of("--version");
    }
  }
}
