package dev.outlast.activities.provider.copilot;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.provider.Item;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.RecordItems;
import java.util.Set;
import java.util.function.Consumer;

/** Items of Copilot CLI (version 1.0.102). */
final class CopilotItems extends RecordItems {

  CopilotItems(Consumer<Item> sink) {
    // The pieces come again as a whole.
    super(
        sink,
        Set.of(
            "assistant.message_delta",
            "assistant.reasoning_delta",
            "assistant.tool_call_delta",
            "tool.shell_output",
            "tool.execution_partial_result"));
  }

  @Override
  protected void record(JsonNode node) {
    JsonNode data = node.path("data");
    String parent = Json.text(data, "parentToolCallId");
    String agent = parent.isEmpty() ? Json.text(node, "agentId") : parent;
    switch (Json.text(node, "type")) {
      case "assistant.message" ->
          message(Json.text(data, "messageId"), Json.text(data, "content"), agent);
      case "assistant.reasoning" ->
          reasoning(Json.text(data, "reasoningId"), Json.text(data, "content"), agent);
      case "tool.execution_start" ->
          toolBegins(
              Json.text(data, "toolCallId"),
              Json.text(data, "toolName"),
              data.path("arguments"),
              agent);
      case "tool.execution_complete" -> {
        boolean failed = !data.path("success").asBoolean(true);
        JsonNode result = data.path("result");
        toolEnds(
            Json.text(data, "toolCallId"),
            failed,
            failed && data.path("error").isObject()
                ? Json.text(data.path("error"), "message")
                : words(result.isObject() ? result.path("content") : result));
      }
      case "model.call_failure" -> {
        String raw = Json.text(data, "errorMessage");
        String words = Json.text(Json.read(raw), "message");
        error(words.isBlank() ? raw : words);
      }
      case "session.error" -> error(Json.text(data, "message"));
      default -> {
        // Beginnings and ends, and what it goes on after.
      }
    }
  }
}
