package dev.outlast.activities.provider.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LastWord;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionMark;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files in which Gemini CLI keeps conversations: {@code
 * tmp/<project>/chats/session-<minute>-<first 8 characters of the id>.jsonl}, the minute in UTC
 * (version 0.61). Each start writes a file of its minute, and one that exists already has its
 * messages reset until the process has written them again.
 *
 * @param folder the CLI's own, {@code .gemini}
 */
record ChatFiles(Path folder) {

  /** How many folders of projects are looked into. */
  static final int MAX_PROJECTS = 2_000;

  /** How many files of one session are read. */
  static final int MAX_FILES = 2_000;

  private static final int SHORT_ID = 8;
  private static final DateTimeFormatter MINUTE =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH-mm").withZone(ZoneOffset.UTC);
  private static final Logger LOG = LoggerFactory.getLogger(ChatFiles.class);

  /**
   * When a session may be resumed: now, or in the next minute if it has a file of this one.
   *
   * @param session null for the last one, whichever that is
   */
  Instant settled(SessionId session, Instant now) {
    return writtenIn(now, session)
        ? now.truncatedTo(ChronoUnit.MINUTES).plus(1, ChronoUnit.MINUTES)
        : now;
  }

  private boolean writtenIn(Instant minute, SessionId session) {
    String start = "session-" + MINUTE.format(minute) + "-";
    String id = session == null ? "" : PlainText.head(session.value(), SHORT_ID);
    Path projects = folder.resolve("tmp");
    if (!Files.isDirectory(projects)) {
      return false;
    }
    try (DirectoryStream<Path> found = Files.newDirectoryStream(projects)) {
      Iterator<Path> project = found.iterator();
      for (int seen = 0; seen < MAX_PROJECTS && project.hasNext(); seen++) {
        if (hasFile(project.next().resolve("chats"), start + id)) {
          return true;
        }
      }
    } catch (IOException | DirectoryIteratorException unreadable) {
      LOG.warn("{}: cannot be read, so a session may be resumed too early", projects, unreadable);
    }
    return false;
  }

  /**
   * The mark of a session: time and id of the last message in any of its files. A start writes
   * context of its own into them, but in records that have no id themselves.
   *
   * @return empty too if there are more than {@value #MAX_FILES} files
   * @throws IOException if a file cannot be read
   */
  Optional<SessionMark> mark(SessionId session) throws IOException {
    String last = "";
    for (Path file : files(PlainText.head(session.value(), SHORT_ID))) {
      String inThis = LastWord.in(file, "\"id\"", ChatFiles::said).orElse("");
      // Times of the same form and zone are in the order of their texts.
      last = inThis.compareTo(last) > 0 ? inThis : last;
    }
    return LastWord.mark(last);
  }

  private static Optional<String> said(JsonNode node) {
    String time = Json.text(node, "timestamp");
    String id = Json.text(node, "id");
    return time.isEmpty() || id.isEmpty() ? Optional.empty() : Optional.of(time + "/" + id);
  }

  /**
   * How large a session's context was after the last answer of the model, which stands in any of
   * its files.
   *
   * @return empty if they do not say, or cannot be read
   */
  Optional<Long> contextTokens(SessionId session) {
    try {
      String last = "";
      for (Path file : files(PlainText.head(session.value(), SHORT_ID))) {
        String inThis = LastWord.in(file, "\"tokens\"", ChatFiles::answered).orElse("");
        last = inThis.compareTo(last) > 0 ? inThis : last;
      }
      String tokens = last.substring(last.indexOf('/') + 1);
      return tokens.isEmpty() ? Optional.empty() : Optional.of(Long.valueOf(tokens));
    } catch (IOException | SecurityException | InvalidPathException unreadable) {
      LOG.debug("How large session {} is cannot be read", session, unreadable);
      return Optional.empty();
    }
  }

  /** When an answer was given and what it came to; of a list of all messages the last one's. */
  private static Optional<String> answered(JsonNode node) {
    JsonNode all = node.path("$set").path("messages");
    for (int i = all.size() - 1; i >= 0; i--) {
      Optional<String> last = answer(all.get(i));
      if (last.isPresent()) {
        return last;
      }
    }
    return answer(node);
  }

  private static Optional<String> answer(JsonNode node) {
    String time = Json.text(node, "timestamp");
    long total = Json.count(node.path("tokens"), "total");
    return total == 0 || time.indexOf('/') >= 0
        ? Optional.empty()
        : Optional.of(time + "/" + total);
  }

  private List<Path> files(String shortId) throws IOException {
    List<Path> files = new ArrayList<>();
    Path projects = folder.resolve("tmp");
    if (!Files.isDirectory(projects)) {
      return files;
    }
    try (DirectoryStream<Path> found = Files.newDirectoryStream(projects)) {
      Iterator<Path> project = found.iterator();
      for (int seen = 0; seen < MAX_PROJECTS && project.hasNext(); seen++) {
        Path chats = project.next().resolve("chats");
        if (!Files.isDirectory(chats)) {
          continue;
        }
        try (DirectoryStream<Path> all =
            Files.newDirectoryStream(chats, file -> isOf(shortId, file.getFileName().toString()))) {
          for (Path file : all) {
            files.add(file);
            if (files.size() > MAX_FILES) {
              return List.of();
            }
          }
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return files;
  }

  private static boolean isOf(String shortId, String file) {
    return file.startsWith("session-") && file.endsWith("-" + shortId + ".jsonl");
  }

  private static boolean hasFile(Path chats, String start) throws IOException {
    if (!Files.isDirectory(chats)) {
      return false;
    }
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(chats, file -> file.getFileName().toString().startsWith(start))) {
      return files.iterator().hasNext();
    }
  }
}
