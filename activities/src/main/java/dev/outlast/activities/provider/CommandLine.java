package dev.outlast.activities.provider;

import dev.outlast.activities.process.PlainText;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * How a call looks to the operating system. Never a shell's command line.
 *
 * @param arguments all but the executable
 * @param stdin what the agent reads on standard input; null for nothing
 */
public record CommandLine(List<String> arguments, String stdin) {

  /** How much of a text that cannot be passed on is quoted, in characters. */
  private static final int MAX_QUOTE = 60;

  /** The longest message that goes into an argument, in bytes; Linux allows 128 KiB. */
  public static final int MAX_ARGUMENT = 100 * 1024;

  /**
   * @throws IllegalArgumentException if a program cannot be given this as it is: an argument has a
   *     NUL character, or a text half a surrogate pair, for which UTF-8 has no bytes
   */
  public CommandLine {
    arguments = List.copyOf(arguments);
    for (String argument : arguments) {
      if (argument.indexOf('\0') >= 0) {
        throw new IllegalArgumentException(
            "the command line would have a NUL character, which no argument can carry: "
                + PlainText.head(PlainText.clean(argument), MAX_QUOTE));
      }
      requireWhole(argument);
    }
    if (stdin != null) {
      requireWhole(stdin);
    }
  }

  private static void requireWhole(String text) {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new IllegalArgumentException(
          "prompt, model or workspace: has half a surrogate pair, which UTF-8 cannot express; send"
              + " whole characters: "
              + PlainText.head(PlainText.clean(text), MAX_QUOTE));
    }
  }

  /**
   * Whether a text survives the way into a process as an argument: it is not too long, has no NUL,
   * and this JVM writes all its characters (one that was started in the locale {@code C} turns what
   * is not ASCII into question marks).
   */
  public static boolean fitsArgument(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length <= MAX_ARGUMENT
        && text.indexOf('\0') < 0
        && Charset.defaultCharset().newEncoder().canEncode(text);
  }

  /**
   * Whether a message can be an argument that an agent takes for nothing else: it {@linkplain
   * #fitsArgument fits}, looks like no option, and is not blank.
   */
  public static boolean isPlainArgument(String message) {
    return !message.startsWith("-") && !message.isBlank() && fitsArgument(message);
  }
}
