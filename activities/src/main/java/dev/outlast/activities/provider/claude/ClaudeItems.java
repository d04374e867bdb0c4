package dev.outlast.activities.provider.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.provider.Item;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.RecordItems;
import java.util.Set;
import java.util.function.Consumer;

/** Items of Claude Code (version 2.1.329 and those since 1.0.83). */
final class ClaudeItems extends RecordItems {

  ClaudeItems(Consumer<Item> sink) {
    // The pieces of an answer come again as a whole.
    super(sink, Set.of("stream_event", "rate_limit_event"));
  }

  @Override
  protected void record(JsonNode node) {
    String agent = Json.text(node, "parent_tool_use_id");
    switch (Json.text(node, "type")) {
      case "assistant" -> assistant(node, agent);
      case "user" -> {
        for (JsonNode part : node.path("message").path("content")) {
          if (Json.text(part, "type").equals("tool_result")) {
            toolEnds(
                Json.text(part, "tool_use_id"),
                part.path("is_error").asBoolean(false),
                words(part.path("content")));
          }
        }
      }
      case "result" -> result(node);
      default -> {
        // Beginnings, limits that are near, hooks and the like.
      }
    }
  }

  private void assistant(JsonNode node, String agent) {
    JsonNode message = node.path("message");
    boolean error =
        Json.text(message, "model").equals("<synthetic>")
            || node.path("is_api_error_message").asBoolean(false)
            || !Json.text(node, "error").isEmpty();
    said(Json.text(message, "content"), error, agent);
    for (JsonNode part : message.path("content")) {
      switch (Json.text(part, "type")) {
        case "text" -> said(Json.text(part, "text"), error, agent);
        case "thinking" -> reasoning(null, Json.text(part, "thinking"), agent);
        case "tool_use", "server_tool_use" ->
            toolBegins(Json.text(part, "id"), Json.text(part, "name"), part.path("input"), agent);
        default -> {
          // Parts of newer versions.
        }
      }
    }
  }

  private void said(String text, boolean error, String agent) {
    if (error) {
      error(text);
    } else {
      message(null, text, agent);
    }
  }

  /** Says again what was said, unless the output is nothing but this record. */
  private void result(JsonNode node) {
    String text = Json.text(node, "result");
    if (node.path("is_error").asBoolean(false)) {
      error(text.isBlank() ? words(node.path("errors")) : text);
    } else if (!any()) {
      message(null, text, null);
    }
  }
}
