package dev.outlast.activities.provider.claude;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Json;
import java.time.Instant;
import java.util.regex.Pattern;

/**
 * What a record of the CLI says about an error.
 *
 * @param error the CLI's own kind of error; empty if it names none
 * @param apiError the same, more exactly; from version 2.1.329 on
 * @param status the HTTP status that it says or means; 0 if none
 * @param refusal whether the model declined
 * @param limit what it says about the account's windows; null if nothing
 */
record ErrorRecord(
    String text,
    String error,
    String apiError,
    int status,
    boolean refusal,
    RateLimit limit,
    Instant readAt) {

  private static final int MAX_TEXT = 8_000;

  private static final Pattern UNKNOWN_LIMIT =
      Pattern.compile(
          "(?!.*(?:context|token|turn|size|start|concurren|rate))\\w*"
              + "(?:limit|quota|allowance)_(?:reached|exceeded|exhausted|hit|used_up)");

  static ErrorRecord of(JsonNode node, String stopReason, String text, Instant readAt) {
    RateLimit limit = new RateLimit(node.path("api_error_params").path("rate_limit_info"));
    return new ErrorRecord(
        PlainText.head(text, MAX_TEXT).strip(),
        Json.text(node, "error"),
        Json.text(node, "api_error"),
        status(node),
        stopReason.equals("refusal"),
        limit.known() ? limit : null,
        readAt);
  }

  private static int status(JsonNode node) {
    String words = Json.text(node, "api_error_status");
    if (words.matches("\\d{3}")) {
      return Integer.parseInt(words);
    }
    int number = (int) Math.min(Json.count(node, "api_error_status"), 999);
    if (number != 0) {
      return number;
    }
    String kind = Json.text(node, "error") + " " + Json.text(node, "api_error_type");
    if (kind.contains("rate_limit")) {
      return 429;
    }
    return kind.contains("overloaded") ? 529 : 0;
  }

  boolean usageLimit() {
    return apiError.equals("usage_limit_reached");
  }

  /** Whether it is of a kind that no version is known to have, and that is named like a limit. */
  boolean perhapsLimit() {
    return UNKNOWN_LIMIT.matcher(apiError).matches();
  }

  /** This, and where it says nothing, what another record of the same error has told. */
  ErrorRecord orElse(ErrorRecord told) {
    return new ErrorRecord(
        text.isBlank() ? told.text : text,
        error.isEmpty() ? told.error : error,
        apiError.isEmpty() ? told.apiError : apiError,
        status == 0 ? told.status : status,
        refusal || told.refusal,
        limit == null ? told.limit : limit,
        told.text.isBlank() ? readAt : told.readAt);
  }
}
