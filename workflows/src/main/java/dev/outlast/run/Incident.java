package dev.outlast.run;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.outlast.limit.UsageLimit;
import java.time.Instant;
import java.util.Objects;

/**
 * One usage limit of one run, from its detection to its end.
 *
 * @param id unique in the run: {@code limit-1}, {@code limit-2}, …
 * @param turn the turn that it interrupted
 * @param invocation the invocation that it ended
 * @param limit what the agent reported, with the evidence
 * @param detectedAt the workflow's clock
 * @param resumeAt when the wait ends, by the workflow's clock; null when there is no wait
 * @param fromReset whether the agent's reset set the wait, rather than the fallback
 * @param endedAt when the wait ended; null while it goes on
 * @param end how it ended; null while it goes on
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Incident(
    String id,
    int turn,
    int invocation,
    UsageLimit limit,
    Instant detectedAt,
    Instant resumeAt,
    boolean fromReset,
    Instant endedAt,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE) End end) {

  /** How many incidents a run keeps; of older ones only the count remains. */
  public static final int MAX_KEPT = 20;

  /** How an incident ended. */
  public enum End {
    /** The wait was over and the session was resumed. */
    @JsonProperty("resumed")
    RESUMED,
    /** An operator ended the wait. */
    @JsonProperty("resumed-by-operator")
    RESUMED_BY_OPERATOR,
    /** The account's gate ended the wait, since the provider let another run through. */
    @JsonProperty("released")
    RELEASED,
    /** The run went on with another agent. */
    @JsonProperty("failed-over")
    FAILED_OVER,
    /** The policy did not allow the wait. */
    @JsonProperty("given-up")
    GIVEN_UP,
    /** The run was cancelled in the wait. */
    @JsonProperty("cancelled")
    CANCELLED,
    /** In a way that only a newer version knows. */
    @JsonEnumDefaultValue
    @JsonProperty("other")
    OTHER
  }

  public Incident {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(limit, "limit");
    Objects.requireNonNull(detectedAt, "detectedAt");
  }

  Incident waiting(Instant until, boolean byReset) {
    return new Incident(id, turn, invocation, limit, detectedAt, until, byReset, endedAt, end);
  }

  Incident ended(Instant at, End how) {
    return new Incident(id, turn, invocation, limit, detectedAt, resumeAt, fromReset, at, how);
  }
}
