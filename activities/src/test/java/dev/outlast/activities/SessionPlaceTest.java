package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.outlast.activities.provider.Providers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which agents can go on with each other's sessions. */
class SessionPlaceTest {

  @TempDir Path folder;

  private String place(String provider, Map<String, String> variables, String... args)
      throws IOException {
    Map<String, String> all = new HashMap<>(variables);
    all.putIfAbsent("HOME", folder.toRealPath().toString());
    AccountDefinition account =
        new AccountDefinition("work", provider, all, Map.of("KEY", "env:WORK_KEY"));
    ScriptedAgent agent = new ScriptedAgent(folder, "");
    AgentDefinition definition =
        AgentDefinition.newBuilder("mine", provider)
            .setCommand(List.of(agent.script.toString()))
            .setArgs(provider.equals("command") ? List.of("{prompt}") : List.of(args))
            .setAccount("work")
            .build();
    AgentHost host = agent.host(account);
    return SessionPlace.of(
        host,
        definition,
        Providers.driver(definition),
        ChildEnvironment.of(host, definition, account));
  }

  @ParameterizedTest
  @CsvSource({
    "claude, CLAUDE_CONFIG_DIR, .claude/projects, projects",
    "codex, CODEX_HOME, .codex/sessions, sessions",
    "gemini, GEMINI_CLI_HOME, .gemini, .gemini",
    "copilot, COPILOT_HOME, .copilot, ''",
    "opencode, XDG_DATA_HOME, .local/share/opencode, opencode"
  })
  void accounts_share_a_place_by_its_folder_and_not_by_their_keys(
      String provider, String variable, String inHome, String inNamed) throws IOException {
    Path home = folder.toRealPath();
    String common = place(provider, Map.of("API_KEY", "first"));
    assertEquals(provider + ":" + home.resolve(inHome) + "@host-1", common);
    assertEquals(common, place(provider, Map.of("API_KEY", "second")));
    Path other = home.resolve("other");
    String own = place(provider, Map.of(variable, other.toString()));
    assertEquals(provider + ":" + other.resolve(inNamed) + "@host-1", own);
    assertNotEquals(common, own);
  }

  @Test
  void two_ways_to_one_folder_are_one_place_whether_it_exists_yet_or_not() throws IOException {
    Path home = folder.toRealPath();
    Files.createDirectories(home.resolve("real"));
    Files.createSymbolicLink(home.resolve("link"), home.resolve("real"));
    Map<String, String> real = Map.of("CLAUDE_CONFIG_DIR", home.resolve("real").toString());
    Map<String, String> link = Map.of("CLAUDE_CONFIG_DIR", home.resolve("link").toString());
    assertEquals(place("claude", real), place("claude", link));
    Files.createDirectories(home.resolve("real/projects"));
    assertEquals(place("claude", real), place("claude", link));
    // The program itself takes conversations that are linked into its folder for its own.
    Files.createDirectories(home.resolve("third"));
    Files.createSymbolicLink(home.resolve("third/projects"), home.resolve("real/projects"));
    assertEquals(
        place("claude", real),
        place("claude", Map.of("CLAUDE_CONFIG_DIR", home.resolve("third").toString())));
  }

  @Test
  void providers_never_share_a_place() throws IOException {
    String home = folder.toRealPath().resolve("one").toString();
    assertNotEquals(
        place("copilot", Map.of("COPILOT_HOME", home)),
        place("gemini", Map.of("GEMINI_CLI_HOME", home)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"relative/folder", "sk-very-secret", "a\0b"})
  void a_folder_that_cannot_be_named_is_none(String odd) throws IOException {
    String named = odd.equals("sk-very-secret") ? folder.resolve(odd).toString() : odd;
    assertNull(place("claude", Map.of("CLAUDE_CONFIG_DIR", named)));
  }

  @Test
  void what_keeps_its_sessions_elsewhere_has_no_known_place() throws IOException {
    assertNotNull(place("copilot", Map.of()));
    assertNull(place("copilot", Map.of(), "--config-dir", "/elsewhere"));
    assertNull(place("copilot", Map.of(), "--config-dir=/elsewhere"));
    assertNull(place("opencode", Map.of("OPENCODE_DB", ":memory:")));
    assertEquals(
        "opencode:/dev/null@host-1", place("opencode", Map.of("OPENCODE_DB", "/dev/null")));
    assertNull(place("command", Map.of()));
  }
}
