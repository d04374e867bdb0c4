package dev.outlast.activities.secret;

import java.util.List;
import java.util.regex.Pattern;

/**
 * The shapes of well-known kinds of keys. What is only long and looks random stays: it is mostly a
 * commit, an id or a digest. Each pattern is anchored at a literal and repeats possessively, so
 * that a search takes linear time.
 */
final class KeyShapes {

  /** What must not stand before a key, else it is the end of a longer word. */
  private static final String START = "(?<![A-Za-z0-9_-])";

  private static final String END_OF_WORD = "(?![A-Za-z0-9])";

  /**
   * One shape.
   *
   * @param triggers one of which stands in each text that has the shape; quick to look for
   * @param replacement as {@link java.util.regex.Matcher#replaceAll} takes it
   */
  private record Shape(List<String> triggers, Pattern pattern, String replacement) {

    static Shape word(String trigger, String regex) {
      return new Shape(List.of(trigger), Pattern.compile(START + regex), Redaction.MARK);
    }

    String redact(String text) {
      return triggers.stream().anyMatch(text::contains)
          ? pattern.matcher(text).replaceAll(replacement)
          : text;
    }
  }

  /** What may stand between the lines of a key, also within JSON. */
  private static final String BREAKS = "(?:\\s|\\\\++[nr])*+";

  private static final List<Shape> ALL =
      List.of(
          // OpenAI, Anthropic, OpenRouter and their like. What has no digit is words.
          Shape.word("sk-", "sk-(?=[A-Za-z_-]{0,200}+[0-9])[A-Za-z0-9_-]{20,}+"),
          Shape.word("k_", "[sr]k_(?:live|test)_[A-Za-z0-9]{16,}+"),
          // GitHub: personal, OAuth, user, server, refresh.
          Shape.word("gh", "gh[opusr]_[A-Za-z0-9]{20,}+"),
          Shape.word("github_pat_", "github_pat_[A-Za-z0-9_]{20,}+"),
          Shape.word("glpat-", "glpat-[A-Za-z0-9_-]{20,}+(?:\\.[A-Za-z0-9]++)*+"),
          Shape.word("npm_", "npm_[A-Za-z0-9]{30,}+"),
          Shape.word("hf_", "hf_[A-Za-z0-9]{30,}+"),
          Shape.word("xox", "xox[abeprs]-[A-Za-z0-9-]{10,}+"),
          Shape.word("AIza", "AIza[A-Za-z0-9_-]{30,}+"),
          Shape.word("AKIA", "AKIA[A-Z0-9]{16}" + END_OF_WORD),
          Shape.word("ASIA", "ASIA[A-Z0-9]{16}" + END_OF_WORD),
          // JSON Web Tokens: two objects in Base64, and mostly a signature.
          Shape.word("eyJ", "eyJ[A-Za-z0-9_-]{8,}+\\.eyJ[A-Za-z0-9_-]{8,}+(?:\\.[A-Za-z0-9_-]*+)?"),
          new Shape(
              List.of("uthorization", "UTHORIZATION"),
              Pattern.compile(
                  "(?i)(authorization\\\\{0,3}+[\"']?\\s{0,8}+[:=]\\s{0,8}+\\\\{0,3}+[\"']?"
                      + "(?:(?:bearer|basic|token|digest)\\s{1,8}+)?+)"
                      + "(?!\\[secret])[^\\s\"'\\\\,;<>]{8,}+"),
              "$1[secret]"),
          new Shape(
              List.of("earer ", "EARER "),
              Pattern.compile(
                  "(?i)(?<![a-z0-9])(bearer\\s{1,8}+)(?=[a-z._~+/-]{0,200}+[0-9])"
                      + "[a-z0-9._~+/-]{16,}+={0,2}"),
              "$1[secret]"),
          new Shape(
              List.of("://"),
              // The name goes too, as it is the key of some services.
              Pattern.compile(
                  "(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9+.-]{1,20}+://)"
                      + "[^\\s/:@\"'<>\\\\]{0,200}+:[^\\s/@\"'<>\\\\]{1,500}+@"),
              "$1[secret]@"),
          // Up to its end or, where that was cut off, as far as its lines go.
          new Shape(
              List.of("PRIVATE KEY"),
              Pattern.compile(
                  "-----BEGIN (?:[A-Z0-9]{1,20}+ ){0,3}?PRIVATE KEY(?: BLOCK)?-----(?:"
                      + "(?:(?!-----(?:END|BEGIN))[A-Za-z0-9+/=:,.()@_\\s\\\\-])*+"
                      + "-----END [A-Z0-9 ]{1,80}+-----"
                      + "|(?:"
                      + BREAKS
                      + "[A-Za-z0-9+/]{16,}+={0,2}+)*+)"),
              Redaction.MARK));

  private KeyShapes() {}

  static String redact(String text) {
    String redacted = text;
    for (Shape shape : ALL) {
      redacted = shape.redact(redacted);
    }
    return redacted;
  }
}
