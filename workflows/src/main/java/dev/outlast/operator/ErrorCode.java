package dev.outlast.operator;

/**
 * What can go wrong with a run, as the {@code type} of its {@link
 * io.temporal.failure.ApplicationFailure}. {@code docs/errors.md} has the same table with what to
 * do.
 */
public enum ErrorCode {
  /** The request is wrong; the message names each field, its value, and what is allowed. */
  INVALID_REQUEST("OUT1001"),
  /** The worker knows no such agent. */
  UNKNOWN_AGENT("OUT1002"),
  /** The worker knows no such account, or it belongs to another provider. */
  UNKNOWN_ACCOUNT("OUT1003"),
  /** The workspace is missing, not a folder, not writable, or outside the allowed roots. */
  WORKSPACE("OUT1004"),
  /** The agent's program is missing or cannot be started. */
  EXECUTABLE("OUT1005"),
  /** The agent stopped for a reason that waiting will not change. */
  AGENT_STOPPED("OUT2001"),
  /** The run's policy does not allow the wait. */
  GAVE_UP("OUT2002"),
  /** The request says to stop at a usage limit. */
  STOPPED_AT_LIMIT("OUT2003"),
  /** The agent crashed as often as an invocation is retried. */
  AGENT_FAILED("OUT2004"),
  /** The workspace or session is another run's, and the policy says not to wait for it. */
  BUSY("OUT2005"),
  /** The run's host is gone, and the policy says not to wait for it. */
  HOST_LOST("OUT2006"),
  /** The agent crashed or could not reach its model; retried. */
  AGENT_CRASHED("OUT3001"),
  /** The provider throttled the agent for a moment; retried. */
  THROTTLED("OUT3002"),
  /** The agent took longer than its invocation may, or said nothing for too long; retried. */
  TIMED_OUT("OUT3003"),
  /** The worker is going away; the invocation goes on elsewhere. */
  DRAINED("OUT3004"),
  /**
   * The worker could not start the agent for a reason that passes, such as a full disk; nothing of
   * it has run. The run waits and has it tried again.
   */
  NOT_STARTED("OUT3005"),
  /** An operator has paused the activity; the server retries it when it is unpaused. */
  PAUSED("OUT3006");

  private final String code;

  ErrorCode(String code) {
    this.code = code;
  }

  /** The code on the wire, for example {@code OUT1001}; never changed and never used again. */
  public String code() {
    return code;
  }

  /** The message with the code in front. */
  public String message(String text) {
    return "[" + code + "] " + text;
  }
}
