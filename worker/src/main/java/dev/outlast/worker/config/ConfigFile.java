package dev.outlast.worker.config;

import dev.outlast.activities.AccountDefinition;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.transcript.TranscriptLimits;
import dev.outlast.agent.HostPolicy;
import dev.outlast.limit.ResumePolicy;
import dev.outlast.operator.DurationText;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

/** Reads {@code outlast.toml} into a builder, and gives every problem its line. */
final class ConfigFile {

  static final long MAX_BYTES = 1024 * 1024;

  private static final Set<String> SECTIONS =
      Set.of("worker", "limits", "transcripts", "agents", "accounts");
  private static final Set<String> WORKER =
      Set.of(
          "task-queue",
          "max-agents",
          "state-dir",
          "workspaces",
          "drain-grace",
          "on-busy",
          "on-continued",
          "on-host-lost",
          "host-grace");
  private static final Set<String> LIMITS =
      Set.of(
          "margin",
          "jitter",
          "fallback",
          "max-fallback",
          "max-wait",
          "max-total-wait",
          "max-attempts",
          "on-credit",
          "resume-message",
          "spread",
          "pause-at",
          "quiet",
          "overage",
          "resume-with",
          "handoff-above");
  private static final Set<String> TRANSCRIPTS =
      Set.of("enabled", "retention", "max-session", "max-total");
  private static final Set<String> AGENT =
      Set.of(
          "provider",
          "command",
          "model",
          "permission-mode",
          "sandbox",
          "args",
          "env",
          "account",
          "patterns",
          "output",
          "resume-message");
  private static final Set<String> ACCOUNT =
      Set.of(
          "provider",
          "env",
          "secrets",
          "max-agents",
          "pause-at",
          "reserve",
          "day-cost-usd",
          "day-tokens",
          "spread");

  private final Path file;
  private final TomlParseResult toml;
  private final OutlastConfig.Builder builder;
  private final AccountKeys accountKeys = new AccountKeys(this);
  private final List<ConfigProblem> problems = new ArrayList<>();
  private final Map<String, Integer> lines = new HashMap<>();

  /** For each list with elements that cannot be read: where in the file the others are. */
  private final Map<String, List<Integer>> positions = new HashMap<>();

  private ConfigFile(Path file, TomlParseResult toml, OutlastConfig.Builder builder) {
    this.file = file;
    this.toml = toml;
    this.builder = builder;
  }

  static OutlastConfig read(Path file, OutlastConfig.Builder builder, String taskQueue) {
    return new ConfigFile(file, parse(file), builder).read(taskQueue);
  }

  private static TomlParseResult parse(Path file) {
    try {
      if (!Files.isRegularFile(file)) {
        throw new ConfigException(
            file.toString(),
            "",
            "no such file; correct the path given with --config, or leave it out");
      }
      if (Files.size(file) > MAX_BYTES) {
        throw new ConfigException(
            file.toString(), "", "longer than " + MAX_BYTES + " bytes; this is no configuration");
      }
      return Toml.parse(file);
    } catch (IOException e) {
      throw new ConfigException(
          file.toString(), "", "cannot be read (" + e + "); make it a readable UTF-8 text");
    }
  }

  private OutlastConfig read(String taskQueue) {
    toml.errors()
        .forEach(
            e ->
                problems.add(
                    new ConfigProblem(
                        file.toString(),
                        e.position() == null ? 0 : e.position().line(),
                        "",
                        "not TOML: " + e.getMessage())));
    unknownKeys("", toml, SECTIONS);
    section(toml, "", "worker").ifPresent(this::readWorker);
    section(toml, "", "limits").ifPresent(this::readLimits);
    section(toml, "", "transcripts").ifPresent(this::readTranscripts);
    named("accounts", this::readAccount);
    named("agents", this::readAgent);
    if (taskQueue != null) {
      builder.setTaskQueue(taskQueue);
    }
    builder.check().forEach(this::problemIfNone);
    if (!problems.isEmpty()) {
      problems.sort(Comparator.comparingInt(ConfigProblem::line));
      throw new ConfigException(problems);
    }
    return builder.unchecked(file.toAbsolutePath().normalize());
  }

