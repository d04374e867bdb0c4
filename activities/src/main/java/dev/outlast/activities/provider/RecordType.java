package dev.outlast.activities.provider;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The type of a record, seen in its bytes without parsing them. All agents print it first. What is
 * said here of a line that is one object of valid JSON is what a parser would say; of other lines,
 * which no parser takes, it may be anything.
 *
 * @param line the whole line
 * @param name the value of the field {@code type} that the object begins with
 * @param end where in the line that value ends
 */
record RecordType(byte[] line, String name, int end) {

  private static final byte[] KEY = "\"type\"".getBytes(StandardCharsets.US_ASCII);

  /** A longer name is none of ours. */
  private static final int MAX_NAME = 64;

  private static final VarHandle WORDS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long LOWEST_BITS = 0x0101010101010101L;
  private static final long HIGHEST_BITS = 0x8080808080808080L;
  private static final long QUOTES = '"' * LOWEST_BITS;
  private static final long BACKSLASHES = '\\' * LOWEST_BITS;

  /** The type of the object that a line begins with, where that begins with a plain type. */
  static Optional<RecordType> of(byte[] line) {
    int at = Json.start(line);
    if (at == line.length || line[at] != '{') {
      return Optional.empty();
    }
    at = space(line, at + 1);
    if (!isKey(line, at)) {
      return Optional.empty();
    }
    at = space(line, at + KEY.length);
    if (at == line.length || line[at] != ':') {
      return Optional.empty();
    }
    at = space(line, at + 1);
    if (at == line.length || line[at] != '"') {
      return Optional.empty();
    }
    int from = at + 1;
    for (at = from; at < line.length && at - from <= MAX_NAME; at++) {
      if (line[at] == '"') {
        String name = new String(line, from, at - from, StandardCharsets.US_ASCII);
        return Optional.of(new RecordType(line, name, at + 1));
      }
      if (line[at] == '\\' || line[at] < ' ') {
        return Optional.empty();
      }
    }
    return Optional.empty();
  }

  /**
   * Whether this is the object's only type: of several a parser takes the last. A key that may be
   * another spelling of it counts as one.
   */
  boolean only() {
    int depth = 1;
    boolean key = false;
    int at = end;
    while (at < line.length) {
      switch (line[at]) {
        case '"' -> {
          int close = endOfText(at + 1);
          if (close < 0 || (key && (isKey(line, at) || escaped(at, close)))) {
            return false;
          }
          key = false;
          at = close;
        }
        case '{', '[' -> depth++;
        case '}', ']' -> {
          depth--;
          if (depth == 0) {
            return true;
          }
        }
        case ',' -> key = depth == 1;
        default -> {
          // Numbers, words, colons and spaces.
        }
      }
      at++;
    }
    return false;
  }

  private boolean escaped(int from, int to) {
    for (int i = from; i < to; i++) {
      if (line[i] == '\\') {
        return true;
      }
    }
    return false;
  }

  /** Where the quotation mark is that ends a text; -1 if nowhere. */
  private int endOfText(int from) {
    int at = from;
    while (at <= line.length - Long.BYTES) {
      long word = (long) WORDS.get(line, at);
      long quotes = word ^ QUOTES;
      long backslashes = word ^ BACKSLASHES;
      long found =
          (((quotes - LOWEST_BITS) & ~quotes) | ((backslashes - LOWEST_BITS) & ~backslashes))
              & HIGHEST_BITS;
      if (found == 0) {
        at += Long.BYTES;
        continue;
      }
      at += Long.numberOfTrailingZeros(found) / Byte.SIZE;
      if (line[at] == '"') {
        return at;
      }
      at += 2;
    }
    while (at < line.length) {
      if (line[at] == '"') {
        return at;
      }
      at += line[at] == '\\' ? 2 : 1;
    }
    return -1;
  }

  private static boolean isKey(byte[] line, int at) {
    if (at > line.length - KEY.length) {
      return false;
    }
    for (int i = 0; i < KEY.length; i++) {
      if (line[at + i] != KEY[i]) {
        return false;
      }
    }
    return true;
  }

  private static int space(byte[] line, int from) {
    int at = from;
    while (at < line.length && (line[at] == ' ' || line[at] == '\t')) {
      at++;
    }
    return at;
  }
}
