package dev.outlast.activities.provider.codex;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.AccountFacts;
import dev.outlast.activities.provider.CallFacts;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LimitPatterns;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.PlainErrors;
import dev.outlast.activities.provider.Records;
import dev.outlast.activities.provider.ReportedErrors;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.activities.provider.ToolNames;
import dev.outlast.agent.ItemKind;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.time.Instant;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Reads the output of {@code codex exec}, with {@code --json} and without. Only the CLI's own
 * errors can make a limit: {@code turn.failed}, {@code error}, and on standard error the lines that
 * begin with "ERROR:". What stands in items is the model's, a tool's, or a warning. Without {@code
 * --json} standard error also holds what the model and its tools say.
 */
final class CodexReader implements OutputReader {

  private static final int MAX_TAIL = 64 * 1024;
  private static final String STDERR = "stderr";
  private static final String STDOUT = "stdout";

  /** The program begins with some lines about itself; the second line of dashes ends them. */
  private static final int MAX_HEADER_LINES = 40;

  private static final int HEADER_RULERS = 2;

  private static final Pattern BANNER =
      Pattern.compile("(?:\\[[^\\]]{1,40}\\] )?OpenAI Codex v(\\S{1,80}).*");
  private static final Pattern HEADER_SESSION =
      Pattern.compile("(?i)session id: ([0-9a-f-]{1,200})\\s*");
  private static final Pattern RULER = Pattern.compile("-{8,}\\s*");

  /** How the program begins an error of its own: "ERROR: ", in old versions after a time. */
  private static final Pattern OWN_ERROR =
      Pattern.compile("(?:\\[[^\\]]{1,40}\\] )?(?i:(?:fatal )?error)(?:: | ).*");

  /** "Reconnecting... 2/5 (why)"; before version 0.50 or so "why; retrying 2/5 in 200ms…". */
  private static final Pattern RETRY =
      Pattern.compile(
          "(?s)(?i:reconnecting)[.…\\s]*\\d+\\s*/\\s*\\d+\\s*(?:\\((?<why>.*)\\))?\\s*"
              + "|(?<old>.*)[;,] retrying \\d+\\s*/\\s*\\d+ in .*");

  private final LimitPatterns patterns;
  private final Surroundings host;
  private final ReportedErrors errors;
  private final Records records = new Records(this::settled, this::record);
  private final LineTail stderr = new LineTail(MAX_TAIL);

  private int headerLines;
  private int rulers;
  private SessionId session;
  private String agentVersion;
  private boolean taken;
  private boolean progressed;
  private String lastTool;
  private ItemKind lastItem;
  private TokenUsage tokens = TokenUsage.NONE;
  private AccountFacts account = AccountFacts.NONE;
  private boolean usingOverage;
  private String answer = "";

  private boolean completed;
  private LineTail.Line failure;
  private LineTail.Line error;
  private LineTail.Line warning;
  private Conclusion retry;

  CodexReader(LimitPatterns patterns, Surroundings host) {
    this.patterns = patterns;
    this.host = host;
    this.errors = new ReportedErrors("codex", patterns, host.zone());
  }

  @Override
  public void stdout(OutputLine line, Instant readAt) {
    records.line(line, readAt);
  }

  @Override
  public void stderr(OutputLine line, Instant readAt) {
    stderr.add(line, readAt);
    if (rulers < HEADER_RULERS && headerLines < MAX_HEADER_LINES) {
      header(line);
    }
  }

  private void header(OutputLine line) {
    headerLines++;
    String text = PlainText.clean(line.head(ToolNames.MAX_NAME + SessionId.MAX_LENGTH));
    Matcher banner = BANNER.matcher(text);
    if (banner.matches()) {
      agentVersion = ToolNames.shown(banner.group(1));
    } else if (agentVersion != null) {
      Matcher named = HEADER_SESSION.matcher(text);
      if (named.matches() && SessionId.valid(named.group(1))) {
        session(Optional.of(new SessionId(named.group(1))));
      }
      if (RULER.matcher(text).matches() && ++rulers == HEADER_RULERS) {
        taken = true;
      }
    }
  }

