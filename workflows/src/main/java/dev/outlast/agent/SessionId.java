package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Objects;

/**
 * The agent's own name for a conversation; what is resumed after a usage limit. On the wire a plain
 * string.
 *
 * @param value 1 to {@value #MAX_LENGTH} characters, printable, and not beginning with a dash, so
 *     that no id can be taken for an option on an agent's command line
 */
public record SessionId(@JsonValue String value) {

  /** The longest id that is accepted. The known agents use at most 40 characters. */
  public static final int MAX_LENGTH = 200;

  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public SessionId {
    Objects.requireNonNull(value, "session id");
    if (!valid(value)) {
      throw new IllegalArgumentException(
          "session id: expected 1 to "
              + MAX_LENGTH
              + " printable characters without spaces, not beginning with '-'");
    }
  }

  /** Says whether a text could be a session id; never throws. */
  public static boolean valid(String value) {
    return value != null
        && !value.isEmpty()
        && value.length() <= MAX_LENGTH
        && value.charAt(0) != '-'
        && value.chars().allMatch(c -> c > ' ' && c < 0x7f);
  }

  @Override
  public String toString() {
    return value;
  }
}
