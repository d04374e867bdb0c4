package dev.outlast.activities.provider.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.Item;
import dev.outlast.activities.provider.ItemReader;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.activities.provider.RecordedError;
import dev.outlast.agent.ItemKind;
import java.time.Instant;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Items of any command: a record that says something, or tells of an error, is an item; all other
 * lines together are one message.
 */
final class CommandItems implements ItemReader {

  private final Consumer<Item> sink;
  private final LineTail plain = new LineTail(Item.MAX_TEXT);
  private final LineTail errors = new LineTail(Item.MAX_TEXT);
  private int count;

  CommandItems(Consumer<Item> sink) {
    this.sink = sink;
  }

  @Override
  public void stdout(OutputLine line) {
    JsonNode node = Json.read(line);
    Optional<String> error = node.isObject() ? RecordedError.of(node) : Optional.empty();
    Optional<String> answer = node.isObject() ? answer(node) : Optional.empty();
    if (error.isPresent()) {
      give(ItemKind.ERROR, error.get(), Item.Status.FAILED);
    } else if (answer.isPresent()) {
      give(ItemKind.MESSAGE, answer.get(), Item.Status.COMPLETED);
    } else {
      plain.add(line, Instant.EPOCH);
    }
  }

  private static Optional<String> answer(JsonNode node) {
    return CommandReader.ANSWER_FIELDS.stream()
        .map(field -> Json.text(node, field))
        .filter(text -> !text.isBlank())
        .findFirst();
  }

  @Override
  public void stderr(OutputLine line) {
    errors.add(line, Instant.EPOCH);
  }

  @Override
  public void end() {
    String text = plain.text();
    if (!text.isBlank()) {
      give(ItemKind.MESSAGE, text, Item.Status.COMPLETED);
    } else if (count == 0 && !errors.text().isBlank()) {
      give(ItemKind.ERROR, errors.text(), Item.Status.FAILED);
    }
  }

  private void give(ItemKind kind, String text, Item.Status status) {
    count++;
    sink.accept(new Item(kind, "item-" + count, "", text, false, status, null));
  }
}
