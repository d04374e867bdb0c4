package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.RecordedCases;
import dev.outlast.activities.process.OutputLine;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Records that are not parsed must change nothing; one that begins with another field always is.
 */
class SettledRecordsTest {

  /** For each provider. */
  private static final int CASES = 2_500;

  private static final Instant NOW = Instant.parse("2026-11-21T00:00:00Z");
  private static final ZoneId ZONE = ZoneId.of("Europe/Berlin");

  /** The lines of all recorded and made cases of a provider. */
  private static final Map<Wire, List<String>> LINES = new EnumMap<>(Wire.class);

  @BeforeAll
  static void collectLines() throws IOException, URISyntaxException {
    for (JsonNode c : RecordedCases.all()) {
      Wire wire = Wire.valueOf(c.path("provider").textValue().toUpperCase(Locale.ROOT));
      c.path("stdout")
          .forEach(
              line ->
                  LINES
                      .computeIfAbsent(wire, none -> new ArrayList<>())
                      .add(line.textValue().strip()));
    }
  }

  static Stream<Wire> wires() {
    // Of a command's records every type may tell something.
    return Stream.of(Wire.values()).filter(wire -> wire.known() && wire != Wire.COMMAND);
  }

  @ParameterizedTest
  @MethodSource("wires")
  void what_is_not_parsed_would_have_changed_nothing(Wire wire) {
    AgentDriver driver = wire.driver();
    for (int seed = 0; seed < CASES; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      OutputReader reader = driver.reader(Surroundings.recorded(ZONE));
      OutputReader thorough = driver.reader(Surroundings.recorded(ZONE));
      List<String> said = new ArrayList<>();
      for (String line : transcript(wire, random)) {
        boolean record = Json.read(line).isObject();
        String parsed = record ? line.replaceFirst("\\{", "{\"~\":0,") : line;
        if (record && !Json.read(parsed).isObject()) {
          continue;
        }
        said.add(line);
        reader.stdout(line(line), NOW);
        thorough.stdout(line(parsed), NOW);
        assertEquals(thorough.facts(), reader.facts(), () -> "after " + said);
      }
      int exitCode = random.nextInt(3) == 0 ? 0 : 1;
      String which = "seed " + seed + ": ";
      assertEquals(
          thorough.conclude(exitCode, NOW), reader.conclude(exitCode, NOW), () -> which + said);
    }
  }

  /** A run's opening, and then records of all kinds in any order, some of them damaged. */
  private static List<String> transcript(Wire wire, SplittableRandom random) {
    List<String> known = LINES.getOrDefault(wire, List.of());
    StringBuilder all = new StringBuilder(random.nextBoolean() ? wire.opening() : "");
    for (int i = random.nextInt(12); i >= 0; i--) {
      int kind = random.nextInt(known.isEmpty() ? 4 : 8);
      String text = Wire.text(random, random.nextInt(60));
      String next =
          switch (kind) {
            case 0 -> wire.delta(i, text);
            case 1 -> wire.message(i, text);
            case 2 -> wire.tool(i, text, Wire.text(random, 80));
            case 3 -> random.nextInt(3) == 0 ? wire.end(text) : wire.delta(i, text);
            default -> known.get(random.nextInt(known.size())) + "\n";
          };
      all.append(random.nextInt(8) == 0 ? damaged(next, random) : next);
    }
    return all.toString().replace("SESSION", Wire.SESSION).lines().toList();
  }

  private static String damaged(String text, SplittableRandom random) {
    StringBuilder damaged = new StringBuilder(text);
    for (int i = random.nextInt(4); i >= 0; i--) {
      int at = random.nextInt(damaged.length());
      if (random.nextBoolean()) {
        damaged.setCharAt(at, "\"\\{}[],: x\u00e4".charAt(random.nextInt(11)));
      } else {
        damaged.insert(at, "\"type\":\"result\",");
      }
    }
    return damaged.toString();
  }

  private static OutputLine line(String text) {
    return new OutputLine(text.getBytes(StandardCharsets.UTF_8), false);
  }

  @Test
  void the_type_that_is_seen_is_the_one_that_a_parser_reads() {
    int seen = 0;
    int refused = 0;
    for (int seed = 0; seed < 40 * CASES; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      StringBuilder text = new StringBuilder(random.nextInt(4) == 0 ? " " : "");
      object(text, random, 0);
      String line = text.toString();
      Optional<RecordType> type = RecordType.of(line.getBytes(StandardCharsets.UTF_8));
      if (type.isPresent() && type.get().only()) {
        JsonNode read = Json.read(line);
        assertEquals(read.path("type").asText(), type.get().name(), "seed " + seed + ": " + line);
        seen++;
      } else {
        refused++;
      }
    }
    assertTrue(seen > 4 * CASES && refused > 4 * CASES, seen + " seen, " + refused + " refused");
  }

  /** Valid JSON that is full of quoted marks, and of fields that are called, or look, the same. */
  private static void object(StringBuilder text, SplittableRandom random, int depth) {
    String[] keys = {
      "\"type\"", "\"type\"", "\"t\\u0079pe\"", "\"type \"", "\"id\"", "\"a\\\"type\"", "\"x\\\\\""
    };
    text.append("{").append(" ".repeat(random.nextInt(2)));
    int fields = random.nextInt(4);
    for (int i = 0; i <= fields; i++) {
      text.append(i == 0 ? "" : ",").append(" ".repeat(random.nextInt(2)));
      // The first is mostly the type, as only then there is something to be right about.
      boolean first = depth == 0 && i == 0;
      text.append(keys[first && random.nextInt(9) > 0 ? 0 : random.nextInt(keys.length)]);
      text.append(" ".repeat(random.nextInt(2))).append(":");
      if (first && random.nextInt(9) > 0) {
        text.append(" \"delta\"");
      } else {
        value(text, random, depth + 1);
      }
    }
    text.append("}");
  }

  private static void value(StringBuilder text, SplittableRandom random, int depth) {
    String[] texts = {
      "\"a\"",
      "\"type\"",
      "\"}\"",
      "\"\\\"type\\\":\\\"b\\\"\"",
      "\"\\\\\"",
      "\"\\\\\\\"]\"",
      "\"\""
    };
    switch (random.nextInt(depth > 3 ? 3 : 6)) {
      case 0, 1 -> text.append(texts[random.nextInt(texts.length)]);
      case 2 -> text.append(random.nextInt(1_000));
      case 3 -> object(text, random, depth);
      case 4 -> {
        text.append("[");
        value(text, random, depth + 1);
        text.append(",\"type\",");
        value(text, random, depth + 1);
        text.append("]");
      }
      default -> text.append("\"").append("x\u00e9\\\\".repeat(random.nextInt(9))).append("\"");
    }
  }

  @Test
  void settled_records_are_not_given_on_and_all_others_are() {
    AtomicInteger given = new AtomicInteger();
    Records records =
        new Records(type -> type.equals("delta"), (node, at) -> given.incrementAndGet());
    String delta = "{\"type\":\"delta\",\"data\":{\"type\":\"error\"}}";
    for (String line :
        List.of(
            delta,
            delta,
            "{\"type\":\"delta\",\"type\":\"error\"}",
            "{\"type\":\"delta\",\"ty\\u0070e\":\"error\"}",
            "{\"id\":1,\"type\":\"delta\"}",
            "[" + delta + "]",
            "{\"type\" : \"delta\" , \"id\":1}",
            "{\"type\":\"delt\\u0061\"}")) {
      records.line(line(line), NOW);
    }
    assertEquals(6, given.get(), "the first one, and five that cannot be told or are none");
  }
}
