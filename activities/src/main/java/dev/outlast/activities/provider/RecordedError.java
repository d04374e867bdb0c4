package dev.outlast.activities.provider;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** The error that a record of JSON tells of, in the forms that agents and services use. */
public final class RecordedError {

  private static final Pattern ERROR_TYPE =
      Pattern.compile("(?:.*[._/ -])?(?:error|failed|failure|fatal)");

  /** A tool's failure is the agent's to deal with. */
  private static final Pattern TOOL = Pattern.compile(".*(?:tool|function|command|hook).*");

  private static final List<String> WORDS = List.of("message", "msg", "result", "text", "detail");
  private static final int MAX_ERRORS = 5;

  private RecordedError() {}

  /** What the error says, on one line or several; empty if the record tells of none. */
  public static Optional<String> of(JsonNode node) {
    String type = Json.text(node, "type").toLowerCase(Locale.ROOT);
    if (TOOL.matcher(type).matches()) {
      return Optional.empty();
    }
    JsonNode error = node.path("error");
    boolean told =
        ERROR_TYPE.matcher(type).matches()
            || node.path("is_error").asBoolean(false)
            || ERROR_TYPE.matcher(Json.text(node, "status").toLowerCase(Locale.ROOT)).matches()
            || ERROR_TYPE.matcher(Json.text(node, "level").toLowerCase(Locale.ROOT)).matches()
            || (error.isTextual() && !error.textValue().isBlank())
            || (error.isObject() && !error.isEmpty())
            || (node.path("errors").isArray() && !node.path("errors").isEmpty());
    if (!told) {
      return Optional.empty();
    }
    Set<String> words = new LinkedHashSet<>();
    error(error, words);
    words(node, words);
    for (int i = 0; i < Math.min(MAX_ERRORS, node.path("errors").size()); i++) {
      error(node.path("errors").path(i), words);
    }
    return Optional.of(words.isEmpty() ? node.toString() : String.join("\n", words));
  }

  private static void error(JsonNode error, Set<String> into) {
    code(error.isTextual() ? error.textValue() : "", into);
    words(error, into);
    code(Json.text(error, "type"), into);
  }

  private static void words(JsonNode node, Set<String> into) {
    for (JsonNode place : List.of(node, node.path("data"))) {
      WORDS.forEach(field -> code(Json.text(place, field), into));
      long at = Math.max(Json.count(place, "resets_at"), Json.count(place, "reset_at"));
      if (at > 0) {
        into.add("resets at " + at);
      }
      long in = Json.count(place, "resets_in_seconds");
      if (in > 0) {
        into.add("resets in " + in + " seconds");
      }
    }
    code(Json.text(node, "code"), into);
  }

  /** Adds a text; the words of a code such as {@code usage_limit_reached} are told apart. */
  private static void code(String text, Set<String> into) {
    if (!text.isBlank()) {
      into.add(text.indexOf(' ') < 0 ? text.replace('_', ' ') : text);
    }
  }
}
