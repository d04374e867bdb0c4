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

  /** A run's workflow id, where the user did not choose one, begins with this. */
  public static final String RUN_ID_PREFIX = "agent-run-";

  public static final String SIGNAL_RESUME_NOW = "resumeNow";
  public static final String SIGNAL_PAUSE = "pause";
  public static final String SIGNAL_UNPAUSE = "unpause";
  public static final String UPDATE_SEND = "send";
  public static final String UPDATE_CHANGE_RESUME = "changeResume";
  public static final String UPDATE_MOVE = "move";
  public static final String QUERY_STATUS = "status";
  public static final String QUERY_EVENTS = "events";
  public static final String QUERY_INCIDENTS = "incidents";

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

  /** How many usage limits the run has met. */
  public static final SearchAttributeKey<Long> AGENT_LIMIT_HITS =
      SearchAttributeKey.forLong("AgentLimitHits");

  /**
   * The memo field with a cancelled run's {@code RunStatus}, session id included. Temporal closes a
   * cancelled workflow without details, so it cannot be there.
   */
  public static final String MEMO_CANCELLED_STATUS = "AgentRunStatus";

  private Names() {}

  /** The task queue on which one host takes invocations that need its files. */
  public static String hostTaskQueue(String taskQueue, String hostId) {
    return taskQueue + "@" + hostId;
  }
}
