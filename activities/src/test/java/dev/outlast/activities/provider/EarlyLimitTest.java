package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.AgentDefinition.Output;
import dev.outlast.activities.RecordedCases;
import dev.outlast.activities.process.OutputLine;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What readers say of a limit before the agent has ended, on all recorded and made cases. */
class EarlyLimitTest {

  /** How an agent may end. */
  private static final List<Integer> EXIT_CODES = List.of(0, 1, 130, 137);

  /** In how many cases at least it is known early. */
  private static final Map<String, Integer> LEAST =
      Map.of("claude", 131, "codex", 83, "command", 8, "copilot", 49, "gemini", 40, "opencode", 37);

  /** A case's output, as far as it has one of lines. */
  private record Recorded(AgentDriver driver, ZoneId zone, Instant now, JsonNode node) {

    static Optional<Recorded> of(JsonNode node) {
      if (!node.path("stdout").isArray() || node.has("patterns")) {
        return Optional.empty();
      }
      AgentDefinition.Builder agent =
          AgentDefinition.newBuilder("a", node.path("provider").textValue())
              .setCommand(List.of("agent"));
      if (node.has("output")) {
        agent.setOutput(Output.valueOf(node.path("output").textValue().toUpperCase(Locale.ROOT)));
      }
      if (node.path("provider").textValue().equals("command")) {
        agent.setArgs(List.of("{prompt}"));
      }
      return Optional.of(
          new Recorded(
              Providers.driver(agent.build()),
              ZoneId.of(node.path("zone").textValue()),
              Instant.parse(node.path("now").textValue()),
              node));
    }

    String id() {
      return node.path("id").textValue();
    }

    /** All that is said, in order: standard error first, since what ends a call comes last. */
    List<Consumer<OutputReader>> lines() {
      List<Consumer<OutputReader>> lines = new ArrayList<>();
      if (node.path("stderr").isArray()) {
        node.path("stderr").forEach(l -> lines.add(r -> r.stderr(line(l), now)));
      }
      node.path("stdout").forEach(l -> lines.add(r -> r.stdout(line(l), now)));
      return lines;
    }

    private static OutputLine line(JsonNode text) {
      byte[] bytes = text.textValue().getBytes(StandardCharsets.UTF_8);
      return new OutputLine(bytes, false);
    }

    OutputReader reader(List<Consumer<OutputReader>> said) {
      OutputReader reader = driver.reader(Surroundings.recorded(zone));
      said.forEach(line -> line.accept(reader));
      return reader;
    }
  }

  private static List<Recorded> cases() throws IOException, URISyntaxException {
    return RecordedCases.all().stream().map(Recorded::of).flatMap(Optional::stream).toList();
  }

  @Test
  void a_limit_that_is_told_early_is_what_any_end_would_be_concluded_with()
      throws IOException, URISyntaxException {
    for (Recorded c : cases()) {
      List<Consumer<OutputReader>> lines = c.lines();
      for (int count = 0; count <= lines.size(); count++) {
        List<Consumer<OutputReader>> said = lines.subList(0, count);
        Optional<Conclusion.Limited> early = c.reader(said).limited(c.now());
        for (int exitCode : early.isPresent() ? EXIT_CODES : List.<Integer>of()) {
          assertEquals(
              early.get(),
              c.reader(said).conclude(exitCode, c.now()),
              c.id() + " after " + count + " lines, exit code " + exitCode);
        }
      }
    }
  }

  @Test
  void to_be_asked_changes_nothing() throws IOException, URISyntaxException {
    for (Recorded c : cases()) {
      OutputReader asked = c.reader(List.of());
      for (Consumer<OutputReader> line : c.lines()) {
        line.accept(asked);
        asked.limited(c.now());
      }
      OutputReader unasked = c.reader(c.lines());
      assertEquals(unasked.facts(), asked.facts(), c.id());
      assertEquals(unasked.conclude(1, c.now()), asked.conclude(1, c.now()), c.id());
    }
  }

  @Test
  void what_agents_end_with_by_their_records_is_known_before_they_end()
      throws IOException, URISyntaxException {
    Map<String, Integer> known = new TreeMap<>();
    for (Recorded c : cases()) {
      int told = c.reader(c.lines()).limited(c.now()).isPresent() ? 1 : 0;
      known.merge(c.node().path("provider").textValue(), told, Integer::sum);
    }
    LEAST.forEach((provider, count) -> assertTrue(known.get(provider) >= count, known::toString));
  }
}
