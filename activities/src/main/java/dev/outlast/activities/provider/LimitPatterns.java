package dev.outlast.activities.provider;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.detect.ErrorWording;
import dev.outlast.activities.detect.ResetReader;
import dev.outlast.activities.process.PlainText;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import dev.outlast.limit.UsageLimit;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The limit texts that a user has added to an agent: regular expressions, found anywhere in a line,
 * without regard to case. The named group {@code reset} holds the reset's time, {@code scope} a
 * word that names the scope; without them both are looked for in the whole line. Thread-safe.
 */
public final class LimitPatterns {

  /** How much of a line is searched, in characters. */
  public static final int MAX_LINE = 8_000;

  /**
   * How many characters the search for one pattern in one line may look at; a pattern that
   * backtracks without end does not match then.
   */
  public static final int MAX_READS = 1_000_000;

  private static final String RESET = "reset";
  private static final String SCOPE = "scope";
  private static final List<String> GROUPS = List.of(RESET, SCOPE);

  /**
   * A text that is no limit; who finds nothing at all in it, such as "\\b", finds that anywhere.
   */
  private static final String ANY_TEXT = "x 1!";

  private static final Logger log = LoggerFactory.getLogger(LimitPatterns.class);

  private final String agent;
  private final List<Pattern> patterns;

  private LimitPatterns(String agent, List<Pattern> patterns) {
    this.agent = agent;
    this.patterns = patterns;
  }

  /**
   * Compiles an agent's patterns.
   *
   * @throws IllegalArgumentException if one is not a regular expression, matches an empty text and
   *     so everything, has a named group that means nothing, or backtracks without end; the message
   *     names it and says what to do
   */
  public static LimitPatterns of(AgentDefinition agent) {
    List<Pattern> compiled = new ArrayList<>();
    for (int i = 0; i < agent.patterns().size(); i++) {
      compiled.add(
          compiled("agents." + agent.name() + ".patterns[" + i + "]: ", agent.patterns().get(i)));
    }
    return new LimitPatterns(agent.name(), List.copyOf(compiled));
  }

  private static Pattern compiled(String key, String regex) {
    Pattern pattern;
    try {
      pattern = Pattern.compile(regex, Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          key
              + "not a regular expression: "
              + e.getDescription()
              + " near index "
              + e.getIndex()
              + " of '"
              + e.getPattern()
              + "'",
          e);
    }
    RegexParts parts = new RegexParts(regex);
    for (String group : parts.groups()) {
      if (!GROUPS.contains(group)) {
        throw new IllegalArgumentException(
            key
                + "the group '"
                + group
                + "' means nothing; named groups are "
                + String.join(", ", GROUPS)
                + ", others are written (?:…)");
      }
    }
    if (parts.hostileTexts().stream().anyMatch(text -> tooCostly(pattern, text))) {
      throw new IllegalArgumentException(
          key
              + "'"
              + regex
              + "' backtracks without end on some texts; do not nest repetitions such as (a+)+ or"
              + " (a|a)*, and bound them, as in .{1,80}");
    }
    Matcher anything = pattern.matcher(ANY_TEXT);
    boolean nothing = anything.find() && anything.start() == anything.end();
    if (nothing || pattern.matcher("").find()) {
      throw new IllegalArgumentException(
          key
              + "'"
              + regex
              + "' matches an empty text, so it would call every failure a limit; write a pattern"
              + " that needs at least one character");
    }
    return pattern;
  }

  private static boolean tooCostly(Pattern pattern, String text) {
    try {
      pattern.matcher(new Metered(text, MAX_READS)).find();
      return false;
    } catch (TooCostly | StackOverflowError e) {
      return true;
    }
  }

  /** The limit that the first matching pattern finds in the first line that matches any. */
  public Optional<Conclusion> find(List<LineTail.Line> lines, ZoneId zone, String channel) {
    for (LineTail.Line line : lines) {
      for (int i = 0; i < patterns.size(); i++) {
        Optional<Conclusion> found = find(i, line, zone, channel);
        if (found.isPresent()) {
          return found;
        }
      }
    }
    return Optional.empty();
  }

  private Optional<Conclusion> find(int index, LineTail.Line line, ZoneId zone, String channel) {
    String text = PlainText.head(line.text(), MAX_LINE);
    Matcher matcher = patterns.get(index).matcher(new Metered(text, MAX_READS));
    try {
      if (!matcher.find()) {
        return Optional.empty();
      }
    } catch (TooCostly | StackOverflowError e) {
      log.warn(
          "agents.{}.patterns[{}] was given up on a line of {} characters: it backtracks too much",
          agent,
          index,
          text.length());
      return Optional.empty();
    }
    String resetText = group(matcher, RESET).orElse(text);
    Optional<ResetTime> reset = ResetReader.read(resetText, line.readAt(), zone);
    LimitScope scope = ErrorWording.scope(group(matcher, SCOPE).orElse(text));
    return Optional.of(
        new Conclusion.Limited(
            new Conclusion.Basis("pattern/" + (index + 1), text, channel),
            scope,
            reset.orElse(null),
            UsageLimit.SetBy.WINDOW));
  }

  private static Optional<String> group(Matcher matcher, String name) {
    // Java 17 does not tell which named groups a pattern has, other than by this exception.
    try {
      return Optional.ofNullable(matcher.group(name)).map(String::toString);
    } catch (IllegalArgumentException noSuchGroup) {
      return Optional.empty();
    }
  }

  private static final class TooCostly extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TooCostly() {
      super("too many reads", null, false, false);
    }
  }

  /** A text that counts how often it is looked at. */
  private static final class Metered implements CharSequence {
    private final String text;
    private int left;

    Metered(String text, int left) {
      this.text = text;
      this.left = left;
    }

    @Override
    public char charAt(int index) {
      if (--left < 0) {
        throw new TooCostly();
      }
      return text.charAt(index);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
