package dev.outlast.activities.provider.codex;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LastWord;
import dev.outlast.activities.provider.SessionFile;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.activities.provider.ToolNames;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import dev.outlast.agent.TokenUsage;
import dev.outlast.limit.GateReport.WindowUse;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the file of a session says about its last turn, beyond what the CLI prints: the exact times
 * at which the account's windows reset, the kind of an error, and what the turn itself has used.
 * The file is {@code sessions/YYYY/MM/DD/rollout-TIME-ID.jsonl} under {@code CODEX_HOME} or {@code
 * ~/.codex}. Its records were seen in version 0.169.0; the relative times are those of versions
 * before.
 */
final class Rollout {

  /** In how many days' folders a session is looked for, the newest first. */
  static final int MAX_DAYS = 4_000;

  private static final Logger log = LoggerFactory.getLogger(Rollout.class);

  /** In these first bytes of a record stands its type. */
  private static final int TYPE_BYTES = 256;

  private static final List<String> TYPES =
      List.of(
          "session_meta",
          "task_started",
          "turn_started",
          "user_message",
          "token_count",
          "task_complete",
          "turn_complete",
          "\"error\"");

  private static final Set<String> TURN_BEGINS =
      Set.of("task_started", "turn_started", "user_message");

  private final boolean fromStart;
  private boolean earlierTurns;
  private boolean turnHasRecords;
  private String sessionVersion;
  private TokenUsage before = TokenUsage.NONE;
  private TokenUsage total;
  private List<RateWindow> windows = List.of();
  private boolean windowsAreOfThisTurn;
  private boolean hasCredits;
  private String reachedType = "";
  private JsonNode errorInfo;

  private Rollout(boolean fromStart) {
    this.fromStart = fromStart;
  }

  /** Reads the file of a session; empty if there is none, or it cannot be read. */
  static Optional<Rollout> of(Surroundings host, SessionId session) {
    try {
      Optional<Path> file = file(host, session);
      return file.isEmpty() ? Optional.empty() : Optional.of(read(file.get()));
    } catch (IOException | UncheckedIOException | SecurityException | InvalidPathException e) {
      log.info("the file of codex session {} cannot be read: {}", session, e.toString());
      return Optional.empty();
    }
  }

  private static Optional<Path> file(Surroundings host, SessionId session) {
    return host.folder("CODEX_HOME", ".codex")
        .flatMap(home -> find(home.resolve("sessions"), session));
  }

  /**
   * The mark of a session: when the last thing was said in it, to the millisecond. What the CLI
   * notes when a session is only opened does not count.
   *
   * @throws IOException if its file cannot be read
   */
  static Optional<SessionMark> mark(Surroundings host, SessionId session) throws IOException {
    Optional<Path> file = file(host, session);
    return file.isEmpty()
        ? Optional.empty()
        : LastWord.in(file.get(), "\"payload\"", Rollout::said).flatMap(LastWord::mark);
  }

  private static Optional<String> said(JsonNode node) {
    JsonNode payload = node.path("payload");
    boolean counts =
        switch (Json.text(node, "type")) {
          // A developer's message is the CLI's own.
          case "response_item" -> !Json.text(payload, "role").equals("developer");
          case "event_msg" -> TURN_BEGINS.contains(Json.text(payload, "type"));
          default -> false;
        };
    return counts
        ? Optional.of(Json.text(node, "timestamp")).filter(time -> !time.isEmpty())
        : Optional.empty();
  }

  private static Optional<Path> find(Path sessions, SessionId session) {
    String name = "-" + session.value() + ".jsonl";
    try (Stream<Path> days =
        newestFirst(sessions).flatMap(Rollout::newestFirst).flatMap(Rollout::newestFirst)) {
      return days.limit(MAX_DAYS)
          .flatMap(Rollout::newestFirst)
          .filter(file -> file.getFileName().toString().endsWith(name))
          .filter(SessionFile::exists)
          .findFirst();
    }
  }

