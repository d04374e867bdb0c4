package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.RecordedCases;
import dev.outlast.activities.process.LineSplitter;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.agent.ItemKind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ItemReaderTest {

  private static List<Item> items(String provider, byte[] stdout, String stderr) {
    List<Item> items = new ArrayList<>();
    ItemReader reader = Providers.named(provider).orElseThrow().items(items::add);
    LineSplitter out = new LineSplitter(reader::stdout);
    out.feed(stdout, stdout.length);
    out.end();
    stderr
        .lines()
        .forEach(
            line -> reader.stderr(new OutputLine(line.getBytes(StandardCharsets.UTF_8), false)));
    reader.end();
    return items;
  }

  private static List<Item> items(String provider, String stdout) {
    return items(provider, stdout.getBytes(StandardCharsets.UTF_8), "");
  }

  /** What is known of each item in the end. */
  private static List<Item> last(List<Item> items) {
    Map<String, Item> last = new LinkedHashMap<>();
    items.forEach(item -> last.put(item.id(), item));
    return List.copyOf(last.values());
  }

  private static String lines(JsonNode text) {
    return text.isArray()
        ? String.join(
            "\n", StreamSupport.stream(text.spliterator(), false).map(JsonNode::asText).toList())
        : text.asText("");
  }

  private static List<Item> ofCase(JsonNode recorded) {
    byte[] stdout =
        recorded.has("stdoutBase64")
            ? Base64.getDecoder().decode(recorded.path("stdoutBase64").asText())
            : lines(recorded.path("stdout")).getBytes(StandardCharsets.UTF_8);
    return items(recorded.path("provider").asText(), stdout, lines(recorded.path("stderr")));
  }

  private static List<Item> ofCase(String id) throws Exception {
    for (JsonNode recorded : RecordedCases.all()) {
      if (recorded.path("id").asText().equals(id)) {
        return ofCase(recorded);
      }
    }
    throw new AssertionError("no case " + id);
  }

  private static void assertBounded(Item item, String where) {
    assertTrue(item.text().length() <= Item.MAX_TEXT, where);
    assertTrue(item.title().length() <= Item.MAX_TITLE, where);
    assertFalse(item.id().isBlank(), where);
    String all = item.text() + item.title() + item.id();
    assertTrue(
        all.chars().allMatch(c -> c == '\n' || c == '\t' || !Character.isISOControl(c)), where);
  }

  @Test
  void every_recorded_output_is_read_and_every_limit_is_an_item() throws Exception {
    int cases = 0;
    for (JsonNode recorded : RecordedCases.all()) {
      String id = recorded.path("id").asText();
      List<Item> items = ofCase(recorded);
      items.forEach(item -> assertBounded(item, id));
      boolean limited =
          recorded.path("expected").path("limited").asBoolean(false) && id.contains("-rec-");
      boolean ended = recorded.path("exitCode").asInt() < 124;
      assertTrue(!limited || !ended || !items.isEmpty(), id);
      cases++;
    }
    assertTrue(cases > 100, "only " + cases);
  }

  @ParameterizedTest
  @EnumSource(Wire.class)
  void a_tool_is_one_item_with_what_it_was_told_and_what_it_gave(Wire wire) {
    if (wire == Wire.COMMAND) {
      return; // It has no tools.
    }
    String output = wire.opening() + wire.tool(7, "mvn verify", "BUILD SUCCESS");
    List<Item> items = items(wire.provider(), output);
    Item tool = last(items).get(last(items).size() - 1);
    assertEquals(ItemKind.COMMAND_EXECUTION, tool.kind());
    assertTrue(tool.title().contains("mvn verify"), tool.title());
    assertEquals("BUILD SUCCESS", tool.text());
    assertEquals(Item.Status.COMPLETED, tool.status());
    long begun =
        items.stream()
            .filter(i -> i.id().equals(tool.id()) && i.status() == Item.Status.STARTED)
            .count();
    assertEquals(1, begun);
  }

  @ParameterizedTest
  @EnumSource(Wire.class)
  void the_answer_is_the_last_message_and_its_pieces_are_none(Wire wire) {
    String output =
        wire.opening() + wire.tool(1, "ls", "x") + wire.message(2, "All done.") + wire.end("");
    List<Item> messages =
        items(wire.provider(), output).stream()
            .filter(item -> item.kind() == ItemKind.MESSAGE)
            .toList();
    Item answer = messages.get(messages.size() - 1);
    // What a command prints besides its records is one message at the end.
    assertTrue(
        answer.text().equals("All done.") || wire == Wire.COMMAND, () -> messages.toString());
    assertTrue(messages.stream().anyMatch(m -> m.text().equals("All done.")));
  }

  @ParameterizedTest
  @EnumSource(Wire.class)
  void an_ordinary_hour_and_mangled_ones_are_read_in_bounds(Wire wire) {
    long seed = 5;
    SplittableRandom random = new SplittableRandom(seed);
    byte[] hour = wire.hour(seed);
    List<Item> items = last(items(wire.provider(), hour, ""));
    assertTrue(items.size() >= 240, "only " + items.size());
    for (int round = 0; round < 10; round++) {
      byte[] mangled = hour.clone();
      for (int i = 0; i < 2_000; i++) {
        mangled[random.nextInt(mangled.length)] = (byte) random.nextInt(256);
      }
      String where = wire + ", seed " + seed + ", round " + round;
      items(wire.provider(), mangled, "").forEach(item -> assertBounded(item, where));
    }
  }

  @ParameterizedTest
  @EnumSource(Wire.class)
  void nothing_that_stands_in_a_record_can_make_a_reader_throw(Wire wire) {
    String[] values = {"null", "1", "true", "[]", "{}", "\"\"", "[1,null,{}]", "[[\"x\"]]"};
    for (String line : (wire.opening() + wire.tool(1, "ls", "x") + wire.end("x")).split("\n")) {
      for (String value : values) {
        // Each value of each field in turn is of another shape.
        for (int colon = line.indexOf(':'); colon > 0; colon = line.indexOf(':', colon + 1)) {
          for (int end = colon + 2; end <= line.length(); end += 29) {
            String odd = line.substring(0, colon + 1) + value + line.substring(end);
            items(wire.provider(), odd).forEach(item -> assertBounded(item, odd));
          }
        }
      }
    }
  }

  @Test
  void recorded_answers_and_errors_are_told_apart() throws Exception {
    List<Item> ok = ofCase("claude-rec-ok");
    assertEquals(List.of(ItemKind.MESSAGE), ok.stream().map(Item::kind).toList());
    assertTrue(ok.get(0).text().startsWith("FAKE-OK"), ok::toString);

    List<Item> limit = ofCase("claude-rec-limit_5h");
    assertEquals(List.of(ItemKind.ERROR), limit.stream().map(Item::kind).toList());
    assertTrue(limit.get(0).text().contains("limit"), limit::toString);
    assertEquals(Item.Status.FAILED, limit.get(0).status());

    List<Item> codex = last(ofCase("codex-rec-limit_5h"));
    assertEquals(ItemKind.ERROR, codex.get(codex.size() - 1).kind());
    assertTrue(codex.get(codex.size() - 1).text().contains("usage limit"), codex::toString);

    List<Item> copilot = ofCase("copilot-rec-ok");
    assertEquals(List.of(ItemKind.MESSAGE), copilot.stream().map(Item::kind).toList());
  }

  @Test
  void a_subagents_items_name_the_call_that_they_belong_to() {
    List<Item> items =
        items(
            "claude",
            """
            {"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"toolu_1","name":"Task","input":{"description":"look around"}}]},"parent_tool_use_id":null}
            {"type":"assistant","message":{"id":"m2","content":[{"type":"text","text":"I see"}]},"parent_tool_use_id":"toolu_1"}
            {"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"toolu_1","is_error":true,"content":[{"type":"text","text":"gone"}]}]},"parent_tool_use_id":null}
            """);
    assertEquals("Task: look around", items.get(0).title());
    assertEquals("toolu_1", items.get(1).agent());
    assertEquals(Item.Status.FAILED, items.get(2).status());
    assertEquals("gone", items.get(2).text());
    assertEquals("toolu_1", items.get(2).id());
  }

  @Test
  void files_plans_and_thoughts_have_kinds_of_their_own() {
    List<Item> items =
        items(
            "codex",
            """
            {"type":"item.completed","item":{"id":"i1","type":"reasoning","text":"hm"}}
            {"type":"item.completed","item":{"id":"i2","type":"file_change","status":"completed","changes":[{"path":"a.txt","kind":"add"},{"path":"b.txt","kind":"delete"}]}}
            {"type":"item.updated","item":{"id":"i3","type":"todo_list","items":[{"text":"one","completed":true},{"text":"two","completed":false}]}}
            {"type":"item.completed","item":{"id":"i4","type":"command_execution","command":"false","aggregated_output":"","exit_code":1,"status":"failed"}}
            """);
    assertEquals(
        List.of(
            ItemKind.REASONING, ItemKind.FILE_CHANGE, ItemKind.PLAN, ItemKind.COMMAND_EXECUTION),
        items.stream().map(Item::kind).toList());
    assertEquals("add a.txt\ndelete b.txt", items.get(1).text());
    assertEquals("[x] one\n[ ] two", items.get(2).text());
    assertEquals(Item.Status.FAILED, items.get(3).status());
  }

  @Test
  void plain_output_is_one_message_and_standard_error_counts_where_there_is_nothing_else() {
    List<Item> plain = items("command", "one\ntwo\n");
    assertEquals(1, plain.size());
    assertEquals("one\ntwo", plain.get(0).text());
    for (String provider : Providers.names()) {
      List<Item> failed = items(provider, new byte[0], "no such option");
      assertEquals(ItemKind.ERROR, failed.get(0).kind(), provider);
      assertEquals("no such option", failed.get(0).text(), provider);
    }
  }
}
