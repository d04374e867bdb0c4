package dev.outlast.activities.process;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds programs as a shell does. */
public final class SearchPath {

  private SearchPath() {}

  /**
   * The absolute path of a program that can be executed; empty if there is none.
   *
   * @param program a name, or a path, which is not searched for
   * @param path the folders to look at, as in PATH; may be null
   * @throws java.nio.file.InvalidPathException if it is no path
   */
  public static Optional<Path> find(String program, String path) {
    Stream<Path> candidates =
        program.indexOf('/') >= 0
            ? Stream.of(Path.of(program))
            : Stream.of((path == null ? "" : path).split(File.pathSeparator))
                .filter(folder -> !folder.isEmpty())
                .map(folder -> Path.of(folder, program));
    return candidates.map(Path::toAbsolutePath).filter(SearchPath::executable).findFirst();
  }

  private static boolean executable(Path file) {
    return Files.isRegularFile(file) && Files.isExecutable(file);
  }
}
