package dev.outlast.worker.cli;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.detect.Detection;
import dev.outlast.activities.detect.DetectionReport;
import dev.outlast.activities.provider.Providers;
import dev.outlast.operator.OperatorTexts;
import dev.outlast.worker.config.OutlastConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.util.Iterator;
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

    @Option(
        names = "--provider",
        paramLabel = "KIND",
        description = "A kind of agent: ${COMPLETION-CANDIDATES}.",
        completionCandidates = ProviderNames.class)
    private String provider;

    @Option(
        names = "--corpus",
        paramLabel = "DIR",
        description =
            "In place of one output a folder of recorded cases, one JSON file each; exits with 1 if"
                + " any is understood wrongly.")
    private Path corpus;
  }

  /** The kinds of agent, for the help. */
  private static final class ProviderNames implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Providers.names().iterator();
    }
  }

  @Parameters(
      arity = "0..1",
      paramLabel = "FILE",
      description = "What the agent wrote to standard output; - for standard input (default).")
  private Path file;

  @Option(names = "--stderr", paramLabel = "FILE", description = "What it wrote to standard error.")
  private Path stderr;

  @Option(
      names = "--exit-code",
      paramLabel = "N",
      description = "What it exited with (default: 0).")
  private Integer exitCode;

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
    return kind.corpus == null ? one() : all();
  }

  private int all() {
    if (file != null || stderr != null || exitCode != null || now != null || zone != null) {
      throw new CliException(
          ExitCode.USAGE,
          "--corpus: each case says its output, clock, zone and exit code itself; leave out FILE,"
              + " --stderr, --exit-code, --now and --zone");
    }
    DetectedCorpus corpus =
        DetectedCorpus.read(console.currentDirectory().resolve(kind.corpus).normalize());
    if (json) {
      console.json(corpus.asJson());
    } else if (!corpus.isEmpty()) {
      corpus.asText().forEach(console::print);
    }
    corpus.complain();
    return corpus.wrong() == 0 ? ExitCode.DONE : ExitCode.FAILED;
  }

  private int one() {
    AgentDefinition agent = agent();
    Instant clock = instant();
    ZoneId in = zone();
    boolean piped = file == null || file.toString().equals("-");
    int code = exitCode == null ? 0 : exitCode;
    try (InputStream out = piped ? console.in() : open(file);
        InputStream err = stderr == null ? InputStream.nullInputStream() : open(stderr)) {
      report(Detection.detect(agent, out, err, code, clock, in));
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
      return now == null ? Instant.now() : OffsetDateTime.parse(now).toInstant();
    } catch (DateTimeException e) {
      throw new CliException(
          ExitCode.USAGE,
          "--now: got \"" + Console.oneLine(now) + "\"; expected 2026-11-21T15:00:00Z");
    }
  }

  private ZoneId zone() {
    try {
      // The short names, such as EST, are what a machine's own zone may be called.
      return zone == null ? ZoneId.systemDefault() : ZoneId.of(zone, ZoneId.SHORT_IDS);
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
    Map<String, Object> facts = DetectedCorpus.conclusion(report);
    facts.put(
        "resetPrecisionSeconds",
        report.reset() == null ? null : report.reset().precision().toSeconds());
    facts.put(
        "setBy", report.setBy() == null ? null : report.setBy().name().toLowerCase(Locale.ROOT));
    facts.put("rule", report.rule());
    facts.put("evidence", report.evidence());
    facts.put("channel", report.channel());
    facts.put("agentVersion", report.agentVersion());
    if (json) {
      console.json(facts);
      return;
    }
    facts.forEach(
        (name, value) -> {
          if (value != null) {
            String text = value instanceof Instant at ? OperatorTexts.moment(at) : value.toString();
            console.print(String.format("%-22s %s", name, Console.oneLine(text)));
          }
        });
  }
}
