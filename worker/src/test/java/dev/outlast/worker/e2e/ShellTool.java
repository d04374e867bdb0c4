package dev.outlast.worker.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The tool with which an agent runs a command, as it offers it to its model.
 *
 * @param schema the JSON schema of its arguments
 */
record ShellTool(String name, JsonNode schema) {

  private static final Pattern NAMES =
      Pattern.compile("(?i)bash|shell|shell_command|local_shell|exec_command|run_shell_command");

  /** The shell among the tools of a request. */
  static ShellTool among(List<ShellTool> tools) {
    return tools.stream()
        .filter(tool -> NAMES.matcher(tool.name).matches())
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no shell among " + tools));
  }

  /** The arguments with which it runs a command: what the schema requires, and no more. */
  ObjectNode arguments(String command) {
    ObjectNode arguments = new ObjectMapper().createObjectNode();
    JsonNode properties = schema.path("properties");
    for (JsonNode required : schema.path("required")) {
      String type = properties.path(required.asText()).path("type").asText("string");
      switch (type) {
        case "boolean" -> arguments.put(required.asText(), false);
        case "integer", "number" -> arguments.put(required.asText(), 1);
        default -> arguments.put(required.asText(), "the first half");
      }
    }
    String field = properties.has("cmd") ? "cmd" : "command";
    if (properties.path(field).path("type").asText().equals("array")) {
      arguments.putArray(field).add("sh").add("-c").add(command);
    } else {
      arguments.put(field, command);
    }
    return arguments;
  }
}