  /** The output of a command that runs may come again with each piece. */
  private boolean settled(String type) {
    return type.equals("item.updated")
        && taken
        && progressed
        && error == null
        && warning == null
        && retry == null;
  }

  private void record(JsonNode node, Instant readAt) {
    JsonNode old = node.path("msg");
    if (old.isObject()) {
      oldRecord(old, readAt);
      return;
    }
    switch (Json.text(node, "type")) {
      case "thread.started", "thread.resumed", "session.created" ->
          session(Json.session(node, "thread_id").or(() -> Json.session(node, "session_id")));
      case "turn.started" -> newTurn();
      case "item.started", "item.completed" -> item(node.path("item"), readAt);
      // What it is was said when it started.
      case "item.updated" -> ofModel(lastItem);
      case "turn.completed" -> completed(node.path("usage"));
      case "turn.failed" -> failed(told(node), readAt);
      case "error" -> error(told(node), readAt);
      default -> {
        // Records of newer versions.
      }
    }
  }

  /** The records of versions before 0.44 or so, whose vocabulary the session's file has kept. */
  private void oldRecord(JsonNode msg, Instant readAt) {
    switch (Json.text(msg, "type")) {
      case "session_configured" -> session(Json.session(msg, "session_id"));
      case "task_started" -> newTurn();
      case "agent_message" -> message(Json.text(msg, "message"));
      case "agent_reasoning" -> ofModel(ItemKind.REASONING);
      case "exec_command_begin" -> tool("command_execution", ItemKind.COMMAND_EXECUTION);
      case "patch_apply_begin" -> tool("file_change", ItemKind.FILE_CHANGE);
      case "mcp_tool_call_begin" -> tool(mcpName(msg.path("invocation")), ItemKind.TOOL_CALL);
      case "web_search_begin" -> tool("web_search", ItemKind.TOOL_CALL);
      case "plan_update" -> tool("todo_list", ItemKind.PLAN);
      case "token_count" -> {
        JsonNode usage = msg.path("info").path("total_token_usage");
        tokens = usage.isObject() ? Rollout.usage(usage) : tokens;
      }
      case "task_complete" -> {
        String last = Json.text(msg, "last_agent_message");
        answer = last.isEmpty() ? answer : PlainText.head(last, MAX_TAIL);
        completed(msg.path("usage"));
      }
      case "stream_error", "error" -> error(Json.text(msg, "message"), readAt);
      default -> {
        // Deltas, outputs of tools and the like.
      }
    }
  }

  /** The first is the one that was asked for; a further one would be a subagent's. */
  private void session(Optional<SessionId> named) {
    session = session == null ? named.orElse(null) : session;
  }

  /**
   * The CLI writes the prompt into the session's file as soon as the turn has started, before it
   * asks the model. Forgets how the turn before has ended: one process may take several.
   */
  private void newTurn() {
    taken = true;
    completed = false;
    failure = null;
    outlivedErrors();
  }

  private void outlivedErrors() {
    error = null;
    warning = null;
    retry = null;
  }

  private void item(JsonNode item, Instant readAt) {
    // Version 0.40 or so called it item_type, and the agent's message the assistant's.
    String type = Json.text(item, "type");
    type = type.isEmpty() ? Json.text(item, "item_type") : type;
    switch (type) {
      case "error" -> warning = line(Json.text(item, "message"), readAt);
      case "agent_message", "assistant_message" -> message(Json.text(item, "text"));
      case "reasoning" -> ofModel(ItemKind.REASONING);
      case "command_execution" -> tool(type, ItemKind.COMMAND_EXECUTION);
      case "file_change" -> tool(type, ItemKind.FILE_CHANGE);
      case "todo_list" -> tool(type, ItemKind.PLAN);
      case "mcp_tool_call" -> tool(mcpName(item), ItemKind.TOOL_CALL);
      default -> tool(type, ItemKind.TOOL_CALL);
    }
  }

  private static String mcpName(JsonNode call) {
    return Json.text(call, "server") + "." + Json.text(call, "tool");
  }

