package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;
import java.util.Objects;

/**
 * A reason other than a usage limit for which an account is closed. It ends by the clock or by an
 * operator; nobody has to try first.
 *
 * @param until when it ends
 * @param why in one line
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record GateHold(
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE) Cause cause,
    Instant until,
    String why) {

  /** Who or what closed it. */
  public enum Cause {
    @JsonEnumDefaultValue
    @JsonProperty("operator")
    OPERATOR,
    /** So much of a window is used that the rest is kept for people. */
    @JsonProperty("pause-at")
    PAUSE_AT,
    /** What may be spent on a day is spent. */
    @JsonProperty("budget")
    BUDGET
  }

  public GateHold {
    Objects.requireNonNull(until, "until");
    cause = cause == null ? Cause.OPERATOR : cause;
    why = why == null ? "" : why;
  }
}
