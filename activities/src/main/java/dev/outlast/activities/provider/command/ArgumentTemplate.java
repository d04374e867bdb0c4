package dev.outlast.activities.provider.command;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * The template of a command's arguments. Each element becomes one argument, or none.
 *
 * <ul>
 *   <li>{@code {prompt}}, {@code {session}}, {@code {model}} and {@code {workspace}} stand for
 *       their values. An element that names a value which there is none for becomes no argument.
 *   <li>{@code {resume?…}} is kept when a session is resumed, {@code {fresh?…}} when it is not,
 *       {@code {model?…}} when there is a model; inside, values may be named. An element that is
 *       nothing else is split on spaces before the values are put in: {@code {resume?--resume
 *       {session}}} becomes two arguments.
 *   <li><code>{{</code> and <code>}}</code> outside of a condition are plain braces.
 * </ul>
 *
 * Values are put in as they are: no shell reads them, and nothing in them is special.
 */
record ArgumentTemplate(List<List<ArgumentTemplate.Part>> elements) {

  /** What a placeholder can name. */
  enum Name {
    PROMPT,
    SESSION,
    MODEL,
    WORKSPACE
  }

  /** When a part is kept. */
  enum Condition {
    ALWAYS,
    RESUME,
    FRESH,
    MODEL
  }

  /**
   * A piece of an element.
   *
   * @param literal plain text; null for a value
   * @param name the value; null for plain text
   */
  record Part(Condition condition, String literal, Name name) {}

  private static final String ALLOWED =
      "allowed are {prompt}, {session}, {model}, {workspace}, {resume?…}, {fresh?…}, {model?…}, and"
          + " {{ or }} for plain braces";

  /**
   * Reads a template.
   *
   * @param key the configuration's key, for messages
   * @throws IllegalArgumentException if a brace is unbalanced or a name unknown
   */
  static ArgumentTemplate parse(String key, List<String> args) {
    List<List<Part>> elements = new ArrayList<>();
    for (int i = 0; i < args.size(); i++) {
      String where = key + "[" + i + "]: '" + args.get(i) + "'";
      elements.addAll(element(where, args.get(i)));
    }
    return new ArgumentTemplate(List.copyOf(elements));
  }

  private static List<List<Part>> element(String where, String text) {
    Parser parser = new Parser(where, text);
    List<Part> parts = parser.parts();
    boolean oneCondition =
        parser.conditions == 1
            && text.startsWith("{")
            && parts.stream().noneMatch(part -> part.condition() == Condition.ALWAYS);
    return oneCondition ? split(parts) : List.of(parts);
  }

  private static List<List<Part>> split(List<Part> parts) {
    List<List<Part>> pieces = new ArrayList<>();
    List<Part> current = new ArrayList<>();
    for (Part part : parts) {
      if (part.literal() == null) {
        current.add(part);
        continue;
      }
      String[] words = part.literal().split(" ", -1);
      for (int i = 0; i < words.length; i++) {
        if (i > 0 && !current.isEmpty()) {
          pieces.add(List.copyOf(current));
          current.clear();
        }
        if (!words[i].isEmpty()) {
          current.add(new Part(part.condition(), words[i], null));
        }
      }
    }
    if (!current.isEmpty()) {
      pieces.add(List.copyOf(current));
    }
    return pieces;
  }

  /**
   * Whether the message has a place among the arguments, in a fresh session and in a resumed one.
   */
  boolean usesPrompt() {
    return names(true).anyMatch(Name.PROMPT::equals) && names(false).anyMatch(Name.PROMPT::equals);
  }

  /** Whether a fresh session is told its id. */
  boolean usesSessionWhenFresh() {
    return names(false).anyMatch(Name.SESSION::equals);
  }

  private Stream<Name> names(boolean resuming) {
    return elements.stream()
        .flatMap(List::stream)
        .filter(part -> part.name() != null && part.condition() != without(resuming))
        .map(Part::name);
  }

  private static Condition without(boolean resuming) {
    return resuming ? Condition.FRESH : Condition.RESUME;
  }

  /** The arguments; {@code values} gives null for what there is none of. */
  List<String> fill(boolean resuming, Function<Name, String> values) {
    List<String> arguments = new ArrayList<>();
    for (List<Part> element : elements) {
      List<Part> kept =
          element.stream()
              .filter(part -> part.condition() != without(resuming))
              .filter(
                  part -> part.condition() != Condition.MODEL || values.apply(Name.MODEL) != null)
              .toList();
      boolean missing =
          kept.stream().anyMatch(part -> part.name() != null && values.apply(part.name()) == null);
      if (missing || (kept.isEmpty() && !element.isEmpty())) {
        continue;
      }
      StringBuilder argument = new StringBuilder();
      for (Part part : kept) {
        argument.append(part.name() == null ? part.literal() : values.apply(part.name()));
      }
      arguments.add(argument.toString());
    }
    return arguments;
  }

  private static final class Parser {
    private final String where;
    private final String text;
    private final List<Part> parts = new ArrayList<>();
    private final StringBuilder literal = new StringBuilder();
    private Condition condition = Condition.ALWAYS;
    private int conditions;
    private int at;

    Parser(String where, String text) {
      this.where = where;
      this.text = text;
    }

    List<Part> parts() {
      while (at < text.length()) {
        char c = text.charAt(at);
        boolean inside = condition != Condition.ALWAYS;
        if (!inside && (text.startsWith("{{", at) || text.startsWith("}}", at))) {
          literal.append(c);
          at += 2;
        } else if (c == '{') {
          open(inside);
        } else if (c == '}') {
          if (!inside) {
            throw wrong("a '}' without its '{'");
          }
          flush();
          condition = Condition.ALWAYS;
          at++;
        } else {
          literal.append(c);
          at++;
        }
      }
      if (condition != Condition.ALWAYS) {
        throw wrong("a '{' without its '}'");
      }
      flush();
      return List.copyOf(parts);
    }

    private void open(boolean inside) {
      int end = at + 1;
      while (end < text.length() && "{}?".indexOf(text.charAt(end)) < 0) {
        end++;
      }
      if (end == text.length()) {
        throw wrong("a '{' without its '}'");
      }
      String name = text.substring(at + 1, end);
      flush();
      if (text.charAt(end) == '?') {
        if (inside) {
          throw wrong("a condition within a condition");
        }
        condition =
            switch (name) {
              case "resume" -> Condition.RESUME;
              case "fresh" -> Condition.FRESH;
              case "model" -> Condition.MODEL;
              default -> throw wrong("{" + name + "?…} is unknown");
            };
        conditions++;
      } else if (text.charAt(end) == '}') {
        parts.add(new Part(condition, null, name(name)));
      } else {
        throw wrong("a '{' without its '}'");
      }
      at = end + 1;
    }

    private Name name(String word) {
      for (Name name : Name.values()) {
        if (name.name().toLowerCase(Locale.ROOT).equals(word)) {
          return name;
        }
      }
      throw wrong("{" + word + "} is unknown");
    }

    private void flush() {
      if (!literal.isEmpty()) {
        parts.add(new Part(condition, literal.toString(), null));
        literal.setLength(0);
      }
    }

    private IllegalArgumentException wrong(String what) {
      return new IllegalArgumentException(where + ": " + what + "; " + ALLOWED);
    }
  }
}
