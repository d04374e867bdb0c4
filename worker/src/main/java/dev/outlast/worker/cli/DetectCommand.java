package dev.outlast.worker.cli;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.detect.Detection;
import dev.outlast.activities.detect.DetectionReport;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.worker.config.OutlastConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZoneId;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "detect",
    mixinStandardHelpOptions = true,
    description = "Say what recorded output of an agent means: whether a usage limit ended it.")
final class DetectCommand implements Callable<Integer> {

  private final Console console;
  @Mixin private ConfigOptions config;

  @ArgGroup(multiplicity = "1")
  private Kind kind;

  /** Whose output it is. */
  private static final class Kind {
    @Option(names = "--agent", paramLabel = "NAME", description = "An agent of the configuration.")
    private String agent;

    @Option(names = "--provider", paramLabel = "KIND", description = "A kind of agent: claude.")
    private String provider;
  }

  @Parameters(
      arity = "0..1",
      paramLabel = "FILE",
      defaultValue = "-",
      description = "What the agent wrote to standard output; - for standard input (default).")
  private Path file;

  @Option(names = "--stderr", paramLabel = "FILE", description = "What it wrote to standard error.")
  private Path stderr;

  @Option(
      names = "--exit-code",
      paramLabel = "N",
      defaultValue = "0",
      description = "What it exited with (default: ${DEFAULT-VALUE}).")
  private int exitCode;

  @Option(
      names = "--now",
      paramLabel = "INSTANT",
      description = "When it ended, for example 2026-11-21T15:00:00Z (default: now).")
  private String now;

  @Option(
      names = "--zone",
      paramLabel = "ZONE",
      description = "In which it printed local times, for example UTC (default: this machine's).")
  private String zone;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  DetectCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() {
    AgentDefinition agent = agent();
    Instant clock = instant();
    ZoneId in = zone();
    try (InputStream out = file.toString().equals("-") ? console.in() : open(file);
        InputStream err = stderr == null ? InputStream.nullInputStream() : open(stderr)) {
      report(Detection.detect(agent, out, err, exitCode, clock, in));
      return ExitCode.DONE;
    } catch (IllegalArgumentException e) {
      throw new CliException(ExitCode.USAGE, Console.oneLine(e.getMessage()));
    } catch (IOException | UncheckedIOException e) {
      throw new CliException(ExitCode.USAGE, "the output cannot be read (" + e + ")");
    }
  }

  private AgentDefinition agent() {
    if (kind.provider != null) {
      return OutlastConfig.defaultAgent(kind.provider);
    }
    OutlastConfig loaded = config.load(console);
    AgentDefinition agent = loaded.agents().get(kind.agent);
    if (agent == null) {
      throw new CliException(
          ExitCode.USAGE,
          "--agent: no agent "
              + Console.oneLine(kind.agent)
              + "; configured: "
              + String.join(", ", loaded.agents().keySet()));
    }
    return agent;
  }

  private Instant instant() {
    try {
      return now == null ? Instant.now() : java.time.OffsetDateTime.parse(now).toInstant();
    } catch (DateTimeException e) {
      throw new CliException(
          ExitCode.USAGE,
          "--now: got \"" + Console.oneLine(now) + "\"; expected 2026-11-21T15:00:00Z");
    }
  }

  private ZoneId zone() {
    try {
      return zone == null ? ZoneId.systemDefault() : ZoneId.of(zone);
    } catch (DateTimeException e) {
      throw new CliException(
          ExitCode.USAGE,
          "--zone: got \"" + Console.oneLine(zone) + "\"; expected one such as Europe/Paris");
    }
  }

  private InputStream open(Path path) {
    Path absolute = console.currentDirectory().resolve(path);
    try {
      return Files.newInputStream(absolute);
    } catch (IOException e) {
      throw new CliException(ExitCode.USAGE, absolute + " cannot be read (" + e + ")");
    }
  }

  private void report(DetectionReport report) {
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("outcome", report.outcome());
    facts.put("limited", report.limited());
    facts.put("scope", report.scope() == null ? null : report.scope().word());
    facts.put("resetAt", report.reset() == null ? null : report.reset().earliest());
    facts.put(
        "setBy", report.setBy() == null ? null : report.setBy().name().toLowerCase(Locale.ROOT));
    facts.put("usingOverage", report.usingOverage());
    facts.put("sessionId", report.session() == null ? null : report.session().value());
    facts.put("reason", report.reason());
    facts.put("rule", report.rule());
    facts.put("evidence", report.evidence());
    if (json) {
      console.json(facts);
      return;
    }
    facts.forEach(
        (name, value) -> {
          if (value != null) {
            String text = value instanceof Instant at ? OperatorTexts.moment(at) : value.toString();
            console.print(String.format("%-13s %s", name, Console.oneLine(text)));
          }
        });
  }
}
