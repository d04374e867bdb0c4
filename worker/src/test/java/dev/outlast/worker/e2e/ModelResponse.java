package dev.outlast.worker.e2e;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/** What a model API answers. */
record ModelResponse(int status, String contentType, Map<String, String> headers, String body) {

  /** Templates have single quotes, as text in double quotes is hard to read in Java. */
  private static final ObjectMapper MAPPER =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_SINGLE_QUOTES).build();

  static ModelResponse json(int status, JsonNode body) {
    return new ModelResponse(status, "application/json", Map.of(), body.toString());
  }

  /** One JSON object an event; with a name for each where an object has a {@code type}. */
  static ModelResponse stream(JsonNode... events) {
    StringBuilder stream = new StringBuilder();
    for (JsonNode event : events) {
      if (event.has("type")) {
        stream.append("event: ").append(event.path("type").asText()).append('\n');
      }
      stream.append("data: ").append(event).append("\n\n");
    }
    return new ModelResponse(200, "text/event-stream", Map.of(), stream.toString());
  }

  ModelResponse with(Map<String, String> more) {
    Map<String, String> all = new HashMap<>(headers);
    all.putAll(more);
    return new ModelResponse(status, contentType, all, body);
  }

  ModelResponse endingWith(String more) {
    return new ModelResponse(status, contentType, headers, body + more);
  }

  /** The JSON of a template in which each {@code %s} is a value, written as JSON. */
  static JsonNode fill(String template, Object... values) {
    Object[] written = Arrays.stream(values).map(ModelResponse::written).toArray();
    try {
      return MAPPER.readTree(template.formatted(written));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(template, e);
    }
  }

  private static String written(Object value) {
    try {
      return MAPPER.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(String.valueOf(value), e);
    }
  }

  static String id(String prefix) {
    return prefix + UUID.randomUUID().toString().replace("-", "");
  }
}
