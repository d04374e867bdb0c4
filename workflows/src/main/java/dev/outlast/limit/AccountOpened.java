package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.Objects;

/**
 * What a waiting run is told by the gate of its account: that it may go on, or should try first.
 *
 * @param model that is open again; null for the whole account
 * @param version of the gate; shown when the run asks, so that no older answer counts
 * @param probe whether it tries first
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record AccountOpened(
    String provider, String account, String model, long version, boolean probe) {
  public AccountOpened {
    Objects.requireNonNull(provider, "provider");
    Objects.requireNonNull(account, "account");
  }
}
