package dev.outlast.activities.provider.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.Json;
import java.time.Instant;
import java.util.function.BiConsumer;

/** Puts together JSON objects that are printed over several lines, as with {@code json} output. */
final class PrettyJson {

  /** The most that is kept of one object, in characters; a longer one is dropped. */
  private static final int MAX_OBJECT = 4 * 1024 * 1024;

  private final BiConsumer<JsonNode, Instant> sink;
  private StringBuilder object;

  /**
   * @param sink is given each object and when its end was read
   */
  PrettyJson(BiConsumer<JsonNode, Instant> sink) {
    this.sink = sink;
  }

  /** Takes a line; says whether it belongs to an object. */
  boolean line(OutputLine line, Instant readAt) {
    if (line.bytes().length == 1 && line.bytes()[0] == '{') {
      object = new StringBuilder();
    }
    if (object == null) {
      return false;
    }
    String text = line.text();
    object.append(text).append('\n');
    if (text.startsWith("}")) {
      JsonNode node = Json.read(object.toString());
      object = null;
      if (node.isObject()) {
        sink.accept(node, readAt);
      }
    } else if (object.length() > MAX_OBJECT) {
      object = null;
    }
    return true;
  }
}
