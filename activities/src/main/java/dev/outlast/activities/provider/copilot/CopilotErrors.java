package dev.outlast.activities.provider.copilot;

import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.detect.ErrorWording.Meaning;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.activities.provider.LimitPatterns;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.activities.provider.ReportedErrors;
import dev.outlast.activities.provider.ToolNames;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What an error of Copilot means. The user's patterns come first; then the service's code, which
 * tells a window from a momentary rate limit where the CLI calls both {@code rate_limit}; then the
 * status 402, which is used-up credit; then the words.
 */
record CopilotErrors(LimitPatterns patterns, ZoneId zone) {

  /**
   * An error.
   *
   * @param type the CLI's own kind of errors, for example {@code rate_limit}; empty if none
   * @param text what the CLI says
   * @param more what the service said; empty if that is not known
   * @param codes the service's codes and kinds of errors
   * @param status the HTTP status; 0 if none
   */
  record Reported(
      String type,
      String text,
      String more,
      List<String> codes,
      int status,
      Instant readAt,
      String channel) {}

  /** How much of an error is looked at, in characters. */
  static final int MAX_TEXT = 8_000;

  private static final Pattern STATUS =
      Pattern.compile("^\\s*(?:[A-Za-z ]{1,24}: ){0,3}([45]\\d\\d)(?: \\1)?\\s+(?=\\S)");

  /** A code of the service in its own words: "Error Code: user_weekly_rate_limited", "(…)". */
  private static final Pattern CODE_IN_TEXT =
      Pattern.compile(
          "(?i:error code:\\s*)([a-z]+(?:_[a-z]+){0,8}(?::\\w+)?)"
              + "|\\(([a-z]+(?:_[a-z]+){1,8}(?::\\w+)?)\\)");

  /** Codes of an allowance that is used up; "rate_limit_exceeded" of other services is none. */
  private static final Pattern LIMIT_CODE =
      Pattern.compile(
          "(?!.*(?:context|token|length|turn|concurren|insufficient))"
              + "(?:[a-z0-9]+_){0,8}(?:rate_limited|quota_exceeded|limit_reached|limit_exceeded)(?::\\w+)?");

  private static final Pattern CONTEXT_CODE =
      Pattern.compile("context_(?:length|window|limit)\\w*|\\w*prompt_tokens_exceeded");

  private static final Pattern MOMENTARY_CODE = Pattern.compile("rate_limit_exceeded");
  private static final Pattern CREDIT_CODE = Pattern.compile("quota_exceeded|spend");

  /** How soon to look again, which is not when a window ends. */
  private static final Pattern HINT =
      Pattern.compile("\\bwait [^.\\n]{1,40}? before (?:trying|retrying|you try)\\b");

  /** What the CLI says about its own tries, which is about none of the service's times. */
  private static final Pattern TRIES =
      Pattern.compile(
          "^.{0,80}?\\bretried \\d+ times(?: \\(total retry wait time: [\\d.]+ \\w+\\))?\\s*(?:last error:\\s*)?",
          Pattern.CASE_INSENSITIVE);

  /** An allowance that is paid for by the month, under any of its names. */
  private static final Pattern PAID =
      Pattern.compile(
          "premium (?:request|interaction|model)|\\bai credits?\\b|additional spend|\\bno quota\\b"
              + "|\\bquota exceeded\\b|\\bbudget\\b|monthly (?:quota|allowance)");

  private static final Pattern USED_UP =
      Pattern.compile(
          "\\b(?:used (?:up|all)|no (?:more|remaining)|out of|exhausted|exceeded|reached)\\b"
              + "|\\b0 (?:\\w+ ){0,2}(?:left|remaining)\\b");

  /** The account's own rate limit, as opposed to a model's or a service's moment. */
  private static final Pattern OWN_RATE_LIMIT =
      Pattern.compile(
          "(?:hit|reached|exceeded) (?:your|the) [^.\\n]{0,40}?rate limits?\\b"
              + "|\\brate limit that restricts\\b");

  private static final Pattern MOMENT =
      Pattern.compile("per[ -]min|per[ -]second|/ ?min|\\bretried \\d+ times|\\btoo many requests");