  private void readWorker(TomlTable table) {
    unknownKeys("worker", table, WORKER);
    text(table, "worker", "task-queue").ifPresent(builder::setTaskQueue);
    number(table, "worker", "max-agents").ifPresent(builder::setMaxAgents);
    text(table, "worker", "state-dir")
        .flatMap(text -> path("worker.state-dir", text))
        .ifPresent(builder::setStateDir);
    texts(table, "worker", "workspaces")
        .map(all -> all.stream().flatMap(t -> path("worker.workspaces", t).stream()).toList())
        .ifPresent(builder::setWorkspaces);
    duration(table, "worker", "drain-grace").ifPresent(builder::setDrainGrace);
    builder.setHostPolicy(
        builder
            .hostPolicy()
            .overriddenBy(
                word(table, "worker", "on-busy", HostPolicy.OnBusy.class),
                word(table, "worker", "on-continued", HostPolicy.OnContinued.class),
                word(table, "worker", "on-host-lost", HostPolicy.OnHostLost.class),
                hostGrace(table)));
  }

  /** One of the words of an enumeration; null if there is none. */
  <E extends Enum<E>> E word(TomlTable table, String parent, String key, Class<E> type) {
    Optional<String> said = text(table, parent, key);
    if (said.isEmpty()) {
      return null;
    }
    Map<String, E> words = new LinkedHashMap<>();
    for (E constant : type.getEnumConstants()) {
      words.put(constant.name().toLowerCase(Locale.ROOT), constant);
    }
    if (!words.containsKey(said.get())) {
      problem(
          parent + "." + key,
          "got "
              + ConfigRules.shown(said.get())
              + "; expected "
              + String.join(" or ", words.keySet()));
    }
    return words.get(said.get());
  }

  /** Checked here, since a policy with a wrong grace cannot even be made. */
  private Duration hostGrace(TomlTable table) {
    Optional<Duration> grace = duration(table, "worker", "host-grace");
    if (grace.isPresent()
        && (grace.get().compareTo(HostPolicy.MIN_HOST_GRACE) < 0
            || grace.get().compareTo(DurationText.MAX) > 0)) {
      problem(
          "worker.host-grace",
          "got "
              + DurationText.of(grace.get())
              + "; expected "
              + DurationText.of(HostPolicy.MIN_HOST_GRACE)
              + " to 3650d");
      return null;
    }
    return grace.orElse(null);
  }

  private void readLimits(TomlTable table) {
    unknownKeys("limits", table, LIMITS);
    int attempts = number(table, "limits", "max-attempts").orElse(0);
    if (attempts < 0) {
      problem("limits.max-attempts", "got " + attempts + "; expected 0 (no bound) or more");
      attempts = 0;
    }
    builder.setPolicy(
        new ResumePolicy(
            duration(table, "limits", "margin").orElse(null),
            duration(table, "limits", "jitter").orElse(null),
            positive(table, "fallback"),
            positive(table, "max-fallback"),
            positive(table, "max-wait"),
            positive(table, "max-total-wait"),
            attempts,
            onCredit(table)));
    text(table, "limits", "resume-message").ifPresent(builder::setResumeMessage);
    builder.setGate(accountKeys.limits(table));
    builder.setAccountPolicy(accountKeys.policy(table));
    builder.setQuiet(accountKeys.hours(table, "limits", "quiet"));
  }

