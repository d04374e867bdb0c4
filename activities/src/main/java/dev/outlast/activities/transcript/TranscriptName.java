package dev.outlast.activities.transcript;

import dev.outlast.agent.SessionId;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * Names of files for what may be any text. Different texts have different names, also where upper
 * and lower case are the same.
 */
final class TranscriptName {

  /** The longest encoding that is used as it is, in characters; file systems take 255. */
  private static final int MAX_PLAIN = 120;

  private static final int MAX_BEGINNING = 48;

  /** What begins the name of a folder whose session is not known. */
  static final char UNNAMED = '+';

  private static final Pattern NAME = Pattern.compile("[a-z0-9_+][a-z0-9._%~+-]{0,254}");

  private TranscriptName() {}

  static String of(SessionId session) {
    return encoded(session.value());
  }

  /**
   * Of the attempt of an invocation whose agent has named no session yet. No other attempt has the
   * same, as each moves its own away when it knows the session.
   */
  static String unnamed(TranscriptContext context) {
    return UNNAMED
        + encoded(context.run())
        + UNNAMED
        + context.invocation()
        + UNNAMED
        + context.attempt();
  }

  static String encoded(String text) {
    StringBuilder name = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      char c = (char) (b & 0xff);
      boolean plain =
          (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9')
              || c == '_'
              || (name.length() > 0 && (c == '-' || c == '.'));
      if (plain) {
        name.append(c);
      } else {
        name.append(String.format(Locale.ROOT, "%%%02x", (int) c));
      }
    }
    // No name begins with what is an option, or hidden.
    String whole = name.length() > 0 && name.charAt(0) == '%' ? "_" + name : name.toString();
    if (!whole.isEmpty() && whole.length() <= MAX_PLAIN && !ambiguous(text)) {
      return whole;
    }
    return whole.substring(0, Math.min(whole.length(), MAX_BEGINNING)) + "~" + hash(text);
  }

  /** "_%41" is the name of "A", and would be that of "_A". */
  private static boolean ambiguous(String text) {
    return text.startsWith("_");
  }

  private static String hash(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** Whether a name may have been given here, and so leads nowhere else. */
  static boolean valid(String name) {
    return NAME.matcher(name).matches();
  }
}
