package dev.outlast.activities.provider.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LastWord;
import dev.outlast.activities.provider.SessionFile;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/**
 * The files in which Claude Code keeps conversations: {@code projects/<folder>/<id>.jsonl}, where
 * the folder's name is made of the path that the CLI was started in (version 2.1.329).
 *
 * @param home the CLI's own folder, {@code .claude}
 */
record Conversations(Path home) {

  /** How many folders of projects are looked into. */
  static final int MAX_PROJECTS = 10_000;

  /**
   * How the text of what was typed only for the CLI itself begins, such as {@code /exit}: the model
   * is told of it later, but nobody has gone on with the conversation.
   */
  private static final List<String> LOCAL_COMMANDS =
      List.of("<command-name>", "<command-message>", "<local-command-");

  /**
   * The mark of a session: the id of the last message of a person, of the model or of a tool.
   * Attachments, prices, titles and the like do not count.
   *
   * @throws IOException if its file cannot be read
   */
  Optional<SessionMark> mark(SessionId session) throws IOException {
    Optional<Path> file = file(session.value() + ".jsonl");
    return file.isEmpty()
        ? Optional.empty()
        : LastWord.in(file.get(), "\"uuid\"", Conversations::said).flatMap(LastWord::mark);
  }

  /**
   * What a session has cost so far, in US dollars. A process that resumes it tells its own cost on
   * top of that (version 2.1.329).
   *
   * @return 0 if its file does not say
   * @throws IOException if its file cannot be read
   */
  double costUsd(SessionId session) throws IOException {
    Optional<Path> file = file(session.value() + ".jsonl");
    return file.isEmpty()
        ? 0
        : LastWord.in(file.get(), "\"cost-state\"", Conversations::cost)
            .map(Double::parseDouble)
            .orElse(0.0);
  }

  private static Optional<String> cost(JsonNode node) {
    double cost = node.path("totalCostUSD").asDouble(-1);
    return Json.text(node, "type").equals("cost-state") && Double.isFinite(cost) && cost >= 0
        ? Optional.of(Double.toString(cost))
        : Optional.empty();
  }

  private static Optional<String> said(JsonNode node) {
    boolean counts =
        switch (Json.text(node, "type")) {
          case "assistant" -> true;
          case "user" -> !node.path("isMeta").asBoolean() && !localCommand(node);
          default -> false;
        };
    return counts
        ? Optional.of(Json.text(node, "uuid")).filter(id -> !id.isEmpty())
        : Optional.empty();
  }

  private static boolean localCommand(JsonNode node) {
    String text = Json.text(node.path("message"), "content");
    return LOCAL_COMMANDS.stream().anyMatch(text::startsWith);
  }

  /** The file of this name that was written last; a copy may lie in another project's folder. */
  private Optional<Path> file(String name) throws IOException {
    Path projects = home.resolve("projects");
    Path newest = null;
    if (name.indexOf('/') >= 0 || !Files.isDirectory(projects)) {
      return Optional.empty();
    }
    FileTime newestTime = null;
    try (DirectoryStream<Path> found = Files.newDirectoryStream(projects)) {
      Iterator<Path> project = found.iterator();
      for (int seen = 0; seen < MAX_PROJECTS && project.hasNext(); seen++) {
        Path file = project.next().resolve(name);
        if (SessionFile.exists(file)) {
          FileTime time = Files.getLastModifiedTime(file);
          if (newest == null || time.compareTo(newestTime) > 0) {
            newest = file;
            newestTime = time;
          }
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return Optional.ofNullable(newest);
  }
}
