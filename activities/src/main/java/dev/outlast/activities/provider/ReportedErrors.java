package dev.outlast.activities.provider;

import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.detect.ErrorWording.Meaning;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.provider.Conclusion.Basis;
import dev.outlast.agent.StopReason;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Optional;

/**
 * What an error means that an agent reports in a record made for errors, where no typed fact says
 * it: the user's patterns first, then its words, then its HTTP status.
 *
 * @param provider whose name the rules begin with
 * @param zone in which the agent prints local times
 */
public record ReportedErrors(String provider, LimitPatterns patterns, ZoneId zone) {

  private static final int MAX_TEXT = 8_000;

  /**
   * Concludes from an error.
   *
   * @param status the HTTP status that the record names; 0 if none
   * @param channel where the record was read
   */
  public Conclusion conclude(String text, int status, Instant readAt, String channel) {
    String plain = PlainText.head(PlainText.clean(text), MAX_TEXT);
    Optional<Conclusion> pattern =
        patterns.find(List.of(new LineTail.Line(plain, readAt)), zone, channel);
    if (pattern.isPresent()) {
      return pattern.get();
    }
    ErrorWording.Reading reading = ErrorWording.read(plain, readAt, zone);
    return reading.meaning() == Meaning.OTHER
        ? byStatus(plain, status, channel)
        : Conclusion.ofWords(reading, plain, channel);
  }

  private Conclusion byStatus(String text, int status, String channel) {
    Basis basis = new Basis(provider + "/status-" + status, text, channel);
    return switch (status) {
      case 401, 403 -> new Conclusion.Stopped(basis, StopReason.AUTH);
      case 402 -> new Conclusion.Stopped(basis, StopReason.BILLING);
      case 429, 503, 529 -> new Conclusion.Throttled(basis);
      default -> new Conclusion.Failed(basis);
    };
  }
}
