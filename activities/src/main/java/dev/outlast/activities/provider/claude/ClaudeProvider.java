package dev.outlast.activities.provider.claude;

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
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Claude Code, called as {@code claude -p PROMPT --output-format stream-json --verbose}. The
 * options are those of its documentation ("CLI reference"), of versions 1.0.83 to 2.1.329.
 *
 * <p>{@code permissionMode} is one of {@link #PERMISSION_MODES}; one of a newer version is an
 * argument.
 */
public final class ClaudeProvider implements AgentProvider {

  /** What {@code permissionMode} may be; {@code default} is what {@code manual} was called. */
  static final List<String> PERMISSION_MODES =
      List.of("acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "manual", "plan");

  /**
   * Ends the program when this process, without what its session had cost before, has cost more. It
   * looks at that after each answer; seen in version 2.1.329.
   */
  private static final String MAX_BUDGET = "--max-budget-usd";

  @Override
  public String name() {
    return "claude";
  }

  @Override
  public Optional<String> executable() {
    return Optional.of("claude");
  }

  @Override
  public List<String> defaultEnvironment() {
    return Environment.commonAnd("ANTHROPIC_*", "CLAUDE_*");
  }

  @Override
  public ItemReader items(Consumer<Item> sink) {
    return new ClaudeItems(sink);
  }

  @Override
  public AgentDriver driver(AgentDefinition agent) {
    AgentOptions.permissionMode(
        agent, PERMISSION_MODES, "a newer version's word is an argument: --permission-mode=WORD");
    AgentOptions.sandbox(agent, List.of(), "Claude Code's own sandbox is part of its settings");
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
      line.add("-p");
      if (asArgument) {
        line.add(call.message());
      }
      line.addAll(List.of("--output-format", "stream-json", "--verbose"));
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
        line.addAll(List.of("--permission-mode", agent.permissionMode()));
      }
      if (call.model() != null) {
        line.addAll(List.of("--model", call.model()));
      }
      if (boundsCost(call)) {
        line.addAll(List.of(MAX_BUDGET, BigDecimal.valueOf(call.costUsdLeft()).toPlainString()));
      }
      line.addAll(agent.args());
      return new CommandLine(line, asArgument ? null : call.message());
    }

    @Override
    public OutputReader reader(Surroundings host) {
      return new ClaudeReader(patterns, host.zone());
    }

    @Override
    public OutputReader reader(Surroundings host, AgentCall call) {
      return new ClaudeReader(patterns, host.zone(), boundsCost(call), sessionCost(call, host));
    }

    /** What the last session costs is not known before the program has named it. */
    private static SessionCost sessionCost(AgentCall call, Surroundings host) {
      Optional<Path> home = host.folder("CLAUDE_CONFIG_DIR", ".claude");
      return home.isEmpty() || call.start() == SessionStart.CONTINUE_LAST
          ? SessionCost.UNKNOWN
          : SessionCost.of(new Conversations(home.get()), call.session());
    }

    /**
     * Whether the program is to end itself when the call has cost too much, which it tells only at
     * its end. A bound of the agent's own arguments stays as it is.
     */
    private boolean boundsCost(AgentCall call) {
      return call.costUsdLeft() != null
          && agent.args().stream().noneMatch(argument -> argument.startsWith(MAX_BUDGET));
    }

    @Override
    public Optional<SessionMark> mark(SessionId session, Surroundings host, Program program)
        throws IOException {
      Optional<Path> home = host.folder("CLAUDE_CONFIG_DIR", ".claude");
      return home.isEmpty() ? Optional.empty() : new Conversations(home.get()).mark(session);
    }

    @Override
    public Optional<Path> sessionsAt(Surroundings host) {
      return host.folder("CLAUDE_CONFIG_DIR", ".claude").map(home -> home.resolve("projects"));
    }
  }
}
