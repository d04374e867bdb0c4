package dev.outlast.activities.secret;

import java.util.Collection;
import java.util.List;

/**
 * Takes secrets out of texts. Immutable and thread-safe. Needs a time that grows with the length of
 * the text and with nothing else, whatever the text is.
 */
public final class Redaction {

  /** What is put where a secret was. */
  public static final String MARK = "[secret]";

  /** Shorter values are not taken out of texts: they would tear other words apart. */
  public static final int MIN_SECRET = 6;

  /** One that knows no values, and only takes out what has the shape of a key. */
  public static final Redaction SHAPES_ONLY = new Redaction(KnownValues.of(List.of()));

  private final KnownValues known;

  private Redaction(KnownValues known) {
    this.known = known;
  }

  /**
   * One that knows these values. It finds each as it is, each longer line of it, and both as they
   * look within JSON, within a URL, and in Base64.
   *
   * @param values of any length; those below {@link #MIN_SECRET} characters are left out
   */
  public static Redaction of(Collection<String> values) {
    return values.isEmpty() ? SHAPES_ONLY : new Redaction(KnownValues.of(values));
  }

  /**
   * The text with {@link #MARK} in place of each secret, and of the beginning of a known one that
   * the text was cut within.
   */
  public String redact(String text) {
    return KeyShapes.redact(known.redact(text));
  }

  /** Whether a text holds a secret. */
  public boolean finds(String text) {
    return !redact(text).equals(text);
  }

  /** No value, so that none gets into a log. */
  @Override
  public String toString() {
    return "Redaction";
  }
}
