package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.operator.Names;
import java.util.Objects;

/**
 * Whose gate it is.
 *
 * @param searchAttributes whether the namespace knows Outlast's search attributes
 * @param carriedOver what the gate remembers from its history before; null in a new one
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record GateRequest(
    String provider, String account, boolean searchAttributes, GateMemory carriedOver) {
  public GateRequest {
    Objects.requireNonNull(provider, "provider");
    Objects.requireNonNull(account, "account");
  }

  /** For a new gate. */
  public GateRequest(String provider, String account, boolean searchAttributes) {
    this(provider, account, searchAttributes, null);
  }

  GateRequest carrying(GateMemory memory) {
    return new GateRequest(provider, account, searchAttributes, memory);
  }

  /** The workflow id of the gate. */
  public String id() {
    return Names.gateId(provider, account);
  }
}
