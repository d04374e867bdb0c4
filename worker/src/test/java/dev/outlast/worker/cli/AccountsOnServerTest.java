package dev.outlast.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.worker.cli.Cli.Called;
import dev.outlast.worker.plugin.SearchAttributes;
import dev.outlast.worker.server.LocalServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands about accounts, against a server that keeps an index. */
@Tag("server")
@Timeout(300)
class AccountsOnServerTest {

  @TempDir Path folder;

  /** Of somebody who has no configuration. */
  @TempDir Path elsewhere;

  private LocalServer server() throws Exception {
    return LocalServer.real(
        Path.of(System.getenv(LocalServer.VARIABLE)),
        0,
        0,
        folder.resolve("server.sqlite"),
        folder.resolve("server.log"),
        SearchAttributes.wanted());
  }

  @Test
  void gates_and_runs_are_found_in_the_servers_index_without_any_configuration() throws Exception {
    Files.writeString(
        folder.resolve("outlast.toml"),
        """
        [worker]
        state-dir = "state"
        [agents.limited]
        provider = "command"
        command = ["sh", "-c", "echo '{\\"type\\":\\"error\\",\\"message\\":\\"quota used up until 7800\\"}'; exit 1"]
        args = ["{prompt}"]
        output = "json"
        patterns = ["quota used up until (?<reset>.+)"]
        account = "work"
        [accounts.work]
        provider = "command"
        [accounts.spare]
        provider = "command"
        """);
    LocalServer server = server();
    try (Served served = Served.start(folder, new Cli(folder), server)) {
      for (String id : new String[] {"first", "second"}) {
        Called started = served.call("run", "x", "--id", id, "--detach", "--workspace", ".");
        assertEquals(ExitCode.DONE, started.exitCode(), started.err());
      }
      assertEquals(
          ExitCode.DONE, served.call("accounts", "close", "work", "--until", "3h").exitCode());
      assertEquals(
          ExitCode.DONE, served.call("accounts", "close", "spare", "--until", "3h").exitCode());

      Cli stranger = new Cli(elsewhere).with("PATH", elsewhere.toString());
      Instant until = Instant.now().plus(Served.PATIENCE);
      Called shown;
      JsonNode rows;
      do {
        Thread.sleep(500);
        shown = stranger.call("accounts", "--json", "--address", server.target());
        rows = shown.json();
      } while (Instant.now().isBefore(until)
          && (rows.size() < 2 || rows.path(1).path("waitingRuns").asInt() < 2));

      String seen = rows.toString();
      assertEquals(2, rows.size(), seen);
      assertEquals("spare", rows.path(0).path("account").asText(), seen);
      assertEquals("work", rows.path(1).path("account").asText(), seen);
      assertEquals("closed", rows.path(1).path("gate").path("state").asText(), seen);
      assertEquals(2, rows.path(1).path("waitingRuns").asInt(), seen);
      assertEquals(0, rows.path(0).path("runningRuns").asInt(), seen);
      assertEquals(false, rows.path(0).path("configured").asBoolean(), seen);
      assertEquals("", shown.err());

      // By its bare name, although this side has no configuration.
      Called released = stranger.call("accounts", "release", "spare", "--address", server.target());
      assertEquals("command/spare: open\n", released.out(), released.err());
      Called again = stranger.call("accounts", "release", "spare", "--address", server.target());
      assertEquals(ExitCode.FAILED, again.exitCode());
      assertTrue(again.err().contains("the account is open"), again.err());
    }
  }

