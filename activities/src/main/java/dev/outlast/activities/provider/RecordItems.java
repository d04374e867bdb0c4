package dev.outlast.activities.provider;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.agent.ItemKind;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;

/**
 * Items of an agent that prints a record of JSON a line. Where it prints none, its plain text is
 * one message; where it prints nothing at all, the end of standard error is an error.
 */
public abstract class RecordItems implements ItemReader {

  /** How many tool calls may be open at once; of more the oldest are forgotten. */
  static final int MAX_OPEN = 1_000;

  private static final int MAX_PLAIN = 64 * 1024;

  /** Which argument of a tool says best what it does, the best one first. */
  private static final List<String> TELLING =
      List.of(
          "command",
          "cmd",
          "file_path",
          "filePath",
          "absolute_path",
          "notebook_path",
          "path",
          "pattern",
          "query",
          "url",
          "description",
          "prompt");

  private final Consumer<Item> sink;
  private final Set<String> skipped;
  private final LineTail plain = new LineTail(MAX_PLAIN);
  private final LineTail errors = new LineTail(MAX_PLAIN);
  private final Map<String, Item> open = new LinkedHashMap<>();
  private String lastError = "";
  private int count;
  private boolean records;

  /**
   * @param sink is given each item
   * @param skipped the types of records of which nothing is needed; they are not parsed
   */
  protected RecordItems(Consumer<Item> sink, Set<String> skipped) {
    this.sink = sink;
    this.skipped = skipped;
  }

  /** Takes a record. */
  protected abstract void record(JsonNode node);

  @Override
  public final void stdout(OutputLine line) {
    if (records && Records.settled(line, skipped::contains)) {
      return;
    }
    JsonNode node = Json.read(line);
    if (node.isMissingNode()) {
      plainLine(line);
    } else if (node.isArray()) {
      node.forEach(this::known);
    } else {
      known(node);
    }
  }

  private void known(JsonNode node) {
    records = true;
    record(node);
  }

  /** Takes a line of standard output that is no record. */
  protected void plainLine(OutputLine line) {
    plain.add(line, Instant.EPOCH);
  }

  @Override
  public void stderr(OutputLine line) {
    errors.add(line, Instant.EPOCH);
  }

  @Override
  public void end() {
    String text = plain.text();
    if (!records && !text.isBlank()) {
      message(null, text, null);
    } else if (count == 0 && !errors.text().isBlank()) {
      error(errors.text());
    }
  }

  /** Something that was said. */
  protected final void message(String id, String text, String agent) {
    if (!text.isBlank()) {
      give(new Item(ItemKind.MESSAGE, id(id), "", text, false, Item.Status.COMPLETED, agent));
    }
  }

  /** Something that was thought. */
  protected final void reasoning(String id, String text, String agent) {
    if (!text.isBlank()) {
      give(new Item(ItemKind.REASONING, id(id), "", text, false, Item.Status.COMPLETED, agent));
    }
  }

  /** Something that went wrong; what is said twice in a row is one error. */
  protected final void error(String text) {
    if (!text.isBlank() && !text.strip().equals(lastError)) {
      lastError = text.strip();
      give(new Item(ItemKind.ERROR, id(null), "", text, false, Item.Status.FAILED, null));
    }
  }

  /** A tool is used. */
  protected final void toolBegins(String id, String name, JsonNode input, String agent) {
    ItemKind kind = ToolNames.kind(name);
    String telling = telling(input);
    String title =
        kind == ItemKind.COMMAND_EXECUTION && !telling.isEmpty()
            ? telling
            : telling.isEmpty() ? name : name + ": " + telling;
    String text = kind == ItemKind.COMMAND_EXECUTION ? "" : words(input);
    Item item = new Item(kind, id(id), title, text, false, Item.Status.STARTED, agent);
    open.put(item.id(), item);
    if (open.size() > MAX_OPEN) {
      open.remove(open.keySet().iterator().next());
    }
    give(item);
  }

  /** A tool has given something. Of one whose beginning was not seen only that is known. */
  protected final void toolEnds(String id, boolean failed, String output) {
    Item begun = open.remove(id);
    if (begun == null) {
      begun = new Item(ItemKind.TOOL_CALL, id(id), "", "", false, Item.Status.STARTED, null);
    }
    give(begun.with(failed ? Item.Status.FAILED : Item.Status.COMPLETED, output));
  }

  /** Any item. */
  protected final void give(Item item) {
    count++;
    sink.accept(item);
  }

  /** An id that no other item has, where the agent has given none. */
  protected final String id(String given) {
    return given == null || given.isBlank() ? "item-" + (count + 1) : given;
  }

  /** Whether any item was given. */
  protected final boolean any() {
    return count > 0;
  }

  private static String telling(JsonNode input) {
    for (String field : TELLING) {
      JsonNode value = input.path(field);
      if (value.isTextual() && !value.textValue().isBlank()) {
        return value.textValue();
      }
      if (value.isArray() && !value.isEmpty() && value.get(0).isTextual()) {
        return StreamSupport.stream(value.spliterator(), false)
            .limit(Item.MAX_TITLE)
            .map(JsonNode::asText)
            .collect(Collectors.joining(" "));
      }
    }
    return "";
  }

  /** What a field of any shape says: a text, the texts of a list of parts, or its JSON. */
  protected static String words(JsonNode node) {
    if (node.isMissingNode() || node.isNull()) {
      return "";
    }
    if (node.isValueNode()) {
      return node.asText();
    }
    if (node.isObject() && node.path("text").isTextual()) {
      return node.path("text").textValue();
    }
    if (node.isArray()) {
      StringBuilder all = new StringBuilder();
      for (JsonNode part : node) {
        if (all.length() > Item.MAX_TEXT) {
          break;
        }
        all.append(words(part)).append('\n');
      }
      return all.toString();
    }
    return node.isEmpty() ? "" : node.toString();
  }
}
