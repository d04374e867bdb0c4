package dev.outlast.run;

/** How large a text is where it counts: as JSON in a payload, whose size Temporal bounds. */
final class JsonSize {

  private JsonSize() {}

  /** The bytes of a text as a JSON string in UTF-8, escapes included, quotes not. */
  static long of(String text) {
    return text.codePoints().mapToLong(JsonSize::of).sum();
  }

  private static int of(int c) {
    if (c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t' || c == '\b' || c == '\f') {
      return 2;
    }
    if (c < 0x20) {
      return 6;
    }
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  }
}
