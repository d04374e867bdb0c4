package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonEnumDefaultValue;
import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/**
 * An account's allowance is used up.
 *
 * @param provider the kind of agent
 * @param account whose allowance it is
 * @param scope what part of it
 * @param reset when it returns; null if the agent did not say
 * @param setBy whether a window of the allowance or paid overage set the reset
 * @param observedAt the clock of the activity that read it; the reset counts from here
 * @param evidence what this was decided on
 * @param heardAt when the agent last said anything, by the same clock; null if that is not known. A
 *     reset after it was still to come when the agent named it, however long the agent's end took
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record UsageLimit(
    String provider,
    String account,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
        LimitScope scope,
    ResetTime reset,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE) SetBy setBy,
    Instant observedAt,
    LimitEvidence evidence,
    Instant heardAt) {

  /** What set the reset. */
  public enum SetBy {
    @JsonEnumDefaultValue
    @JsonProperty("window")
    WINDOW,
    @JsonProperty("overage")
    OVERAGE
  }

  public UsageLimit {
    Objects.requireNonNull(provider, "provider");
    Objects.requireNonNull(account, "account");
    Objects.requireNonNull(observedAt, "observedAt");
    Objects.requireNonNull(evidence, "evidence");
    scope = scope == null ? LimitScope.UNKNOWN : scope;
    setBy = setBy == null ? SetBy.WINDOW : setBy;
  }

  /** Whether its reset is known and was still to come when the agent named it. */
  public boolean announcesReset() {
    Instant named = heardAt == null ? observedAt : heardAt;
    return reset != null && reset.latest().isAfter(named);
  }

  /**
   * Whether it is too early to ask the agent again.
   *
   * @param margin by how much the provider may open late
   * @return false where the reset is not known
   */
  public boolean lastsAt(Instant now, Duration margin) {
    return reset != null && reset.latest().isAfter(now.minus(margin));
  }

  /** The same limit, of which what is left to wait counts from then. */
  public UsageLimit countedFrom(Instant then) {
    Instant named = heardAt == null ? observedAt : heardAt;
    return new UsageLimit(provider, account, scope, reset, setBy, then, evidence, named);
  }

  /** The same limit without the agent's words. */
  public UsageLimit withoutWords() {
    return new UsageLimit(
        provider, account, scope, reset, setBy, observedAt, evidence.withoutText(), heardAt);
  }

  /** Whether it only looks like a limit, in words that no rule knows. */
  public boolean unrecognised() {
    return LimitEvidence.UNRECOGNISED.equals(evidence.rule());
  }

  /**
   * Whether the agent could have gone on for money, so that only runs that avoid it are limited.
   */
  public boolean overageAvoided() {
    return LimitEvidence.OVERAGE_AVOIDED.equals(evidence.rule());
  }

  /** Whether it is used-up credit of which nothing says that it ever returns. */
  public boolean endless() {
    return scope == LimitScope.CREDIT && reset == null && !unrecognised();
  }
}
