package dev.outlast.activities.provider.gemini;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.core.util.Separators;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.outlast.activities.file.WholeFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
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

  /** The largest settings that are changed, in bytes. */
  private static final long MAX_FILE = 1024 * 1024;

  private static final Logger LOG = LoggerFactory.getLogger(SessionRetention.class);

  /** Refuses what would be lost when it is written again: comments after the end, doubled keys. */
  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

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
      if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
        // A link to where a person keeps such files stays one, also if nothing is there now.
        change(file.toRealPath());
      } else {
        Files.createDirectories(folder);
        write(file, MAPPER.createObjectNode(), Set.of());
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
    String text = MAPPER.writer(LIKE_THE_CLI).writeValueAsString(settings) + "\n";
    WholeFile.write(file, text.getBytes(StandardCharsets.UTF_8), permissions);
  }
}
