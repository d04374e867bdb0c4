package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** What part of an account's allowance is used up. */
public enum LimitScope {
  /** The rolling window of some hours that a session counts against. */
  SESSION,
  DAILY,
  WEEKLY,
  /** One model's window; others still work. */
  MODEL,
  /** Everything that the account may do. */
  GLOBAL,
  /** Paid credit or a spend cap. */
  CREDIT,
  @JsonEnumDefaultValue
  UNKNOWN;

  /** The word used on the wire and for operators. */
  @JsonValue
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
