package dev.outlast.worker.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** Calls the command as a shell would, and keeps what it wrote. */
final class Cli {

  private final Path folder;
  private final Map<String, String> environment = new HashMap<>();

  /** What one call came to. */
  record Called(int exitCode, String out, String err) {
    JsonNode json() throws IOException {
      return new ObjectMapper().readTree(out);
    }
  }

  /**
   * @param folder the current directory; the user's own folders are below it too, so that nothing
   *     of this machine's user is read or written
   */
  Cli(Path folder) {
    this.folder = folder;
    environment.put("PATH", System.getenv("PATH"));
    environment.put("XDG_CONFIG_HOME", folder.resolve("config").toString());
    environment.put("XDG_STATE_HOME", folder.resolve("state").toString());
    environment.put("TEMPORAL_CONFIG_FILE", folder.resolve("temporal.toml").toString());
  }

  Cli with(String variable, String value) {
    environment.put(variable, value);
    return this;
  }

  /** A console that writes to nowhere, with this folder and environment. */
  Console console() {
    PrintStream nowhere = new PrintStream(PrintStream.nullOutputStream(), true, UTF_8);
    return new Console(
        InputStream.nullInputStream(), nowhere, nowhere, false, folder, Map.copyOf(environment));
  }

  Called call(String... args) {
    return callWithInput("", args);
  }

  Called callWithInput(String input, String... args) {
    return call(new ByteArrayOutputStream(), input, args);
  }

  /** Calls it with a standard error that can be read meanwhile. */
  Called call(ByteArrayOutputStream err, String input, String... args) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Console console =
        new Console(
            new ByteArrayInputStream(input.getBytes(UTF_8)),
            new PrintStream(out, true, UTF_8),
            new PrintStream(err, true, UTF_8),
            false,
            folder,
            Map.copyOf(environment));
    int exitCode = Outlast.execute(console, args);
    return new Called(exitCode, out.toString(UTF_8), err.toString(UTF_8));
  }
}
