package dev.outlast.worker.cli;

import dev.outlast.operator.DurationText;
import java.time.Duration;

/** Reads durations of the command line. */
final class Durations {

  private Durations() {}

  /**
   * @throws CliException with {@link ExitCode#USAGE} if the text is no duration
   */
  static Duration check(String option, String text) {
    return text == null
        ? null
        : DurationText.parse(text)
            .orElseThrow(
                () ->
                    new CliException(
                        ExitCode.USAGE,
                        option
                            + ": got \""
                            + Console.oneLine(text)
                            + "\"; expected "
                            + DurationText.EXPECTED));
  }
}
