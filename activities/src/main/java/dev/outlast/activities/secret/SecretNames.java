package dev.outlast.activities.secret;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Tells by its name, and by its shape, which variable of an environment holds a secret. */
public final class SecretNames {

  private static final List<String> ANYWHERE =
      List.of("SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL");

  private static final List<String> WORDS = List.of("AUTH", "PASS", "COOKIE", "DSN");

  /** At the end of a word, so that neither MAX_TOKENS nor KEYBOARD is meant. */
  private static final List<String> ENDINGS = List.of("KEY", "TOKEN");

  /** Switches and counts. */
  private static final Pattern PLAIN_VALUE = Pattern.compile("(?i)true|false|[0-9.]{1,11}");

  private SecretNames() {}

  /**
   * The values of an environment that are secret: by their variable's name, or because they have
   * the shape of a key. Names of files that exist are none.
   */
  public static Set<String> values(Map<String, String> environment) {
    return environment.entrySet().stream()
        .filter(
            variable ->
                soundsSecret(variable.getKey()) && mayBeSecret(variable.getValue())
                    || Redaction.SHAPES_ONLY.finds(variable.getValue()))
        .map(Map.Entry::getValue)
        .collect(Collectors.toSet());
  }

  static boolean soundsSecret(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    if (ANYWHERE.stream().anyMatch(upper::contains)) {
      return true;
    }
    for (String word : upper.split("[^A-Z0-9]+")) {
      if (WORDS.contains(word) || ENDINGS.stream().anyMatch(word::endsWith)) {
        return true;
      }
    }
    return false;
  }

  private static boolean mayBeSecret(String value) {
    if (PLAIN_VALUE.matcher(value).matches()) {
      return false;
    }
    try {
      return !value.startsWith("/") || !Files.exists(Path.of(value));
    } catch (InvalidPathException secret) {
      return true;
    }
  }
}
