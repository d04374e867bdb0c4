package dev.outlast.limit;

import dev.outlast.operator.Names;
import io.temporal.workflow.QueryMethod;
import io.temporal.workflow.SignalMethod;
import io.temporal.workflow.UpdateMethod;
import io.temporal.workflow.UpdateValidatorMethod;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;

/**
 * What all runs of one account know about its limit. There is one for each account that was ever
 * limited, bounded or closed; its workflow id is {@link Names#gateId}. It does not end.
 *
 * <p>A usage limit closes the account, or one of its models. After the reset one run tries; when
 * the provider lets it through, the others are released, spread out, the highest priority first.
 */
@WorkflowInterface
public interface AccountGate {

  @WorkflowMethod(name = Names.ACCOUNT_GATE)
  void keep(GateRequest request);

  /** Tells what invocations have learnt of the account. Sent by workers, with the start. */
  @SignalMethod(
      name = Names.SIGNAL_REPORT,
      description = "What a worker has learnt of the account: limits, passes, use. For workers.")
  void report(GateReport report);

  /**
   * Asks whether a run may start its agent now. A run that may counts as started.
   *
   * @return whether it may, and what it waits for if not
   */
  @UpdateMethod(
      name = Names.UPDATE_ENTER,
      description = "Ask whether a run may start its agent now. For workers.")
  GateAnswer enter(GateEntry entry);

  @UpdateValidatorMethod(updateName = Names.UPDATE_ENTER)
  void validateEnter(GateEntry entry);

  /**
   * Opens the account at once, whatever has closed it, and releases its runs.
   *
   * @param reason null for none
   * @return how the gate stands then
   */
  @UpdateMethod(
      name = Names.UPDATE_RELEASE,
      description =
          "Open the account at once and release its waiting runs, spread out. Takes a reason (text,"
              + " may be left out). Refused if it is open.")
  GateStatus release(String reason);

  @UpdateValidatorMethod(updateName = Names.UPDATE_RELEASE)
  void validateRelease(String reason);

  /** Closes the account for a while: no agent is started, and those at work go on. */
  @UpdateMethod(
      name = Names.UPDATE_CLOSE,
      description =
          "Close the account until a moment: {until: instant or duration, reason}. Agents at work"
              + " go on.")
  GateStatus close(GateClosure closure);

  @UpdateValidatorMethod(updateName = Names.UPDATE_CLOSE)
  void validateClose(GateClosure closure);

  /**
   * Leaves the rest of every window alone from this share on.
   *
   * @param share over 0 and at most 1; null to go by the workers' configuration again
   */
  @UpdateMethod(
      name = Names.UPDATE_PAUSE_AT,
      description =
          "Close the account before the wall, from this share of a window on (0.95); nothing for"
              + " what the workers' configuration says.")
  GateStatus pauseAt(Double share);

  @UpdateValidatorMethod(updateName = Names.UPDATE_PAUSE_AT)
  void validatePauseAt(Double share);

  @QueryMethod(
      name = Names.QUERY_STATUS,
      description = "How the account stands: limits, holds, windows, waiting runs, spend.")
  GateStatus status();
}
