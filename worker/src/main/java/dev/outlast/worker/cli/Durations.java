package dev.outlast.worker.cli;

import dev.outlast.operator.DurationText;
import java.time.Duration;

/** Reads durations of the command line. */
final class Durations {

  private Durations() {}

  /**
   * @throws CliException with {@link ExitCode#USAGE} if the text is no duration, or is 0
   */
  static Duration positive(String option, String text) {
    Duration read = check(option, text);
    if (read != null && read.isZero()) {
      throw new CliException(
          ExitCode.USAGE, option + ": got \"" + Console.oneLine(text) + "\"; expected more than 0");
    }
    return read;
  }

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
