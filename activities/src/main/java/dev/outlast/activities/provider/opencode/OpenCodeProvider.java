package dev.outlast.activities.provider.opencode;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.file.WholeFile;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.AgentOptions;
import dev.outlast.activities.provider.AgentProvider;
import dev.outlast.activities.provider.CommandLine;
import dev.outlast.activities.provider.Environment;
import dev.outlast.activities.provider.Item;
import dev.outlast.activities.provider.ItemReader;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LastWord;
import dev.outlast.activities.provider.LimitPatterns;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.Program;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * OpenCode, called as {@code opencode run --format json --print-logs --log-level INFO} with the
 * message on standard input: as an argument, version 1.18.33 puts one with spaces into quotation
 * marks. Its log names the session long before the first event does, and shows that it retries.
 *
 * <p>{@code permissionMode} is {@code auto} (approve what the configuration does not deny) or
 * missing: then what the configuration asks about is refused.
 */
public final class OpenCodeProvider implements AgentProvider {

  /** More configuration, in JSON, beside that of the user's files. */
  static final String CONFIG_CONTENT = "OPENCODE_CONFIG_CONTENT";

  private static final String DATABASE = "OPENCODE_DB";
  private static final String IN_MEMORY = ":memory:";
  private static final String PLUGIN = "outlast-status.js";

  @Override
  public String name() {
    return "opencode";
  }

  @Override
  public Optional<String> executable() {
    return Optional.of("opencode");
  }

  @Override
  public List<String> defaultEnvironment() {
    return Environment.commonAnd(
        "OPENCODE_*",
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
        "GEMINI_API_KEY",
        "GOOGLE_GENERATIVE_AI_API_KEY",
        "OPENROUTER_API_KEY");
  }

  @Override
  public ItemReader items(Consumer<Item> sink) {
    return new OpenCodeItems(sink);
  }

  @Override
  public AgentDriver driver(AgentDefinition agent) {
    AgentOptions.permissionMode(
        agent, List.of("auto"), "finer permissions belong into opencode.json");
    AgentOptions.sandbox(agent, List.of(), "permissions belong into opencode.json");
    return new Driver(agent, LimitPatterns.of(agent));
  }

  private record Driver(AgentDefinition agent, LimitPatterns patterns) implements AgentDriver {

    @Override
    public boolean choosesSession() {
      return false;
    }

    @Override
    public boolean continuesLast() {
      return true;
    }

    @Override
    public CommandLine commandLine(AgentCall call) {
      List<String> line = new ArrayList<>(agent.leadingArguments());
      line.addAll(List.of("run", "--format", "json", "--print-logs", "--log-level", "INFO"));
      switch (call.start()) {
        case FRESH -> {
          // OpenCode names its sessions itself.
        }
        case RESUME -> line.addAll(List.of("--session", call.session().value()));
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
      return new OpenCodeReader(new Refusals(patterns, host.zone()));
    }

    /** Adds our plug-in to the configuration, unless what the user has put there is not JSON. */
    @Override
    public Map<String, String> prepare(Surroundings host) throws IOException {
      String given = host.environment().getOrDefault(CONFIG_CONTENT, "{}");
      JsonNode config = Json.read(given);
      if (host.stateFolder() == null || !config.isObject()) {
        return Map.of();
      }
      Path plugin = installed(host.stateFolder().resolve("opencode"));
      ObjectNode with = config.deepCopy();
      JsonNode others = with.path("plugin");
      with.set(
          "plugin",
          (others.isArray() ? others.<ArrayNode>deepCopy() : JsonNodeFactory.instance.arrayNode())
              .add(plugin.toUri().toString()));
      return Map.of(CONFIG_CONTENT, with.toString());
    }

    /** The plug-in's file. Several calls may put it there at once; each finds it whole. */
    private static Path installed(Path folder) throws IOException {
      byte[] content;
      try (InputStream resource = OpenCodeProvider.class.getResourceAsStream(PLUGIN)) {
        content = resource.readAllBytes();
      }
      Path file = folder.resolve(PLUGIN);
      if (!Files.isRegularFile(file) || !Arrays.equals(Files.readAllBytes(file), content)) {
        Files.createDirectories(folder);
        WholeFile.write(file, content, Set.of());
      }
      return file;
    }

    /**
     * When the session was last written to, by the program's own list (version 1.18.33): it keeps
     * its sessions in a database. Its own name for a session, the title, moves this too.
     */
    @Override
    public Optional<SessionMark> mark(SessionId session, Surroundings host, Program program) {
      List<String> line = new ArrayList<>(agent.leadingArguments());
      line.addAll(List.of("session", "list", "--format", "json"));
      return program.ask(line).flatMap(list -> updated(Json.read(list), session));
    }

    /** Its database, which {@code OPENCODE_DB} may name in another place, or in memory only. */
    @Override
    public Optional<Path> sessionsAt(Surroundings host) {
      String named = host.environment().getOrDefault(DATABASE, "");
      if (named.equals(IN_MEMORY)) {
        return Optional.empty();
      }
      return host.folder("XDG_DATA_HOME", ".local/share")
          .map(data -> data.resolve("opencode").resolve(named));
    }

    private static Optional<SessionMark> updated(JsonNode sessions, SessionId session) {
      for (JsonNode one : sessions) {
        if (Json.text(one, "id").equals(session.value())) {
          return LastWord.mark(one.path("updated").asText());
        }
      }
      return Optional.empty();
    }

    @Override
    public List<String> versionArguments() {
      return List.of("--version");
    }
  }
}
