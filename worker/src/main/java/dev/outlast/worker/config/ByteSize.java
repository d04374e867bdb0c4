package dev.outlast.worker.config;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as people write them: {@code 256MiB}, {@code 4 GiB}, or a plain number of bytes. */
final class ByteSize {

  /** What to tell somebody whose size could not be read. */
  static final String EXPECTED = "a size such as 64MiB, 4GiB, or a number of bytes";

  private static final Pattern SIZE = Pattern.compile("(\\d{1,9}) ?(kib|mib|gib|tib)|(\\d{1,15})");
  private static final Map<String, Integer> SHIFTS =
      Map.of("kib", 10, "mib", 20, "gib", 30, "tib", 40);

  private ByteSize() {}

  static Optional<Long> parse(String text) {
    Matcher size = SIZE.matcher(text.strip().toLowerCase(Locale.ROOT));
    if (!size.matches()) {
      return Optional.empty();
    }
    if (size.group(3) != null) {
      return Optional.of(Long.parseLong(size.group(3)));
    }
    long number = Long.parseLong(size.group(1));
    int shift = SHIFTS.get(size.group(2));
    return number > Long.MAX_VALUE >> shift ? Optional.empty() : Optional.of(number << shift);
  }

  static String text(long bytes) {
    for (String unit : new String[] {"GiB", "MiB", "KiB"}) {
      int shift = SHIFTS.get(unit.toLowerCase(Locale.ROOT));
      if (bytes > 0 && bytes % (1L << shift) == 0) {
        return (bytes >> shift) + unit;
      }
    }
    return Long.toString(bytes);
  }
}
