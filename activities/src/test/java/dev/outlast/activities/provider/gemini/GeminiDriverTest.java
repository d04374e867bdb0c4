package dev.outlast.activities.provider.gemini;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.CommandLine;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GeminiDriverTest {

  private static final Instant NOW = Instant.parse("2026-11-21T07:31:20Z");
  private static final Instant NEXT_MINUTE = Instant.parse("2026-11-21T07:32:00Z");
  private static final SessionId SESSION = new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d");

  private final AgentDriver driver = driver("yolo", "false");

  @TempDir Path home;

  private static AgentDriver driver(String permissionMode, String sandbox) {
    return new GeminiProvider()
        .driver(
            AgentDefinition.newBuilder("g", "gemini")
                .setCommand(List.of("gemini", "--debug"))
                .setPermissionMode(permissionMode)
                .setSandbox(sandbox)
                .setArgs(List.of("--include-directories", "/x"))
                .build());
  }

  private static CommandLine line(AgentDriver driver, SessionStart start, String message) {
    SessionId session = start == SessionStart.CONTINUE_LAST ? null : SESSION;
    return driver.commandLine(new AgentCall(start, session, message, "gemini-2.5-pro", "/w"));
  }

  @Test
  void gemini_is_called_in_its_documented_form() {
    assertEquals(
        List.of(
            "--debug",
            "-p",
            "do it",
            "--output-format",
            "stream-json",
            "--skip-trust",
            "--session-id",
            SESSION.value(),
            "--approval-mode",
            "yolo",
            "--sandbox=false",
            "--model",
            "gemini-2.5-pro",
            "--include-directories",
            "/x"),
        line(driver, SessionStart.FRESH, "do it").arguments());
  }

  @Test
  void a_session_is_resumed_by_its_id_and_the_last_one_by_its_name() {
    String resume = String.join(" ", line(driver, SessionStart.RESUME, "go on").arguments());
    assertTrue(resume.contains(" --resume " + SESSION + " "), resume);
    String last = String.join(" ", line(driver, SessionStart.CONTINUE_LAST, "go on").arguments());
    assertTrue(last.contains(" --resume latest "), last);
    assertFalse(resume.contains("--session-id") || last.contains("--session-id"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"-x", " ", "a\0b"})
  void a_prompt_that_is_no_argument_goes_to_standard_input_alone(String message) {
    CommandLine line = line(driver, SessionStart.FRESH, message);
    assertEquals(message, line.stdin());
    assertFalse(line.arguments().contains("-p"), "the CLI would put its text after the other");
    assertNull(line(driver, SessionStart.FRESH, "x").stdin());
  }

  @Test
  void a_long_prompt_goes_to_standard_input() {
    assertEquals(200_000, line(driver, SessionStart.FRESH, "x".repeat(200_000)).stdin().length());
  }

  @ParameterizedTest
  @CsvSource({"permission-mode,bypassPermissions,", "sandbox,,docker"})
  void options_that_the_cli_does_not_know_are_refused_at_the_start(
      String key, String permissionMode, String sandbox) {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> driver(permissionMode, sandbox));
    assertTrue(refused.getMessage().startsWith("agents.g." + key + ": "), refused.getMessage());
    assertTrue(refused.getMessage().contains("is unknown to gemini; use "), refused.getMessage());
  }

  private Surroundings host() {
    // The names of the CLI's files are in UTC, whatever the zone.
    return new Surroundings(ZoneId.of("Asia/Kolkata"), Map.of("HOME", home.toString()), home);
  }

  private void chat(String name) throws IOException {
    Path chats = Files.createDirectories(home.resolve(".gemini/tmp/project/chats"));
    Files.createFile(chats.resolve(name));
  }

  private Instant startsAt(SessionStart start, SessionId session) {
    return driver.startsAt(new AgentCall(start, session, "go on", null, "/w"), host(), NOW);
  }

  @Test
  void a_session_is_not_resumed_in_a_minute_that_it_has_a_file_of() throws IOException {
    assertEquals(NOW, startsAt(SessionStart.RESUME, SESSION), "no files at all");
    chat("session-2026-11-21T07-30-0b1e6a3e.jsonl");
    chat("session-2026-11-21T07-31-ffffffff.jsonl");
    assertEquals(NOW, startsAt(SessionStart.RESUME, SESSION));
    chat("session-2026-11-21T07-31-0b1e6a3e.jsonl");
    assertEquals(NEXT_MINUTE, startsAt(SessionStart.RESUME, SESSION));
    assertEquals(NOW, startsAt(SessionStart.FRESH, SESSION));
    assertEquals(
        NOW, startsAt(SessionStart.RESUME, new SessionId("1b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d")));
    assertTrue(Duration.between(NOW, NEXT_MINUTE).compareTo(AgentDriver.MAX_SETTLING) <= 0);
  }

  @Test
  void the_last_session_may_be_any() throws IOException {
    chat("session-2026-11-21T07-30-ffffffff.jsonl");
    assertEquals(NOW, startsAt(SessionStart.CONTINUE_LAST, null));
    chat("session-2026-11-21T07-31-ffffffff.jsonl");
    assertEquals(NEXT_MINUTE, startsAt(SessionStart.CONTINUE_LAST, null));
  }

  @Test
  void a_short_or_odd_session_id_is_looked_for_as_it_is() throws IOException {
    chat("session-2026-11-21T07-31-a_b.jsonl");
    assertEquals(NEXT_MINUTE, startsAt(SessionStart.RESUME, new SessionId("a_b")));
    assertEquals(NOW, startsAt(SessionStart.RESUME, new SessionId("b")));
  }

  @Test
  void another_home_of_the_cli_is_respected() throws IOException {
    chat("session-2026-11-21T07-31-0b1e6a3e.jsonl");
    Surroundings other =
        new Surroundings(
            ZoneId.of("UTC"),
            Map.of("HOME", "/nonexistent", "GEMINI_CLI_HOME", home.toString()),
            null);
    AgentCall resume = new AgentCall(SessionStart.RESUME, SESSION, "go on", null, "/w");
    assertEquals(NEXT_MINUTE, driver.startsAt(resume, other, NOW));
    assertEquals(NOW, driver.startsAt(resume, Surroundings.recorded(ZoneId.of("UTC")), NOW));
  }

  private Path settings() {
    return home.resolve(".gemini/settings.json");
  }

  private JsonNode prepared() throws IOException {
    assertEquals(Map.of(), driver.prepare(host()));
    return new ObjectMapper().readTree(settings().toFile());
  }

  @Test
  void sessions_are_kept_where_nothing_is_set() throws IOException {
    assertFalse(
        prepared().at("/general/sessionRetention/enabled").booleanValue(), "set, and to false");
    assertTrue(prepared().at("/general/sessionRetention").has("enabled"));
    assertEquals(
        "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(settings())));
    assertEquals(
        "{\n  \"general\": {\n    \"sessionRetention\": {\n      \"enabled\": false\n    }\n  }\n}\n",
        Files.readString(settings()));
    try (Stream<Path> files = Files.list(settings().getParent())) {
      assertEquals(List.of(settings()), files.toList(), "nothing else is left");
    }
  }

  @Test
  void all_other_settings_stay_as_they_are() throws IOException {
    Files.createDirectories(settings().getParent());
    Path real = home.resolve("dotfiles.json");
    Files.writeString(
        real,
        "{\"security\":{\"auth\":{\"selectedType\":\"$TYPE\"}},"
            + "\"general\":{\"vimMode\":true,\"sessionRetention\":{\"maxAge\":\"7d\"}}}");
    Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rw-r-----"));
    Files.createSymbolicLink(settings(), real);
    JsonNode after = prepared();
    assertEquals(
        new ObjectMapper()
            .readTree(
                "{\"security\":{\"auth\":{\"selectedType\":\"$TYPE\"}},"
                    + "\"general\":{\"vimMode\":true,\"sessionRetention\":{\"maxAge\":\"7d\",\"enabled\":false}}}"),
        after);
    assertTrue(Files.isSymbolicLink(settings()));
    assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(real)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"general\":{\"sessionRetention\":{\"enabled\":true}}}",
        "{\"general\":{\"sessionRetention\":{\"enabled\":false}}}",
        "{ // mine\n \"general\": {} }",
        "{\"general\":{}}\n// mine",
        "{\"general\":{\"vimMode\":true},\"general\":{}}",
        "{\"general\":\"odd\"}",
        "[]",
        "",
        "{broken"
      })
  void a_choice_that_was_made_and_what_is_not_plain_json_is_left_alone(String before)
      throws IOException {
    Files.createDirectories(settings().getParent());
    Files.writeString(settings(), before);
    driver.prepare(host());
    assertEquals(before, Files.readString(settings()));
  }

  @Test
  void numbers_stay_as_they_were_written() throws IOException {
    Files.createDirectories(settings().getParent());
    Files.writeString(settings(), "{\"n\":0.12345678901234567890123,\"big\":1e400}");
    driver.prepare(host());
    String after = Files.readString(settings());
    assertTrue(after.contains("0.12345678901234567890123"), after);
    assertTrue(after.contains("1E+400"), after);
  }

  @Test
  void a_link_to_settings_that_are_not_there_now_stays_a_link() throws IOException {
    Files.createDirectories(settings().getParent());
    Path elsewhere = home.resolve("not-mounted/settings.json");
    Files.createSymbolicLink(settings(), elsewhere);
    assertEquals(Map.of(), driver.prepare(host()));
    assertEquals(elsewhere, Files.readSymbolicLink(settings()));
  }

  @Test
  void a_home_that_is_relative_is_no_folder_of_the_workers() throws IOException {
    String name = "relative-home-of-gemini";
    driver.prepare(new Surroundings(ZoneId.of("UTC"), Map.of("HOME", name), null));
    driver.prepare(new Surroundings(ZoneId.of("UTC"), Map.of("GEMINI_CLI_HOME", name), null));
    assertFalse(Files.exists(Path.of(name)));
  }

  @Test
  void settings_that_cannot_be_made_do_not_stop_a_call() throws IOException {
    Files.writeString(home.resolve(".gemini"), "a file where the folder should be");
    assertEquals(Map.of(), driver.prepare(host()));
    assertEquals(Map.of(), driver.prepare(Surroundings.recorded(ZoneId.of("UTC"))));
    assertEquals(NOW, startsAt(SessionStart.RESUME, SESSION));
  }

  @Test
  void what_is_known_of_the_cli_is_said() {
    assertTrue(driver.choosesSession());
    assertTrue(driver.continuesLast());
    assertFalse(driver.keepsRefusedPrompt());
    assertEquals(List.of("--version"), driver.versionArguments());
  }
}