  private void readTranscripts(TomlTable table) {
    unknownKeys("transcripts", table, TRANSCRIPTS);
    value(table, "transcripts", "enabled", Boolean.class, "true or false")
        .ifPresent(builder::setKeepTranscripts);
    TranscriptLimits usual = TranscriptLimits.DEFAULT;
    builder.setTranscriptLimits(
        new TranscriptLimits(
            duration(table, "transcripts", "retention").orElse(usual.retention()),
            size(table, "transcripts", "max-session").orElse(usual.maxSession()),
            size(table, "transcripts", "max-total").orElse(usual.maxTotal())));
  }

  private Optional<Long> size(TomlTable table, String parent, String key) {
    return parsed(table, parent, key, Long.class, ByteSize::parse, ByteSize.EXPECTED);
  }

  private ResumePolicy.OnCredit onCredit(TomlTable table) {
    String said = text(table, "limits", "on-credit").orElse("stop");
    return switch (said) {
      case "stop" -> ResumePolicy.OnCredit.STOP;
      case "wait" -> ResumePolicy.OnCredit.WAIT;
      default -> {
        problem("limits.on-credit", "got \"" + said + "\"; expected stop or wait");
        yield null;
      }
    };
  }

  private Duration positive(TomlTable table, String key) {
    Optional<Duration> read = duration(table, "limits", key);
    if (read.isPresent() && read.get().isZero()) {
      problem("limits." + key, "got 0; expected more than 0");
      return null;
    }
    return read.orElse(null);
  }

  private void readAgent(String name, TomlTable table) {
    String key = "agents." + name;
    unknownKeys(key, table, AGENT);
    Optional<String> named = text(table, key, "provider");
    String provider = named.orElse(name);
    if (named.isEmpty()
        && !table.contains(List.of("provider"))
        && !ProviderDefaults.names().contains(name)) {
      missing(key, "provider", "one of " + String.join(", ", ProviderDefaults.names()));
      provider = ProviderDefaults.names().get(0);
    }
    List<String> command = command(table, key, provider);
    builder.addAgent(
        new AgentDefinition(
            name,
            provider,
            command,
            text(table, key, "model").orElse(null),
            text(table, key, "permission-mode").orElse(null),
            text(table, key, "sandbox").orElse(null),
            texts(table, key, "args").orElse(List.of()),
            texts(table, key, "env").orElse(ProviderDefaults.environment(provider)),
            text(table, key, "account").orElse(null),
            output(table, key),
            texts(table, key, "patterns").orElse(List.of()),
            text(table, key, "resume-message").orElse(null)));
  }

  private List<String> command(TomlTable table, String key, String provider) {
    Object value = table.get(List.of("command"));
    Optional<List<String>> given =
        value instanceof String one
            ? text(table, key, "command").map(t -> List.of(one))
            : texts(table, key, "command");
    if (given.isPresent() && given.get().isEmpty()) {
      problem(key + ".command", "got an empty list; expected a program and its arguments");
    }
    // An agent needs some command to be checked further; the problem is already noted.
    return given
        .filter(list -> !list.isEmpty())
        .or(() -> ProviderDefaults.executable(provider).map(List::of))
        .orElseGet(
            () -> {
              if (value == null && ProviderDefaults.names().contains(provider)) {
                missing(key, "command", "a program and its arguments, such as [\"my-agent\"]");
              }
              return List.of("-");
            });
  }

  private AgentDefinition.Output output(TomlTable table, String key) {
    Optional<String> word = text(table, key, "output");
    if (word.isEmpty()) {
      return null;
    }
    switch (word.get()) {
      case "json":
        return AgentDefinition.Output.JSON;
      case "text":
        return AgentDefinition.Output.TEXT;
      default:
        problem(
            key + ".output",
            "got " + ConfigRules.shown(word.get()) + "; expected json (an object a line) or text");
        return null;
    }
  }

