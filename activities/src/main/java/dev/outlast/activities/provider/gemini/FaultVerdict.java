package dev.outlast.activities.provider.gemini;

import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.activities.provider.LimitPatterns;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.activities.provider.ReportedErrors;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What an error of the service means: the user's patterns first, then the codes and delays that the
 * service gives, then its words, then the HTTP status. The codes are those of Google's error model
 * ({@code google.rpc.ErrorInfo}, {@code QuotaFailure}, {@code RetryInfo}), read as version 0.61 of
 * the CLI reads them.
 */
record FaultVerdict(LimitPatterns patterns, ZoneId zone) {

  private static final Pattern PER_DAY =
      Pattern.compile("(?i)per[ _-]?day|daily|per (?:24 hours|24h)");
  private static final Pattern PER_MINUTE =
      Pattern.compile("(?i)per[ _-]?(?:\\d{1,3} )?(?:minute|second)");

  private static final Pattern OF_MODEL =
      Pattern.compile("(?i)(?:on|for) (?:this|the) model\\b|\\bmodel:? (?:gemini|gemma)");
  private static final Pattern CONTEXT =
      Pattern.compile(
          "(?i)token count\\b.{0,60}\\bexceed|exceeds the maximum number of tokens|exceeded the token"
              + " limit");

  /** A try that came to nothing; what is said of a context window then is advice. */
  private static final Pattern EMPTY =
      Pattern.compile("(?i)\\breturned (?:an empty response|reasoning thoughts but no)");

  private static final Pattern BLOCKED =
      Pattern.compile("(?i)\\bblocked due to\\b|\\bprohibited content\\b|\\bsafety settings\\b");

  /** The statuses of a request that was refused for a quota, as the CLI sees it. */
  private static final Set<Integer> REFUSED = Set.of(429, 499, 503);

  /** Those, and what a payment, a permission or a report without a status may stand for. */
  private static final Set<Integer> MAY_LIMIT = Set.of(0, 402, 403, 429, 499, 503);

  private static final int NOT_FOUND = 404;

  /**
   * Concludes from a report.
   *
   * @param delay for which the CLI itself says that it would wait; null if it does not say
   * @param channel where it was read
   */
  Conclusion of(String report, int status, Duration delay, Instant readAt, String channel) {
    ReportedFault fault = ReportedFault.of(report, status);
    String evidence = fault.text().isEmpty() ? report : fault.text();
    Optional<Conclusion> pattern =
        patterns.find(
            Stream.of(PlainText.clean(report), evidence)
                .map(text -> new LineTail.Line(text, readAt))
                .toList(),
            zone,
            channel);
    return pattern
        .or(() -> byReason(fault, evidence, channel))
        .or(() -> byQuota(fault, delay, evidence, readAt, channel))
        .orElseGet(() -> byWords(fault, evidence, readAt, channel));
  }

  private static Optional<Conclusion> byReason(
      ReportedFault fault, String evidence, String channel) {
    String reason = fault.reason();
    Basis basis = new Basis("gemini/" + reason, evidence, channel);
    if (reason.equals("insufficient_g1_credits_balance")) {
      return Optional.of(
          new Conclusion.Limited(basis, LimitScope.CREDIT, null, UsageLimit.SetBy.WINDOW));
    }
    StopReason stop =
        reason.startsWith("api_key_")
                || reason.startsWith("access_token_")
                || reason.equals("credentials_missing")
                || reason.equals("account_state_invalid")
                || reason.equals("validation_required")
            ? StopReason.AUTH
            : reason.equals("billing_disabled") ? StopReason.BILLING : null;
    return stop == null ? Optional.empty() : Optional.of(new Conclusion.Stopped(basis, stop));
  }

