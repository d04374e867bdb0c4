package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/** What a gate has to do beyond answering. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
  @JsonSubTypes.Type(value = GateTask.SeekProbe.class, name = "seek-probe"),
  @JsonSubTypes.Type(value = GateTask.Release.class, name = "release"),
  @JsonSubTypes.Type(value = GateTask.Wake.class, name = "wake"),
  @JsonSubTypes.Type(value = GateTask.LookAfterLeases.class, name = "look-after-leases")
})
public sealed interface GateTask {

  /**
   * Ask the best of the waiting runs to try first.
   *
   * @param model null for the whole account
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record SeekProbe(String model) implements GateTask {}

  /**
   * Let all waiting runs go, spread out.
   *
   * @param model null for the whole account
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Release(String model) implements GateTask {}

  /**
   * Let some runs go, since places have become free.
   *
   * @param places how many
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record Wake(int places) implements GateTask {}

  /** Find out which runs hold a place though they have ended. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  record LookAfterLeases() implements GateTask {}
}
