package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.operator.OperatorTexts;
import io.temporal.api.workflow.v1.PendingActivityInfo;
import io.temporal.client.WorkflowExecutionDescription;
import java.time.Instant;
import java.util.Optional;

/**
 * An invocation that failed and is tried again. Only the server knows of it: nothing of it is in
 * the run's events while there are attempts left.
 *
 * @param attempt the attempt that runs or comes next, from 2
 * @param failure the first line of what the last one failed with
 * @param nextAt when the next one is; null while it is at work
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record FailedAttempt(String activity, int attempt, String failure, Instant nextAt) {

  static Optional<FailedAttempt> of(WorkflowExecutionDescription run) {
    return run.getRawDescription().getPendingActivitiesList().stream()
        .filter(PendingActivityInfo::hasLastFailure)
        .map(FailedAttempt::of)
        .findFirst();
  }

  private static FailedAttempt of(PendingActivityInfo activity) {
    String text = activity.getLastFailure().getMessage();
    Instant next =
        activity.hasNextAttemptScheduleTime()
            ? Instant.ofEpochSecond(activity.getNextAttemptScheduleTime().getSeconds())
            : null;
    return new FailedAttempt(
        activity.getActivityId(),
        activity.getAttempt(),
        Console.oneLine(text.lines().findFirst().orElse("unknown failure")),
        next);
  }

  String text() {
    return "attempt "
        + attempt
        + (nextAt == null ? " is at work" : " at " + OperatorTexts.moment(nextAt))
        + ", as the last one failed: "
        + failure;
  }
}
