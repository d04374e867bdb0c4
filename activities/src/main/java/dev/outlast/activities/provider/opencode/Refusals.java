package dev.outlast.activities.provider.opencode;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.detect.ErrorWording.Meaning;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.activities.provider.Json;
import dev.outlast.activities.provider.LimitPatterns;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.activities.provider.RecordedError;
import dev.outlast.activities.provider.ReportedErrors;
import dev.outlast.activities.provider.ToolNames;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a refused request means, whichever service is behind OpenCode: the user's patterns first,
 * then the kinds of errors that its own services have for an allowance that is used up, then the
 * words, where a rate limit with a long time to wait is a usage limit.
 */
record Refusals(LimitPatterns patterns, ZoneId zone) {

  /** Longer than OpenCode itself ever pauses between two tries (1.18.33: 2 to 40 seconds). */
  static final Duration LONGEST_OWN_PAUSE = Duration.ofMinutes(1);

  private static final int MAX_TEXT = 8_000;
  private static final int MAX_BODY = 64 * 1024;
  private static final int MAX_STATUS = 999;

  private static final Pattern LIMIT_KIND =
      Pattern.compile(
          "\\w*usage_?limit(?:_?reached|_?exceeded|_?error)?|free_tier_limit|account_rate_limit");
  private static final Pattern CREDIT_KIND =
      Pattern.compile("credits?_?error|(?:monthly|user|spend\\w*)_?limit_?error");

  /** With the status of a payment, the allowance that is paid for; else it may be any. */
  private static final Pattern PAID_KIND = Pattern.compile("quota_exceeded");

  private static final Pattern DAILY_KIND = Pattern.compile("free_?(?:usage|tier)_?limit\\w*");

  private static final Pattern BUSY =
      Pattern.compile("overload|unavailable|\\bcapacity\\b|high demand|concurren");

  /** How a quota of Google is named that is counted by the minute. */
  private static final Pattern MINUTE_QUOTA = Pattern.compile("PerMinute|per[ -]min(?:ute)?\\b");

  private static final Pattern DAY_QUOTA = Pattern.compile("PerDay|per[ -]day");

  /** Google's name of a quota that returns at midnight, not after the delay that comes with it. */
  private static final Pattern CALENDAR_DAY_QUOTA = Pattern.compile("PerDay");

  private static final int PAYMENT_REQUIRED = 402;

  /**
   * A refused request.
   *
   * @param name OpenCode's name of the error; empty if not known
   * @param text what was said, in all the words that there are
   * @param kinds the service's kinds and codes of the error, in lower case
   * @param status the HTTP status; 0 if not known
   * @param window what the service calls the window that is used up; empty if it does not
   * @param reset when the service says that it will accept requests again; null if it does not
   */
  record Refusal(
      String name,
      String text,
      List<String> kinds,
      int status,
      String window,
      ResetTime reset,
      Instant readAt,
      String channel) {}

  /** Of an error's record, as in {@code error} events and in logs. */
  static Refusal of(JsonNode error, Instant readAt, String channel) {
    JsonNode data = error.path("data").isObject() ? error.path("data") : error;
    String raw = PlainText.head(Json.text(data, "responseBody"), MAX_BODY);
    JsonNode body = Json.read(raw);
    if (body.isArray()) {
      body = body.path(0);
    }
    ResponseHeaders headers = new ResponseHeaders(data.path("responseHeaders"), body, readAt);
    String message = PlainText.head(Json.text(data, "message"), MAX_TEXT);
    String told = RecordedError.of(body).orElse(body.isMissingNode() ? raw : "");
    String words = told.contains(message) ? told : message + "\n" + told;
    List<String> kinds =
        Stream.of(body.path("error"), body)
            .flatMap(place -> Stream.of(Json.text(place, "type"), Json.text(place, "code")))
            .map(kind -> PlainText.head(kind, ToolNames.MAX_NAME).toLowerCase(Locale.ROOT))
            .filter(kind -> !kind.isBlank() && !kind.equals("error"))
            .toList();
    String window =
        Stream.of(body.path("metadata"), body.path("error").path("metadata"))
            .map(place -> PlainText.head(Json.text(place, "limitName"), ToolNames.MAX_NAME))
            .filter(name -> !name.isBlank())
            .findFirst()
            .orElse(headers.rejectedWindow());
    return new Refusal(
        Json.text(error, "name"),
        PlainText.head(PlainText.clean(words + quotas(body)), MAX_TEXT),
        kinds,
        (int) Math.min(MAX_STATUS, Json.count(data, "statusCode")),
        window,
        headers.reset(),
        readAt,
        channel);
  }

  /** Of which only the words are known. */
  static Refusal ofWords(String text, Instant readAt, String channel) {
    return new Refusal(
        "",
        PlainText.head(PlainText.clean(text), MAX_TEXT),
        List.of(),
        0,
        "",
        null,
        readAt,
        channel);
  }

  /** Google names the quota only in the details. */
  private static String quotas(JsonNode body) {
    StringBuilder names = new StringBuilder();
    for (JsonNode detail : body.path("error").path("details")) {
      for (JsonNode violation : detail.path("violations")) {
        String id = PlainText.head(Json.text(violation, "quotaId"), ToolNames.MAX_NAME);
        names.append(id.isEmpty() ? "" : "\n" + id);
      }
    }
    return names.toString();
  }

