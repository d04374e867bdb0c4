package dev.outlast.activities.secret;

import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * The secret values that this process has met: those of its own environment, and those of the
 * accounts of all its hosts, each as soon as it is looked up. What is said by others than agents,
 * such as by git, and all that is logged, is redacted with them. Thread-safe.
 *
 * <p>There is one for the process, as there is one log.
 */
public final class KnownSecrets {

  /** How many values are remembered; of more, those that were looked up last. */
  static final int MAX_VALUES = 1_000;

  private static final Set<String> VALUES = new LinkedHashSet<>();
  private static volatile Redaction redaction = Redaction.SHAPES_ONLY;

  static {
    learn(SecretNames.values(System.getenv()));
  }

  private KnownSecrets() {}

  /** From now on {@link #redact} finds these too. */
  public static void learn(Collection<String> values) {
    synchronized (VALUES) {
      boolean known = VALUES.containsAll(values);
      // Those that are in use stay the newest.
      VALUES.removeAll(Set.copyOf(values));
      VALUES.addAll(values);
      if (!known) {
        while (VALUES.size() > MAX_VALUES) {
          VALUES.remove(VALUES.iterator().next());
        }
        redaction = Redaction.of(VALUES);
      }
    }
  }

  /** The text without the secrets that are known by now, as {@link Redaction#redact} says. */
  public static String redact(String text) {
    return redaction.redact(text);
  }
}
