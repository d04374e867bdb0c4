package dev.outlast.worker.log;

import ch.qos.logback.core.pattern.CompositeConverter;
import dev.outlast.activities.secret.KnownSecrets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Takes all secrets that this process knows, and what has the shape of a key, out of what stands
 * between the brackets of {@code %safe(…)}, and puts it on one line: what a terminal would obey
 * becomes a space or a question mark. An option says what stands for the end of a line: {@code
 * %safe(%ex){' | '}}.
 *
 * @param <E> the kind of event
 */
public final class SafeText<E> extends CompositeConverter<E> {

  private static final Pattern BREAKS = Pattern.compile("[\\r\\n\\t]+");
  private static final Pattern OBEYED = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]");

  private String breaks = " ";

  /** Made by Logback. */
  public SafeText() {}

  @Override
  public void start() {
    breaks = getFirstOption() == null ? " " : Matcher.quoteReplacement(getFirstOption());
    super.start();
  }

  @Override
  protected String transform(E event, String text) {
    // Secrets first: keys of many lines are known by their lines.
    String told = KnownSecrets.redact(text);
    String line = BREAKS.matcher(told).replaceAll(breaks);
    return OBEYED.matcher(line).replaceAll("?");
  }
}
