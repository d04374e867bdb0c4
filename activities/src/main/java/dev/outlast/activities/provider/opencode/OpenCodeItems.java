package dev.outlast.activities.provider.opencode;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.provider.Item;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.RecordItems;
import java.util.Set;
import java.util.function.Consumer;

/** Items of OpenCode (version 1.18.33), which tells of a tool when it has ended. */
final class OpenCodeItems extends RecordItems {

  OpenCodeItems(Consumer<Item> sink) {
    super(sink, Set.of("step_start", "step_finish"));
  }

  @Override
  protected void record(JsonNode node) {
    JsonNode part = node.path("part");
    String id = Json.text(part, "id");
    switch (Json.text(node, "type")) {
      case "text" -> {
        if (!part.path("synthetic").asBoolean(false)) {
          message(id, Json.text(part, "text"), null);
        }
      }
      case "reasoning" -> reasoning(id, Json.text(part, "text"), null);
      case "tool_use" -> {
        JsonNode state = part.path("state");
        String call = id(Json.text(part, "callID"));
        toolBegins(call, Json.text(part, "tool"), state.path("input"), null);
        boolean failed = Json.text(state, "status").equals("error");
        toolEnds(call, failed, words(failed ? state.path("error") : state.path("output")));
      }
      case "error" -> {
        JsonNode error = node.path("error");
        String words = Json.text(error.path("data"), "message");
        error(words.isBlank() ? Json.text(error, "name") : words);
      }
      default -> {
        // Steps.
      }
    }
  }
}
