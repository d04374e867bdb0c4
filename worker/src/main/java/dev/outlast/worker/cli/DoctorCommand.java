package dev.outlast.worker.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.outlast.operator.DurationText;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.config.ConfigException;
import dev.outlast.worker.config.OutlastConfig;
import dev.outlast.worker.plugin.HostWorkers;
import dev.outlast.worker.plugin.SearchAttributes;
import io.grpc.StatusRuntimeException;
import io.temporal.client.WorkflowClient;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    description = "Check everything that a worker needs, and name the remedy of what is wrong.")
final class DoctorCommand implements Callable<Integer> {

  private static final int JAVA = 17;

  private final Console console;
  @Mixin private ConnectionOptions connection;
  @Mixin private ConfigOptions config;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  private final List<Check> checks = new ArrayList<>();
  private int exitCode = ExitCode.DONE;

  /**
   * One thing that was looked at.
   *
   * @param remedy null if it is well; advice, if it is well enough
   * @param claim what was found, if it is a claim
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  private record Check(String what, boolean ok, String found, String remedy, ClaimOnHost claim) {}

  DoctorCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    checkJava();
    OutlastConfig loaded = checkConfiguration();
    checkTemporal(loaded);
    if (loaded != null) {
      checkWorker(loaded);
    }
    if (json) {
      console.json(checks);
    } else {
      checks.forEach(this::print);
    }
    return exitCode;
  }

  private void checkJava() {
    int version = Runtime.version().feature();
    String found = version + " (" + System.getProperty("java.home") + ")";
    if (version >= JAVA) {
      well("Java", found);
    } else {
      wrong("Java", found, "install Java " + JAVA + " or newer", ExitCode.FAILED);
    }
  }

  private void checkTemporal(OutlastConfig loaded) {
    try (Connection connected = connection.connect(console)) {
      String version = connected.serverVersion();
      String namespace = connected.client().getOptions().getNamespace();
      well(
          "Temporal",
          connected.address()
              + ", namespace "
              + namespace
              + (version.isEmpty() ? "" : ", server " + Console.oneLine(version)));
      Optional<String> obstacle = SearchAttributes.obstacle(connected.client(), false);
      if (obstacle.isEmpty()) {
        well("search attributes", "registered");
      } else {
        wrong(
            "search attributes",
            obstacle.get(),
            "start a worker, which registers what is missing where it may, or do as said",
            ExitCode.FAILED);
      }
      if (loaded != null) {
        tellWorkers(connected.client(), loaded);
      }
    } catch (CliException e) {
      wrong("Temporal", "not reached", e.getMessage(), e.exitCode());
    } catch (StatusRuntimeException e) {
      wrong(
          "Temporal",
          "answers " + e.getStatus().getCode(),
          "check the server and --namespace",
          ExitCode.NO_TEMPORAL);
    }
  }

  /** Which workers of this host there are; a host without any is nothing wrong. */
  private void tellWorkers(WorkflowClient client, OutlastConfig loaded) {
    String host;
    try {
      host = loaded.hostId();
    } catch (ConfigException toldElsewhere) {
      return;
    }
    Instant now = Instant.now();
    String found =
        HostWorkers.of(client, loaded.taskQueue(), host)
            .map(
                workers ->
                    workers.isEmpty()
                        ? "none that the server hears of"
                        : workers.stream()
                            .map(worker -> worker.identity() + heard(worker.lastSeen(), now))
                            .collect(Collectors.joining(", ")))
            .orElse("this server does not tell");
    well("workers here", found);
  }

  private static String heard(Instant last, Instant now) {
    Duration ago = Duration.between(last, now);
    return " (heard of "
        + DurationText.of(ago.isNegative() ? Duration.ZERO : ago.truncatedTo(ChronoUnit.SECONDS))
        + " ago)";
  }

  /** Null if there is no usable one. */
  private OutlastConfig checkConfiguration() {
    try {
      OutlastConfig loaded = config.load(console);
      well("configuration", loaded.source() == null ? "none" : loaded.source().toString());
      loaded.warnings().forEach(warning -> well("configuration", "warning: " + warning));
      return loaded;
    } catch (ConfigException e) {
      e.problems().forEach(p -> wrong("configuration", "broken", p.toString(), ExitCode.FAILED));
      return null;
    }
  }

  private void checkWorker(OutlastConfig loaded) {
    if (loaded.agents().isEmpty()) {
      wrong(
          "agents",
          "none",
          "install an agent's program on the PATH, or configure one in outlast.toml",
          ExitCode.FAILED);
    }
    loaded
        .agents()
        .values()
        .forEach(
            agent -> {
              String what = "agent " + agent.name();
              AgentProgram.Finding found = AgentProgram.look(agent, loaded.environment());
              if (found.remedy() == null) {
                well(what, found.text());
              } else {
                wrong(what, found.text(), found.remedy(), ExitCode.FAILED);
              }
            });
    for (Path workspace : loaded.workspaces()) {
      if (Files.isWritable(workspace)) {
        well("workspaces", workspace.toString());
      } else {
        wrong(
            "workspaces",
            workspace + " is not writable",
            "make it writable for this user, or correct worker.workspaces",
            ExitCode.FAILED);
      }
    }
    try {
      well("state folder", loaded.stateDir() + ", host " + loaded.hostId());
      checkDisk(loaded.stateDir());
    } catch (ConfigException e) {
      wrong("state folder", "not usable", e.getMessage(), ExitCode.FAILED);
    }
    checkClaims(loaded.stateDir());
  }

  private void checkDisk(Path stateFolder) {
    try {
      StateDisk disk = StateDisk.of(stateFolder);
      checks.add(
          new Check(
              "state disk", true, Console.oneLine(disk.type()), disk.advice().orElse(null), null));
    } catch (IOException e) {
      wrong("state disk", "not known", e + "; let this user look at it", ExitCode.FAILED);
    }
  }

  private void checkClaims(Path stateFolder) {
    try {
      for (ClaimOnHost claim : ClaimOnHost.in(stateFolder)) {
        checks.add(new Check("claim", true, Console.oneLine(claim.text()), null, claim));
      }
    } catch (IOException | UncheckedIOException e) {
      wrong(
          "claims",
          "cannot be read",
          e + "; let this user read what is in the state folder",
          ExitCode.FAILED);
    }
  }

  private void well(String what, String found) {
    checks.add(new Check(what, true, Console.oneLine(found), null, null));
  }

  private void wrong(String what, String found, String remedy, int code) {
    checks.add(new Check(what, false, Console.oneLine(found), Console.oneLine(remedy), null));
    // "Only Temporal cannot be reached" has its own exit code.
    if (code != ExitCode.NO_TEMPORAL || exitCode == ExitCode.DONE) {
      exitCode = code == ExitCode.NO_TEMPORAL ? code : ExitCode.FAILED;
    }
  }

  private void print(Check check) {
    console.print(String.format("%-5s %-18s %s", verdict(check), check.what(), check.found()));
    if (check.remedy() != null) {
      console.print(String.format("%-5s %-18s -> %s", "", "", check.remedy()));
    }
  }

  private static String verdict(Check check) {
    if (!check.ok()) {
      return "WRONG";
    }
    return check.remedy() == null ? "ok" : "warn";
  }
}
