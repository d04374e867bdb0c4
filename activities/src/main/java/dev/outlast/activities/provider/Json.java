package dev.outlast.activities.provider;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
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

  /** What no honest count reaches; sums of many counts do not overflow then. */
  public static final long MAX_COUNT = 1_000_000_000_000L;

  private static final int MAX_DEPTH = 200;

  /** What may stand before JSON: space, and what wrappers and terminals leave there. */
  private static final String LEADING = " \t\n\r\0\ufeff";

  private static final ObjectMapper MAPPER =
      new ObjectMapper(
          JsonFactory.builder()
              .enable(JsonReadFeature.ALLOW_UNESCAPED_CONTROL_CHARS)
              .streamReadConstraints(
                  StreamReadConstraints.builder()
                      .maxNestingDepth(MAX_DEPTH)
                      .maxStringLength(LineSplitter.MAX_LINE)
                      .build())
              .build());

  private Json() {}

  /**
   * The object or array that a line holds; a missing node if it holds none. Bytes that are no UTF-8
   * spoil no more than the text that they stand in.
   */
  public static JsonNode read(OutputLine line) {
    return line.cut() || !beginsAsJson(line.bytes())
        ? MissingNode.getInstance()
        : read(line.text());
  }

  /** The object or array that a text holds; a missing node if it holds none. */
  public static JsonNode read(String text) {
    int start = 0;
    while (start < text.length() && LEADING.indexOf(text.charAt(start)) >= 0) {
      start++;
    }
    try {
      JsonNode node = MAPPER.readTree(text.substring(start));
      return node == null || !node.isContainerNode() ? MissingNode.getInstance() : node;
    } catch (IOException notJson) {
      return MissingNode.getInstance();
    }
  }

  /**
   * Whether the first character that is no space, NUL or byte order mark opens an object, or an
   * array of objects, arrays or texts; "[ERROR]" is none.
   */
  public static boolean beginsAsJson(byte[] bytes) {
    int first = start(bytes, 0);
    if (first == bytes.length || bytes[first] != '[') {
      return first < bytes.length && bytes[first] == '{';
    }
    int second = start(bytes, first + 1);
    return second == bytes.length || "{[\"]".indexOf(bytes[second]) >= 0;
  }

  /** Where the first character is that is no space, NUL or byte order mark. */
  static int start(byte[] bytes) {
    return start(bytes, 0);
  }

  private static int start(byte[] bytes, int from) {
    int at = from;
    while (at < bytes.length) {
      byte b = bytes[at];
      if (b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == 0) {
        at++;
      } else if (b == (byte) 0xef
          && at + 2 < bytes.length
          && bytes[at + 1] == (byte) 0xbb
          && bytes[at + 2] == (byte) 0xbf) {
        at += 3;
      } else {
        break;
      }
    }
    return at;
  }

  /** The text of a field; empty if it is missing, blank, or no text. */
  public static String text(JsonNode node, String field) {
    JsonNode value = node.path(field);
    return value.isTextual() ? value.textValue() : "";
  }

  /** A count; 0 if it is missing, no number, or below 0, and at most {@link #MAX_COUNT}. */
  public static long count(JsonNode node, String field) {
    JsonNode value = node.path(field);
    return value.isNumber() ? Math.min(MAX_COUNT, Math.max(0, value.longValue())) : 0;
  }

  /** The session id in a field, if it holds a usable one. */
  public static Optional<SessionId> session(JsonNode node, String field) {
    String id = text(node, field);
    return SessionId.valid(id) ? Optional.of(new SessionId(id)) : Optional.empty();
  }
}