  private void readAccount(String name, TomlTable table) {
    String key = "accounts." + name;
    unknownKeys(key, table, ACCOUNT);
    Optional<String> provider = text(table, key, "provider");
    if (provider.isEmpty() && !table.contains(List.of("provider"))) {
      missing(key, "provider", "one of " + String.join(", ", ProviderDefaults.names()));
    }
    builder.addAccount(
        new AccountDefinition(
            name,
            provider.orElse(ProviderDefaults.names().get(0)),
            textsByName(table, key, "env", true),
            textsByName(table, key, "secrets", false),
            accountKeys.account(table, key, builder.gate()),
            accountKeys.hours(table, key, "reserve")));
  }

  private Map<String, String> textsByName(
      TomlTable table, String parent, String key, boolean showValue) {
    Map<String, String> read = new LinkedHashMap<>();
    section(table, parent, key)
        .ifPresent(
            inner -> {
              for (String name : inner.keySet()) {
                String path = at(inner, parent + "." + key, name);
                Object value = inner.get(List.of(name));
                if (value instanceof String text) {
                  read.put(name, text);
                } else {
                  problem(
                      path,
                      (showValue ? "got " + ConfigRules.shown(value) + "; " : "")
                          + "expected a text");
                }
              }
            });
    return read;
  }

  private interface NamedReader {
    void read(String name, TomlTable table);
  }

  private void named(String section, NamedReader reader) {
    section(toml, "", section)
        .ifPresent(
            all -> {
              for (String name : inFileOrder(all)) {
                section(all, section, name).ifPresent(table -> reader.read(name, table));
              }
            });
  }

  // The first agent of the file is the default one, and a table does not promise any order.
  private static List<String> inFileOrder(TomlTable table) {
    List<String> names = new ArrayList<>(table.keySet());
    names.sort(
        Comparator.comparing(
            name -> Optional.ofNullable(table.inputPositionOf(List.of(name))),
            Comparator.comparingInt(
                (Optional<TomlPosition> p) -> p.map(TomlPosition::line).orElse(0))));
    return names;
  }

  private Optional<TomlTable> section(TomlTable table, String parent, String key) {
    Object value = table.get(List.of(key));
    if (value == null) {
      return Optional.empty();
    }
    String path = at(table, parent, key);
    if (value instanceof TomlTable inner) {
      return Optional.of(inner);
    }
    problem(path, "got a value; expected a section [" + path + "]");
    return Optional.empty();
  }

  private Optional<String> text(TomlTable table, String parent, String key) {
    return value(table, parent, key, String.class, "a text in quotes");
  }

  Optional<Integer> number(TomlTable table, String parent, String key) {
    Optional<Long> read = value(table, parent, key, Long.class, "a whole number");
    if (read.isPresent() && read.get() != read.get().intValue()) {
      problem(parent + "." + key, "got " + read.get() + "; expected at most " + Integer.MAX_VALUE);
      return Optional.empty();
    }
    return read.map(Long::intValue);
  }

  Optional<Duration> duration(TomlTable table, String parent, String key) {
    return parsed(table, parent, key, Number.class, DurationText::parse, DurationText.EXPECTED);
  }

  /** What is written as a text, or as a bare number of this type. */
  <T> Optional<T> parsed(
      TomlTable table,
      String parent,
      String key,
      Class<? extends Number> number,
      Function<String, Optional<T>> parser,
      String expected) {
    Object value = table.get(List.of(key));
    if (value == null) {
      return Optional.empty();
    }
    String path = at(table, parent, key);
    Optional<T> read =
        value instanceof String || number.isInstance(value)
            ? parser.apply(value.toString())
            : Optional.empty();
    if (read.isEmpty()) {
      problem(path, "got " + ConfigRules.shown(value) + "; expected " + expected);
    }
    return read;
  }

