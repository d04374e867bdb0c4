package dev.outlast.worker.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.temporal.common.converter.JacksonJsonPayloadConverter;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/**
 * What a command talks to, and where it was called from.
 *
 * @param in standard input
 * @param out standard output, for results
 * @param err standard error, for everything else
 * @param terminal whether {@code err} is a terminal, on which lines can be rewritten
 * @param currentDirectory absolute
 * @param environment the environment variables
 */
record Console(
    InputStream in,
    PrintStream out,
    PrintStream err,
    boolean terminal,
    Path currentDirectory,
    Map<String, String> environment) {

  private static final ObjectMapper JSON =
      JacksonJsonPayloadConverter.newDefaultObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT);

  /** The console of this process. The launcher says whether standard error is a terminal. */
  static Console ofProcess() {
    String told = System.getProperty("outlast.terminal");
    return new Console(
        System.in,
        new PrintStream(System.out, true, StandardCharsets.UTF_8),
        new PrintStream(System.err, true, StandardCharsets.UTF_8),
        told == null ? System.console() != null : Boolean.parseBoolean(told),
        Path.of("").toAbsolutePath(),
        System.getenv());
  }

  boolean colour() {
    return terminal
        && environment.getOrDefault("NO_COLOR", "").isEmpty()
        && !"dumb".equals(environment.get("TERM"));
  }

  /** A line of the result. */
  void print(String line) {
    out.println(line);
  }

  /** A line about what goes on. */
  void say(String line) {
    err.println(line);
  }

  void json(Object value) {
    try {
      out.println(JSON.writeValueAsString(value));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** JSON of nothing but ASCII, for texts of agents that may hold what a terminal would obey. */
  static String asciiJson(Object value) {
    try {
      return JSON.writer().with(JsonWriteFeature.ESCAPE_NON_ASCII).writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  String bold(String text) {
    return colour() ? "\u001b[1m" + text + "\u001b[0m" : text;
  }

  /**
   * A text of an agent or a server without anything that a terminal would obey: control characters
   * except line feed and tab, and marks that change the direction of writing.
   */
  static String harmless(String text) {
    StringBuilder safe = new StringBuilder(text.length());
    text.codePoints()
        .filter(c -> c == '\n' || c == '\t' || !obeyed(c))
        .forEach(safe::appendCodePoint);
    return safe.toString();
  }

  /** {@link #harmless} on one line. */
  static String oneLine(String text) {
    return harmless(text).replaceAll("\\s+", " ").strip();
  }

  private static boolean obeyed(int c) {
    int type = Character.getType(c);
    return type == Character.CONTROL
        || type == Character.FORMAT
        || type == Character.LINE_SEPARATOR
        || type == Character.PARAGRAPH_SEPARATOR
        || type == Character.SURROGATE;
  }
}
