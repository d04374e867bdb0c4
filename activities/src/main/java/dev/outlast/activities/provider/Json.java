package dev.outlast.activities.provider;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.outlast.activities.process.LineSplitter;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.agent.SessionId;
import java.io.IOException;
import java.util.Optional;

/** Reads lines of JSON that may be anything. */
public final class Json {

  private static final int MAX_DEPTH = 200;
  private static final ObjectMapper MAPPER =
      new ObjectMapper(
          JsonFactory.builder()
              .streamReadConstraints(
                  StreamReadConstraints.builder()
                      .maxNestingDepth(MAX_DEPTH)
                      .maxStringLength(LineSplitter.MAX_LINE)
                      .build())
              .build());

  private Json() {}

  /** The object or array that a line holds; a missing node if it holds none. */
  public static JsonNode read(OutputLine line) {
    if (line.cut() || !beginsAsJson(line.bytes())) {
      return MissingNode.getInstance();
    }
    try {
      JsonNode node = MAPPER.readTree(line.bytes());
      return node == null || !node.isContainerNode() ? MissingNode.getInstance() : node;
    } catch (IOException notJson) {
      return MissingNode.getInstance();
    }
  }

  /** Whether the first character that is no space opens an object or an array. */
  public static boolean beginsAsJson(byte[] bytes) {
    for (byte b : bytes) {
      if (b != ' ' && b != '\t') {
        return b == '{' || b == '[';
      }
    }
    return false;
  }

  /** The text of a field; empty if it is missing, blank, or no text. */
  public static String text(JsonNode node, String field) {
    JsonNode value = node.path(field);
    return value.isTextual() ? value.textValue() : "";
  }

  /** A count; 0 if it is missing, no number, or below 0. */
  public static long count(JsonNode node, String field) {
    JsonNode value = node.path(field);
    return value.isNumber() ? Math.max(0, value.longValue()) : 0;
  }

  /** The session id in a field, if it holds a usable one. */
  public static Optional<SessionId> session(JsonNode node, String field) {
    String id = text(node, field);
    return SessionId.valid(id) ? Optional.of(new SessionId(id)) : Optional.empty();
  }
}
