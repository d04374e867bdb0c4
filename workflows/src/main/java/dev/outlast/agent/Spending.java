package dev.outlast.agent;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * What an invocation may spend before its agent is ended.
 *
 * @param overage whether it may go on with paid use beyond the account's allowance; null for {@link
 *     OverageUse#USE}
 * @param costUsdLeft of the run's budget; null for no bound
 * @param tokensLeft of the run's budget, of all kinds together; null for no bound
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Spending(
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_AS_NULL) OverageUse overage,
    Double costUsdLeft,
    Long tokensLeft) {

  /** Whatever it takes. */
  public static final Spending UNBOUNDED = new Spending(OverageUse.USE, null, null);

  public Spending {
    overage = overage == null ? OverageUse.USE : overage;
  }
}
