package dev.outlast.run;

import dev.outlast.agent.ResolvedAgent;
import io.temporal.common.Priority;
import io.temporal.workflow.Workflow;
import java.nio.charset.StandardCharsets;

/**
 * A run's place in the task queue among invocations that wait for a worker. Servers always keep it,
 * and go by it where that is switched on: 1.29 needs {@code matching.useNewMatcher} for priorities
 * and {@code matching.enableFairness} for turns. The one place that knows the SDK's class, which is
 * experimental.
 */
final class InvocationPriority {

  /** The longest fairness key in bytes; Temporal refuses longer ones, and the run would hang. */
  static final int MAX_KEY_BYTES = 64;

  private InvocationPriority() {}

  /**
   * What the request says; else what the run itself was started with; else the default priority,
   * and accounts take turns.
   */
  static Priority of(AgentRunRequest request, ResolvedAgent agent) {
    Priority.Builder priority = Priority.newBuilder();
    if (request.priority() != null) {
      priority.setPriorityKey(request.priority());
    }
    if (request.fairnessKey() != null) {
      priority.setFairnessKey(key(request.fairnessKey()));
    } else if (hasNoKey(Workflow.getInfo().getPriority())) {
      priority.setFairnessKey(key(agent.provider() + "/" + agent.account()));
    }
    return priority.build();
  }

  private static boolean hasNoKey(Priority started) {
    return started == null
        || started.getFairnessKey() == null
        || started.getFairnessKey().isEmpty();
  }

  /** A key that Temporal takes. Long ones are cut, and what they differ in stays a difference. */
  static String key(String wanted) {
    if (bytes(wanted) <= MAX_KEY_BYTES) {
      return wanted;
    }
    String mark = "~" + Integer.toHexString(wanted.hashCode());
    int end = wanted.length();
    while (bytes(wanted.substring(0, end)) + mark.length() > MAX_KEY_BYTES) {
      end = wanted.offsetByCodePoints(end, -1);
    }
    return wanted.substring(0, end) + mark;
  }

  private static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }
}
