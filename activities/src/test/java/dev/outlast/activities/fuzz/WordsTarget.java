package dev.outlast.activities.fuzz;

import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.detect.ErrorWording.Meaning;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.process.PlainText;
import dev.outlast.limit.ResetTime;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Optional;

/** Fuzz target: what any words mean, and when they say that an allowance returns. */
public final class WordsTarget {

  private WordsTarget() {}

  /** Called by the fuzzer for each input. */
  public static void fuzzerTestOneInput(byte[] bytes) {
    FuzzInput input = FuzzInput.of(bytes);
    String text = new String(input.stdout(), StandardCharsets.UTF_8);
    Optional<ResetTime> reset = ResetReader.read(text, input.now(), input.zone());
    reset.ifPresent(at -> believable(at, input.now()));
    ErrorWording.Reading message = ErrorWording.read(text, input.now(), input.zone());
    sane(message, input.now());
    ErrorWording.Reading line = ErrorWording.readLine(text, input.now(), input.zone());
    sane(line, input.now());
    check(
        line.meaning() == Meaning.OTHER || line.equals(message),
        "a line may say less than a message, but nothing else: " + line + ", " + message);
    String clean = PlainText.clean(text);
    check(PlainText.clean(clean).equals(clean), "what is clean stays as it is: " + clean);
  }

  private static void sane(ErrorWording.Reading reading, Instant now) {
    boolean limit =
        reading.meaning() == Meaning.LIMIT || reading.meaning() == Meaning.PERHAPS_LIMIT;
    check(limit == (reading.scope() != null), "a scope, and only of limits: " + reading);
    check(limit || reading.reset() == null, "a reset of limits only: " + reading);
    if (reading.reset() != null) {
      believable(reading.reset(), now);
    }
  }

  private static void believable(ResetTime reset, Instant now) {
    check(
        !reset.latest().isAfter(now.plus(ResetReader.MAX_AHEAD)), "too far: " + reset + " " + now);
  }

  private static void check(boolean right, String otherwise) {
    if (!right) {
      throw new AssertionError(otherwise);
    }
  }
}
