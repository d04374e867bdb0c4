package dev.outlast.operator;

import io.temporal.common.SearchAttributeKey;
import java.time.OffsetDateTime;

/** Names on the wire. */
public final class Names {

  /** The plugin's name. */
  public static final String PLUGIN = "dev.outlast";

  /** The task queue of workflows, and of invocations that any host may start. */
  public static final String TASK_QUEUE = "outlast";

  public static final String AGENT_RUN = "AgentRun";

  public static final String ACCOUNT_GATE = "AccountGate";

  /** A gate's workflow id begins with this. */
  public static final String GATE_ID_PREFIX = "agent-account-";

  /** A run's workflow id, where the user did not choose one, begins with this. */
  public static final String RUN_ID_PREFIX = "agent-run-";

  public static final String SIGNAL_RESUME_NOW = "resumeNow";
  public static final String SIGNAL_PAUSE = "pause";
  public static final String SIGNAL_UNPAUSE = "unpause";
  public static final String UPDATE_SEND = "send";
  public static final String UPDATE_CHANGE_RESUME = "changeResume";
  public static final String UPDATE_MOVE = "move";
  public static final String UPDATE_SWITCH_AGENT = "switchAgent";
  public static final String UPDATE_CHANGE_BUDGET = "changeBudget";
  public static final String SIGNAL_ACCOUNT_OPENED = "accountOpened";
  public static final String SIGNAL_REPORT = "report";
  public static final String UPDATE_ENTER = "enter";
  public static final String UPDATE_RELEASE = "release";
  public static final String UPDATE_CLOSE = "close";
  public static final String UPDATE_PAUSE_AT = "pauseAt";
  public static final String QUERY_STATUS = "status";
  public static final String QUERY_EVENTS = "events";
  public static final String QUERY_INCIDENTS = "incidents";

  /** The activity that invokes an agent. */
  public static final String ACTIVITY_INVOKE_AGENT = "invokeAgent";

  /** One of the words of {@link AgentState}. */
  public static final SearchAttributeKey<String> AGENT_STATE =
      SearchAttributeKey.forKeyword("AgentState");

  public static final SearchAttributeKey<String> AGENT_PROVIDER =
      SearchAttributeKey.forKeyword("AgentProvider");
  public static final SearchAttributeKey<String> AGENT_ACCOUNT =
      SearchAttributeKey.forKeyword("AgentAccount");
  public static final SearchAttributeKey<String> AGENT_SESSION =
      SearchAttributeKey.forKeyword("AgentSession");

  /** When a waiting run resumes; unset while it does not wait. */
  public static final SearchAttributeKey<OffsetDateTime> AGENT_RESUME_AT =
      SearchAttributeKey.forOffsetDateTime("AgentResumeAt");

  /** A run's priority, 1 (first) to 5. */
  public static final SearchAttributeKey<Long> AGENT_PRIORITY =
      SearchAttributeKey.forLong("AgentPriority");

  /** Since when a run waits; unset while it does not. */
  public static final SearchAttributeKey<OffsetDateTime> AGENT_WAITING_SINCE =
      SearchAttributeKey.forOffsetDateTime("AgentWaitingSince");

  /** How many usage limits the run has met. */
  public static final SearchAttributeKey<Long> AGENT_LIMIT_HITS =
      SearchAttributeKey.forLong("AgentLimitHits");

  /**
   * The memo field with a cancelled run's {@code RunStatus}, session id included. Temporal closes a
   * cancelled workflow without details, so it cannot be there.
   */
  public static final String MEMO_CANCELLED_STATUS = "AgentRunStatus";

  private Names() {}

  /** The workflow id of an account's gate. */
  public static String gateId(String provider, String account) {
    return GATE_ID_PREFIX + provider + "-" + account;
  }

  /** The task queue on which one host takes invocations that need its files. */
  public static String hostTaskQueue(String taskQueue, String hostId) {
    return taskQueue + "@" + hostId;
  }
}
