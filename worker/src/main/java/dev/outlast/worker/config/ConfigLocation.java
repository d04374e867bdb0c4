package dev.outlast.worker.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Where a configuration file is looked for. */
public final class ConfigLocation {

  /** The file's name. */
  public static final String FILE = "outlast.toml";

  private ConfigLocation() {}

  /**
   * Finds the file: {@code outlast.toml} in the current directory, else {@code
   * outlast/outlast.toml} in the user's configuration folder ({@code $XDG_CONFIG_HOME}, or {@code
   * ~/.config}).
   */
  public static Optional<Path> find(Path currentDirectory, Map<String, String> environment) {
    return Stream.of(currentDirectory.resolve(FILE), inUserFolder(environment))
        .filter(Files::isRegularFile)
        .findFirst();
  }

  private static Path inUserFolder(Map<String, String> environment) {
    String xdg = environment.get("XDG_CONFIG_HOME");
    Path folder =
        xdg != null && Path.of(xdg).isAbsolute()
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home"), ".config");
    return folder.resolve("outlast").resolve(FILE);
  }
}
