package dev.outlast.worker.config;

import dev.outlast.activities.file.FolderLock;
import dev.outlast.activities.file.OwnerOnly;
import dev.outlast.activities.file.WholeFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The folder in which a worker keeps what has to survive it. Every worker that uses the same folder
 * is the same host.
 */
final class StateFolder {

  private static final String HOST_ID = "host-id";
  private static final String LOCK = "lock";

  /** How long it is waited for others that start at the same time. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private static final int MAX_HOST_ID = 100;
  private static final int MAX_HOST_NAME = 40;
  private static final Pattern VALID = Pattern.compile("[A-Za-z0-9._-]{1," + MAX_HOST_ID + "}");
  private static final Path HOST_NAME = Path.of("/proc/sys/kernel/hostname");

  private StateFolder() {}

  /** {@code $XDG_STATE_HOME/outlast}, or {@code ~/.local/state/outlast}. */
  static Path defaultFolder(Map<String, String> environment) {
    String xdg = environment.get("XDG_STATE_HOME");
    return xdg != null && Path.of(xdg).isAbsolute()
        ? Path.of(xdg, "outlast")
        : Path.of(System.getProperty("user.home"), ".local", "state", "outlast");
  }

  /**
   * Makes the folder (only its owner may enter it) and gives the host's id, which is chosen at the
   * first call and the same ever after.
   *
   * @throws ConfigException if the folder or the file in it cannot be used
   */
  static String hostId(Path folder, Map<String, String> environment) {
    try {
      create(folder);
      return readOrChoose(folder, environment);
    } catch (IOException e) {
      throw new ConfigException(
          null,
          "worker.state-dir",
          folder
              + ": cannot be written ("
              + e
              + "); make it writable for this user, or set worker.state-dir to a folder that is");
    }
  }

  private static void create(Path folder) throws IOException {
    if (Files.isDirectory(folder)) {
      return;
    }
    if (folder.toAbsolutePath().getParent() != null) {
      Files.createDirectories(folder.toAbsolutePath().getParent());
    }
    OwnerOnly.folder(folder);
  }

  /** An id that is there is only read. */
  private static String readOrChoose(Path folder, Map<String, String> environment)
      throws IOException {
    Path file = folder.resolve(HOST_ID);
    String id = read(file);
    if (id.isEmpty()) {
      FolderLock lock = FolderLock.take(folder.resolve(LOCK), PATIENCE);
      try {
        id = read(file);
        if (id.isEmpty()) {
          id = choose(environment);
          WholeFile.writeDurably(file, (id + "\n").getBytes(StandardCharsets.UTF_8));
        }
      } finally {
        lock.close();
      }
    }
    if (!VALID.matcher(id).matches()) {
      throw new ConfigException(
          null,
          "worker.state-dir",
          file + ": holds no host id; delete this file, and the worker is a new host");
    }
    return id;
  }

  private static String read(Path file) throws IOException {
    try (InputStream stream = Files.newInputStream(file)) {
      return new String(stream.readNBytes(MAX_HOST_ID + 2), StandardCharsets.UTF_8).strip();
    } catch (NoSuchFileException none) {
      return "";
    }
  }

  private static String choose(Map<String, String> environment) throws IOException {
    String name = environment.getOrDefault("HOSTNAME", "");
    if (name.isBlank() && Files.isReadable(HOST_NAME)) {
      name = Files.readString(HOST_NAME);
    }
    String safe = name.strip().replaceAll("[^A-Za-z0-9._-]", "-").replaceAll("^[-.]+", "");
    String cut = safe.substring(0, Math.min(safe.length(), MAX_HOST_NAME));
    byte[] random = new byte[4];
    new SecureRandom().nextBytes(random);
    return (cut.isEmpty() ? "host" : cut) + "-" + HexFormat.of().formatHex(random);
  }
}
