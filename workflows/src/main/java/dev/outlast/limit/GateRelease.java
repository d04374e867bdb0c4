package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Duration;
import java.util.List;
import java.util.Objects;

/**
 * Which waiting runs are let go, and how.
 *
 * @param model only those that wait for this model; null for all of the account
 * @param version of the gate, which the runs show when they come
 * @param most how many at most; 0 for all
 * @param spread over how long they are spread
 * @param skip how many of the first are passed over, since they were told before and have not come;
 *     where no others wait it begins with them again
 * @param remembered runs that the gate knows to wait, the first first; for servers that cannot say
 *     which runs wait
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record GateRelease(
    String provider,
    String account,
    String model,
    long version,
    int most,
    Duration spread,
    int skip,
    List<GateWaiter> remembered) {

  public GateRelease {
    Objects.requireNonNull(provider, "provider");
    Objects.requireNonNull(account, "account");
    spread = spread == null ? Duration.ZERO : spread;
    remembered = remembered == null ? List.of() : List.copyOf(remembered);
  }
}
