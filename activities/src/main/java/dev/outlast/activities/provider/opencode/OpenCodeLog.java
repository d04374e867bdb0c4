package dev.outlast.activities.provider.opencode;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.activities.provider.opencode.Refusals.Refusal;
import dev.outlast.agent.SessionId;
import dev.outlast.limit.ResetTime;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What OpenCode prints on standard error: lines of its log ({@code key=value}, as of 1.18.33, or
 * the older {@code ERROR 2025-…} with the same pairs), lines of our plug-in, and plain text. Not
 * thread-safe.
 */
final class OpenCodeLog {

  private static final int MAX_TAIL = 64 * 1024;
  private static final int MAX_LINE = 16 * 1024;
  private static final String LOG = "stderr log";
  private static final String STATUS = "stderr session.status";

  private static final Pattern LINE =
      Pattern.compile(
          "^(?:timestamp=\\S+ level=([A-Z]+) |(DEBUG|INFO|WARN|ERROR) +\\d{4}-\\d\\d-\\d\\dT)");
  private static final Pattern SESSION =
      Pattern.compile("(?:^|\\s)(?:id|session\\.id|sessionID)=(ses_[A-Za-z0-9]{1,100})");

  /** The request for a title is made beside the session's own, and may fail without harm. */
  private static final Pattern ASIDE = Pattern.compile("\\bsmall=true\\b|\\bagent=title\\b");

  /** The session's loop goes round once for each answer of the model. */
  private static final Pattern LOOP = Pattern.compile("\\bmessage=loop\\b|\\sloop$");

  private static final Pattern FIRST_ROUND = Pattern.compile("\\bstep=0\\b");
  private static final Pattern REQUEST_FAILED =
      Pattern.compile("stream error|\\bmessage=process\\b|\\sprocess$");

  /** How OpenCode names the window of its own subscription. */
  private static final Pattern WINDOW = Pattern.compile("^(\\S.{0,30}?) usage limit reached\\b");

  private static final List<String> ERROR_KEYS = List.of("error.error", "error.message", "error");

  /**
   * Requests that were refused, without an answer in between.
   *
   * @param since when the first was
   * @param last the newest
   */
  record Refused(Instant since, Refusal last) {}

  private final LineTail plain = new LineTail(MAX_TAIL);
  private SessionId session;
  private boolean taken;
  private Refused refused;
  private Refusal aside;
  private Refusal lastError;
  private String lastReference = "";

  void line(OutputLine line, Instant readAt) {
    String text = PlainText.head(line.text(), MAX_LINE);
    JsonNode node = Json.beginsAsJson(line.bytes()) ? Json.read(line) : Json.read("");
    Matcher log = LINE.matcher(text);
    if (node.isObject() && node.path("outlast").isTextual()) {
      status(node, readAt);
    } else if (log.find()) {
      log(text, "ERROR".equals(log.group(1) == null ? log.group(2) : log.group(1)), readAt);
    } else {
      plain.add(line, readAt);
    }
  }

  /** The model has answered. */
  void answered() {
    refused = null;
  }

  private void status(JsonNode node, Instant readAt) {
    if (session == null && Json.text(node, "parentID").isEmpty()) {
      Json.session(node, "sessionID").ifPresent(id -> session = id);
    }
    JsonNode status = node.path("status");
    if (!Json.text(status, "type").equals("retry")) {
      return;
    }
    taken = true;
    ResetTime next =
        ResetReader.epoch(BigDecimal.valueOf(status.path("next").longValue()))
            .filter(at -> at.isAfter(readAt.plus(Refusals.LONGEST_OWN_PAUSE)))
            .map(ResetTime::exactly)
            .orElse(null);
    String message = PlainText.head(PlainText.clean(Json.text(status, "message")), MAX_LINE);
    Matcher window = WINDOW.matcher(message);
    JsonNode action = status.path("action");
    refused(
        new Refusal(
            "",
            message,
            Stream.of(Json.text(action, "reason").toLowerCase(Locale.ROOT))
                .filter(reason -> !reason.isEmpty())
                .toList(),
            0,
            window.find() ? window.group(1) : "",
            next,
            readAt,
            STATUS));
  }

  private void log(String text, boolean error, Instant readAt) {
    if (session == null) {
      Matcher id = SESSION.matcher(text);
      if (id.find()) {
        session = new SessionId(id.group(1));
      }
    }
    if (LOOP.matcher(text).find()) {
      taken = true;
      if (!FIRST_ROUND.matcher(text).find()) {
        answered();
      }
    }
    if (!error) {
      return;
    }
    Optional<Refusal> named = error(text, readAt);
    if (ASIDE.matcher(text).find()) {
      aside = named.orElse(aside);
      return;
    }
    // A log that was cut short does not say why; the other request knows it then.
    lastError =
        named
            .or(() -> Optional.ofNullable(aside))
            .orElseGet(() -> Refusals.ofWords(text, readAt, LOG));
    lastReference = value(text, "ref");
    if (REQUEST_FAILED.matcher(text).find()) {
      taken = true;
      refused(lastError);
    }
  }

  /** A later word about the same refusal replaces the earlier, and says at least as much. */
  private void refused(Refusal refusal) {
    refused = new Refused(refused == null ? refusal.readAt() : refused.since(), refusal);
  }

  private static Optional<Refusal> error(String text, Instant readAt) {
    for (String key : ERROR_KEYS) {
      String value = value(text, key);
      JsonNode node = Json.read(value);
      JsonNode record = node.path("error").isObject() ? node.path("error") : node;
      if (record.isObject()
          && (record.has("message") || record.has("responseBody") || record.has("data"))) {
        return Optional.of(Refusals.of(record, readAt, LOG));
      }
      if (!value.isBlank()) {
        return Optional.of(Refusals.ofWords(value, readAt, LOG));
      }
    }
    return Optional.empty();
  }

  /** The value of a key: a word, a text in quotation marks, or an object; empty if missing. */
  private static String value(String text, String key) {
    int start = text.indexOf(" " + key + "=");
    if (start < 0) {
      return "";
    }
    String rest = text.substring(start + key.length() + 2);
    if (rest.startsWith("{")) {
      return rest.substring(0, rest.lastIndexOf('}') + 1);
    }
    if (!rest.startsWith("\"")) {
      int end = rest.indexOf(' ');
      return end < 0 ? rest : rest.substring(0, end);
    }
    StringBuilder value = new StringBuilder();
    for (int i = 1; i < rest.length() && rest.charAt(i) != '"'; i++) {
      boolean escaped = rest.charAt(i) == '\\' && i + 1 < rest.length();
      char c = rest.charAt(escaped ? ++i : i);
      value.append(escaped && c == 'n' ? '\n' : c);
    }
    return value.toString();
  }

  /** The first session that is spoken of: those of subagents come later. Null before. */
  SessionId session() {
    return session;
  }

  /** Whether the message has become part of the session. */
  boolean taken() {
    return taken;
  }

  /** Null if the newest request was not refused. */
  Refused refused() {
    return refused;
  }

  /** The logged error that an event refers to. */
  Optional<Refusal> error(String reference) {
    return Optional.ofNullable(lastError)
        .filter(error -> !reference.isEmpty() && reference.equals(lastReference));
  }

  /** What is neither a line of the log nor one of our plug-in's. */
  LineTail plain() {
    return plain;
  }
}
