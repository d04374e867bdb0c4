package dev.outlast.limit;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.operator.OperatorTexts;
import java.time.Instant;
import java.util.Objects;

/**
 * What a gate knows of a usage limit: of the whole account, or of one model.
 *
 * @param model null for the whole account
 * @param until when the limit ends; null while it is open
 * @param scope of the limit; null while it is open
 * @param since when it came to stand as it does
 * @param refusals how many runs in a row have tried and were refused
 * @param probe the run that tries first; null if there is none yet
 * @param sought when that run was last asked to try; null if it comes by itself
 * @param reset the latest that agents have named for this limit; null if none has
 * @param ended the latest of the limit before, so that a late report of it is known; null if there
 *     was none
 */
@JsonIgnoreProperties(ignoreUnknown = true)
@JsonInclude(JsonInclude.Include.NON_NULL)
public record GatePart(
    String model,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
        GateState state,
    Instant until,
    @JsonFormat(with = JsonFormat.Feature.READ_UNKNOWN_ENUM_VALUES_USING_DEFAULT_VALUE)
        LimitScope scope,
    Instant since,
    int refusals,
    GateWaiter probe,
    Instant sought,
    Instant reset,
    Instant ended) {

  public GatePart {
    state = state == null ? GateState.CLOSED : state;
    Objects.requireNonNull(since, "since");
    if (state != GateState.OPEN) {
      Objects.requireNonNull(until, "until");
    }
  }

  /** One of which no limit is known. */
  static GatePart unknown(String model, Instant since) {
    return new GatePart(model, GateState.OPEN, null, null, since, 0, null, null, null, null);
  }

  GatePart opened(Instant now) {
    Instant over = reset == null ? ended : reset;
    return new GatePart(model, GateState.OPEN, null, null, now, 0, null, null, null, over);
  }

  GatePart closed(Instant when, LimitScope of, Instant named, Instant now, int refusedInARow) {
    return new GatePart(
        model, GateState.CLOSED, when, of, now, refusedInARow, probe, null, named, ended);
  }

  GatePart halfOpen(GateWaiter tries, Instant now) {
    return new GatePart(
        model, GateState.HALF_OPEN, until, scope, now, refusals, tries, null, reset, ended);
  }

  /** Closed still, or again, and it is another one's turn to try. */
  GatePart withProbe(GateWaiter triesFirst, Instant askedAt) {
    return new GatePart(
        model, GateState.CLOSED, until, scope, since, refusals, triesFirst, askedAt, reset, ended);
  }

  boolean halfOpenFor(String run) {
    return state == GateState.HALF_OPEN && isProbe(run);
  }

  /** Whether this run is the one that tries first. */
  public boolean isProbe(String run) {
    return probe != null && probe.run().equals(run);
  }

  /** Whether the whole account is closed for a model that is the agent's own choice. */
  boolean isOfUnnamedModel() {
    return model == null && scope == LimitScope.MODEL;
  }

  /** Whether it matters to who asks for a model, or for null for the agent's own choice. */
  boolean concerns(String wanted) {
    return model == null || model.equals(wanted);
  }

  /** What is closed and why, in one line. */
  String words() {
    String what = model == null ? "the account" : "model " + OperatorTexts.plain(model);
    return state == GateState.HALF_OPEN
        ? what + ": a run tries whether it is let through"
        : what + ": " + scope.word() + " limit until " + OperatorTexts.moment(until);
  }
}