  Optional<List<String>> texts(TomlTable table, String parent, String key) {
    Optional<TomlArray> array =
        value(table, parent, key, TomlArray.class, "a list of texts, such as [\"a\", \"b\"]");
    if (array.isEmpty()) {
      return Optional.empty();
    }
    List<String> read = new ArrayList<>();
    List<Integer> places = new ArrayList<>();
    List<Object> elements = array.get().toList();
    for (int i = 0; i < elements.size(); i++) {
      if (elements.get(i) instanceof String text) {
        read.add(text);
        places.add(i);
      } else {
        problem(
            parent + "." + key + "[" + i + "]",
            "got " + ConfigRules.shown(elements.get(i)) + "; expected a text in quotes");
      }
    }
    positions.put(parent + "." + key, places);
    return Optional.of(read);
  }

  <T> Optional<T> value(
      TomlTable table, String parent, String key, Class<T> type, String expected) {
    Object value = table.get(List.of(key));
    if (value == null) {
      return Optional.empty();
    }
    String path = at(table, parent, key);
    if (!type.isInstance(value)) {
      Object seen =
          value instanceof TomlTable
              ? "a section"
              : value instanceof TomlArray array ? array.toList() : value;
      problem(path, "got " + ConfigRules.shown(seen) + "; expected " + expected);
      return Optional.empty();
    }
    return Optional.of(type.cast(value));
  }

  /** A path is relative to the file that it is written in; {@code ~} is the user's home. */
  private Optional<Path> path(String key, String text) {
    try {
      String home = System.getProperty("user.home");
      Path written =
          text.equals("~") || text.startsWith("~/")
              ? Path.of(home, text.substring(1))
              : Path.of(text);
      return Optional.of(file.toAbsolutePath().resolveSibling(written).normalize());
    } catch (InvalidPathException e) {
      problem(key, "got " + ConfigRules.shown(text) + "; expected a path");
      return Optional.empty();
    }
  }

  private void unknownKeys(String parent, TomlTable table, Set<String> known) {
    for (String key : table.keySet()) {
      if (!known.contains(key)) {
        String path = at(table, parent, key);
        problem(
            path,
            "unknown key"
                + Suggestion.didYouMean(key, known)
                + "; known here: "
                + String.join(", ", known.stream().sorted().toList()));
      }
    }
  }

  /** The full name of a key, whose line is remembered. */
  String at(TomlTable table, String parent, String key) {
    String path = parent.isEmpty() ? key : parent + "." + key;
    TomlPosition position = table.inputPositionOf(List.of(key));
    if (position != null) {
      lines.put(path, position.line());
    }
    return path;
  }

  private void missing(String parent, String key, String expected) {
    // In a file that is not TOML the key may well be there.
    if (!toml.hasErrors()) {
      problems.add(
          new ConfigProblem(
              file.toString(), line(parent), parent + "." + key, "missing; expected " + expected));
    }
  }

  private void problemIfNone(String ruleKey, String message) {
    String key = asInFile(ruleKey);
    boolean known = problems.stream().anyMatch(p -> p.key().equals(key));
    if (!known) {
      problem(key, message);
    }
  }

  /** The key of a list's element, counted as in the file, where some may not have been read. */
  String asInFile(String key) {
    int bracket = key.lastIndexOf('[');
    if (bracket < 0 || !key.endsWith("]")) {
      return key;
    }
    String list = key.substring(0, bracket);
    int index = Integer.parseInt(key.substring(bracket + 1, key.length() - 1));
    List<Integer> places = positions.get(list);
    return places == null || index >= places.size() ? key : list + "[" + places.get(index) + "]";
  }

  void problem(String key, String message) {
    problems.add(new ConfigProblem(file.toString(), line(key), key, message));
  }

  /** The line of a key, or of the nearest section around it. */
  private int line(String key) {
    String path = key;
    while (!path.isEmpty()) {
      Integer line = lines.get(path);
      if (line != null) {
        return line;
      }
      int dot = Math.max(path.lastIndexOf('.'), path.lastIndexOf('['));
      path = dot < 0 ? "" : path.substring(0, dot);
    }
    return 0;
  }
}
