package dev.outlast.activities.provider.gemini;

import dev.outlast.activities.process.PlainText;
import dev.outlast.agent.SessionId;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Iterator;
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