  /** What is in a folder, the last name first; nothing if it is no folder. */
  private static Stream<Path> newestFirst(Path folder) {
    if (!Files.isDirectory(folder)) {
      return Stream.empty();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries
          .sorted(Comparator.comparing((Path entry) -> entry.getFileName().toString()).reversed())
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Reads a file, or the end of a long one. */
  static Rollout read(Path path) throws IOException {
    try (SessionFile file = SessionFile.open(path)) {
      Rollout rollout = new Rollout(file.isWhole());
      file.lines(rollout::line);
      return rollout;
    }
  }

  private void line(OutputLine line) {
    int length = Math.min(line.bytes().length, TYPE_BYTES);
    String start = new String(line.bytes(), 0, length, StandardCharsets.ISO_8859_1);
    if (TYPES.stream().anyMatch(start::contains)) {
      record(Json.read(line));
    }
  }

  private void record(JsonNode node) {
    JsonNode payload = node.path("payload");
    if (Json.text(node, "type").equals("session_meta")) {
      String version = Json.text(payload, "cli_version");
      sessionVersion = version.isBlank() ? sessionVersion : ToolNames.shown(version);
      return;
    }
    switch (Json.text(payload, "type")) {
      case "task_started", "turn_started", "user_message" -> newTurn();
      case "token_count" -> {
        turnHasRecords = true;
        tokens(payload.path("info"));
        limits(payload.path("rate_limits"), time(node));
      }
      case "task_complete", "turn_complete", "error" -> {
        turnHasRecords = true;
        JsonNode info = payload.path("error").path("codex_error_info");
        info = info.isMissingNode() ? payload.path("codex_error_info") : info;
        errorInfo = info.isTextual() || info.isObject() ? info : errorInfo;
      }
      default -> {
        // Nothing that is needed here.
      }
    }
  }

  private void newTurn() {
    earlierTurns |= turnHasRecords;
    turnHasRecords = false;
    before = total == null ? before : total;
    windowsAreOfThisTurn = false;
    reachedType = "";
    errorInfo = null;
  }

  private void tokens(JsonNode info) {
    if (info.path("total_token_usage").isObject()) {
      TokenUsage now = usage(info.path("total_token_usage"));
      if (total == null && !fromStart) {
        before = now.minus(usage(info.path("last_token_usage")));
      }
      total = now;
    }
  }

  /** The record of a refused request may know nothing of the windows; the one before it does. */
  private void limits(JsonNode limits, Instant recordedAt) {
    List<RateWindow> known = RateWindow.of(limits, recordedAt);
    if (!known.isEmpty()) {
      windows = known;
      windowsAreOfThisTurn = true;
      hasCredits = limits.path("credits").path("has_credits").asBoolean(false);
    }
    String reached = Json.text(limits, "rate_limit_reached_type");
    reachedType = reached.isEmpty() ? reachedType : reached;
  }

  private static Instant time(JsonNode node) {
    try {
      return OffsetDateTime.parse(Json.text(node, "timestamp")).toInstant();
    } catch (DateTimeException notRfc3339) {
      return null;
    }
  }

  /** Tokens by kind, where the CLI counts the cached ones as input and reasoning as output. */
  static TokenUsage usage(JsonNode usage) {
    return TokenUsage.ofTotals(
        Json.count(usage, "input_tokens"),
        Json.count(usage, "output_tokens"),
        Json.count(usage, "reasoning_output_tokens"),
        Json.count(usage, "cached_input_tokens"),
        Json.count(usage, "cache_write_input_tokens"));
  }

  /** What the last turn has used; empty if the file does not say. */
  Optional<TokenUsage> tokens() {
    return Optional.ofNullable(total).map(all -> all.minus(before));
  }

  /** How much of the account's windows was used after the last turn. */
  Map<String, WindowUse> windows() {
    Map<String, WindowUse> uses = new LinkedHashMap<>();
    for (RateWindow window : windowsAreOfThisTurn ? windows : List.<RateWindow>of()) {
      if (window.used() >= 0) {
        uses.put(window.name(), new WindowUse(window.used(), window.resetsAt()));
      }
    }
    return uses;
  }

  /** The version of the program that began the session, if it did so in the last turn. */
  Optional<String> agentVersion() {
    return fromStart && !earlierTurns ? Optional.ofNullable(sessionVersion) : Optional.empty();
  }

  /**
   * The window beyond which the last turn went on, as paid credit was there: of those that are used
   * up, the one that is the last to be free again. Empty if it did not.
   */
  Optional<Conclusion.Limited> overage() {
    return windowsAreOfThisTurn && hasCredits
        ? windows.stream()
            .filter(RateWindow::exhausted)
            .max(Comparator.comparing(RateWindow::resetsAt))
            .map(
                window ->
                    new Conclusion.Limited(
                        new Basis("codex/credits", window.record().toString(), "rollout"),
                        window.scope(),
                        ResetTime.exactly(window.resetsAt()),
                        window.setBy()))
        : Optional.empty();
  }

  /**
   * Whether the CLI calls the error of the last turn a usage limit. It calls a quota that is not
   * paid for and a plan without Codex so too; those it puts into known words.
   */
  boolean saysUsageLimit() {
    return errorInfo != null && errorInfo.asText().equals("usage_limit_exceeded");
  }

  /** The HTTP status that the error of the last turn stands for; 0 if the CLI names none. */
  int errorStatus() {
    if (errorInfo == null) {
      return 0;
    }
    if (errorInfo.isTextual()) {
      return switch (errorInfo.textValue()) {
        case "unauthorized" -> 401;
        case "server_overloaded" -> 503;
        default -> 0;
      };
    }
    for (JsonNode detail : errorInfo) {
      long status = Json.count(detail, "http_status_code");
      if (status > 0) {
        return (int) Math.min(status, 999);
      }
    }
    return 0;
  }

  /** The scope of a usage limit whose words do not tell it. */
  LimitScope reachedScope() {
    return reachedType.startsWith("workspace_") ? LimitScope.CREDIT : LimitScope.UNKNOWN;
  }

  /**
   * A limit with the exact reset of the window that its words mean, or of a later one that is used
   * up too. Never an earlier reset than the words name, as the words are the newer.
   *
   * @param readAt when the words were read
   */
  Conclusion.Limited refined(Conclusion.Limited said, Instant readAt) {
    return windows.stream()
        .filter(window -> window.resetsAt().isAfter(readAt) && isMeant(window, said.reset()))
        .max(Comparator.comparing(RateWindow::resetsAt))
        .map(window -> refined(said, window))
        .orElse(said);
  }

  private boolean isMeant(RateWindow window, ResetTime words) {
    if (words == null) {
      return window.exhausted();
    }
    return !window.resetsAt().isBefore(words.earliest())
        && (!window.resetsAt().isAfter(words.latest())
            || (window.exhausted() && windowsAreOfThisTurn));
  }

  private static Conclusion.Limited refined(Conclusion.Limited said, RateWindow window) {
    Basis basis = said.basis();
    boolean saysMore =
        said.scope() == LimitScope.MODEL
            || said.scope() == LimitScope.CREDIT
            || window.scope() == LimitScope.UNKNOWN;
    return new Conclusion.Limited(
        new Basis(
            basis.rule(), basis.evidence() + " " + window.record(), basis.channel() + ", rollout"),
        saysMore ? said.scope() : window.scope(),
        ResetTime.exactly(window.resetsAt()),
        window.setBy());
  }
}
