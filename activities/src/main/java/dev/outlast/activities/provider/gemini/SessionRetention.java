package dev.outlast.activities.provider.gemini;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps Gemini CLI from deleting sessions that wait. At each start it deletes, as it is set by
 * default, every file of a conversation that holds no message, and with it all others of the same
 * session (version 0.61); each resume leaves such a file behind. So whoever starts the CLI in the
 * same folder during a wait ends the session.
 *
 * <p>The switch is set in the user's settings: those of the system, which variables can move, count
 * only in folders that belong to root. Where a person has set the switch, it stays as it is.
 */
final class SessionRetention {

  private static final String REMEDY =
      "set general.sessionRetention.enabled to false in it, or a session that waits may be deleted";

  private static final Set<PosixFilePermission> PRIVATE =
      Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);

  /** The largest settings that are changed, in bytes. */
  private static final long MAX_FILE = 1024 * 1024;

  private static final Logger LOG = LoggerFactory.getLogger(SessionRetention.class);
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final DefaultPrettyPrinter LIKE_THE_CLI =
      new DefaultPrettyPrinter(
          Separators.createDefaultInstance().withObjectFieldValueSpacing(Separators.Spacing.AFTER));

  static {
    LIKE_THE_CLI.indentObjectsWith(new DefaultIndenter("  ", "\n"));
    LIKE_THE_CLI.indentArraysWith(new DefaultIndenter("  ", "\n"));
  }

  private SessionRetention() {}

  /**
   * Sets the switch, unless it is set. Settings with comments, broken ones, and those that cannot
   * be written are left alone with a warning: calls work without, only waits are at risk.
   *
   * @param folder the CLI's own, {@code .gemini}
   */
  static synchronized void turnOff(Path folder) {
    Path file = folder.resolve("settings.json");
    try {
      if (Files.exists(file)) {
        // A link to where a person keeps such files stays one.
        change(file.toRealPath());
      } else {
        Files.createDirectories(folder);
        write(file, MAPPER.createObjectNode(), PRIVATE);
      }
    } catch (IOException e) {
      LOG.warn("{}: cannot be changed; {}", file, REMEDY, e);
    }
  }

  private static void change(Path file) throws IOException {
    ObjectNode settings = read(file);
    if (settings == null) {
      LOG.warn("{}: not plain JSON, so left alone; {}", file, REMEDY);
    } else if (!settings.path("general").path("sessionRetention").has("enabled")) {
      PosixFileAttributeView posix = Files.getFileAttributeView(file, PosixFileAttributeView.class);
      write(file, settings, posix == null ? Set.of() : posix.readAttributes().permissions());
      LOG.info("{}: general.sessionRetention.enabled is false now, so that sessions last", file);
    }
  }

  /** The settings; null if they are not what could be written again without a loss. */
  private static ObjectNode read(Path file) throws IOException {
    if (Files.size(file) > MAX_FILE) {
      return null;
    }
    try {
      return MAPPER.readTree(Files.readAllBytes(file)) instanceof ObjectNode settings
              && mayHold(settings.path("general"))
              && mayHold(settings.path("general").path("sessionRetention"))
          ? settings
          : null;
    } catch (JsonProcessingException notPlain) {
      return null;
    }
  }

  private static boolean mayHold(JsonNode node) {
    return node.isMissingNode() || node.isObject();
  }

  private static void write(Path file, ObjectNode settings, Set<PosixFilePermission> permissions)
      throws IOException {
    settings.withObject("/general/sessionRetention").put("enabled", false);
    Path written = Files.createTempFile(file.getParent(), "settings", ".json");
    try {
      Files.writeString(written, MAPPER.writer(LIKE_THE_CLI).writeValueAsString(settings) + "\n");
      if (!permissions.isEmpty()) {
        Files.setPosixFilePermissions(written, permissions);
      }
      Files.move(
          written, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(written);
    }
  }
}
