package dev.outlast.worker.cli;

import dev.outlast.worker.config.ConfigException;
import dev.outlast.worker.server.LocalServerException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.temporal.client.WorkflowNotFoundException;
import io.temporal.client.WorkflowUpdateException;
import io.temporal.failure.ApplicationFailure;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.TypeConversionException;

/** The {@code outlast} command. */
@Command(
    name = "outlast",
    description = "Runs coding agents that outlast their usage limits, on Temporal.",
    mixinStandardHelpOptions = true,
    versionProvider = Outlast.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Exit codes: 0 done, 1 failed or stopped, 2 usage, 3 cannot reach Temporal, 130 interrupted."
    })
public final class Outlast {

  /** The variable with which an unexpected error shows its stack trace. */
  private static final String DEBUG = "OUTLAST_DEBUG";

  private Outlast() {}

  public static void main(String[] args) {
    int exitCode = execute(Console.ofProcess(), args);
    // Threads of the Temporal SDK would keep the process alive.
    System.exit(exitCode);
  }

  static int execute(Console console, String... args) {
    CommandLine line = commandLine(console);
    if (args.length == 0) {
      line.usage(line.getErr());
      return ExitCode.USAGE;
    }
    return line.execute(args);
  }

  private static CommandLine commandLine(Console console) {
    CommandLine line = new CommandLine(new Outlast());
    line.addSubcommand("demo", new DemoCommand(console));
    line.addSubcommand("dev", new DevCommand(console));
    line.addSubcommand("worker", new WorkerCommand(console));
    line.addSubcommand("run", new RunCommand(console));
    line.addSubcommand("list", new ListCommand(console));
    line.addSubcommand("show", new ShowCommand(console));
    line.addSubcommand("follow", new FollowCommand(console));
    line.addSubcommand("export", new ExportCommand(console));
    line.addSubcommand("resume", new ResumeCommand(console));
    line.addSubcommand("pause", new PauseCommand(console));
    line.addSubcommand("unpause", new UnpauseCommand(console));
    line.addSubcommand("move", new MoveCommand(console));
    line.addSubcommand("switch", new SwitchCommand(console));
    line.addSubcommand("budget", new BudgetCommand(console));
    line.addSubcommand("send", new SendCommand(console));
    line.addSubcommand("cancel", new CancelCommand(console));
    line.addSubcommand("worktrees", new WorktreesCommand(console));
    line.addSubcommand(
        "accounts",
        new CommandLine(new AccountsCommand(console))
            .addSubcommand(new AccountReleaseCommand(console))
            .addSubcommand(new AccountCloseCommand(console))
            .addSubcommand(new AccountPauseAtCommand(console)));
    line.addSubcommand("doctor", new DoctorCommand(console));
    line.addSubcommand("detect", new DetectCommand(console));
    ITypeConverter<Integer> whole = text -> number(text, Integer::valueOf, "a whole number");
    line.registerConverter(int.class, whole);
    line.registerConverter(Integer.class, whole);
    line.registerConverter(
        Double.class, text -> number(text, Double::valueOf, "a number such as 0.95"));
    line.setOut(new PrintWriter(console.out(), true, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(console.err(), true, StandardCharsets.UTF_8));
    line.setColorScheme(
        CommandLine.Help.defaultColorScheme(
            console.colour() ? CommandLine.Help.Ansi.ON : CommandLine.Help.Ansi.OFF));
    line.setParameterExceptionHandler(
        (e, rejected) -> {
          String command = e.getCommandLine().getCommandSpec().qualifiedName();
          console.say("outlast: " + e.getMessage());
          console.say("Try: " + command + " --help");
          return ExitCode.USAGE;
        });
    line.setExecutionExceptionHandler((e, command, parsed) -> explain(console, e));
    return line;
  }

  /** Names of Java's own types are none of the user's business. */
  private static <N> N number(String text, Function<String, N> read, String expected) {
    try {
      return read.apply(text);
    } catch (NumberFormatException e) {
      throw new TypeConversionException(
          "got \"" + Console.oneLine(text) + "\"; expected " + expected);
    }
  }

  /** Says what went wrong, and gives the exit code for it. */
  private static int explain(Console console, Exception thrown) {
    for (Throwable e = thrown; e != null; e = e.getCause()) {
      if (e instanceof CliException expected) {
        console.say("outlast: " + expected.getMessage());
        return expected.exitCode();
      }
      if (e instanceof ConfigException config) {
        config.problems().forEach(problem -> console.say("outlast: " + problem));
        return ExitCode.USAGE;
      }
      if (e instanceof LocalServerException server) {
        console.say("outlast: " + server.getMessage());
        return ExitCode.USAGE;
      }
      if (e instanceof WorkflowNotFoundException missing) {
        console.say(
            "outlast: there is no run with the id "
                + missing.getExecution().getWorkflowId()
                + ", or it has ended; see: outlast list");
        return ExitCode.FAILED;
      }
      if (e instanceof WorkflowUpdateException
          && e.getCause() instanceof ApplicationFailure refused) {
        console.say("outlast: refused: " + Console.oneLine(refused.getOriginalMessage()));
        return ExitCode.FAILED;
      }
      if (e instanceof StatusRuntimeException status) {
        return explain(console, status.getStatus());
      }
    }
    console.say(
        "outlast: unexpected: "
            + Console.oneLine(thrown.toString())
            + (debug(console) ? "" : "; for the whole trace set " + DEBUG + "=1"));
    if (debug(console)) {
      thrown.printStackTrace(console.err());
    }
    return ExitCode.FAILED;
  }

  private static boolean debug(Console console) {
    return !console.environment().getOrDefault(DEBUG, "").isEmpty();
  }

  private static int explain(Console console, Status status) {
    String text =
        status.getDescription() == null
            ? status.getCode().toString()
            : status.getCode() + ": " + Console.oneLine(status.getDescription());
    switch (status.getCode()) {
      case UNAVAILABLE, UNAUTHENTICATED, PERMISSION_DENIED:
        console.say("outlast: cannot reach Temporal (" + text + ")");
        return ExitCode.NO_TEMPORAL;
      case DEADLINE_EXCEEDED:
        console.say("outlast: Temporal has no answer in time (" + text + "); is a worker running?");
        return ExitCode.NO_TEMPORAL;
      default:
        console.say("outlast: Temporal refuses this (" + text + ")");
        return ExitCode.FAILED;
    }
  }

  /** Reads the version from the jar's manifest. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Outlast.class.getPackage().getImplementationVersion();
      return new String[] {"outlast " + (version == null ? "(not packaged)" : version)};
    }
  }
}
