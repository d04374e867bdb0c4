package dev.outlast.run;

import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.SessionId;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.operator.DurationText;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DataConverterException;
import io.temporal.common.converter.GlobalDataConverter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Reads the fields of a request from whatever JSON holds, and says of each wrong one what it is and
 * what is allowed.
 */
final class RequestReader {

  private static final int MAX_SHOWN = 60;
  private static final int MAX_MESSAGE_BYTES = 16 * 1024;
  private static final int MAX_COUNT = 1_000_000;

  private final List<String> problems = new ArrayList<>();

  List<String> problems() {
    return problems;
  }

  String text(String field, Object value) {
    if (value == null || value instanceof String) {
      return (String) value;
    }
    return wrong(field, value, "a text");
  }

  boolean flag(String field, Object value) {
    if (value == null || value instanceof Boolean) {
      return value != null && (Boolean) value;
    }
    wrong(field, value, "true or false");
    return false;
  }

  Integer count(String field, Object value) {
    if (value == null) {
      return null;
    }
    if (value instanceof Integer number) {
      return number;
    }
    return wrong(field, value, "a whole number from 0 to " + MAX_COUNT);
  }

  Duration duration(String field, Object value) {
    if (value == null) {
      return null;
    }
    if (value instanceof String || value instanceof Number) {
      Optional<Duration> read = DurationText.parse(value.toString());
      if (read.isPresent()) {
        return read.get();
      }
    }
    return wrong(field, value, DurationText.EXPECTED);
  }

  SessionId session(String field, Object value) {
    if (value == null) {
      return null;
    }
    if (value instanceof String text && SessionId.valid(text)) {
      return new SessionId(text);
    }
    return wrong(
        field,
        value,
        "a session id of 1 to "
            + SessionId.MAX_LENGTH
            + " printable characters, not beginning with '-'");
  }

  AgentRunRequest.OnLimit onLimit(String field, Object value) {
    if (value == null || "wait".equals(value)) {
      return AgentRunRequest.OnLimit.WAIT;
    }
    if ("stop".equals(value)) {
      return AgentRunRequest.OnLimit.STOP;
    }
    return wrong(field, value, "wait or stop");
  }

  ResumePolicy.OnCredit onCredit(String field, Object value) {
    if (value == null) {
      return null;
    }
    if ("stop".equals(value)) {
      return ResumePolicy.OnCredit.STOP;
    }
    if ("wait".equals(value)) {
      return ResumePolicy.OnCredit.WAIT;
    }
    return wrong(field, value, "stop or wait");
  }

  /** One of the words of an enumeration, which are its constants in small letters. */
  <E extends Enum<E>> E word(String field, Object value, Class<E> type) {
    if (value == null) {
      return null;
    }
    for (E constant : type.getEnumConstants()) {
      if (word(constant).equals(value)) {
        return constant;
      }
    }
    return wrong(
        field,
        value,
        Arrays.stream(type.getEnumConstants())
            .map(RequestReader::word)
            .collect(Collectors.joining(" or ")));
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  /**
   * The state that the run handed on to itself. It is converted here and not while the request is
   * read, because what cannot be read must fail the run rather than block it.
   */
  RunState state(String field, Object value) {
    if (value == null) {
      return null;
    }
    try {
      DataConverter json = GlobalDataConverter.get();
      return json.fromPayload(json.toPayload(value).orElseThrow(), RunState.class, RunState.class);
    } catch (DataConverterException unreadable) {
      problems.add(field + ": not the state of a run; leave the field out");
      return null;
    }
  }

  void notYet(String field, Object value) {
    if (value != null) {
      problems.add(
          field + ": " + shown(value) + " is not supported by this version; leave the field out");
    }
  }

  static Optional<String> checkPrompt(String field, String prompt) {
    if (prompt == null || prompt.isBlank()) {
      return Optional.of(field + ": missing or empty; expected the task as a text");
    }
    return tooLong(field, prompt, AgentRunRequest.MAX_PROMPT_BYTES).or(() -> nul(field, prompt));
  }

  static Optional<String> checkName(String field, String name, int max) {
    if (name == null) {
      return Optional.empty();
    }
    boolean printable = name.codePoints().noneMatch(Character::isISOControl);
    if (name.isBlank() || name.length() > max || !printable || name.startsWith("-")) {
      return Optional.of(
          describe(field, name, "1 to " + max + " characters on one line, not beginning with '-'"));
    }
    return Optional.empty();
  }

  static Optional<String> checkText(String field, String text) {
    if (text == null) {
      return Optional.empty();
    }
    if (text.isBlank()) {
      return Optional.of(field + ": empty; give a text or leave the field out");
    }
    return tooLong(field, text, MAX_MESSAGE_BYTES).or(() -> nul(field, text));
  }

  static Optional<String> checkCount(String field, Integer count) {
    return count == null || (count >= 0 && count <= MAX_COUNT)
        ? Optional.empty()
        : Optional.of(describe(field, count, "a whole number from 0 to " + MAX_COUNT));
  }

  static Optional<String> checkPositive(String field, Duration duration) {
    return duration == null
            || (!duration.isZero()
                && !duration.isNegative()
                && duration.compareTo(DurationText.MAX) <= 0)
        ? Optional.empty()
        : Optional.of(describe(field, duration, "more than 0 and at most 3650d"));
  }

  static Optional<String> checkGrace(String field, Duration grace) {
    return grace == null
            || (grace.compareTo(HostPolicy.MIN_HOST_GRACE) >= 0
                && grace.compareTo(DurationText.MAX) <= 0)
        ? Optional.empty()
        : Optional.of(
            describe(
                field,
                grace,
                "at least " + DurationText.of(HostPolicy.MIN_HOST_GRACE) + " and at most 3650d"));
  }

  private static Optional<String> tooLong(String field, String text, int maxBytes) {
    long bytes = JsonSize.of(text);
    return bytes <= maxBytes
        ? Optional.empty()
        : Optional.of(
            String.format(
                Locale.ROOT, "%s: %,d bytes of JSON; at most %,d", field, bytes, maxBytes));
  }

  private static Optional<String> nul(String field, String text) {
    return text.indexOf('\0') < 0
        ? Optional.empty()
        : Optional.of(field + ": contains a NUL character, which no command line can carry");
  }

  private <T> T wrong(String field, Object value, String expected) {
    problems.add(describe(field, value, expected));
    return null;
  }

  private static String describe(String field, Object value, String expected) {
    return field + ": got " + shown(value) + "; expected " + expected;
  }

  private static String shown(Object value) {
    String text = String.valueOf(value).replaceAll("\\p{Cntrl}", "?");
    String cut = text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "…";
    return value instanceof String ? '"' + cut + '"' : cut;
  }
}