  private void message(String text) {
    ofModel(ItemKind.MESSAGE);
    answer = PlainText.head(text, MAX_TAIL);
  }

  private void tool(String name, ItemKind kind) {
    ofModel(kind);
    lastTool = ToolNames.shown(name);
  }

  /** The model is at work, so whatever went wrong before it was not the end. */
  private void ofModel(ItemKind kind) {
    taken = true;
    progressed = true;
    lastItem = kind;
    outlivedErrors();
  }

  private void completed(JsonNode usage) {
    taken = true;
    completed = true;
    failure = null;
    if (usage.isObject()) {
      // The sum of the whole session, so of several turns the last says it all.
      tokens = Rollout.usage(usage);
    }
  }

  /** What a record of an error says, wherever in it that stands. */
  static String told(JsonNode node) {
    JsonNode error = node.path("error");
    String words =
        Stream.of(Json.text(error, "message"), Json.text(node, "message"), Json.text(node, "error"))
            .filter(text -> !text.isBlank())
            .findFirst()
            .orElse("");
    String typed =
        Stream.of(
                Json.text(error, "type"),
                Json.text(error, "codex_error_info"),
                Json.text(node, "codex_error_info"))
            .filter(code -> code.startsWith("usage_limit"))
            .findFirst()
            .map(code -> "\n" + code)
            .orElse("");
    long resetsAt = Json.count(error, "resets_at");
    return words + typed + (resetsAt > 0 ? "\nresets at " + resetsAt : "");
  }

  private void failed(String message, Instant readAt) {
    taken = true;
    completed = false;
    failure = line(message, readAt);
  }

  private void error(String message, Instant readAt) {
    LineTail.Line line = line(message, readAt);
    Matcher again = RETRY.matcher(line.text());
    if (again.matches()) {
      String why = again.group("why") == null ? again.group("old") : again.group("why");
      retry = errors.conclude(why == null ? "" : why, 0, readAt, "stdout error");
    } else {
      error = line;
    }
  }

  private static LineTail.Line line(String text, Instant readAt) {
    return new LineTail.Line(PlainText.head(PlainText.clean(text), MAX_TAIL), readAt);
  }

  /**
   * No version is known to try again at a usage limit; a service of another kind may make it. Its
   * tries are few, so that what only looks like a limit may show what it is.
   */
  @Override
  public boolean sitsOutLimit(Instant now) {
    return retry instanceof Conclusion.Limited && !retry.unrecognised();
  }

  @Override
  public boolean mayBeLimited(Instant now) {
    return !completed && (failure != null || error != null || retry != null);
  }

  @Override
  public CallFacts facts() {
    return new CallFacts(
        session,
        null,
        agentVersion,
        taken,
        progressed,
        lastTool,
        lastItem,
        tokens,
        0,
        usingOverage);
  }

  @Override
  public AccountFacts account() {
    return account;
  }

  /** Reads the session's file too, which says more exactly what the output says in words. */
  @Override
  public Conclusion conclude(int exitCode, Instant now) {
    Optional<Rollout> rollout =
        taken && session != null ? Rollout.of(host, session) : Optional.empty();
    rollout.flatMap(Rollout::tokens).ifPresent(used -> tokens = used);
    rollout.ifPresent(file -> account = new AccountFacts(false, file.windows()));
    if (agentVersion == null) {
      agentVersion = rollout.flatMap(Rollout::agentVersion).orElse(null);
    }
    Conclusion conclusion = fromOutput(exitCode, rollout);
    if (conclusion instanceof Conclusion.Limited limited && rollout.isPresent()) {
      Instant readAt = failure != null ? failure.readAt() : error != null ? error.readAt() : now;
      return rollout.get().refined(limited, readAt);
    }
    usingOverage =
        conclusion instanceof Conclusion.Completed
            && rollout.map(Rollout::usedCredits).orElse(false);
    return conclusion;
  }

