package dev.outlast.worker.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Options that take one of a few words. */
final class Words {

  private Words() {}

  /**
   * The constant that a word stands for, which is its name in small letters.
   *
   * @param text null gives null
   * @throws CliException if it is none of them; names the option and those that there are
   */
  static <E extends Enum<E>> E one(String option, String text, Class<E> type) {
    if (text == null) {
      return null;
    }
    List<String> words = new ArrayList<>();
    for (E constant : type.getEnumConstants()) {
      String word = constant.name().toLowerCase(Locale.ROOT);
      if (word.equals(text)) {
        return constant;
      }
      words.add(word);
    }
    throw new CliException(
        ExitCode.USAGE,
        option + ": got \"" + Console.oneLine(text) + "\"; expected " + String.join(" or ", words));
  }
}
