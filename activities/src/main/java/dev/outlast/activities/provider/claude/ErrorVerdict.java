package dev.outlast.activities.provider.claude;

import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.detect.ErrorWording.Meaning;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.activities.provider.LimitPatterns;
import dev.outlast.activities.provider.LineTail;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;

/**
 * What an error of the CLI means: its typed facts first, then the user's patterns, then its words.
 *
 * @param event the last record of the account's windows; null if there was none
 * @param answered whether the model has answered since then
 */
record ErrorVerdict(LimitPatterns patterns, ZoneId zone, RateLimit event, boolean answered) {

  private static final String EVENT_RULE = "claude/rate_limit_event";

  Conclusion of(ErrorRecord error, String channel) {
    if (error.refusal()) {
      return new Conclusion.Stopped(
          new Basis("claude/refusal", error.text(), channel), StopReason.REFUSED);
    }
    ErrorWording.Reading reading = ErrorWording.read(error.text(), error.readAt(), zone);
    Meaning meaning = reading.meaning();
    if (error.usageLimit() && meaning != Meaning.CREDIT && meaning != Meaning.PLAN) {
      return limited("claude/usage_limit_reached", error, reading, channel);
    }
    RateLimit windows = windows(error);
    if (windows != null && windows.shut() && mayBeTheWindow(error, meaning)) {
      return limited(EVENT_RULE, error, reading, channel);
    }
    Optional<Conclusion> pattern =
        patterns.find(
            List.of(new LineTail.Line(PlainText.clean(error.text()), error.readAt())),
            zone,
            channel);
    if (pattern.isPresent()) {
      return pattern.get();
    }
    if (meaning == Meaning.OTHER && error.perhapsLimit()) {
      return limited(Conclusion.UNRECOGNISED, error, reading, channel);
    }
    return switch (meaning) {
      case OTHER -> byStatus(error, channel);
      case LIMIT, PERHAPS_LIMIT ->
          reading.reset() == null && contradicted(error)
              ? byStatus(error, channel)
              : Conclusion.ofWords(reading, error.text(), channel);
      default -> Conclusion.ofWords(reading, error.text(), channel);
    };
  }

  /** The limit of an account that is shut, where an invocation ended without a word about it. */
  Optional<Conclusion> withoutWords() {
    return Optional.ofNullable(event)
        .filter(account -> account.shut() && !answered)
        .flatMap(RateLimit::reset)
        .map(
            reset ->
                new Conclusion.Limited(
                    new Basis(EVENT_RULE, event.info().toString(), "stdout rate_limit_event"),
                    reset.scope(),
                    reset.time(),
                    reset.setBy()));
  }

  /**
   * Whether nothing that an error says of itself names another cause than a window that is shut.
   */
  private boolean mayBeTheWindow(ErrorRecord error, Meaning meaning) {
    if (error.error().equals("billing_error")) {
      return false;
    }
    if (meaning == Meaning.THROTTLE) {
      // "Rate limit reached" is what the service says of the account's windows too.
      return error.status() == 429 && !answered && !ErrorWording.deniesLimit(error.text());
    }
    return switch (error.status()) {
      case 429 -> true;
      case 0 ->
          meaning == Meaning.LIMIT
              || meaning == Meaning.PERHAPS_LIMIT
              || meaning == Meaning.CREDIT
              || (meaning == Meaning.OTHER && error.error().isEmpty() && !answered);
      default -> false;
    };
  }

  /**
   * What is known of the windows that an error is about. The record itself says it best; an event
   * about the same window may know of more that is used up.
   */
  private RateLimit windows(ErrorRecord error) {
    RateLimit own = error.limit();
    if (own == null || !own.rejected()) {
      return event;
    }
    boolean eventAdds =
        event != null
            && event.rejected()
            && event.sameWindowAs(own)
            && !at(event).isBefore(at(own));
    return eventAdds ? event : own;
  }

  private static Instant at(RateLimit limit) {
    return limit.reset().map(RateLimit.Reset::at).orElse(Instant.MIN);
  }

  /**
   * Whether the CLI's own fields say that an error was no limit, as its words do not tell when it
   * ends.
   */
  private static boolean contradicted(ErrorRecord error) {
    return (error.status() != 0
            && error.status() != 429
            && error.status() != 402
            && error.status() != 403)
        || error.error().equals("billing_error")
        || error.error().equals("authentication_failed")
        || error.error().equals("invalid_request");
  }

  private static Conclusion byStatus(ErrorRecord error, String channel) {
    Basis basis =
        new Basis(
            "claude/status-" + error.status(),
            (error.error() + " " + error.text()).strip(),
            channel);
    if (error.error().equals("authentication_failed")
        || error.status() == 401
        || error.status() == 403) {
      return new Conclusion.Stopped(basis, StopReason.AUTH);
    }
    if (error.error().equals("billing_error") || error.status() == 402) {
      return new Conclusion.Stopped(basis, StopReason.BILLING);
    }
    return error.status() == 429 || error.status() == 529 || error.status() == 503
        ? new Conclusion.Throttled(basis)
        : new Conclusion.Failed(basis);
  }

  /**
   * A limit that a typed fact has shown. Times come from the record of the account's windows if
   * that is a rejection, and from the words where it has none, or one that has passed.
   */
  private Conclusion limited(
      String rule, ErrorRecord error, ErrorWording.Reading reading, String channel) {
    RateLimit windows = windows(error);
    boolean rejected = windows != null && windows.rejected();
    LimitScope said = ErrorWording.scope(error.text());
    ResetTime words = ResetReader.read(error.text(), error.readAt(), zone).orElse(reading.reset());
    Optional<RateLimit.Reset> reset =
        Optional.ofNullable(windows)
            .filter(RateLimit::rejected)
            .flatMap(RateLimit::reset)
            .filter(typed -> words == null || typed.at().isAfter(error.readAt()));
    Basis basis =
        new Basis(
            rule,
            error.text() + (reset.isPresent() ? " " + windows.info() : ""),
            reset.isPresent() ? channel + ", rate_limit_event" : channel);
    LimitScope scope =
        reset.map(RateLimit.Reset::scope).orElse(rejected ? windows.scope() : LimitScope.UNKNOWN);
    return new Conclusion.Limited(
        basis,
        scope == LimitScope.UNKNOWN ? said : scope,
        reset.map(RateLimit.Reset::time).orElse(words),
        reset.map(RateLimit.Reset::setBy).orElse(UsageLimit.SetBy.WINDOW));
  }
}
