package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;

/** What part of an account's allowance is used up. */
public enum LimitScope {
  /** The rolling window of some hours that a session counts against. */
  @JsonProperty("session")
  SESSION,
  @JsonProperty("daily")
  DAILY,
  @JsonProperty("weekly")
  WEEKLY,
  /** One model's window; others still work. */
  @JsonProperty("model")
  MODEL,
  /** Everything that the account may do. */
  @JsonProperty("global")
  GLOBAL,
  /** Paid credit or a spend cap. */
  @JsonProperty("credit")
  CREDIT,
  @JsonEnumDefaultValue
  @JsonProperty("unknown")
  UNKNOWN;

  /** The word used on the wire and for operators. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