  Conclusion conclude(Refusal refusal) {
    Optional<Conclusion> pattern =
        patterns.find(
            List.of(new LineTail.Line(refusal.text(), refusal.readAt())), zone, refusal.channel());
    if (pattern.isPresent()) {
      return pattern.get();
    }
    switch (refusal.name()) {
      case "ProviderAuthError" -> {
        return stopped(refusal, StopReason.AUTH);
      }
      case "ContextOverflowError" -> {
        return stopped(refusal, StopReason.CONTEXT);
      }
      default -> {
        // The others are told apart by what they say.
      }
    }
    Optional<String> kind =
        kind(refusal, CREDIT_KIND)
            .or(
                () ->
                    kind(refusal, PAID_KIND).filter(paid -> refusal.status() == PAYMENT_REQUIRED));
    if (kind.isPresent()) {
      return limited("opencode/" + kind.get(), LimitScope.CREDIT, refusal);
    }
    kind =
        kind(refusal, LIMIT_KIND)
            .or(() -> Optional.of("window").filter(none -> !refusal.window().isEmpty()));
    return kind.isPresent()
        ? limited("opencode/" + kind.get(), scope(refusal), refusal)
        : byWords(refusal);
  }

  private static Optional<String> kind(Refusal refusal, Pattern pattern) {
    return refusal.kinds().stream().filter(kind -> pattern.matcher(kind).matches()).findFirst();
  }

  private Conclusion byWords(Refusal refusal) {
    if (ErrorWording.allowsNothing(refusal.text())) {
      return stopped(refusal, StopReason.PLAN);
    }
    ErrorWording.Reading words = ErrorWording.read(refusal.text(), refusal.readAt(), zone);
    Basis basis = new Basis("opencode/rate-limit", refusal.text(), refusal.channel());
    boolean minute =
        MINUTE_QUOTA.matcher(refusal.text()).find() && !DAY_QUOTA.matcher(refusal.text()).find();
    boolean wait = returnsLate(refusal);
    boolean otherDelay = CALENDAR_DAY_QUOTA.matcher(refusal.text()).find() && !wait;
    return switch (words.meaning()) {
      case LIMIT, PERHAPS_LIMIT -> {
        if (minute && !wait) {
          yield new Conclusion.Throttled(basis);
        }
        Conclusion.Limited said =
            (Conclusion.Limited) Conclusion.ofWords(words, refusal.text(), refusal.channel());
        yield new Conclusion.Limited(
            said.basis(),
            scope(refusal),
            otherDelay ? null : refusal.reset() == null ? said.reset() : refusal.reset(),
            said.setBy());
      }
      case CREDIT ->
          wait
              ? limited(basis.rule(), LimitScope.CREDIT, refusal)
              : Conclusion.ofWords(words, refusal.text(), refusal.channel());
      case THROTTLE, OTHER ->
          wait && (refusal.status() == 429 || rateLimited(refusal, words.meaning()))
              ? limited(basis.rule(), scope(refusal), refusal)
              : new ReportedErrors("opencode", patterns, zone)
                  .conclude(refusal.text(), refusal.status(), refusal.readAt(), refusal.channel());
      default -> Conclusion.ofWords(words, refusal.text(), refusal.channel());
    };
  }

  /** Whether it says that requests are limited, as opposed to a service that is busy. */
  boolean limitsRequests(Refusal refusal) {
    Meaning meaning = ErrorWording.read(refusal.text(), refusal.readAt(), zone).meaning();
    return rateLimited(refusal, meaning)
        || meaning == Meaning.LIMIT
        || meaning == Meaning.PERHAPS_LIMIT
        || meaning == Meaning.CREDIT;
  }

  private static boolean rateLimited(Refusal refusal, Meaning meaning) {
    return meaning == Meaning.THROTTLE
        && !BUSY.matcher(refusal.text().toLowerCase(Locale.ROOT)).find();
  }

  /** Whether its words name a time that is near. */
  boolean returnsSoon(Refusal refusal) {
    return MINUTE_QUOTA.matcher(refusal.text()).find()
        || ResetReader.read(refusal.text(), refusal.readAt(), zone)
            .filter(at -> !at.latest().isAfter(refusal.readAt().plus(ErrorWording.SHORT)))
            .isPresent();
  }

  private static boolean returnsLate(Refusal refusal) {
    return refusal.reset() != null
        && refusal.reset().latest().isAfter(refusal.readAt().plus(ErrorWording.SHORT));
  }

  private static LimitScope scope(Refusal refusal) {
    if (!refusal.window().isEmpty()) {
      return ErrorWording.scope(refusal.window() + " limit");
    }
    if (kind(refusal, DAILY_KIND).isPresent() || DAY_QUOTA.matcher(refusal.text()).find()) {
      return LimitScope.DAILY;
    }
    return ErrorWording.scope(refusal.text());
  }

  private Conclusion limited(String rule, LimitScope scope, Refusal refusal) {
    ResetTime reset =
        refusal.reset() != null
            ? refusal.reset()
            : ResetReader.read(refusal.text(), refusal.readAt(), zone).orElse(null);
    return new Conclusion.Limited(
        new Basis(rule, refusal.text(), refusal.channel()), scope, reset, UsageLimit.SetBy.WINDOW);
  }

  private static Conclusion stopped(Refusal refusal, StopReason reason) {
    return new Conclusion.Stopped(
        new Basis("opencode/" + refusal.name(), refusal.text(), refusal.channel()), reason);
  }
}
