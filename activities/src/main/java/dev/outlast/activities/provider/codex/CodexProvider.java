package dev.outlast.activities.provider.codex;

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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * The Codex CLI, called as {@code codex exec [resume] --json --skip-git-repo-check …}. The options
 * were tried with version 0.169.0.
 *
 * <ul>
 *   <li>{@code sandbox} is one of {@link #SANDBOXES}. Without it the CLI's own configuration
 *       decides, and where that says nothing, tools may only read.
 *   <li>{@code permissionMode} is one of {@link #PERMISSION_MODES}. {@code codex exec} never asks
 *       anybody: {@code never} is what it does anyway (what the sandbox forbids fails), {@code
 *       approve-for-me} has the CLI's automatic review decide, in a writable workspace, {@code
 *       full-auto} is an older version's word for a writable workspace, and {@code
 *       dangerously-bypass-approvals-and-sandbox} lets tools do everything.
 *   <li>A session to resume is named by its id, a UUID. The CLI knows names of sessions too, but
 *       begins a new session without a word for a name that it does not know, so names are refused;
 *       an unknown id is an error. For the last session of a folder that has none it begins a new
 *       one, as it should.
 *   <li>{@code args} are options of {@code codex exec}. They are given before the word {@code
 *       resume}, where the CLI accepts them for a resumed session too, {@code -s}, {@code -p} and
 *       {@code --add-dir} included. An option that takes several values needs the form {@code
 *       --image=FILE}. Options that would keep a session from being resumed, or move it out of its
 *       workspace, are refused.
 * </ul>
 */
public final class CodexProvider implements AgentProvider {

  /** The words for {@code sandbox}. */
  public static final List<String> SANDBOXES =
      List.of("read-only", "workspace-write", "danger-full-access");

  private static final Pattern ID =
      Pattern.compile("(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}");

  private static final String NEVER = "never";
  private static final String BYPASS = "dangerously-bypass-approvals-and-sandbox";

  /** The words for {@code permissionMode}. */
  public static final List<String> PERMISSION_MODES =
      List.of(NEVER, "approve-for-me", "full-auto", BYPASS);

  @Override
  public String name() {
    return "codex";
  }

  @Override
  public Optional<String> executable() {
    return Optional.of("codex");
  }

  @Override
  public List<String> defaultEnvironment() {
    return Environment.commonAnd("CODEX_*", "OPENAI_*");
  }

  @Override
  public ItemReader items(Consumer<Item> sink) {
    return new CodexItems(sink);
  }

  @Override
  public AgentDriver driver(AgentDefinition agent) {
    String key = "agents." + agent.name() + ".";
    AgentOptions.sandbox(agent, SANDBOXES, "");
    AgentOptions.permissionMode(agent, PERMISSION_MODES, "");
    String implied = impliedSandbox(agent.permissionMode());
    if (implied != null && agent.sandbox() != null && !agent.sandbox().equals(implied)) {
      throw new IllegalArgumentException(
          key
              + "sandbox: '"
              + agent.sandbox()
              + "' would be ignored, as permission-mode '"
              + agent.permissionMode()
              + "' means "
              + implied
              + "; leave one of them out");
    }
    for (int i = 0; i < agent.args().size(); i++) {
      String arg = agent.args().get(i);
      String remedy = remedy(arg, agent);
      if (!remedy.isEmpty()) {
        throw new IllegalArgumentException(key + "args[" + i + "]: '" + arg + "' " + remedy);
      }
    }
    return new Driver(agent, LimitPatterns.of(agent));
  }

  /** The sandbox that a mode has whatever else is said; null if it has none. */
  private static String impliedSandbox(String permissionMode) {
    if (permissionMode == null || permissionMode.equals(NEVER)) {
      return null;
    }
    return permissionMode.equals(BYPASS) ? "danger-full-access" : "workspace-write";
  }

  /** Why an argument cannot be given, and what to do instead; empty if it can. */
  private static String remedy(String arg, AgentDefinition agent) {
    String option = arg.startsWith("--") ? arg.split("=", 2)[0] : arg;
    if (option.equals("--cd") || option.startsWith("-C")) {
      return "would move the agent out of its run's workspace; name the workspace in the run";
    }
    boolean sandbox = option.equals("--sandbox") || option.startsWith("-s");
    if (sandbox && agent.sandbox() != null) {
      return "is said twice; leave it out, as the key 'sandbox' says it";
    }
    if (option.equals("--yolo")
        || PERMISSION_MODES.stream().anyMatch(mode -> option.equals("--" + mode))) {
      return "is the key permission-mode's to say; move it there";
    }
    return switch (option) {
      case "--ephemeral" -> "keeps no session that could be resumed; leave it out";
      case "--json", "--experimental-json", "--skip-git-repo-check" ->
          "is always given; leave it out";
      case "--last", "--all", "resume", "fork", "review" ->
          "says which session to use, which the run decides; leave it out";
      default -> "";
    };
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
      boolean fresh = call.start() == SessionStart.FRESH;
      List<String> line = new ArrayList<>(agent.leadingArguments());
      line.add("exec");
      if (agent.permissionMode() != null && !agent.permissionMode().equals(NEVER)) {
        line.add("--" + agent.permissionMode());
      }
      line.addAll(agent.args());
      if (!fresh) {
        line.add("resume");
      }
      line.addAll(List.of("--json", "--skip-git-repo-check"));
      if (agent.sandbox() != null) {
        // The option -s is unknown to "exec resume"; this is known to both.
        line.addAll(List.of("-c", "sandbox_mode=\"" + agent.sandbox() + "\""));
      }
      if (call.model() != null) {
        line.addAll(List.of("-m", call.model()));
      }
      switch (call.start()) {
        case FRESH -> {}
        case RESUME -> line.add(id(call.session()));
        case CONTINUE_LAST -> line.add("--last");
      }
      boolean asArgument = CommandLine.isPlainArgument(call.message());
      if (asArgument && fresh) {
        // Else a message such as "review" would be one of the program's commands.
        line.add("--");
      }
      line.add(asArgument ? call.message() : "-");
      return new CommandLine(line, asArgument ? null : call.message());
    }

    private static String id(SessionId session) {
      if (!ID.matcher(session.value()).matches()) {
        throw new IllegalArgumentException(
            "session: '"
                + session
                + "' is no id of codex, which would begin a new session for a name that it does not"
                + " know; give the session's id, as in '0199a213-81c0-7800-8aa1-bbab2a035a53': codex"
                + " prints it when it begins, and it is in the name of the session's file");
      }
      return session.value();
    }

    @Override
    public OutputReader reader(Surroundings host) {
      return new CodexReader(patterns, host);
    }

    @Override
    public Optional<SessionMark> mark(SessionId session, Surroundings host, Program program)
        throws IOException {
      return Rollout.mark(host, session);
    }

    @Override
    public Optional<Path> sessionsAt(Surroundings host) {
      return Rollout.sessions(host);
    }

    @Override
    public List<String> versionArguments() {
      return List.of("--version");
    }
  }
}