  @Test
  void a_run_whose_time_has_passed_while_its_account_stays_closed_says_so() throws Exception {
    Files.writeString(
        folder.resolve("outlast.toml"),
        """
        [worker]
        state-dir = "state"
        [limits]
        margin = 0
        jitter = 0
        [agents.limited]
        provider = "command"
        command = ["sh", "-c", "echo '{\\"type\\":\\"error\\",\\"message\\":\\"quota used up until 7800\\"}'; exit 1"]
        args = ["{prompt}"]
        output = "json"
        patterns = ["quota used up until (?<reset>.+)"]
        account = "work"
        [accounts.work]
        provider = "command"
        """);
    // Long enough for both runs to be held back by it, also on a busy machine.
    Duration closed = Duration.ofMinutes(1);
    LocalServer server = server();
    try (Served served = Served.start(folder, new Cli(folder), server)) {
      served.call("accounts", "close", "work", "--until", closed.toSeconds() + "s");
      for (String id : new String[] {"one", "two"}) {
        served.call("run", "x", "--id", id, "--detach", "--workspace", ".");
      }
      served.awaitState("one", "waiting");
      served.awaitState("two", "waiting");

      Instant until = Instant.now().plus(closed).plus(Served.PATIENCE);
      Called listed;
      do {
        Thread.sleep(500);
        listed = served.call("list", "--state", "waiting");
      } while (Instant.now().isBefore(until)
          && !(listed.out().contains("when its account lets it") && listed.out().contains(" 1 ")));
      // The one that tried first has met the limit; the other one's own time has passed.
      String both = listed.out();
      assertTrue(both.contains("when its account lets it"), both);
      assertTrue(listed.err().contains("why a run waits: outlast show ID"), listed.err());
      String other =
          both.lines().anyMatch(l -> l.startsWith("one ") && l.endsWith("Z")) ? "two" : "one";
      String shown = served.call("show", other).out();
      assertTrue(shown.contains("\n  resumes    when its account lets it (since 20"), shown);
      assertTrue(shown.contains("outlast accounts command/work, or now with"), shown);
    }
  }

  @Test
  void without_a_worker_what_the_server_knows_is_shown_and_nobody_waits_for_long()
      throws Exception {
    Files.writeString(
        folder.resolve("outlast.toml"),
        """
        [worker]
        state-dir = "state"
        [agents.one]
        provider = "command"
        command = ["true"]
        account = "work"
        [agents.two]
        provider = "command"
        command = ["true"]
        account = "spare"
        """);
    LocalServer server = server();
    try (server) {
      Cli cli = new Cli(folder);
      Served served = Served.start(folder, cli, server);
      String until;
      try {
        until =
            served
                .call("accounts", "close", "work", "--until", "3h", "--json")
                .json()
                .path("until")
                .asText();
        assertEquals(ExitCode.DONE, served.call("accounts", "pause-at", "spare", "0.9").exitCode());
      } finally {
        served.worker().close();
      }

      Instant asked = Instant.now();
      Called shown = served.call("accounts", "--json");
      assertTrue(Instant.now().isBefore(asked.plusSeconds(30)), "one question, not one for each");
      assertEquals(ExitCode.DONE, shown.exitCode(), shown.err());
      assertTrue(shown.err().contains("no worker answers"), shown.err());
      JsonNode work = shown.json().path(1);
      assertEquals("work", work.path("account").asText(), shown.out());
      assertEquals("closed", work.path("lastSeen").path("state").asText(), shown.out());
      assertEquals(
          Instant.parse(until).getEpochSecond(),
          Instant.parse(work.path("lastSeen").path("until").asText()).getEpochSecond());
      assertEquals("open", shown.json().path(0).path("lastSeen").path("state").asText());
      assertTrue(
          served.call("accounts").out().contains("\ncommand/work             closed     20"));

      for (String[] command :
          new String[][] {
            {"accounts", "release", "work"},
            {"accounts", "close", "work", "--until", "1h"},
            {"accounts", "pause-at", "work", "0.9"}
          }) {
        asked = Instant.now();
        Called unanswered = served.call(command);
        assertTrue(Instant.now().isBefore(asked.plusSeconds(30)), unanswered::err);
        assertEquals(ExitCode.NO_TEMPORAL, unanswered.exitCode(), unanswered.err());
        assertTrue(
            unanswered.err().contains("no worker answers within 15s; is one running?"),
            unanswered.err());
      }
    }
  }
}
