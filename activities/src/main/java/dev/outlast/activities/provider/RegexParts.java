package dev.outlast.activities.provider;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * What a regular expression is made of, as far as it is needed to make it backtrack: samples of
 * what its parts match, in their order, and the names of its groups. An approximation; any text is
 * taken apart.
 */
final class RegexParts {

  /** How many parts are looked at. */
  private static final int MAX_PARTS = 64;

  /** How many neighbouring parts are repeated together at most. */
  private static final int MAX_PUMPED = 3;

  /**
   * How long a repetition is. Nested repetitions that can divide it in exponentially many ways do
   * not come to an end then; two that follow each other, which is common and does no harm, do.
   */
  private static final int PUMPED = 64;

  /** Matched by hardly any part, so that what has matched so far is tried again. */
  private static final String MISMATCH = "\u0001";

  private static final char LITERAL_LETTER = 'a';
  private static final char LITERAL_DIGIT = '0';

  private final String regex;
  private final List<String> samples = new ArrayList<>();
  private final List<String> groups = new ArrayList<>();
  private int at;

  RegexParts(String regex) {
    this.regex = regex;
    while (at < regex.length()) {
      part();
    }
  }

  /** The names of its named groups. */
  List<String> groups() {
    return Collections.unmodifiableList(groups);
  }

  /** Texts that it may take long to find that they do not match. */
  List<String> hostileTexts() {
    List<String> texts = new ArrayList<>();
    int parts = Math.min(samples.size(), MAX_PARTS);
    for (int from = 0; from < parts; from++) {
      String before = String.join("", samples.subList(0, from));
      for (int to = from + 1; to <= Math.min(parts, from + MAX_PUMPED); to++) {
        String unit = String.join("", samples.subList(from, to));
        String pumped = unit.repeat(Math.max(1, PUMPED / unit.length()));
        texts.add(pumped + MISMATCH);
        texts.add(before + pumped + MISMATCH);
      }
    }
    return texts;
  }

  private void part() {
    char c = regex.charAt(at++);
    switch (c) {
      case '\\' -> escaped();
      case '[' -> characters();
      case '(' -> group();
      case '{' -> skipTo('}');
      case '.' -> samples.add(String.valueOf(LITERAL_LETTER));
      case ')', '|', '*', '+', '?', '^', '$' -> {
        // How parts are combined is the pattern's own business.
      }
      default -> samples.add(String.valueOf(c));
    }
  }

  private void escaped() {
    if (at == regex.length()) {
      return;
    }
    char c = regex.charAt(at++);
    switch (c) {
      case 'd' -> samples.add(String.valueOf(LITERAL_DIGIT));
      case 's', 'h', 'v', 'R' -> samples.add(" ");
      case 'W' -> samples.add("!");
      case 'w', 'D', 'S', 'H', 'V', 'X' -> samples.add(String.valueOf(LITERAL_LETTER));
      case 'p', 'P' -> {
        if (at < regex.length() && regex.charAt(at) == '{') {
          skipTo('}');
        }
        samples.add(String.valueOf(LITERAL_LETTER));
      }
      case 'k' -> skipTo('>');
      case 'Q' -> quoted();
      default -> {
        if (!Character.isLetterOrDigit(c)) {
          samples.add(String.valueOf(c));
        }
      }
    }
  }

  private void quoted() {
    int end = regex.indexOf("\\E", at);
    int stop = end < 0 ? regex.length() : end;
    regex.substring(at, stop).chars().forEach(c -> samples.add(String.valueOf((char) c)));
    at = Math.min(regex.length(), stop + 2);
  }

  /** A class of characters, of which the first is the sample. */
  private void characters() {
    int start = samples.size();
    boolean negated = at < regex.length() && regex.charAt(at) == '^';
    at += negated ? 1 : 0;
    int first = at;
    for (int depth = 1; depth > 0 && at < regex.length(); ) {
      char c = regex.charAt(at);
      if (c == '\\') {
        at++;
        escaped();
      } else {
        depth += c == '[' ? 1 : c == ']' && at > first ? -1 : 0;
        if (c != '[' && c != ']') {
          samples.add(String.valueOf(c));
        }
        at++;
      }
    }
    String sample =
        negated || samples.size() == start ? String.valueOf(LITERAL_LETTER) : samples.get(start);
    samples.subList(start, samples.size()).clear();
    samples.add(sample);
  }

  private void group() {
    if (at >= regex.length() || regex.charAt(at) != '?') {
      return;
    }
    at++;
    boolean named =
        at + 1 < regex.length()
            && regex.charAt(at) == '<'
            && Character.isLetter(regex.charAt(at + 1));
    if (named) {
      int start = at + 1;
      skipTo('>');
      groups.add(regex.substring(start, Math.max(start, at - 1)));
      return;
    }
    // Flags, look-around and the like, up to what is grouped.
    while (at < regex.length() && "<>=!:-imsduxU".indexOf(regex.charAt(at)) >= 0) {
      boolean last = ":=!>".indexOf(regex.charAt(at)) >= 0;
      at++;
      if (last) {
        return;
      }
    }
  }

  private void skipTo(char end) {
    int found = regex.indexOf(end, at);
    at = found < 0 ? regex.length() : found + 1;
  }
}
