package dev.outlast.run;

import dev.outlast.agent.Budget;
import dev.outlast.agent.HostPolicy;
import dev.outlast.agent.SessionId;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.limit.RunPriority;
import dev.outlast.operator.DurationText;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DataConverterException;
import io.temporal.common.converter.GlobalDataConverter;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Reads the fields of a request from whatever JSON holds, and says of each wrong one what it is and
 * what is allowed.
 */
final class RequestReader {

  private static final int MAX_SHOWN = 60;
  private static final int MAX_MESSAGE_BYTES = 16 * 1024;
  private static final int MAX_COUNT = 1_000_000;
  private static final int MAX_COST_USD = 1_000_000;

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

  /** The agents that a run may use. */
  List<AgentChoice> choices(String field, Object value) {
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof List<?> list)) {
      wrong(field, value, "a list of objects such as {\"agent\": \"claude\"}");
      return List.of();
    }
    List<AgentChoice> choices = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      String item = field + "[" + i + "]";
      if (list.get(i) instanceof Map<?, ?> map) {
        choices.add(
            new AgentChoice(
                text(item + ".agent", map.get("agent")),
                text(item + ".account", map.get("account")),
                text(item + ".model", map.get("model"))));
      } else {
        wrong(item, list.get(i), "an object such as {\"agent\": \"claude\"}");
      }
    }
    return choices;
  }

  Budget budget(String field, Object value) {
    if (value == null) {
      return null;
    }
    if (!(value instanceof Map<?, ?> map)) {
      return wrong(field, value, "an object such as {\"costUsd\": 5, \"tokens\": 2000000}");
    }
    return new Budget(
        number(field + ".costUsd", map.get("costUsd"), Number::doubleValue),
        whole(field + ".tokens", map.get("tokens")));
  }

  private Long whole(String field, Object value) {
    if (value == null || value instanceof Long || value instanceof Integer) {
      return value == null ? null : ((Number) value).longValue();
    }
    return wrong(field, value, "a whole number of at most " + Long.MAX_VALUE);
  }

  private <T> T number(String field, Object value, Function<Number, T> as) {
    if (value == null || value instanceof Number) {
      return value == null ? null : as.apply((Number) value);
    }
    return wrong(field, value, "a number");
  }

  /**
   * @param single whether the request names one agent besides the list
   */
  static List<String> checkChoices(List<AgentChoice> choices, boolean single) {
    List<String> problems = new ArrayList<>();
    if (!choices.isEmpty() && single) {
      problems.add("agents: give either this list, or agent, account and model");
    }
    if (choices.size() > Choices.MAX) {
      problems.add("agents: " + choices.size() + " of them; at most " + Choices.MAX);
    }
    for (int i = 0; i < choices.size(); i++) {
      AgentChoice choice = choices.get(i);
      String item = "agents[" + i + "]";
      int max = AgentRunRequest.MAX_NAME;
      checkName(item + ".agent", choice.agent(), max).ifPresent(problems::add);
      checkName(item + ".account", choice.account(), max).ifPresent(problems::add);
      checkName(item + ".model", choice.model(), max).ifPresent(problems::add);
      int first = choices.indexOf(choice);
      if (first < i) {
        problems.add(item + ": the same as agents[" + first + "]; name each once");
      }
    }
    return problems;
  }

  static List<String> checkBudget(String field, Budget budget) {
    List<String> problems = new ArrayList<>();
    if (budget == null) {
      return problems;
    }
    if (budget.costUsd() == null && budget.tokens() == null) {
      problems.add(field + ": empty; give costUsd or tokens, or leave the field out");
    }
    if (budget.costUsd() != null && !(budget.costUsd() > 0 && budget.costUsd() <= MAX_COST_USD)) {
      problems.add(
          describe(
              field + ".costUsd", budget.costUsd(), "more than 0 and at most " + MAX_COST_USD));
    }
    if (budget.tokens() != null && budget.tokens() < 1) {
      problems.add(describe(field + ".tokens", budget.tokens(), "at least 1"));
    }
    return problems;
  }

  static Optional<String> checkPriority(String field, Integer priority) {
    return priority == null || (priority >= RunPriority.HIGHEST && priority <= RunPriority.LOWEST)
        ? Optional.empty()
        : Optional.of(
            describe(
                field,
                priority,
                RunPriority.HIGHEST + " (first) to " + RunPriority.LOWEST + ", or leave it out"));
  }

  static Optional<String> checkStart(String field, String start) {
    if (start == null || start.equals(AgentRunRequest.NEXT_RESET)) {
      return Optional.empty();
    }
    try {
      Instant.parse(start.strip());
      return Optional.empty();
    } catch (DateTimeException notAnInstant) {
      return Optional.of(
          describe(
              field,
              start,
              "an instant such as 2026-11-21T15:00:00Z, or " + AgentRunRequest.NEXT_RESET));
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
