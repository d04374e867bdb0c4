package dev.outlast.activities.provider.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Item;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.RecordItems;
import java.time.Instant;
import java.util.Set;
import java.util.function.Consumer;

/** Items of Gemini CLI (version 0.61.0). The pieces of an answer are one message. */
final class GeminiItems extends RecordItems {

  private final PrettyJson pretty = new PrettyJson((node, readAt) -> document(node));
  private final StringBuilder answer = new StringBuilder();

  GeminiItems(Consumer<Item> sink) {
    super(sink, Set.of("init"));
  }

  @Override
  protected void record(JsonNode node) {
    String type = Json.text(node, "type");
    if (!type.equals("message") || !node.path("delta").asBoolean(false)) {
      answered();
    }
    switch (type) {
      case "message" -> {
        if (!Json.text(node, "role").equals("user") && answer.length() <= Item.MAX_TEXT) {
          answer.append(PlainText.head(Json.text(node, "content"), Item.MAX_TEXT + 1));
        }
      }
      case "tool_use" ->
          toolBegins(
              Json.text(node, "tool_id"),
              Json.text(node, "tool_name"),
              node.path("parameters"),
              null);
      case "tool_result" -> {
        JsonNode error = node.path("error");
        toolEnds(
            Json.text(node, "tool_id"),
            Json.text(node, "status").equals("error"),
            error.isObject() ? Json.text(error, "message") : words(node.path("output")));
      }
      case "error" -> error(Json.text(node, "message"));
      case "result" -> {
        JsonNode error = node.path("error");
        error(error.isTextual() ? error.textValue() : Json.text(error, "message"));
      }
      default -> document(node);
    }
  }

  private void answered() {
    message(null, answer.toString(), null);
    answer.setLength(0);
  }

  /** The one object of the format {@code json}. */
  private void document(JsonNode node) {
    message(null, Json.text(node, "response"), null);
    error(Json.text(node.path("error"), "message"));
  }

  @Override
  protected void plainLine(OutputLine line) {
    if (!pretty.line(line, Instant.EPOCH)) {
      super.plainLine(line);
    }
  }

  @Override
  public void end() {
    answered();
    super.end();
  }
}
