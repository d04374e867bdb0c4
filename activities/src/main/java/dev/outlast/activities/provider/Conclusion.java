package dev.outlast.activities.provider;

import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.process.PlainText;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/** What a call ended with, and why we think so. */
public sealed interface Conclusion {

  /** What it was decided on. */
  Basis basis();

  /**
   * What a conclusion was decided on.
   *
   * @param rule the name of the rule
   * @param evidence the agent's words or record, safe to show on one line, at most {@link
   *     LimitEvidence#MAX_TEXT} characters
   * @param channel where they were read
   */
  record Basis(String rule, String evidence, String channel) {
    public Basis {
      Objects.requireNonNull(rule, "rule");
      evidence =
          PlainText.head(
              PlainText.clean(evidence).replace('\n', ' ').replace('\t', ' ').strip(),
              LimitEvidence.MAX_TEXT);
    }
  }

  /** The agent answered. The text is not bounded here beyond what the reader keeps. */
  record Completed(Basis basis, String text) implements Conclusion {}

  /**
   * The account's allowance is used up. With the scope {@link LimitScope#CREDIT} and without a
   * reset nothing says that it ever returns.
   *
   * @param reset null if the agent did not say
   */
  record Limited(Basis basis, LimitScope scope, ResetTime reset, UsageLimit.SetBy setBy)
      implements Conclusion {}

  /** A moment's rate limit, or a busy service: worth another try soon. */
  record Throttled(Basis basis) implements Conclusion {}

  /** Waiting will not help. */
  record Stopped(Basis basis, StopReason reason) implements Conclusion {}

  /** It crashed, or lost its model: worth another try. */
  record Failed(Basis basis) implements Conclusion {}

  /** The rule of what looks like a limit in words that no other rule knows. */
  String UNRECOGNISED = LimitEvidence.UNRECOGNISED;

  /** Whether it was decided on what only looks like a limit. */
  default boolean unrecognised() {
    return basis().rule().equals(UNRECOGNISED);
  }

  /** The limit that this is, in words that are known; empty if it is none. */
  default Optional<Limited> limit() {
    return this instanceof Limited limited && !unrecognised()
        ? Optional.of(limited)
        : Optional.empty();
  }

  /** A limit that no rule knows: neither its scope nor its end. */
  static Limited unrecognisedLimit(String evidence, String channel) {
    return new Limited(
        new Basis(UNRECOGNISED, evidence, channel),
        LimitScope.UNKNOWN,
        null,
        UsageLimit.SetBy.WINDOW);
  }

  /** What an error message means that was understood by its words. */
  static Conclusion ofWords(ErrorWording.Reading reading, String evidence, String channel) {
    ErrorWording.Meaning meaning = reading.meaning();
    String rule =
        meaning == ErrorWording.Meaning.PERHAPS_LIMIT
            ? UNRECOGNISED
            : "text/" + meaning.name().toLowerCase(Locale.ROOT).replace('_', '-');
    Basis basis = new Basis(rule, evidence, channel);
    return switch (meaning) {
      case LIMIT, PERHAPS_LIMIT ->
          new Limited(basis, reading.scope(), reading.reset(), UsageLimit.SetBy.WINDOW);
      case THROTTLE -> new Throttled(basis);
      case AUTH -> new Stopped(basis, StopReason.AUTH);
      case BILLING -> new Stopped(basis, StopReason.BILLING);
      case CREDIT -> new Limited(basis, LimitScope.CREDIT, null, UsageLimit.SetBy.WINDOW);
      case BUDGET -> new Stopped(basis, StopReason.CREDIT);
      case PLAN -> new Stopped(basis, StopReason.PLAN);
      case CONTEXT -> new Stopped(basis, StopReason.CONTEXT);
      case REFUSED -> new Stopped(basis, StopReason.REFUSED);
      case SESSION_UNKNOWN -> new Stopped(basis, StopReason.SESSION_UNKNOWN);
      case MAX_TURNS -> new Stopped(basis, StopReason.MAX_TURNS);
      case CONFIG -> new Stopped(basis, StopReason.CONFIG);
      case OTHER -> new Failed(basis);
    };
  }
}
