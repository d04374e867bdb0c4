package dev.outlast.worker.config;

import java.math.BigDecimal;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers of tokens as people write them: {@code 2M}, {@code 1.5M}, {@code 500k}, or plain. */
public final class TokenCount {

  /** What to tell somebody whose number could not be read. */
  public static final String EXPECTED = "a number of tokens such as 500k, 2M, or 150000";

  private static final Pattern COUNT =
      Pattern.compile("(\\d{1,15})|(\\d{1,6}(?:\\.\\d{1,6})?) ?([kmg])");
  private static final Map<String, Integer> ZEROS = Map.of("k", 3, "m", 6, "g", 9);

  private TokenCount() {}

  /** Reads a number of tokens, at least 1; empty if the text is none. */
  public static Optional<Long> parse(String text) {
    Matcher count = COUNT.matcher(text.strip().toLowerCase(Locale.ROOT));
    if (!count.matches()) {
      return Optional.empty();
    }
    BigDecimal tokens =
        count.group(1) != null
            ? new BigDecimal(count.group(1))
            : new BigDecimal(count.group(2)).scaleByPowerOfTen(ZEROS.get(count.group(3)));
    boolean whole = tokens.stripTrailingZeros().scale() <= 0;
    return whole && tokens.signum() > 0 ? Optional.of(tokens.longValueExact()) : Optional.empty();
  }
}
