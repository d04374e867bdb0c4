package dev.outlast.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.outlast.worker.cli.Cli.Called;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Runs are exported while they go on, after they have ended, and when no worker is there. */
@Timeout(300)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ExportTest {

  @TempDir static Path folder;
  private static Served served;

  @BeforeAll
  static void start() throws IOException {
    for (String agent : List.of("quick", "slow")) {
      Files.createDirectory(folder.resolve(agent));
      try (InputStream script = Demo.class.getResourceAsStream("demo-agent.sh")) {
        Files.copy(script, folder.resolve(agent).resolve("agent.sh"));
      }
    }
    String config =
        """
        [worker]
        state-dir = "%2$s"
        drain-grace = "1s"
        [limits]
        margin = "1s"
        jitter = 0
        [agents.quick]
        provider = "claude"
        command = ["sh", "%1$s/quick/agent.sh", "3"]
        [agents.slow]
        provider = "claude"
        command = ["sh", "%1$s/slow/agent.sh", "3600"]
        [agents.nasty]
        provider = "command"
        command = ["printf"]
        args = ["```\\n\\u001b[31m# no heading\\u202e\\n````\\n"]
        account = "nasty"
        [accounts.nasty]
        provider = "command"
        secrets = { NASTY_KEY = "env:NASTY_KEY" }
        """;
    Files.writeString(folder.resolve("outlast.toml"), config.formatted(folder, "state"));
    Files.writeString(folder.resolve("elsewhere.toml"), config.formatted(folder, "other-state"));
    served = Served.start(folder, new Cli(folder).with("NASTY_KEY", "sk-nasty-secret"));
  }

  @AfterAll
  static void stop() {
    served.close();
  }

  private static Called call(String... args) {
    return served.call(args);
  }

  private static JsonNode awaitState(String id, String state) throws Exception {
    return served.awaitState(id, state);
  }

  private static void assertTheWholeRun(JsonNode run) {
    assertEquals(1, run.path("version").asInt());
    assertEquals("completed", run.path("state").asText());
    assertEquals("completed", run.path("ending").path("outcome").asText());
    JsonNode first = run.path("invocations").path(0);
    JsonNode second = run.path("invocations").path(1);
    assertEquals(2, run.path("invocations").size());
    assertEquals("limited", first.path("outcome").asText());
    assertEquals("completed", second.path("outcome").asText());
    JsonNode attempt = first.path("recorded").path(0);
    assertEquals("write `it`", attempt.path("prompt").asText());
    assertEquals("limited", attempt.path("ending").asText());
    assertTrue(attempt.path("items").size() > 1, run::toPrettyString);
    assertEquals("message", attempt.path("items").path(0).path("kind").asText());
    String resumed = second.path("recorded").path(0).path("prompt").asText();
    assertTrue(resumed.contains("Continue where you left off"), resumed);
    assertEquals(first.path("session").asText(), second.path("session").asText());
    assertEquals("session", run.path("incidents").path(0).path("limit").path("scope").asText());
    assertFalse(run.at("/incidents/0/limit/evidence/text").asText().isEmpty(), run::toPrettyString);
    JsonNode wait = run.path("waits").path(0);
    assertEquals("timer", wait.path("endedBy").asText());
    assertTrue(wait.path("seconds").asInt() >= 1, run::toPrettyString);
    assertTrue(run.path("tokens").path("output").asInt() > 0, run::toPrettyString);
    assertEquals(
        first.path("transcript").path("key").asText(),
        run.path("transcripts").path(0).path("key").asText());
    assertEquals(1, run.path("transcripts").size());
  }

  @Test
  @Order(1)
  void all_of_a_run_is_exported_as_json() throws IOException {
    call("run", "write `it`", "--agent", "quick", "--id", "whole", "--wait");
    Called exported = call("export", "whole", "--format", "json");
    assertEquals(ExitCode.DONE, exported.exitCode(), exported.err());
    assertEquals("", exported.err());
    JsonNode run = exported.json();
    assertTheWholeRun(run);
    assertEquals(0, run.path("remarks").size());
    assertTrue(run.path("events").size() > 3);
  }

  @Test
  @Order(2)
  void all_of_a_run_is_exported_as_markdown_into_a_file_of_its_own() throws IOException {
    Path file = Files.writeString(folder.resolve("run.md"), "before");
    Called exported = call("export", "whole", "--output", "run.md");
    assertEquals(ExitCode.DONE, exported.exitCode(), exported.err());
    assertEquals("", exported.out());
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    String text = Files.readString(file);
    for (String part :
        List.of(
            "# Run `whole`\n",
            "## Ending: completed\n",
            "## Usage limits\n",
            "### limit-1: session limit\n",
            "## Waits\n",
            " by timer\n",
            "## Turn 1\n",
            "### Invocation 2: completed\n",
            "**Prompt**\n\n```text\nwrite `it`\n```\n",
            "## Events\n")) {
      assertTrue(text.contains(part), () -> part + " is not in " + text);
    }
    Called refused = call("export", "whole", "--output", "no/such/folder");
    assertEquals(ExitCode.FAILED, refused.exitCode());
    assertTrue(refused.err().contains("cannot be written"), refused.err());
  }

  @Test
  @Order(3)
  void what_an_agent_prints_is_neither_markup_nor_obeyed() throws IOException {
    call("run", "say sk-nasty-secret", "--agent", "nasty", "--id", "nasty", "--wait");
    String text = call("export", "nasty").out();
    assertTrue(text.contains("`````text\n```\n# no heading\n````\n`````\n"), text);
    assertFalse(text.contains("\u001b"), text);
    assertFalse(text.contains("\u202e"), text);
    Called json = call("export", "nasty", "--format", "json");
    assertTrue(json.out().chars().allMatch(c -> c == '\n' || (c >= ' ' && c < 0x7f)));
    JsonNode recorded = json.json().at("/invocations/0/recorded/0");
    assertEquals("say [secret]", recorded.path("prompt").asText());
  }

  @Test
  @Order(4)
  void a_run_that_waits_is_exported_as_far_as_it_is() throws Exception {
    call("run", "write it", "--agent", "slow", "--id", "waits", "--detach");
    awaitState("waits", "waiting");
    JsonNode run = call("export", "waits", "--format", "json").json();
    assertEquals("waiting", run.path("state").asText());
    assertTrue(run.path("ending").isMissingNode());
    assertTrue(run.at("/waits/0/endedAt").isMissingNode());
    assertTrue(Instant.parse(run.at("/waits/0/until").asText()).isAfter(Instant.now()));
    assertTrue(call("export", "waits").out().contains(", goes on\n"));
    call("cancel", "waits");
  }

  @Test
  @Order(5)
  void on_another_host_it_says_which_one_has_the_transcript() throws IOException {
    String host = Files.readString(folder.resolve("state/host-id")).strip();
    Called exported = call("export", "whole", "--format", "json", "--config", "elsewhere.toml");
    assertEquals(ExitCode.FAILED, exported.exitCode());
    assertTrue(exported.err().contains("on host " + host), exported.err());
    JsonNode run = exported.json();
    assertEquals("write `it`", run.at("/invocations/0/message").asText());
    assertEquals("limited", run.at("/invocations/0/outcome").asText());
    assertEquals(0, run.at("/invocations/0/recorded").size());
    assertFalse(Files.exists(folder.resolve("other-state")), "a folder was made");
  }

  @Test
  @Order(6)
  void an_unknown_run_is_an_error() {
    Called called = call("export", "nobody");
    assertEquals(ExitCode.FAILED, called.exitCode());
    assertTrue(called.err().contains("nobody"), called.err());
  }

  @Test
  @Order(7)
  void without_a_worker_a_run_that_has_ended_is_exported_from_its_history() throws IOException {
    served.worker().close();
    Called exported = call("export", "whole", "--format", "json");
    assertEquals(ExitCode.DONE, exported.exitCode(), exported.err());
    assertTrue(exported.err().contains("no worker answers"), exported.err());
    JsonNode run = new ObjectMapper().readTree(exported.out());
    assertTheWholeRun(run);
    assertEquals(0, run.path("events").size());
  }
}
