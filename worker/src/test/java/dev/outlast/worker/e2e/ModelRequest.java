package dev.outlast.worker.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.Headers;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What an agent has sent to a model API.
 *
 * @param path without the query
 */
record ModelRequest(String path, JsonNode body, Headers headers) {

  /** The fields in which messages, tool results and their parts have their text, in all APIs. */
  private static final Set<String> TEXT_FIELDS = Set.of("text", "content", "output");

  String model() {
    return body.path("model").asText("a-model");
  }

  boolean streams() {
    return body.path("stream").asBoolean();
  }

  /** Everything that is said in a part of the request, in order. */
  static List<String> texts(JsonNode part) {
    List<String> texts = new ArrayList<>();
    collect(part, texts);
    return texts;
  }

  private static void collect(JsonNode part, List<String> texts) {
    if (part.isArray()) {
      part.forEach(element -> collect(element, texts));
    }
    part.properties()
        .forEach(
            field -> {
              if (field.getValue().isTextual() && TEXT_FIELDS.contains(field.getKey())) {
                texts.add(field.getValue().textValue());
              } else {
                collect(field.getValue(), texts);
              }
            });
  }
}
