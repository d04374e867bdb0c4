package dev.outlast.activities.provider.gemini;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Json;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An error of the service as Gemini CLI reports it: {@code [API Error: MESSAGE]}, where the message
 * may be the service's whole answer in JSON, or such an answer within another one.
 *
 * @param text what the service said, without what the CLI and the service add to every quota error
 * @param status the HTTP status; 0 if not known
 * @param body the service's {@code error} object; a missing node if only its message is known
 */
record ReportedFault(String text, int status, JsonNode body) {

  private static final int MAX_TEXT = 8_000;

  /** How many answers may lie within one another. */
  private static final int MAX_NESTED = 4;

  private static final Pattern WRAPPER =
      Pattern.compile("^\\s*+\\[API Error: (.*)\\](?:\\s*+)$", Pattern.DOTALL);

  /**
   * Advice with the words of a limit, which the CLI puts after every status 429 whatever its cause.
   */
  private static final Pattern ADDED_BY_THE_CLI =
      Pattern.compile(
          "\\n(?:Please wait and try again later\\. To increase your limits|Possible quota limitations"
              + " in place)[^\\n]*+");

  /** What the service puts into every quota error, of whatever kind and length. */
  private static final Pattern ADDED_BY_THE_SERVICE =
      Pattern.compile(
          ",? please check your plan and billing details|(?:For more information on this error|To"
              + " monitor your current usage), head to: \\S++",
          Pattern.CASE_INSENSITIVE);

  /**
   * Takes a report apart.
   *
   * @param status the HTTP status where the report's own text does not name it; 0 if not known
   */
  static ReportedFault of(String report, int status) {
    String text = PlainText.head(PlainText.clean(report), MAX_TEXT);
    text = ADDED_BY_THE_CLI.matcher(text).replaceAll("");
    Matcher wrapped = WRAPPER.matcher(text);
    if (wrapped.matches()) {
      text = wrapped.group(1);
    }
    JsonNode body = MissingNode.getInstance();
    for (int depth = 0; depth < MAX_NESTED; depth++) {
      JsonNode within = answer(text);
      if (within.isMissingNode()) {
        break;
      }
      body = within;
      text = Json.text(within, "message");
    }
    int code = body.path("code").asInt(0);
    return new ReportedFault(
        ADDED_BY_THE_SERVICE.matcher(text).replaceAll(" ").strip(),
        code == 0 ? status : code,
        body);
  }

  /** The {@code error} object of the answer that a text ends with. */
  private static JsonNode answer(String text) {
    int from = text.indexOf('{');
    int to = text.lastIndexOf('}');
    if (from < 0 || to < from) {
      return MissingNode.getInstance();
    }
    JsonNode error = Json.read(text.substring(from, to + 1)).path("error");
    return error.isObject() ? error : MissingNode.getInstance();
  }

  /** The reason that the service gives as a code, in small letters; empty if it gives none. */
  String reason() {
    for (JsonNode detail : body.path("details")) {
      String reason = Json.text(detail, "reason");
      if (!reason.isEmpty()) {
        return reason.toLowerCase(Locale.ROOT);
      }
    }
    return "";
  }

  /** The names of the quotas that are used up, such as {@code GenerateRequestsPerDayPerProject}. */
  String quotas() {
    StringBuilder names = new StringBuilder();
    for (JsonNode detail : body.path("details")) {
      names.append(' ').append(Json.text(detail.path("metadata"), "quota_limit"));
      for (JsonNode violation : detail.path("violations")) {
        names.append(' ').append(Json.text(violation, "quotaId"));
        names.append(' ').append(Json.text(violation, "description"));
      }
    }
    return PlainText.head(names.toString(), MAX_TEXT);
  }

  /** When the service says that the quota returns, in its own words; empty if it does not. */
  String returns() {
    for (String field : new String[] {"quotaResetTimeStamp", "quotaResetDelay"}) {
      for (JsonNode detail : body.path("details")) {
        String value = Json.text(detail.path("metadata"), field);
        if (!value.isEmpty()) {
          return value;
        }
      }
    }
    for (JsonNode detail : body.path("details")) {
      String value = Json.text(detail, "retryDelay");
      if (!value.isEmpty()) {
        return value;
      }
    }
    return "";
  }
}
