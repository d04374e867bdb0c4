package dev.outlast.activities.detect;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.provider.Providers;
import dev.outlast.limit.ResetTime;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * Recorded output of one invocation with the right answers: an object of JSON with the fields
 *
 * <ul>
 *   <li>{@code id}, {@code provider}, {@code now} (when the run started, RFC 3339), {@code zone}
 *       (of local times), {@code exitCode}, {@code stdout} (an array of lines, or one text); all
 *       needed
 *   <li>{@code stderr} (likewise), {@code stdoutBase64} in place of {@code stdout} for bytes that
 *       are no text, {@code output} and {@code patterns} of the agent; all optional
 *   <li>{@code expected}, without which a case is read but not judged: {@code limited}, {@code
 *       scope}, {@code resetAt}, {@code usingOverage}, {@code sessionId}, {@code outcome}, {@code
 *       reason}, {@code setBy}, each judged if it is there; {@code limitedAnyOf}, {@code
 *       scopeAnyOf}, {@code resetAnyOf} with more right answers; {@code resetToleranceSeconds};
 *       {@code resetNotAfter}, an instant that no answer may be after
 * </ul>
 *
 * Other fields are notes. Immutable and thread-safe.
 */
public final class CorpusCase {

  /** The largest file that is read. */
  public static final long MAX_BYTES = 32L * 1024 * 1024;

  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  /**
   * An answer that is wrong.
   *
   * @param field of {@code expected}
   * @param expected what is right, as text
   * @param got what was answered, as text
   */
  public record Mismatch(String field, String expected, String got) {}

  private final String id;
  private final AgentDefinition agent;
  private final byte[] stdout;
  private final byte[] stderr;
  private final int exitCode;
  private final Instant now;
  private final ZoneId zone;
  private final JsonNode expected;

  private CorpusCase(JsonNode node) {
    id = text(node, "id");
    agent = agent(node);
    stdout = stdout(node);
    stderr = node.path("stderr").isArray() ? lines(node, "stderr") : stderr(node);
    JsonNode code = node.path("exitCode");
    if (!code.canConvertToExactIntegral() || !code.canConvertToInt()) {
      throw wrong("exitCode", code, "a whole number");
    }
    exitCode = code.intValue();
    now = instant(node, "now");
    zone = zone(node);
    expected = node.path("expected");
    if (!expected.isMissingNode() && !expected.isObject()) {
      throw wrong("expected", expected, "an object");
    }
    checkExpected();
  }

  /**
   * Reads a case from its file.
   *
   * @throws IllegalArgumentException if it is no case; the message says what is wrong with which
   *     field, but does not name the file
   * @throws IOException if the file cannot be read
   */
  public static CorpusCase read(Path file) throws IOException {
    if (Files.size(file) > MAX_BYTES) {
      throw new IllegalArgumentException("larger than " + MAX_BYTES + " bytes");
    }
    try {
      return of(MAPPER.readTree(Files.readAllBytes(file)));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not JSON (" + e.getOriginalMessage() + ")", e);
    }
  }

  /**
   * A case from its JSON.
   *
   * @throws IllegalArgumentException if it is no case; the message says what is wrong with which
   *     field
   */
  public static CorpusCase of(JsonNode node) {
    if (!node.isObject()) {
      throw new IllegalArgumentException("not an object of JSON");
    }
    return new CorpusCase(node);
  }

  public String id() {
    return id;
  }

  /** Whether the case says what is right. */
  public boolean judged() {
    return !expected.isMissingNode();
  }

  /**
   * What its output is concluded to mean, where all of it was read at {@code now}.
   *
   * @throws IllegalArgumentException if the agent's patterns are wrong
   */
  public DetectionReport detect() {
    return Detection.detect(
        agent,
        new ByteArrayInputStream(stdout),
        new ByteArrayInputStream(stderr),
        exitCode,
        now,
        zone);
  }

  /**
   * What is wrong with an answer; empty if nothing is, or nothing was expected. Scope and reset are
   * judged only where a limit was rightly found. A reset is right if the interval in which it lies
   * comes within the tolerance of a right one.
   */
  public List<Mismatch> judge(DetectionReport report) {
    List<Mismatch> wrong = new ArrayList<>();
    judge("limited", report.limited(), wrong);
    judge("outcome", report.outcome(), wrong);
    judge("reason", report.reason(), wrong);
    judge("usingOverage", report.usingOverage(), wrong);
    judge("sessionId", report.session() == null ? null : report.session().value(), wrong);
    if (report.limited() && wrong.stream().noneMatch(m -> m.field().equals("limited"))) {
      judge("setBy", report.setBy().name().toLowerCase(Locale.ROOT), wrong);
      judge("scope", report.scope().word(), wrong);
      judgeReset(report.reset(), wrong);
    }
    return wrong;
  }

  private void judge(String field, Object got, List<Mismatch> wrong) {
    if (expected.has(field)) {
      String answer = Objects.toString(got, null);
      List<String> right = right(field, field + "AnyOf");
      if (!right.contains(answer)) {
        wrong.add(mismatch(field, right, answer));
      }
    }
  }