  Conclusion conclude(Reported error) {
    Matcher status = STATUS.matcher(TRIES.matcher(error.text()).replaceFirst(""));
    int number =
        error.status() != 0 || !status.find() ? error.status() : Integer.parseInt(status.group(1));
    String text = PlainText.head(status.replaceFirst(""), MAX_TEXT);
    Optional<Conclusion> pattern =
        patterns.find(
            List.of(new LineTail.Line(PlainText.clean(text), error.readAt())),
            zone,
            error.channel());
    if (pattern.isPresent()) {
      return pattern.get();
    }
    Optional<String> code = limitCode(error, text);
    if (code.isPresent()) {
      return ofCode(code.get(), text, error);
    }
    ErrorWording.Reading words = ErrorWording.read(text, error.readAt(), zone);
    if (number == 402 || error.type().equals("quota")) {
      return ofPayment(words, text, error);
    }
    String lower = text.toLowerCase(Locale.ROOT);
    boolean paid = PAID.matcher(lower).find();
    boolean unclear = words.meaning() == Meaning.OTHER || words.meaning() == Meaning.THROTTLE;
    if (paid && (words.meaning() == Meaning.LIMIT || (unclear && USED_UP.matcher(lower).find()))) {
      return limited("copilot/credit", LimitScope.CREDIT, words.reset(), text, error);
    }
    if (words.meaning() == Meaning.THROTTLE
        && OWN_RATE_LIMIT.matcher(lower).find()
        && !MOMENT.matcher(lower).find()
        && reset(text, error).isEmpty()) {
      return limited("copilot/own-rate-limit", ErrorWording.scope(text), null, text, error);
    }
    if (error.type().equals("authentication")) {
      return stopped("copilot/authentication", StopReason.AUTH, error);
    }
    boolean tooLong =
        Stream.concat(Stream.of(error.type()), error.codes().stream())
            .anyMatch(kind -> CONTEXT_CODE.matcher(kind).matches());
    return tooLong
        ? stopped("copilot/context", StopReason.CONTEXT, error)
        : new ReportedErrors("copilot", patterns, zone)
            .conclude(text, number, error.readAt(), error.channel());
  }

  private static Conclusion stopped(String rule, StopReason reason, Reported error) {
    return new Conclusion.Stopped(new Basis(rule, error.text(), error.channel()), reason);
  }

  private static Optional<String> limitCode(Reported error, String text) {
    Matcher inText = CODE_IN_TEXT.matcher(text);
    Stream<String> named =
        inText.results().map(found -> found.group(1) == null ? found.group(2) : found.group(1));
    return Stream.concat(error.codes().stream(), named)
        .map(code -> PlainText.head(code, ToolNames.MAX_NAME).toLowerCase(Locale.ROOT))
        .filter(code -> LIMIT_CODE.matcher(code).matches())
        .filter(code -> !MOMENTARY_CODE.matcher(code).matches())
        .findFirst();
  }

  private Conclusion ofCode(String code, String text, Reported error) {
    LimitScope scope = scope(code, text);
    Optional<ResetTime> reset = reset(text, error);
    boolean soon =
        reset.isPresent() && !reset.get().latest().isAfter(error.readAt().plus(ErrorWording.SHORT));
    boolean account = scope != LimitScope.MODEL && scope != LimitScope.UNKNOWN;
    if (soon && !account && code.contains("rate_limit")) {
      return new Conclusion.Throttled(new Basis("copilot/" + code, error.text(), error.channel()));
    }
    return limited("copilot/" + code, scope, reset.orElse(null), text, error);
  }

  private static LimitScope scope(String code, String text) {
    LimitScope coded = LimitScope.UNKNOWN;
    if (code.contains("weekly")) {
      coded = LimitScope.WEEKLY;
    } else if (code.contains("daily")) {
      coded = LimitScope.DAILY;
    } else if (code.contains("session")) {
      coded = LimitScope.SESSION;
    } else if (code.contains("model")) {
      coded = LimitScope.MODEL;
    } else if (CREDIT_CODE.matcher(code).find()) {
      coded = LimitScope.CREDIT;
    } else if (code.contains("global")) {
      coded = LimitScope.GLOBAL;
    }
    if (coded != LimitScope.UNKNOWN && coded != LimitScope.GLOBAL) {
      return coded;
    }
    LimitScope said = ErrorWording.scope(text);
    return said == LimitScope.UNKNOWN ? coded : said;
  }

  /** A refused payment: the allowance that is paid for is used up, unless the words tell more. */
  private Conclusion ofPayment(ErrorWording.Reading words, String text, Reported error) {
    if (words.meaning() == Meaning.PLAN && PAID.matcher(text.toLowerCase(Locale.ROOT)).find()) {
      return limited("copilot/credit", LimitScope.CREDIT, words.reset(), text, error);
    }
    return switch (words.meaning()) {
      case AUTH, PLAN, BILLING, REFUSED, CONTEXT, SESSION_UNKNOWN ->
          Conclusion.ofWords(words, text, error.channel());
      default -> limited("copilot/credit", LimitScope.CREDIT, words.reset(), text, error);
    };
  }

  /** When the text says that it ends, or else what the service said; a hint to wait is neither. */
  private Optional<ResetTime> reset(String text, Reported error) {
    return Stream.of(text, error.more())
        .map(
            words ->
                ResetReader.read(words, error.readAt(), zone).filter(at -> !hint(words, at, error)))
        .flatMap(Optional::stream)
        .findFirst();
  }

  private static boolean hint(String said, ResetTime at, Reported error) {
    return HINT.matcher(said.toLowerCase(Locale.ROOT)).find()
        && !at.latest().isAfter(error.readAt().plus(ErrorWording.SHORT));
  }

  private static Conclusion limited(
      String rule, LimitScope scope, ResetTime reset, String text, Reported error) {
    return new Conclusion.Limited(
        new Basis(rule, error.text(), error.channel()), scope, reset, UsageLimit.SetBy.WINDOW);
  }
}
