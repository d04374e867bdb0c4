package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Objects;

/**
 * What a session's own file says of the last thing that was said in it. Two marks of one session
 * that differ mean that somebody went on with it between. On the wire a plain string, whose form
 * the agent's provider alone knows.
 *
 * @param value 1 to {@value #MAX_LENGTH} printable characters without spaces
 */
public record SessionMark(@JsonValue String value) {

  /** The longest mark, in characters. */
  public static final int MAX_LENGTH = 200;

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public SessionMark {
    Objects.requireNonNull(value, "session mark");
    if (value.isEmpty()
        || value.length() > MAX_LENGTH
        || !value.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
      throw new IllegalArgumentException(
          "session mark: expected 1 to "
              + MAX_LENGTH
              + " printable characters without spaces, got "
              + value.length()
              + " characters");
    }
  }

  @Override
  public String toString() {
    return value;
  }
}
