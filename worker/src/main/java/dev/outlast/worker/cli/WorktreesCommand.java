package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.activities.workspace.WorkspaceException;
import dev.outlast.activities.workspace.Worktrees;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.config.OutlastConfig;
import io.temporal.api.enums.v1.WorkflowExecutionStatus;
import io.temporal.client.WorkflowNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "worktrees",
    mixinStandardHelpOptions = true,
    description = "List the git worktrees of runs on this host, or remove one.",
    footer = {
      "",
      "States: in-use (its run has not ended), kept (it has changes), clean (it has none), missing.",
      "Temporal is asked only before a worktree is removed that is in use: has its run ended?"
    })
final class WorktreesCommand implements Callable<Integer> {

  private static final int SHORT_COMMIT = 12;

  private final Console console;
  @Mixin private ConnectionOptions connection;
  @Mixin private ConfigOptions config;

  @Option(
      names = "--remove",
      paramLabel = "NAME",
      description = "Remove this one, unless it is in use or has changes.")
  private String remove;

  @Option(
      names = "--force",
      description =
          "Remove it although it has changes, or although Temporal does not know its run: what is"
              + " not committed is lost; a branch with commits stays.")
  private boolean force;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /** One worktree of the list; what git does not say is absent. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  private record Row(
      String name,
      String state,
      String run,
      String branch,
      String base,
      String path,
      String repository,
      Integer commits,
      Integer changed,
      Instant created) {

    static Row of(Worktrees.Entry entry) {
      return new Row(
          entry.name(),
          entry.use().name().toLowerCase(Locale.ROOT).replace('_', '-'),
          entry.run(),
          entry.branch(),
          entry.base(),
          entry.path(),
          entry.repository(),
          entry.commits(),
          entry.changed(),
          entry.created());
    }
  }

  /**
   * What became of a worktree.
   *
   * @param branch the branch that stays; null if it went too
   * @param commits how many commits that branch has
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  private record Removed(String removed, String branch, int commits) {}

  WorktreesCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    if (force && remove == null) {
      throw new CliException(ExitCode.USAGE, "--force: expected with --remove NAME");
    }
    OutlastConfig loaded = config.load(console);
    Worktrees worktrees =
        new Worktrees(loaded.environment().get("PATH"), loaded.stateDir(), Clock.systemUTC());
    try {
      if (remove == null) {
        list(worktrees.list());
      } else {
        remove(worktrees, loaded.stateDir());
      }
      return ExitCode.DONE;
    } catch (WorkspaceException e) {
      throw new CliException(ExitCode.FAILED, Console.oneLine(e.getMessage()));
    }
  }

  private void list(List<Worktrees.Entry> entries) {
    List<Row> rows = entries.stream().map(Row::of).toList();
    if (json) {
      console.json(rows);
      return;
    }
    if (rows.isEmpty()) {
      console.say("no worktrees");
      return;
    }
    String format = "%-46s %-8s %-8s %-8s %-12s %s";
    console.print(
        String.format(format, "NAME", "STATE", "COMMITS", "CHANGED", "BASE", "REPOSITORY"));
    for (Row row : rows) {
      console.print(
          String.format(
              format,
              row.name(),
              row.state(),
              row.commits() == null ? "-" : row.commits(),
              row.changed() == null ? "-" : row.changed(),
              row.base().substring(0, Math.min(SHORT_COMMIT, row.base().length())),
              Console.oneLine(row.repository())));
      console.print("  run     " + Console.oneLine(row.run()));
      console.print("  branch  " + row.branch());
      console.print("  path    " + Console.oneLine(row.path()));
    }
  }

  private void remove(Worktrees worktrees, Path stateFolder) {
    Optional<Worktrees.Entry> entry = worktrees.find(remove);
    if (entry.isEmpty()) {
      throw new CliException(
          ExitCode.FAILED,
          "there is no worktree named " + Console.oneLine(remove) + "; see: outlast worktrees");
    }
    refuseWhereAnAgentIs(stateFolder, entry.get());
    if (entry.get().held()) {
      refuseIfItsRunLives(entry.get().run());
    }
    int commits = worktrees.remove(remove, force);
    String branch = commits > 0 ? entry.get().branch() : null;
    if (json) {
      console.json(new Removed(remove, branch, commits));
    } else {
      console.print(
          "removed "
              + remove
              + (branch == null ? "" : "; commits that stay on branch " + branch + ": " + commits));
    }
  }

  /** Claims say what works on this host, whatever Temporal knows and wherever that is. */
  private void refuseWhereAnAgentIs(Path stateFolder, Worktrees.Entry entry) {
    try {
      Path path = real(Path.of(entry.path()));
      for (ClaimOnHost claim : ClaimOnHost.in(stateFolder)) {
        if (Path.of(claim.workspace()).startsWith(path) && claim.workerLives()) {
          throw inUse(claim.run());
        }
      }
    } catch (IOException e) {
      throw new CliException(
          ExitCode.FAILED,
          "it cannot be told whether an agent works in "
              + remove
              + ", since the claims of this host cannot be read: "
              + Console.oneLine(e.toString()));
    }
  }

  /** As in claims; a worktree that is missing has no other path. */
  private static Path real(Path path) throws IOException {
    return Files.exists(path) ? path.toRealPath() : path;
  }

  /** A run that was terminated has not given its worktree back; only Temporal knows that. */
  private void refuseIfItsRunLives(String run) {
    try (Connection connected = connection.connect(console)) {
      try {
        if (connected.client().newUntypedWorkflowStub(run).describe().getStatus()
            == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING) {
          throw inUse(run);
        }
      } catch (WorkflowNotFoundException unknown) {
        if (!force) {
          throw notKnown(run, connected);
        }
      }
    }
  }

  private CliException inUse(String run) {
    return new CliException(
        ExitCode.FAILED,
        remove
            + " is in use by the run "
            + Console.oneLine(run)
            + "; end that first: outlast cancel");
  }

  /** Forgotten after its retention, or never there: it may live in another namespace. */
  private CliException notKnown(String run, Connection asked) {
    return new CliException(
        ExitCode.FAILED,
        remove
            + " is in use by the run "
            + Console.oneLine(run)
            + ", which is not known in namespace "
            + Console.oneLine(asked.client().getOptions().getNamespace())
            + " at "
            + Console.oneLine(asked.address())
            + "; give the worker's --namespace and --address, or --force if the run is gone");
  }
}
