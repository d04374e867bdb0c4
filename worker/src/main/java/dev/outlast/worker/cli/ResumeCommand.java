package dev.outlast.worker.cli;

import dev.outlast.operator.AgentState;
import dev.outlast.run.AgentRun;
import dev.outlast.run.RunStatus;
import io.grpc.StatusRuntimeException;
import io.temporal.client.WorkflowException;
import io.temporal.client.WorkflowNotFoundException;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "resume",
    mixinStandardHelpOptions = true,
    description = "End the wait of a run now, or change when it ends.")
final class ResumeCommand extends RunSteering {

  @Option(names = "--reason", paramLabel = "TEXT", description = "Kept with the run.")
  private String reason;

  @ArgGroup private When when;

  /** Another end of the wait than now. */
  private static final class When {
    @Option(
        names = "--at",
        paramLabel = "INSTANT",
        description = "End the wait then, for example 2026-11-21T15:00:00Z.")
    private String at;

    @Option(
        names = "--in",
        paramLabel = "DURATION",
        description = "End the wait after this long, for example 90m.")
    private String in;
  }

  ResumeCommand(Console console) {
    super(console);
  }

  @Override
  public Integer call() {
    if (when == null) {
      return steer(
          "asked to resume now",
          (client, run) -> {
            checkWaits(run);
            run.resumeNow(reasonOr(reason));
            return null;
          });
    }
    if (when.in != null) {
      Durations.check("--in", when.in);
    }
    return steer(
        "resumes at", (client, run) -> run.changeResume(when.at == null ? when.in : when.at));
  }

  private void checkWaits(AgentRun run) {
    RunStatus status;
    try {
      status = run.status();
    } catch (WorkflowNotFoundException e) {
      throw e;
    } catch (WorkflowException | StatusRuntimeException unanswered) {
      // No worker says; the signal is kept for the one that comes.
      return;
    }
    boolean ended = status.state() == AgentState.COMPLETED || status.state() == AgentState.STOPPED;
    // What has ended is refused by the server.
    if (status.resumeAt() == null && !ended) {
      throw new CliException(
          ExitCode.FAILED,
          "run "
              + id
              + " is "
              + status.state().word()
              + " and does not wait for anything"
              + (status.state() == AgentState.PAUSED
                  ? "; go on with: outlast unpause "
                  : "; see: outlast show ")
              + id);
    }
  }
}