  private void judgeReset(ResetTime got, List<Mismatch> wrong) {
    String shown = got == null ? null : got.earliest().toString();
    List<String> right = right("resetAt", "resetAnyOf");
    Duration tolerance = Duration.ofSeconds(expected.path("resetToleranceSeconds").asLong());
    if (expected.has("resetAt")
        && right.stream().noneMatch(at -> at == null ? got == null : fits(got, at, tolerance))) {
      wrong.add(mismatch("resetAt", right, shown));
    }
    JsonNode bound = expected.path("resetNotAfter");
    if (bound.isTextual() && got != null && got.earliest().isAfter(parsed(bound.textValue()))) {
      wrong.add(new Mismatch("resetNotAfter", bound.textValue(), shown));
    }
  }

  private static boolean fits(ResetTime got, String right, Duration tolerance) {
    Instant at = parsed(right);
    return got != null
        && !at.isBefore(got.earliest().minus(tolerance))
        && !at.isAfter(got.latest().plus(tolerance));
  }

  private static Mismatch mismatch(String field, List<String> right, String got) {
    return new Mismatch(
        field,
        String.join(" or ", right.stream().map(answer -> Objects.toString(answer)).toList()),
        Objects.toString(got));
  }

  private List<String> right(String field, String others) {
    List<String> right = new ArrayList<>();
    right.add(word(expected.path(field)));
    expected.path(others).forEach(other -> right.add(word(other)));
    return right;
  }

  private static String word(JsonNode value) {
    return value.isNull() || value.isMissingNode() ? null : value.asText();
  }

  private void checkExpected() {
    List<JsonNode> times = new ArrayList<>();
    times.add(expected.path("resetAt"));
    times.add(expected.path("resetNotAfter"));
    expected.path("resetAnyOf").forEach(times::add);
    for (JsonNode time : times) {
      if (time.isTextual()) {
        try {
          parsed(time.textValue());
        } catch (DateTimeException e) {
          throw wrong("expected", time, "instants such as 2026-11-21T15:00:00Z");
        }
      }
    }
  }

  private static AgentDefinition agent(JsonNode node) {
    String provider = text(node, "provider");
    if (Providers.named(provider).isEmpty()) {
      throw wrong(
          "provider", node.path("provider"), "one of " + String.join(", ", Providers.names()));
    }
    List<String> patterns = new ArrayList<>();
    node.path("patterns").forEach(pattern -> patterns.add(pattern.asText()));
    return AgentDefinition.newBuilder(provider, provider)
        .setOutput(output(node))
        .setPatterns(patterns)
        .build();
  }

  private static AgentDefinition.Output output(JsonNode node) {
    return switch (optionalText(node, "output")) {
      case "" -> null;
      case "json" -> AgentDefinition.Output.JSON;
      case "text" -> AgentDefinition.Output.TEXT;
      default -> throw wrong("output", node.path("output"), "json or text");
    };
  }

  private static byte[] stdout(JsonNode node) {
    JsonNode base64 = node.path("stdoutBase64");
    if (!base64.isMissingNode()) {
      try {
        return base64.binaryValue();
      } catch (IOException e) {
        throw wrong("stdoutBase64", base64, "Base64");
      }
    }
    JsonNode text = node.path("stdout");
    if (text.isTextual()) {
      return text.textValue().getBytes(StandardCharsets.UTF_8);
    }
    if (!text.isArray()) {
      throw wrong("stdout", text, "an array of lines");
    }
    return lines(node, "stdout");
  }

  private static byte[] stderr(JsonNode node) {
    return optionalText(node, "stderr").getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] lines(JsonNode node, String field) {
    List<String> all = new ArrayList<>();
    for (JsonNode line : node.path(field)) {
      if (!line.isTextual()) {
        throw wrong(field, line, "an array of texts");
      }
      all.add(line.textValue());
    }
    return String.join("\n", all).getBytes(StandardCharsets.UTF_8);
  }

  private static String text(JsonNode node, String field) {
    JsonNode value = node.path(field);
    if (!value.isTextual() || value.textValue().isBlank()) {
      throw wrong(field, value, "a text");
    }
    return value.textValue();
  }

  private static String optionalText(JsonNode node, String field) {
    JsonNode value = node.path(field);
    if (value.isMissingNode() || value.isNull()) {
      return "";
    }
    if (!value.isTextual()) {
      throw wrong(field, value, "a text");
    }
    return value.textValue();
  }

  private static Instant instant(JsonNode node, String field) {
    try {
      return parsed(text(node, field));
    } catch (DateTimeException e) {
      throw wrong(field, node.path(field), "an instant such as 2026-11-21T15:00:00Z");
    }
  }

  private static Instant parsed(String instant) {
    return OffsetDateTime.parse(instant).toInstant();
  }

  private static ZoneId zone(JsonNode node) {
    try {
      return ZoneId.of(text(node, "zone"), ZoneId.SHORT_IDS);
    } catch (DateTimeException e) {
      throw wrong("zone", node.path("zone"), "a zone such as Europe/Paris");
    }
  }

  private static IllegalArgumentException wrong(String field, JsonNode got, String expected) {
    String found = got.isMissingNode() ? "missing" : "got " + got;
    return new IllegalArgumentException(field + ": " + found + "; expected " + expected);
  }
}
