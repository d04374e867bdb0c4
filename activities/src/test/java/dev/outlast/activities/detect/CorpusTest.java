package dev.outlast.activities.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.limit.ResetTime;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Output that real versions of agents have printed, with the right answers. */
class CorpusTest {

  @TestFactory
  Stream<DynamicTest> every_recorded_output_is_understood() throws IOException, URISyntaxException {
    Path folder = Path.of(CorpusTest.class.getResource("/corpus").toURI());
    List<Path> cases;
    try (Stream<Path> files = Files.list(folder)) {
      cases = files.sorted().toList();
    }
    assertTrue(cases.size() >= 26, "cases: " + cases.size());
    return cases.stream()
        .map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> check(file)));
  }

  private static void check(Path file) throws IOException {
    JsonNode c = new ObjectMapper().readTree(file.toFile());
    List<String> lines = new ArrayList<>();
    c.path("stdout").forEach(line -> lines.add(line.textValue()));
    DetectionReport report =
        Detection.detect(
            agent(c.path("provider").textValue()),
            bytes(String.join("\n", lines)),
            bytes(c.path("stderr").asText()),
            c.path("exitCode").intValue(),
            Instant.parse(c.path("now").textValue()),
            ZoneId.of(c.path("zone").textValue()));
    JsonNode expected = c.path("expected");
    assertEquals(expected.path("limited").booleanValue(), report.limited(), report.toString());
    assertEquals(expected.path("usingOverage").booleanValue(), report.usingOverage());
    JsonNode session = expected.path("sessionId");
    assertEquals(
        session.isTextual() ? session.textValue() : null,
        report.session() == null ? null : report.session().value());
    if (report.limited()) {
      checkScope(expected, report);
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

  private static AgentDefinition agent(String provider) {
    return new AgentDefinition(
        provider,
        provider,
        List.of(provider),
        null,
        null,
        List.of(),
        List.of(),
        null,
        null,
        List.of(),
        null);
  }

  private static InputStream bytes(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }
}
