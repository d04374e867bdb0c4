package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** What an agent does in a turn, in the same words for every kind of agent. */
public enum ItemKind {
  MESSAGE,
  REASONING,
  /** It runs a program or a shell's command line. */
  COMMAND_EXECUTION,
  FILE_CHANGE,
  /** Any other tool, also one that only reads; a kind that only a newer version knows. */
  @JsonEnumDefaultValue
  TOOL_CALL,
  /** It writes down what it is going to do. */
  PLAN,
  ERROR;

  /** The word used on the wire and for operators. */
  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
