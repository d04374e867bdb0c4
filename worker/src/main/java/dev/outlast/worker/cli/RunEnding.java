package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.agent.SessionId;
import dev.outlast.operator.Names;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.run.AgentRunResult;
import dev.outlast.run.RunStatus;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.failure.ApplicationFailure;
import io.temporal.failure.CanceledFailure;
import io.temporal.failure.TemporalFailure;
import io.temporal.failure.TerminatedFailure;
import io.temporal.failure.TimeoutFailure;

/**
 * How a run ended.
 *
 * @param outcome {@code completed}, {@code stopped}, {@code cancelled}, {@code terminated} or
 *     {@code timed-out}
 * @param code the error code; null unless stopped
 * @param message what went wrong; null when completed
 * @param session the session, with which a new run can go on; null if it is not known
 * @param result null unless completed
 * @param started whether an agent was ever started: the id of a fresh session is chosen before
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record RunEnding(
    String id,
    String outcome,
    String code,
    String message,
    SessionId session,
    AgentRunResult result,
    @JsonIgnore boolean started) {

  static RunEnding completed(String id, AgentRunResult result) {
    return new RunEnding(id, "completed", null, null, result.session(), result, true);
  }

  static RunEnding failed(WorkflowClient client, String id, WorkflowFailedException failed) {
    Throwable cause = failed.getCause();
    if (cause instanceof ApplicationFailure failure) {
      RunStatus status = status(failure);
      return new RunEnding(
          id,
          "stopped",
          failure.getType(),
          message(failure),
          session(status),
          null,
          started(status));
    }
    if (cause instanceof CanceledFailure) {
      RunStatus status = statusInMemo(client, id);
      return new RunEnding(
          id, "cancelled", null, "the run was cancelled", session(status), null, started(status));
    }
    if (cause instanceof TerminatedFailure) {
      return new RunEnding(id, "terminated", null, "the run was terminated", null, null, false);
    }
    if (cause instanceof TimeoutFailure) {
      return new RunEnding(id, "timed-out", null, "the run's own time is over", null, null, false);
    }
    String text = cause == null ? failed.getMessage() : cause.getMessage();
    return new RunEnding(id, "stopped", null, Console.oneLine(text), null, null, false);
  }

  /** The message of a failure, and of what caused it if that says more. */
  private static String message(ApplicationFailure failure) {
    StringBuilder text = new StringBuilder(Console.oneLine(failure.getOriginalMessage()));
    Throwable cause = failure.getCause();
    while (cause instanceof TemporalFailure) {
      String said =
          cause instanceof ApplicationFailure inner ? Console.oneLine(withoutCode(inner)) : "";
      if (!said.isEmpty() && text.indexOf(said) < 0) {
        text.append(": ").append(said);
      }
      cause = cause.getCause();
    }
    return text.toString();
  }

  /** The code in front is the same, and what the run has put in between does not matter. */
  private static String withoutCode(ApplicationFailure failure) {
    String said = String.valueOf(failure.getOriginalMessage());
    String code = "[" + failure.getType() + "] ";
    return said.startsWith(code) ? said.substring(code.length()) : said;
  }

  /** Null if it has none. */
  private static RunStatus status(ApplicationFailure failure) {
    return failure.getDetails() == null || failure.getDetails().getSize() == 0
        ? null
        : failure.getDetails().get(RunStatus.class);
  }

  /** Null if there is none. */
  private static RunStatus statusInMemo(WorkflowClient client, String id) {
    return client
        .newUntypedWorkflowStub(id)
        .describe()
        .getMemo(Names.MEMO_CANCELLED_STATUS, RunStatus.class, RunStatus.class);
  }

  private static SessionId session(RunStatus status) {
    return status == null ? null : status.session();
  }

  private static boolean started(RunStatus status) {
    return status != null && status.invocations() > 0;
  }

  int exitCode() {
    return result == null ? ExitCode.FAILED : ExitCode.DONE;
  }

  /** Prints the result or says what went wrong. */
  int report(Console console, boolean json) {
    if (json) {
      console.json(this);
    } else if (result != null) {
      console.print(Console.harmless(result.text()));
      if (Boolean.TRUE.equals(result.continuedElsewhere())) {
        console.say("outlast: somebody else has gone on with the session, so the run has ended");
      }
      if (result.overageUsd() != null) {
        console.say("outlast: " + OperatorTexts.onOverage(result.overageUsd()));
      }
      if (result.worktree() != null && !Boolean.FALSE.equals(result.worktree().kept())) {
        console.say(
            "outlast: the changes are in "
                + Console.oneLine(result.worktree().path())
                + ", branch "
                + Console.oneLine(result.worktree().branch()));
      }
    } else {
      console.say("outlast: " + outcome + ": " + message);
      if (session != null && started) {
        console.say(
            "outlast: the session is kept; go on with: outlast run --session "
                + session
                + " \"…\"");
      }
    }
    return exitCode();
  }
}
