package dev.outlast.activities.provider;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.agent.SessionMark;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Looks for the last thing that was said in a session, in the file of records in which its program
 * keeps it. Reads the end of the file, and more of it only as long as that holds nothing but the
 * program's own book-keeping.
 */
public final class LastWord {

  /** How much of a file is read at first, in bytes; then 16 times as much each time. */
  static final long FIRST_LOOK = 256 * 1024;

  private LastWord() {}

  /**
   * The last record that tells of something said.
   *
   * @param hint what stands in the line of each such record, so that the others need not be parsed
   * @param said what stands for a record and no other; empty if it is none that counts
   * @return empty if there is none in the last {@link SessionFile#MAX_TAIL} bytes
   * @throws IOException if the file does not exist as a regular file, or cannot be read
   */
  public static Optional<String> in(
      Path path, String hint, Function<JsonNode, Optional<String>> said) throws IOException {
    for (long look = FIRST_LOOK; ; look *= 16) {
      long tail = Math.min(look, SessionFile.MAX_TAIL);
      try (SessionFile file = SessionFile.open(path, tail)) {
        Finder finder = new Finder(hint, said);
        file.lines(finder);
        if (finder.last.isPresent() || file.isWhole() || tail == SessionFile.MAX_TAIL) {
          return finder.last;
        }
      }
    }
  }

  /** A mark, if the text that stands for the last word can be one. */
  public static Optional<SessionMark> mark(String text) {
    boolean fits =
        !text.isEmpty()
            && text.length() <= SessionMark.MAX_LENGTH
            && text.chars().allMatch(c -> c > ' ' && c < 0x7f);
    return fits ? Optional.of(new SessionMark(text)) : Optional.empty();
  }

  private static final class Finder implements Consumer<OutputLine> {
    private final byte[] hint;
    private final Function<JsonNode, Optional<String>> said;
    private Optional<String> last = Optional.empty();

    Finder(String hint, Function<JsonNode, Optional<String>> said) {
      this.hint = hint.getBytes(StandardCharsets.US_ASCII);
      this.said = said;
    }

    @Override
    public void accept(OutputLine line) {
      if (!line.cut() && contains(line.bytes(), hint)) {
        last = said.apply(Json.read(line)).or(() -> last);
      }
    }

    private static boolean contains(byte[] line, byte[] hint) {
      for (int i = 0; i + hint.length <= line.length; i++) {
        int same = 0;
        while (same < hint.length && line[i + same] == hint[same]) {
          same++;
        }
        if (same == hint.length) {
          return true;
        }
      }
      return false;
    }
  }
}
