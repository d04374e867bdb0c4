package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.provider.Environment;
import dev.outlast.activities.provider.Providers;
import dev.outlast.agent.StopReason;
import dev.outlast.operator.ErrorCode;
import dev.outlast.worker.config.ConfigException;
import dev.outlast.worker.config.OutlastConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The documents say what the code does, as far as a program can tell. */
class DocumentsTest {

  private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#:]+)(?:#[^)]*)?\\)");
  private static final Pattern SECTION = Pattern.compile("\\]\\(([^)#:]*)#([^)]*)\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");
  private static final Pattern TOML = Pattern.compile("(?s)```toml\n(.*?)```");
  private static final Pattern TEST_OF_A_PROMISE =
      Pattern.compile("\\[`?([A-Za-z_0-9]+)`?\\]\\(([^)]+/src/test/java/[^)]+\\.java)\\)");

  @TempDir Path folder;

  @Test
  void every_error_code_and_every_reason_to_stop_is_explained() throws IOException {
    String errors = Files.readString(ROOT.resolve("docs/errors.md"));
    for (ErrorCode code : ErrorCode.values()) {
      String row = "| `" + code.code() + "` | `" + code.name() + "` |";
      assertTrue(errors.contains(row), () -> "docs/errors.md lacks " + row);
    }
    for (StopReason reason : StopReason.values()) {
      boolean endsRuns =
          reason != StopReason.INTERRUPTED && reason != StopReason.CONTINUED_ELSEWHERE;
      if (endsRuns) {
        String row = "| `" + reason.word() + "` |";
        assertTrue(errors.contains(row), () -> "docs/errors.md lacks " + row);
      }
    }
  }

  @Test
  void every_key_of_the_configuration_is_explained() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("outlast.toml"),
            """
            [worker]
            nonsense = 1
            [limits]
            nonsense = 1
            [transcripts]
            nonsense = 1
            [agents.claude]
            nonsense = 1
            [accounts.work]
            provider = "claude"
            nonsense = 1
            """);
    String known = assertThrows(ConfigException.class, () -> OutlastConfig.load(file)).getMessage();
    String documented = Files.readString(ROOT.resolve("docs/configuration.md"));

    List<String> keys = new ArrayList<>();
    Pattern.compile("known here: ([a-z, -]+)")
        .matcher(known)
        .results()
        .map(match -> match.group(1))
        .flatMap(list -> Stream.of(list.split(",")))
        .map(String::strip)
        .forEach(keys::add);

    assertTrue(keys.size() > 20, () -> "too few keys in: " + known);
    for (String key : keys) {
      String row = "| `" + key + "` |";
      assertTrue(documented.contains(row), () -> "docs/configuration.md lacks " + row);
    }
  }

  @Test
  void every_kind_of_agent_and_what_it_inherits_is_explained() throws IOException {
    String documented = Files.readString(ROOT.resolve("docs/agents.md"));
    for (String name : Providers.names()) {
      assertTrue(documented.contains("\n| `" + name + "` |"), () -> "docs/agents.md lacks " + name);
      for (String variable : Providers.named(name).orElseThrow().defaultEnvironment()) {
        assertTrue(
            Environment.COMMON.contains(variable) || documented.contains("`" + variable + "`"),
            () -> "docs/agents.md lacks " + variable);
      }
    }
  }

  @Test
  void every_link_to_a_file_leads_somewhere() throws IOException {
    List<String> broken = new ArrayList<>();
    for (Path document : documents()) {
      for (MatchResult link : LINK.matcher(Files.readString(document)).results().toList()) {
        if (!Files.exists(document.resolveSibling(link.group(1)))) {
          broken.add(ROOT.relativize(document) + ": " + link.group(1));
        }
      }
    }
    assertEquals(List.of(), broken);
  }

  @Test
  void every_link_to_a_section_leads_somewhere() throws IOException {
    List<String> broken = new ArrayList<>();
    int links = 0;
    for (Path document : documents()) {
      for (MatchResult link : SECTION.matcher(Files.readString(document)).results().toList()) {
        Path there =
            link.group(1).isEmpty() ? document : document.resolveSibling(link.group(1)).normalize();
        links++;
        if (!sections(there).contains(link.group(2))) {
          broken.add(ROOT.relativize(document) + ": " + link.group(1) + "#" + link.group(2));
        }
      }
    }
    assertTrue(links > 5, "too few links to sections");
    assertEquals(List.of(), broken);
  }

  /** The names that the headings of a document have in links. */
  private static List<String> sections(Path document) throws IOException {
    return HEADING
        .matcher(Files.readString(document))
        .results()
        .map(heading -> heading.group(1).strip().toLowerCase(Locale.ROOT))
        .map(heading -> heading.replaceAll("[^\\p{L}\\p{N}_ -]", "").replace(' ', '-'))
        .toList();
  }

  @Test
  void every_example_of_a_configuration_can_be_loaded() throws IOException {
    int examples = 0;
    for (Path document : documents()) {
      for (MatchResult example : TOML.matcher(Files.readString(document)).results().toList()) {
        // All that this machine need not have is the folder.
        String toml = example.group(1).replace("\"/srv/repos\"", "\".\"");
        Path file = Files.writeString(folder.resolve("outlast.toml"), toml);
        assertDoesNotThrow(() -> OutlastConfig.load(file), () -> document + ": " + example.group());
        examples++;
      }
    }
    assertTrue(examples > 2, "too few examples");
  }

  @Test
  void every_promise_is_linked_to_a_test_that_exists() throws IOException {
    List<String> missing = new ArrayList<>();
    List<MatchResult> tests =
        TEST_OF_A_PROMISE.matcher(Files.readString(ROOT.resolve("README.md"))).results().toList();
    for (MatchResult test : tests) {
      String source = Files.readString(ROOT.resolve(test.group(2)));
      if (!source.contains(" " + test.group(1) + "(")
          && !source.contains("class " + test.group(1) + " ")) {
        missing.add(test.group());
      }
    }
    assertTrue(tests.size() > 10, () -> "too few tests are linked: " + tests.size());
    assertEquals(List.of(), missing);
  }

  private static List<Path> documents() throws IOException {
    try (Stream<Path> top = Files.list(ROOT);
        Stream<Path> docs = Files.walk(ROOT.resolve("docs"))) {
      return Stream.concat(top, docs).filter(p -> p.toString().endsWith(".md")).toList();
    }
  }
}
