package dev.outlast.activities;

import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.process.PlainText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The versions that agents' programs give of themselves, for the evidence of agents that do not say
 * it in their output. A program is asked once, and again when its file has changed. Thread-safe.
 */
final class AgentVersions {

  /** How long a program has to answer. */
  static final Duration MAX_TIME = Duration.ofSeconds(10);

  /** How much of its answer is read, in characters. */
  static final int MAX_ANSWER = 4_096;

  /** The longest version, in characters. */
  static final int MAX_VERSION = 100;

  /** How many answers are kept. */
  static final int MAX_KEPT = 100;

  private static final Logger log = LoggerFactory.getLogger(AgentVersions.class);
  private static final Pattern NUMBER =
      Pattern.compile("(?<![\\w.])v?(\\d{1,9}(?:\\.\\d{1,9}){1,4}(?:[-+][\\w.+-]{0,60}\\w)?)");

  private record Asked(Path executable, List<String> arguments, FileTime modified) {}

  private final Map<Asked, Optional<String>> known = new ConcurrentHashMap<>();

  /**
   * The version of a program.
   *
   * @param arguments with which it prints its version
   * @return empty if it does not say; never fails
   */
  Optional<String> of(AskedProgram program, List<String> arguments) {
    Asked asked;
    try {
      asked =
          new Asked(
              program.executable(),
              List.copyOf(arguments),
              Files.getLastModifiedTime(program.executable()));
    } catch (IOException gone) {
      log.debug("{} cannot be asked for its version", program.executable(), gone);
      return Optional.empty();
    }
    Optional<String> answer = known.get(asked);
    if (answer == null) {
      answer = ask(program, arguments);
      if (known.size() >= MAX_KEPT) {
        known.clear();
      }
      known.put(asked, answer);
    }
    return answer;
  }

  private static Optional<String> ask(AskedProgram program, List<String> arguments) {
    StringBuffer answer = new StringBuffer();
    if (program.answers(arguments, MAX_TIME, printed -> keep(printed, answer))) {
      return version(answer.toString());
    }
    log.warn("{} does not answer when it is asked for its version", program.executable());
    return Optional.empty();
  }

  private static void keep(OutputLine line, StringBuffer answer) {
    answer.append(PlainText.head(line.text(), MAX_ANSWER)).append('\n');
    answer.setLength(Math.min(answer.length(), MAX_ANSWER));
  }

  /** The first number with dots in an answer, or else its first line. */
  static Optional<String> version(String answer) {
    String clean = PlainText.clean(answer).strip();
    Matcher number = NUMBER.matcher(clean);
    return number.find()
        ? Optional.of(PlainText.head(number.group(1), MAX_VERSION))
        : clean.lines().findFirst().map(first -> PlainText.head(first.strip(), MAX_VERSION));
  }
}
