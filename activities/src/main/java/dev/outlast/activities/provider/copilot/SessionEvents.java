package dev.outlast.activities.provider.copilot;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LastWord;
import dev.outlast.activities.provider.Records;
import dev.outlast.activities.provider.SessionFile;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.activities.provider.ToolNames;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import dev.outlast.agent.TokenUsage;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the file of a session says about its last call, which the output does not: the tokens, and
 * the version of the program. The file is {@code session-state/ID/events.jsonl} under {@code
 * COPILOT_HOME} or {@code ~/.copilot}. Each process begins with {@code session.start} or {@code
 * session.resume}; version 1.0.102 writes {@code session.usage_record} after each request, so also
 * if it is killed, and every version {@code session.shutdown} at its end. What a process used is
 * told in premium requests and AI credits, never in money.
 */
final class SessionEvents {

  private static final Logger log = LoggerFactory.getLogger(SessionEvents.class);

  private static final Set<String> TYPES =
      Set.of(
          "session.start",
          "session.resume",
          "session.usage_record",
          "session.shutdown",
          "assistant.message");

  private static final Set<String> SAID =
      Set.of("user.message", "assistant.message", "tool.execution_start");

  /**
   * What a process says at its end.
   *
   * @param requests that it counts
   */
  private record Total(long requests, TokenUsage tokens) {

    private static final Total NONE = new Total(0, TokenUsage.NONE);
  }

  private String version;
  private TokenUsage recorded = TokenUsage.NONE;
  private long answers;
  private Total before = Total.NONE;
  private Total end;
  private Long contextTokens;

  private SessionEvents() {}

  /** Reads the file of a session; empty if there is none, or it cannot be read. */
  static Optional<SessionEvents> of(Surroundings host, SessionId session) {
    try {
      Optional<Path> file = file(host, session);
      return file.isEmpty() ? Optional.empty() : Optional.of(read(file.get()));
    } catch (IOException | SecurityException | InvalidPathException e) {
      log.info("the file of copilot session {} cannot be read: {}", session, e.toString());
      return Optional.empty();
    }
  }

  private static Optional<Path> file(Surroundings host, SessionId session) {
    return host.folder("COPILOT_HOME", ".copilot")
        .filter(Path::isAbsolute)
        .map(home -> home.resolve("session-state").normalize())
        .flatMap(sessions -> folder(sessions, session))
        .map(folder -> folder.resolve("events.jsonl"))
        .filter(SessionFile::exists);
  }

  /**
   * The mark of a session: the id of the last event with which somebody said or did something.
   *
   * @throws IOException if its file cannot be read
   */
  static Optional<SessionMark> mark(Surroundings host, SessionId session) throws IOException {
    Optional<Path> file = file(host, session);
    return file.isEmpty()
        ? Optional.empty()
        : LastWord.in(file.get(), "\"id\"", SessionEvents::said).flatMap(LastWord::mark);
  }

  private static Optional<String> said(JsonNode node) {
    return SAID.contains(Json.text(node, "type"))
        ? Optional.of(Json.text(node, "id")).filter(id -> !id.isEmpty())
        : Optional.empty();
  }

  /** The folder of a session, which an id that is a path does not name. */
  private static Optional<Path> folder(Path sessions, SessionId session) {
    return Optional.of(sessions.resolve(session.value()).normalize())
        .filter(folder -> sessions.equals(folder.getParent()));
  }

  private static SessionEvents read(Path path) throws IOException {
    try (SessionFile file = SessionFile.open(path)) {
      SessionEvents events = new SessionEvents();
      file.lines(events::line);
      return events;
    }
  }

  private void line(OutputLine line) {
    if (!Records.settled(line, type -> !TYPES.contains(type))) {
      JsonNode node = Json.read(line);
      record(Json.text(node, "type"), node.path("data"));
      if (!node.path("agentId").isTextual()) {
        context(Json.text(node, "type"), node.path("data"));
      }
    }
  }

  private void record(String type, JsonNode data) {
    switch (type) {
      case "session.start" -> begin(Json.text(data, "copilotVersion"));
      case "session.resume" -> begin("");
      case "session.usage_record" -> recorded = recorded.plus(usage(data.path("usage")));
      case "assistant.message" -> answers++;
      case "session.shutdown" -> end = total(data.path("modelMetrics"));
      default -> {
        // Says nothing that is needed here.
      }
    }
  }

  /**
   * A process says how large the conversation is at its end, and after each request what it read.
   */
  private void context(String type, JsonNode data) {
    long now =
        switch (type) {
          case "session.usage_record" -> usage(data.path("usage")).total();
          case "session.shutdown" -> Json.count(data, "currentTokens");
          default -> 0;
        };
    contextTokens = now == 0 ? contextTokens : Long.valueOf(now);
  }

  /** How large the session's context is, also if the last call was refused at once. */
  Optional<Long> contextTokens() {
    return Optional.ofNullable(contextTokens);
  }

  /** A resumed session does not say which version resumes it. */
  private void begin(String byVersion) {
    version = byVersion.isBlank() ? null : ToolNames.shown(byVersion);
    before = end == null ? before : end;
    end = null;
    recorded = TokenUsage.NONE;
    answers = 0;
  }

  private static Total total(JsonNode models) {
    long requests = 0;
    TokenUsage tokens = TokenUsage.NONE;
    for (JsonNode model : models) {
      requests += Json.count(model.path("requests"), "count");
      tokens = tokens.plus(usage(model.path("usage")));
    }
    return new Total(requests, tokens);
  }

  /** Tokens by kind, where the CLI counts the cached ones as input and reasoning as output. */
  static TokenUsage usage(JsonNode usage) {
    return TokenUsage.ofTotals(
        Json.count(usage, "inputTokens"),
        Json.count(usage, "outputTokens"),
        Json.count(usage, "reasoningTokens"),
        Json.count(usage, "cacheReadTokens"),
        Json.count(usage, "cacheWriteTokens"));
  }

  /**
   * What the last call has used; {@link TokenUsage#NONE} if the file does not say. Without records
   * of each request the total at the end tells it. That is the whole session's in version 1.0.80
   * and the process's own in 1.0.40: only the former counts all requests of before and the call's
   * answers.
   */
  TokenUsage tokens() {
    if (end == null || !recorded.equals(TokenUsage.NONE)) {
      return recorded;
    }
    boolean ofSession = end.requests() >= before.requests() + answers;
    return ofSession ? end.tokens().minus(before.tokens()) : end.tokens();
  }

  /** The version of the program, if the last call began the session. */
  Optional<String> agentVersion() {
    return Optional.ofNullable(version);
  }
}
