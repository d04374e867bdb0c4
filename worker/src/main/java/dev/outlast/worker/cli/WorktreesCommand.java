package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
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
import java.util.ArrayList;
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
    description = "List the git worktrees of runs on this host, or remove some.",
    footer = {
      "",
      "States: in-use (its run has not ended), kept (it has changes), clean (it has none), missing.",
      "How the runs are, Temporal says: running, closed, or unknown if it does not answer or does",
      "not know the run."
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

  @Option(
      names = "--prune",
      description =
          "Remove all that have no changes and whose run is closed; branches with commits stay.")
  private boolean prune;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /** How a run is, as far as Temporal says. */
  private enum RunIs {
    @JsonProperty("running")
    RUNNING,
    @JsonProperty("closed")
    CLOSED,
    /** It was forgotten after its retention, or is in another namespace; or nobody answers. */
    @JsonProperty("unknown")
    UNKNOWN;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** One worktree of the list; what git does not say is absent. */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  private record Row(
      String name,
      String state,
      String run,
      RunIs runIs,
      String branch,
      String base,
      String path,
      String repository,
      Integer commits,
      Integer changed,
      Instant created) {

    static Row of(Worktrees.Entry entry, RunIs runIs) {
      return new Row(
          entry.name(),
          entry.use().name().toLowerCase(Locale.ROOT).replace('_', '-'),
          entry.run(),
          runIs,
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
    if (prune && remove != null) {
      throw new CliException(ExitCode.USAGE, "--prune: not with --remove, which removes one");
    }
    OutlastConfig loaded = config.load(console);
    Worktrees worktrees =
        new Worktrees(loaded.environment().get("PATH"), loaded.stateDir(), Clock.systemUTC());
    try {
      if (prune) {
        prune(worktrees, loaded.stateDir());
      } else if (remove == null) {
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
    List<Row> rows = rows(entries);
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
      console.print("  run     " + Console.oneLine(row.run()) + " (" + row.runIs().word() + ")");
      console.print("  branch  " + row.branch());
      console.print("  path    " + Console.oneLine(row.path()));
    }
  }

  private List<Row> rows(List<Worktrees.Entry> entries) {
    if (entries.isEmpty()) {
      return List.of();
    }
    try (Connection connected = connection.connect(console)) {
      return entries.stream().map(entry -> Row.of(entry, runIs(entry.run(), connected))).toList();
    } catch (CliException unreachable) {
      if (unreachable.exitCode() != ExitCode.NO_TEMPORAL) {
        throw unreachable;
      }
      console.say(unreachable.getMessage());
      return entries.stream().map(entry -> Row.of(entry, RunIs.UNKNOWN)).toList();
    }
  }

  private static RunIs runIs(String run, Connection connected) {
    try {
      boolean runs =
          connected.client().newUntypedWorkflowStub(run).describe().getStatus()
              == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING;
      return runs ? RunIs.RUNNING : RunIs.CLOSED;
    } catch (WorkflowNotFoundException unknown) {
      return RunIs.UNKNOWN;
    }
  }

  private void prune(Worktrees worktrees, Path stateFolder) {
    List<Removed> removed = new ArrayList<>();
    List<Worktrees.Entry> entries = worktrees.list();
    if (!entries.isEmpty()) {
      try (Connection connected = connection.connect(console)) {
        for (Worktrees.Entry entry : entries) {
          Optional<String> kept = whyKept(entry, stateFolder, connected);
          if (kept.isPresent()) {
            console.say("kept " + entry.name() + ": " + kept.get());
          } else {
            prune(worktrees, entry).ifPresent(removed::add);
          }
        }
      }
    }
    if (json) {
      console.json(removed);
    } else if (removed.isEmpty()) {
      console.say("nothing to remove");
    }
  }

  /** Why one is not pruned, though it may be removed by its name; empty if it is. */
  private static Optional<String> whyKept(
      Worktrees.Entry entry, Path stateFolder, Connection connected) {
    if (agentIn(entry, stateFolder).isPresent()) {
      return Optional.of("an agent works in it");
    }
    // In one that was not made to the end there is nothing but what git has put there.
    boolean used = entry.made() && entry.use() != Worktrees.Use.MISSING;
    if (used && (entry.commits() == null || entry.changed() == null)) {
      return Optional.of("git does not say whether it has changes");
    }
    if (used && entry.commits() + entry.changed() > 0) {
      return Optional.of("it has changes");
    }
    RunIs runIs = entry.held() ? runIs(entry.run(), connected) : RunIs.CLOSED;
    return switch (runIs) {
      case CLOSED -> Optional.empty();
      case RUNNING -> Optional.of("its run has not ended");
      case UNKNOWN -> Optional.of("Temporal does not know its run");
    };
  }

  private Optional<Removed> prune(Worktrees worktrees, Worktrees.Entry entry) {
    try {
      return Optional.of(removed(entry, worktrees.remove(entry.name(), false)));
    } catch (WorkspaceException e) {
      // It has changed since, or git fails; the others are to go nevertheless.
      console.say("kept " + entry.name() + ": " + Console.oneLine(e.getMessage()));
      return Optional.empty();
    }
  }

  private void remove(Worktrees worktrees, Path stateFolder) {
    Optional<Worktrees.Entry> entry = worktrees.find(remove);
    if (entry.isEmpty()) {
      throw new CliException(
          ExitCode.FAILED,
          "there is no worktree named " + Console.oneLine(remove) + "; see: outlast worktrees");
    }
    agentIn(entry.get(), stateFolder)
        .ifPresent(
            run -> {
              throw inUse(run);
            });
    if (entry.get().held()) {
      refuseIfItsRunLives(entry.get().run());
    }
    Removed removed = removed(entry.get(), worktrees.remove(remove, force));
    if (json) {
      console.json(removed);
    }
  }

  private Removed removed(Worktrees.Entry entry, int commits) {
    String branch = commits > 0 ? entry.branch() : null;
    if (!json) {
      console.print(
          "removed "
              + entry.name()
              + (branch == null ? "" : "; commits that stay on branch " + branch + ": " + commits));
    }
    return new Removed(entry.name(), branch, commits);
  }

  /**
   * The run whose agent works in a worktree. Claims say what works on this host, whatever Temporal
   * knows and wherever that is.
   */
  private static Optional<String> agentIn(Worktrees.Entry entry, Path stateFolder) {
    try {
      Path path = real(Path.of(entry.path()));
      for (ClaimOnHost claim : ClaimOnHost.in(stateFolder)) {
        if (Path.of(claim.workspace()).startsWith(path) && claim.workerLives()) {
          return Optional.of(claim.run());
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      throw new CliException(
          ExitCode.FAILED,
          "it cannot be told whether an agent works in "
              + entry.name()
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
      RunIs runIs = runIs(run, connected);
      if (runIs == RunIs.RUNNING) {
        throw inUse(run);
      }
      if (runIs == RunIs.UNKNOWN && !force) {
        throw notKnown(run, connected);
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
