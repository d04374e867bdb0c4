package dev.outlast.activities.provider.gemini;

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
import dev.outlast.agent.SessionStart;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Gemini CLI, called as {@code gemini -p PROMPT --output-format stream-json --skip-trust}. The
 * options are those of version 0.61.0.
 */
public final class GeminiProvider implements AgentProvider {

  private static final List<String> APPROVAL_MODES =
      List.of("default", "auto_edit", "yolo", "plan");
  private static final List<String> SANDBOXES = List.of("true", "false");

  @Override
  public String name() {
    return "gemini";
  }

  @Override
  public Optional<String> executable() {
    return Optional.of("gemini");
  }

  @Override
  public List<String> defaultEnvironment() {
    return Environment.commonAnd("GEMINI_*", "GOOGLE_*", "CLOUD_SDK_*", "CLOUDSDK_*");
  }

  @Override
  public ItemReader items(Consumer<Item> sink) {
    return new GeminiItems(sink);
  }

  @Override
  public AgentDriver driver(AgentDefinition agent) {
    AgentOptions.permissionMode(agent, APPROVAL_MODES, "");
    AgentOptions.sandbox(agent, SANDBOXES, "");
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
      boolean asArgument = CommandLine.isPlainArgument(call.message());
      List<String> line = new ArrayList<>(agent.leadingArguments());
      if (asArgument) {
        // What is piped in besides would be put before it; alone it is the whole prompt.
        line.addAll(List.of("-p", call.message()));
      }
      line.addAll(List.of("--output-format", "stream-json", "--skip-trust"));
      switch (call.start()) {
        case FRESH -> {
          if (call.session() != null) {
            line.addAll(List.of("--session-id", call.session().value()));
          }
        }
        case RESUME -> line.addAll(List.of("--resume", call.session().value()));
        case CONTINUE_LAST -> line.addAll(List.of("--resume", "latest"));
      }
      if (agent.permissionMode() != null) {
        line.addAll(List.of("--approval-mode", agent.permissionMode()));
      }
      if (agent.sandbox() != null) {
        line.add("--sandbox=" + agent.sandbox());
      }
      if (call.model() != null) {
        line.addAll(List.of("--model", call.model()));
      }
      line.addAll(agent.args());
      return new CommandLine(line, asArgument ? null : call.message());
    }

    @Override
    public OutputReader reader(Surroundings host) {
      return new GeminiReader(patterns, host.zone(), folder(host).map(ChatFiles::new));
    }

    @Override
    public Optional<SessionMark> mark(SessionId session, Surroundings host, Program program)
        throws IOException {
      Optional<Path> folder = folder(host);
      return folder.isEmpty() ? Optional.empty() : new ChatFiles(folder.get()).mark(session);
    }

    @Override
    public Optional<Path> sessionsAt(Surroundings host) {
      return folder(host);
    }

    @Override
    public Map<String, String> prepare(Surroundings host) {
      folder(host).ifPresent(SessionRetention::turnOff);
      return Map.of();
    }

    @Override
    public Instant startsAt(AgentCall call, Surroundings host, Instant now) {
      return call.start() == SessionStart.FRESH
          ? now
          : folder(host)
              .map(folder -> new ChatFiles(folder).settled(call.session(), now))
              .orElse(now);
    }

    /** Where the CLI keeps its settings and its sessions. */
    private static Optional<Path> folder(Surroundings host) {
      return host.folder("GEMINI_CLI_HOME", "").map(home -> home.resolve(".gemini"));
    }

    @Override
    public boolean keepsRefusedPrompt() {
      return false;
    }

    @Override
    public List<String> versionArguments() {
      return List.of("--version");
    }
  }
}
