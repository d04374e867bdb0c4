package dev.outlast.activities.provider.opencode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpenCodeProviderTest {

  private static final SessionId SESSION = new SessionId("ses_6f1c2a9bdffeA1b2C3d4E5f6G7");

  @TempDir Path state;

  private static AgentDefinition agent(String permissionMode, String sandbox) {
    return AgentDefinition.newBuilder("mine", "opencode")
        .setPermissionMode(permissionMode)
        .setSandbox(sandbox)
        .setArgs(List.of("--agent", "build"))
        .build();
  }

  private static AgentDriver driver() {
    return new OpenCodeProvider().driver(agent("auto", null));
  }

  private Surroundings host(Map<String, String> environment) {
    return new Surroundings(ZoneOffset.UTC, environment, state);
  }

  @Test
  void is_called_with_the_message_on_standard_input_and_a_log_that_tells_enough() {
    String quoted = "say \"hello\"\n-x";
    CommandLine fresh =
        driver().commandLine(new AgentCall(SessionStart.FRESH, null, quoted, "openai/gpt-5", "/w"));
    assertEquals(
        List.of(
            "run",
            "--format",
            "json",
            "--print-logs",
            "--log-level",
            "INFO",
            "--auto",
            "--model",
            "openai/gpt-5",
            "--agent",
            "build"),
        fresh.arguments());
    assertEquals(quoted, fresh.stdin());
    List<String> resumed =
        driver()
            .commandLine(new AgentCall(SessionStart.RESUME, SESSION, "go on", null, "/w"))
            .arguments();
    assertEquals(SESSION.value(), resumed.get(resumed.indexOf("--session") + 1));
    assertTrue(
        driver()
            .commandLine(new AgentCall(SessionStart.CONTINUE_LAST, null, "go on", null, "/w"))
            .arguments()
            .contains("--continue"));
  }

  @Test
  void what_opencode_does_not_know_is_refused_at_once() {
    IllegalArgumentException mode =
        assertThrows(
            IllegalArgumentException.class,
            () -> new OpenCodeProvider().driver(agent("yolo", null)));
    assertTrue(mode.getMessage().startsWith("agents.mine.permission-mode: 'yolo'"));
    IllegalArgumentException sandbox =
        assertThrows(
            IllegalArgumentException.class,
            () -> new OpenCodeProvider().driver(agent(null, "read-only")));
    assertTrue(sandbox.getMessage().startsWith("agents.mine.sandbox: "), sandbox.getMessage());
  }

  @Test
  void the_plug_in_joins_what_the_user_has_configured() throws IOException {
    Map<String, String> prepared =
        driver()
            .prepare(
                host(
                    Map.of(
                        OpenCodeProvider.CONFIG_CONTENT,
                        "{\"share\":\"disabled\",\"plugin\":[\"theirs\"]}")));
    JsonNode config = new ObjectMapper().readTree(prepared.get(OpenCodeProvider.CONFIG_CONTENT));
    assertEquals("disabled", config.path("share").textValue());
    assertEquals("theirs", config.path("plugin").path(0).textValue());
    Path file = Path.of(URI.create(config.path("plugin").path(1).textValue()));
    assertTrue(Files.readString(file).contains("session.status"), file.toString());
    assertEquals(2, config.path("plugin").size());
  }

  @Test
  void a_configuration_that_is_not_json_is_left_alone() throws IOException {
    assertEquals(
        Map.of(),
        driver().prepare(host(Map.of(OpenCodeProvider.CONFIG_CONTENT, "// mine\n{\"share\":1}"))));
    assertEquals(Map.of(), driver().prepare(Surroundings.recorded(ZoneOffset.UTC)));
  }

  @Test
  void calls_at_the_same_time_find_the_plug_in_whole_and_leave_nothing_else()
      throws IOException, InterruptedException, ExecutionException {
    ExecutorService workers = Executors.newFixedThreadPool(4);
    try {
      List<Callable<String>> calls = new ArrayList<>();
      for (int i = 0; i < 40; i++) {
        calls.add(
            () -> {
              String prepared =
                  driver().prepare(host(Map.of())).get(OpenCodeProvider.CONFIG_CONTENT);
              return Files.readString(
                  Path.of(
                      URI.create(
                          new ObjectMapper().readTree(prepared).path("plugin").path(0).asText())));
            });
      }
      List<String> seen = new ArrayList<>();
      for (Future<String> call : workers.invokeAll(calls)) {
        seen.add(call.get());
      }
      assertEquals(1, seen.stream().distinct().count());
      assertFalse(seen.get(0).isBlank());
    } finally {
      workers.shutdownNow();
    }
    try (Stream<Path> files = Files.walk(state).filter(Files::isRegularFile)) {
      assertEquals(1, files.count());
    }
  }

  @Test
  void an_older_plug_in_is_replaced() throws IOException {
    driver().prepare(host(Map.of()));
    Path file;
    try (Stream<Path> files = Files.walk(state).filter(Files::isRegularFile)) {
      file = files.findFirst().orElseThrow();
    }
    String content = Files.readString(file);
    Files.writeString(file, "old");
    driver().prepare(host(Map.of()));
    assertEquals(content, Files.readString(file));
  }
}
