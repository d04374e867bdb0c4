package dev.outlast.activities.provider.opencode;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.provider.Json;
import dev.outlast.limit.ResetTime;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the answer of a service says exactly about when it accepts requests again.
 *
 * @param headers by name, in any case
 * @param body of the answer; a missing node if it is no JSON
 */
record ResponseHeaders(JsonNode headers, JsonNode body, Instant readAt) {

  private static final String UNIFIED = "anthropic-ratelimit-unified-";
  private static final Pattern NUMBER = Pattern.compile("\\d{1,15}(?:\\.\\d{1,9})?");
  private static final Pattern EPOCH = Pattern.compile("\\d{10}|\\d{13}");

  /** The time; null if there is none. */
  ResetTime reset() {
    return Stream.<Optional<ResetTime>>of(
            rejectedWindow().isEmpty() ? Optional.empty() : epoch(header(UNIFIED + "reset")),
            number(body.path("error"), "resets_at").flatMap(ResponseHeaders::epoch),
            number(body.path("error"), "resets_in_seconds").flatMap(this::seconds),
            detail("retryDelay").flatMap(said -> ResetReader.read(said, readAt, ZoneOffset.UTC)),
            millis(header("retry-after-ms")),
            seconds(header("retry-after")),
            date(header("retry-after")),
            epoch(header("x-ratelimit-reset")),
            epoch(
                Json.text(
                    body.path("error").path("metadata").path("headers"), "X-RateLimit-Reset")))
        .flatMap(Optional::stream)
        .findFirst()
        .orElse(null);
  }

  /** The window that a subscription's service names as used up; empty if none. */
  String rejectedWindow() {
    return header(UNIFIED + "status").equals("rejected")
        ? header(UNIFIED + "representative-claim")
        : "";
  }

  private String header(String name) {
    if (headers.has(name)) {
      return Json.text(headers, name);
    }
    return headers.properties().stream()
        .filter(field -> field.getKey().toLowerCase(Locale.ROOT).equals(name))
        .map(field -> field.getValue().asText())
        .findFirst()
        .orElse("");
  }

  private Optional<String> detail(String field) {
    for (JsonNode detail : body.path("error").path("details")) {
      String text = Json.text(detail, field);
      if (!text.isBlank()) {
        return Optional.of(text);
      }
    }
    return Optional.empty();
  }

  private static Optional<String> number(JsonNode node, String field) {
    long count = Json.count(node, field);
    return count > 0 ? Optional.of(Long.toString(count)) : Optional.empty();
  }

  private static Optional<ResetTime> epoch(String text) {
    return EPOCH.matcher(text).matches()
        ? ResetReader.epoch(new BigDecimal(text)).map(ResetTime::exactly)
        : Optional.empty();
  }

  private Optional<ResetTime> millis(String text) {
    return after(text, 1);
  }

  private Optional<ResetTime> seconds(String text) {
    return after(text, 1_000);
  }

  private Optional<ResetTime> after(String text, int unit) {
    if (!NUMBER.matcher(text).matches()) {
      return Optional.empty();
    }
    double millis = Double.parseDouble(text) * unit;
    return millis <= ResetReader.MAX_AHEAD.toMillis()
        ? Optional.of(ResetTime.exactly(readAt.plusMillis((long) Math.ceil(millis))))
        : Optional.empty();
  }

  private static Optional<ResetTime> date(String text) {
    try {
      return Optional.of(
          ResetTime.exactly(
              ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant()));
    } catch (DateTimeException noDate) {
      return Optional.empty();
    }
  }
}