  /**
   * From the names and delays of quotas, which come with the statuses of a refused request only.
   */
  private Optional<Conclusion> byQuota(
      ReportedFault fault, Duration delay, String evidence, Instant readAt, String channel) {
    if (!REFUSED.contains(fault.status())) {
      return Optional.empty();
    }
    if (ErrorWording.allowsNothing(fault.text())) {
      return Optional.of(
          new Conclusion.Stopped(new Basis("gemini/no-quota", evidence, channel), StopReason.PLAN));
    }
    if (PER_DAY.matcher(fault.quotas()).find()) {
      // The delays that come with it are those of other quotas; it has no time of its own.
      return Optional.of(
          limited("quota-per-day", evidence, channel, LimitScope.DAILY, Optional.empty()));
    }
    Optional<ResetTime> reset =
        fault.returns().isEmpty()
            ? Optional.ofNullable(delay).map(d -> ResetTime.exactly(readAt.plus(d)))
            : ResetReader.read("resets in " + fault.returns(), readAt, zone);
    if (reset.isEmpty() && fault.reason().equals("quota_exhausted")) {
      reset = ResetReader.read(fault.text(), readAt, zone);
      if (reset.isEmpty()) {
        return Optional.of(
            limited("quota_exhausted", evidence, channel, scope(fault.text()), reset));
      }
    }
    boolean soon = reset.isPresent() && isShort(reset.get(), readAt);
    if (soon || (reset.isEmpty() && PER_MINUTE.matcher(fault.quotas()).find())) {
      return Optional.of(
          new Conclusion.Throttled(new Basis("gemini/short-delay", evidence, channel)));
    }
    return reset.isEmpty()
        ? Optional.empty()
        : Optional.of(limited("delay", evidence, channel, scope(fault.text()), reset));
  }

  private Conclusion byWords(ReportedFault fault, String evidence, Instant readAt, String channel) {
    String text = fault.text();
    if (EMPTY.matcher(text).find()) {
      return new Conclusion.Failed(new Basis("gemini/empty", evidence, channel));
    }
    if (CONTEXT.matcher(text).find()) {
      return stopped("context", evidence, channel, StopReason.CONTEXT);
    }
    if (BLOCKED.matcher(text).find()) {
      return stopped("blocked", evidence, channel, StopReason.REFUSED);
    }
    Conclusion said =
        new ReportedErrors("gemini", patterns, zone)
            .conclude(text, fault.status(), readAt, channel);
    if (said instanceof Conclusion.Limited limited && MAY_LIMIT.contains(fault.status())) {
      return limit(limited, text, readAt);
    }
    if (fault.status() == NOT_FOUND) {
      return stopped("status-" + NOT_FOUND, evidence, channel, StopReason.CONFIG);
    }
    return said instanceof Conclusion.Limited
        ? new Conclusion.Failed(new Basis("gemini/status-" + fault.status(), evidence, channel))
        : said;
  }

  /** Sharpens what general words say by what this service means with them. */
  private static Conclusion limit(Conclusion.Limited limited, String text, Instant readAt) {
    boolean daily = PER_DAY.matcher(text).find();
    boolean soon =
        limited.reset() == null
            ? PER_MINUTE.matcher(text).find()
            : isShort(limited.reset(), readAt);
    if (soon && !daily) {
      return new Conclusion.Throttled(limited.basis());
    }
    LimitScope scope =
        daily
            ? LimitScope.DAILY
            : limited.scope() == LimitScope.UNKNOWN ? scope(text) : limited.scope();
    // A day's quota is not back within a minute: such a delay is another quota's.
    ResetTime reset = soon ? null : limited.reset();
    return new Conclusion.Limited(limited.basis(), scope, reset, limited.setBy());
  }

  private static Conclusion stopped(
      String rule, String evidence, String channel, StopReason reason) {
    return new Conclusion.Stopped(new Basis("gemini/" + rule, evidence, channel), reason);
  }

  private static Conclusion limited(
      String rule, String evidence, String channel, LimitScope scope, Optional<ResetTime> reset) {
    return new Conclusion.Limited(
        new Basis("gemini/" + rule, evidence, channel),
        scope,
        reset.orElse(null),
        UsageLimit.SetBy.WINDOW);
  }

  /** The scope that a text names. */
  static LimitScope scope(String text) {
    if (PER_DAY.matcher(text).find()) {
      return LimitScope.DAILY;
    }
    return OF_MODEL.matcher(text).find() ? LimitScope.MODEL : ErrorWording.scope(text);
  }

  private static boolean isShort(ResetTime reset, Instant readAt) {
    return Duration.between(readAt, reset.latest()).abs().compareTo(ErrorWording.SHORT) <= 0;
  }
}
