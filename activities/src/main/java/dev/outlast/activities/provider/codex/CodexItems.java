package dev.outlast.activities.provider.codex;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.provider.Item;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.RecordItems;
import dev.outlast.agent.ItemKind;
import java.util.Set;
import java.util.function.Consumer;

/** Items of {@code codex exec --json} (version 0.169.0, and the records of those before 0.44). */
final class CodexItems extends RecordItems {

  CodexItems(Consumer<Item> sink) {
    super(sink, Set.of());
  }

  @Override
  protected void record(JsonNode node) {
    JsonNode old = node.path("msg");
    if (old.isObject()) {
      oldRecord(old);
      return;
    }
    switch (Json.text(node, "type")) {
      case "item.started", "item.updated" -> item(node.path("item"), false);
      case "item.completed" -> item(node.path("item"), true);
      case "turn.failed", "error" -> error(CodexReader.told(node));
      default -> {
        // Beginnings and ends.
      }
    }
  }

  private void item(JsonNode item, boolean completed) {
    String type = Json.text(item, "type");
    type = type.isEmpty() ? Json.text(item, "item_type") : type;
    String id = Json.text(item, "id");
    switch (type) {
      case "agent_message", "assistant_message" -> {
        if (completed) {
          message(id, Json.text(item, "text"), null);
        }
      }
      case "reasoning" -> {
        if (completed) {
          reasoning(id, Json.text(item, "text"), null);
        }
      }
      case "error" -> error(Json.text(item, "message"));
      case "command_execution" ->
          give(
              tool(
                  item,
                  ItemKind.COMMAND_EXECUTION,
                  Json.text(item, "command"),
                  Json.text(item, "aggregated_output"),
                  completed));
      case "file_change" ->
          give(tool(item, ItemKind.FILE_CHANGE, paths(item), changes(item), completed));
      case "todo_list" -> give(tool(item, ItemKind.PLAN, "", plan(item), completed));
      case "mcp_tool_call" ->
          give(
              tool(
                  item,
                  ItemKind.TOOL_CALL,
                  Json.text(item, "server") + "." + Json.text(item, "tool"),
                  words(item.path("error").isObject() ? item.path("error") : item.path("result")),
                  completed));
      case "web_search" ->
          give(tool(item, ItemKind.TOOL_CALL, Json.text(item, "query"), "", completed));
      default -> give(tool(item, ItemKind.TOOL_CALL, type, "", completed));
    }
  }

  private Item tool(JsonNode item, ItemKind kind, String title, String text, boolean completed) {
    String status = Json.text(item, "status");
    boolean failed =
        status.equals("failed")
            || status.equals("declined")
            || item.path("exit_code").asInt(0) != 0;
    return new Item(
        kind,
        id(Json.text(item, "id")),
        title,
        text,
        false,
        !completed ? Item.Status.STARTED : failed ? Item.Status.FAILED : Item.Status.COMPLETED,
        null);
  }

  private static String paths(JsonNode item) {
    StringBuilder paths = new StringBuilder();
    for (JsonNode change : item.path("changes")) {
      if (paths.length() > Item.MAX_TITLE) {
        break;
      }
      paths.append(paths.isEmpty() ? "" : ", ").append(Json.text(change, "path"));
    }
    return paths.toString();
  }

  private static String changes(JsonNode item) {
    StringBuilder changes = new StringBuilder();
    for (JsonNode change : item.path("changes")) {
      if (changes.length() > Item.MAX_TEXT) {
        break;
      }
      changes.append(Json.text(change, "kind")).append(' ');
      changes.append(Json.text(change, "path")).append('\n');
    }
    return changes.toString();
  }

  private static String plan(JsonNode item) {
    StringBuilder plan = new StringBuilder();
    for (JsonNode step : item.path("items")) {
      if (plan.length() > Item.MAX_TEXT) {
        break;
      }
      plan.append(step.path("completed").asBoolean(false) ? "[x] " : "[ ] ");
      plan.append(Json.text(step, "text")).append('\n');
    }
    return plan.toString();
  }

  private void oldRecord(JsonNode msg) {
    String call = Json.text(msg, "call_id");
    switch (Json.text(msg, "type")) {
      case "agent_message" -> message(null, Json.text(msg, "message"), null);
      case "agent_reasoning" -> reasoning(null, Json.text(msg, "text"), null);
      case "exec_command_begin" -> toolBegins(call, "shell", msg, null);
      case "exec_command_end" ->
          toolEnds(
              call,
              msg.path("exit_code").asInt(0) != 0,
              Json.text(msg, "stdout") + Json.text(msg, "stderr"));
      case "patch_apply_begin" -> toolBegins(call, "apply_patch", msg.path("changes"), null);
      case "patch_apply_end" ->
          toolEnds(call, !msg.path("success").asBoolean(true), Json.text(msg, "stdout"));
      case "mcp_tool_call_begin" -> {
        JsonNode what = msg.path("invocation");
        String name = Json.text(what, "server") + "." + Json.text(what, "tool");
        toolBegins(call, name, what.path("arguments"), null);
      }
      case "mcp_tool_call_end" -> toolEnds(call, false, words(msg.path("result")));
      case "error", "stream_error" -> error(Json.text(msg, "message"));
      default -> {
        // Deltas, counts and the like.
      }
    }
  }
}