  private Conclusion fromOutput(int exitCode, Optional<Rollout> rollout) {
    if (exitCode == 0 && completed) {
      return answered();
    }
    if (exitCode == 0 && !records.any() && !records.plain().text().isBlank()) {
      return new Conclusion.Completed(new Basis("exit-0", "", "exit code"), records.plain().text());
    }
    Optional<Conclusion> reported = reported(rollout);
    if (completed && !reported.map(CodexReader::known).orElse(false)) {
      return answered();
    }
    return reported
        .or(() -> Optional.ofNullable(retry).filter(CodexReader::known))
        .or(this::fromWarning)
        .or(() -> fromPlain(exitCode))
        .orElseGet(() -> PlainErrors.failed(exitCode, stderr, records.plain()));
  }

  private Conclusion answered() {
    return new Conclusion.Completed(
        new Basis("codex/turn.completed", "", "stdout turn.completed"), answer);
  }

  /** What the turn's errors mean: the last word first, unless only the one before it is known. */
  private Optional<Conclusion> reported(Optional<Rollout> rollout) {
    int status = rollout.map(Rollout::errorStatus).orElse(0);
    Optional<Conclusion> last =
        Optional.ofNullable(failure)
            .map(line -> errors.conclude(line.text(), status, line.readAt(), "stdout turn.failed"));
    Optional<Conclusion> before =
        Optional.ofNullable(error)
            .map(line -> errors.conclude(line.text(), status, line.readAt(), "stdout error"));
    Optional<Conclusion> words =
        Stream.of(last, before)
            .flatMap(Optional::stream)
            .filter(CodexReader::known)
            .reduce((first, other) -> onlyOtherTellsReset(first, other) ? other : first)
            .or(() -> last)
            .or(() -> before);
    return words.map(said -> rollout.map(file -> typed(said, file)).orElse(said));
  }

  private static boolean onlyOtherTellsReset(Conclusion first, Conclusion other) {
    return first instanceof Conclusion.Limited one
        && other instanceof Conclusion.Limited two
        && one.reset() == null
        && two.reset() != null;
  }

  private static boolean known(Conclusion conclusion) {
    return !(conclusion instanceof Conclusion.Failed);
  }

  /** A limit that the session's file calls one, in words that are not known. */
  private Conclusion typed(Conclusion said, Rollout rollout) {
    boolean unknown = said instanceof Conclusion.Failed || said.unrecognised();
    if (!unknown || !rollout.saysUsageLimit()) {
      return said;
    }
    Basis basis = said.basis();
    ResetTime reset = said instanceof Conclusion.Limited limited ? limited.reset() : null;
    return new Conclusion.Limited(
        new Basis("codex/usage_limit_exceeded", basis.evidence(), basis.channel() + ", rollout"),
        rollout.reachedScope(),
        reset,
        UsageLimit.SetBy.WINDOW);
  }

  /** Some errors are reported as items only, and then the turn just ends. */
  private Optional<Conclusion> fromWarning() {
    return Optional.ofNullable(warning)
        .map(line -> errors.conclude(line.text(), 0, line.readAt(), "stdout item"))
        .filter(CodexReader::known)
        .filter(said -> !said.unrecognised());
  }

  private Optional<Conclusion> fromPlain(int exitCode) {
    PlainErrors plain = new PlainErrors(patterns, host.zone());
    if (exitCode >= PlainErrors.SIGNALLED) {
      return plain.pattern(stderr, PlainErrors.LINES, STDERR);
    }
    return plain
        .pattern(stderr, PlainErrors.LINES, STDERR)
        .or(() -> ownError(stderr, STDERR))
        .or(() -> records.any() ? Optional.empty() : ownError(records.plain(), STDOUT))
        .or(
            () ->
                taken || rulers > 0
                    ? Optional.empty()
                    : plain.words(stderr, PlainErrors.LINES, STDERR));
  }

  /** What the last line says that is the program's own error; empty if it is not known. */
  private Optional<Conclusion> ownError(LineTail tail, String channel) {
    return tail.lastFirst().stream()
        .limit(PlainErrors.LINES)
        .filter(line -> OWN_ERROR.matcher(line.text()).matches())
        .findFirst()
        .map(line -> errors.conclude(line.text(), 0, line.readAt(), channel))
        .filter(CodexReader::known);
  }
}
