package dev.outlast.activities.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.AgentDefinition.Output;
import dev.outlast.limit.ResetTime;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Output of agents with the right answers: recorded from real versions, and made to mislead. */
class CorpusTest {

  @TestFactory
  Stream<DynamicTest> every_recorded_output_is_understood() throws IOException, URISyntaxException {
    Path folder = Path.of(CorpusTest.class.getResource("/corpus").toURI());
    List<Path> cases;
    try (Stream<Path> files = Files.list(folder)) {
      cases = files.sorted().toList();
    }
    assertTrue(cases.size() >= 46, "cases: " + cases.size());
    return cases.stream()
        .map(
            file ->
                DynamicTest.dynamicTest(
                    file.getFileName().toString(),
                    () -> check(new ObjectMapper().readTree(file.toFile()))));
  }

  @TestFactory
  Stream<DynamicTest> every_made_output_is_understood() throws IOException, URISyntaxException {
    Path folder = Path.of(CorpusTest.class.getResource("/corpus").toURI()).getParent();
    List<JsonNode> cases = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "made-cases*.json")) {
      for (Path file : files) {
        new ObjectMapper().readTree(file.toFile()).forEach(cases::add);
      }
    }
    assertTrue(cases.size() >= 230, "cases: " + cases.size());
    return cases.stream()
        .map(
            c ->
                DynamicTest.dynamicTest(
                    c.path("provider").textValue() + " " + c.path("id").textValue(),
                    () -> check(c)));
  }

  /** What a made case says nothing about is not what it is for; a recorded one says it all. */
  private static void check(JsonNode c) throws IOException {
    List<String> lines = new ArrayList<>();
    c.path("stdout").forEach(line -> lines.add(line.textValue()));
    DetectionReport report =
        Detection.detect(
            agent(c),
            c.has("stdoutBase64")
                ? new ByteArrayInputStream(c.path("stdoutBase64").binaryValue())
                : bytes(String.join("\n", lines)),
            bytes(c.path("stderr").asText()),
            c.path("exitCode").intValue(),
            Instant.parse(c.path("now").textValue()),
            ZoneId.of(c.path("zone").textValue()));
    JsonNode expected = c.path("expected");
    assertEquals(expected.path("limited").booleanValue(), report.limited(), report.toString());
    if (expected.has("usingOverage")) {
      assertEquals(expected.path("usingOverage").booleanValue(), report.usingOverage());
    }
    if (expected.has("outcome")) {
      assertEquals(expected.path("outcome").textValue(), report.outcome(), report.toString());
    }
    if (expected.has("reason")) {
      assertEquals(expected.path("reason").textValue(), report.reason(), report.toString());
    }
    if (expected.has("setBy")) {
      assertEquals(
          expected.path("setBy").textValue(),
          report.setBy().name().toLowerCase(Locale.ROOT),
          report.toString());
    }
    JsonNode session = expected.path("sessionId");
    if (expected.has("sessionId")) {
      assertEquals(
          session.isTextual() ? session.textValue() : null,
          report.session() == null ? null : report.session().value());
    }
    if (expected.has("scope") && report.limited()) {
      checkScope(expected, report);
    }
    if (expected.has("resetAt") && report.limited()) {
      checkReset(expected, report);
    }
  }

  private static void checkScope(JsonNode expected, DetectionReport report) {
    List<String> right = new ArrayList<>(List.of(expected.path("scope").textValue()));
    expected.path("scopeAnyOf").forEach(scope -> right.add(scope.textValue()));
    assertTrue(right.contains(report.scope().word()), report.toString());
  }

  private static void checkReset(JsonNode expected, DetectionReport report) {
    if (!expected.path("resetAt").isTextual()) {
      assertNull(report.reset(), report.toString());
      return;
    }
    assertNotNull(report.reset(), report.toString());
    List<String> right = new ArrayList<>(List.of(expected.path("resetAt").textValue()));
    expected.path("resetAnyOf").forEach(reset -> right.add(reset.textValue()));
    Duration tolerance = Duration.ofSeconds(expected.path("resetToleranceSeconds").intValue());
    assertTrue(
        right.stream().map(Instant::parse).anyMatch(at -> fits(report.reset(), at, tolerance)),
        report.toString());
  }

  private static boolean fits(ResetTime reset, Instant at, Duration tolerance) {
    return !at.isBefore(reset.earliest().minus(tolerance))
        && !at.isAfter(reset.latest().plus(tolerance));
  }

  private static AgentDefinition agent(JsonNode c) {
    String provider = c.path("provider").textValue();
    List<String> patterns = new ArrayList<>();
    c.path("patterns").forEach(pattern -> patterns.add(pattern.textValue()));
    return new AgentDefinition(
        provider,
        provider,
        List.of(provider),
        null,
        null,
        null,
        List.of(),
        List.of(),
        null,
        c.has("output")
            ? Output.valueOf(c.path("output").textValue().toUpperCase(Locale.ROOT))
            : null,
        patterns,
        null);
  }

  private static InputStream bytes(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }
}
