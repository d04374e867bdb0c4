package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;
import java.util.Objects;

/**
 * A reason other than a usage limit for which an account is closed, or only some runs are held
 * back. It ends by the clock or by an operator; nobody has to try first.
 *
 * @param until when it ends
 * @param why in one line
 * @param since when it was learnt; null where that does not matter
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record GateHold(
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE) Cause cause,
    Instant until,
    String why,
    @JsonInclude(JsonInclude.Include.NON_NULL) Instant since) {

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
    BUDGET,
    /** The allowance is used up, and agents work on paid overage: who avoids that has to wait. */
    @JsonProperty("allowance")
    ALLOWANCE
  }

  /** One of which it does not matter when it was learnt. */
  GateHold(Cause cause, Instant until, String why) {
    this(cause, until, why, null);
  }

  public GateHold {
    Objects.requireNonNull(until, "until");
    cause = cause == null ? Cause.OPERATOR : cause;
    why = why == null ? "" : why;
  }

  /** Whether no run may start because of it, and so the account is closed. */
  boolean holdsAll() {
    return cause != Cause.ALLOWANCE;
  }

  /** Whether other settings may lift it. */
  boolean isBySettings() {
    return cause == Cause.PAUSE_AT || cause == Cause.BUDGET;
  }

  /** Whether this run may not start because of it. */
  boolean holds(GateWaiter waiter) {
    return holdsAll() || waiter.avoidsOverage();
  }
}
