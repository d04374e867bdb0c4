package dev.outlast.activities.process;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** Makes an agent's words safe to show, store and match. */
public final class PlainText {

  /** Terminal control: CSI, OSC (ended by BEL, by ST, or by the end of the line), other escapes. */
  private static final Pattern ESCAPES =
      Pattern.compile(
          "\u001b\\[[0-?]*+[ -/]*+[@-~]?|\u001b\\][^\u0007\u001b\n]*+(?:\u0007|\u001b\\\\)?|\u001b.?");

  private PlainText() {}

  /**
   * The text without terminal sequences, control characters (line feeds and tabs stay),
   * bidirectional controls and other invisible formatting, and without halves of surrogate pairs.
   */
  public static String clean(String text) {
    if (plainAscii(text)) {
      return text;
    }
    String plain = text.indexOf('\u001b') < 0 ? text : ESCAPES.matcher(text).replaceAll("");
    StringBuilder clean = new StringBuilder(plain.length());
    plain.codePoints().filter(PlainText::harmless).forEach(clean::appendCodePoint);
    return clean.toString();
  }

  private static boolean plainAscii(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if ((c < ' ' && c != '\n' && c != '\t') || c > '~') {
        return false;
      }
    }
    return true;
  }

  private static boolean harmless(int c) {
    int type = Character.getType(c);
    return c == '\n'
        || c == '\t'
        || (type != Character.CONTROL && type != Character.FORMAT && type != Character.SURROGATE);
  }

  /** The beginning of a text, at most so many characters, never half a surrogate pair. */
  public static String head(String text, int maxChars) {
    if (text.length() <= maxChars) {
      return text;
    }
    return text.substring(
        0, Character.isHighSurrogate(text.charAt(maxChars - 1)) ? maxChars - 1 : maxChars);
  }

  /**
   * The end of a text, at most so many characters. It does not begin within a word or a key: the
   * rest of a secret is not known for one.
   */
  public static String tail(String text, int maxChars) {
    if (text.length() <= maxChars) {
      return text;
    }
    int from = text.length() - maxChars;
    while (from < text.length()
        && (ofWord(text.charAt(from - 1)) || Character.isLowSurrogate(text.charAt(from)))
        && ofWord(text.charAt(from))) {
      from++;
    }
    return text.substring(from);
  }

  /** Whether a word, or a key in any of the forms in which keys are written, can hold it. */
  private static boolean ofWord(char c) {
    return Character.isLetterOrDigit(c) || Character.isSurrogate(c) || "_-+/=.~%".indexOf(c) >= 0;
  }

  /** The beginning of a text, at most so many bytes of UTF-8, cut between two code points. */
  public static String headBytes(String text, int maxBytes) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length <= maxBytes) {
      return text;
    }
    int end = maxBytes;
    while (end > 0 && (bytes[end] & 0xC0) == 0x80) {
      end--;
    }
    return new String(bytes, 0, end, StandardCharsets.UTF_8);
  }
}
