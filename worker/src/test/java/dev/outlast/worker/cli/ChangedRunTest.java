package dev.outlast.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.worker.cli.Cli.Called;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A run's agents and its budget, given and changed from the command line. */
@Timeout(180)
class ChangedRunTest {

  @TempDir Path folder;

  @Test
  void a_run_that_is_paused_for_its_budget_says_so_and_only_a_raise_lets_it_go_on()
      throws Exception {
    Files.writeString(
        folder.resolve("agent.sh"),
        """
        echo '{"type":"system","subtype":"init","session_id":"s-1"}'
        while [ ! -e queued ]; do sleep 0.2; done
        echo '{"type":"result","subtype":"success","is_error":false,"session_id":"s-1","result":"done","total_cost_usd":0.5}'
        """);
    Files.writeString(
        folder.resolve("outlast.toml"),
        """
        [worker]
        state-dir = "state"
        [agents.paid]
        provider = "claude"
        command = ["sh", "%s"]
        """
            .formatted(folder.resolve("agent.sh")));
    try (Served served = Served.start(folder, new Cli(folder))) {
      served.call("run", "x", "--id", "paid", "--detach", "--budget-cost", "0.4");
      assertEquals(ExitCode.DONE, served.call("send", "paid", "and more").exitCode());
      Files.createFile(folder.resolve("queued"));
      served.awaitState("paid", "paused");

      String shown = served.call("show", "paid").out();
      assertTrue(shown.contains("\n  paused     the budget is spent (0.50 USD of 0.40 "), shown);
      assertTrue(shown.contains("; from here: outlast budget paid\n"), shown);
      Called unpaused = served.call("unpause", "paid");
      assertEquals(ExitCode.FAILED, unpaused.exitCode(), unpaused.out());
      assertTrue(unpaused.err().contains("outlast budget paid\n"), unpaused.err());
      assertEquals(ExitCode.DONE, served.call("budget", "paid", "--cost", "2").exitCode());
      assertEquals(ExitCode.DONE, served.call("follow", "paid", "--wait").exitCode());
    }
  }

  @Test
  void a_run_is_started_with_agents_and_a_budget_that_are_changed_while_it_waits()
      throws Exception {
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
        [agents.spare]
        provider = "command"
        command = ["echo", "done by the spare one"]
        args = ["{prompt}"]
        [accounts.work]
        provider = "command"
        [accounts.home]
        provider = "command"
        env = { WHO = "home" }
        """);
    try (Served served = Served.start(folder, new Cli(folder))) {
      Called started =
          served.call(
              "run",
              "x",
              "--id",
              "changed",
              "--detach",
              "--agents",
              "limited:work,limited:home:small",
              "--budget-tokens",
              "1.5M");
      assertEquals(ExitCode.DONE, started.exitCode(), started.err());
      JsonNode waiting = served.awaitState("changed", "waiting");
      String shown = served.call("show", "changed").out();
      assertTrue(shown.contains("\n  waits      for the usage limit\n"), shown);
      assertEquals("limited · work", waiting.path("summary").asText());
      JsonNode status = waiting.path("status");
      assertEquals(1_500_000, status.path("budget").path("tokens").asLong(), status::toString);

      Called budget = served.call("budget", "changed", "--cost", "7.5", "--tokens", "2M");
      assertEquals(
          "changed: budget is now 7.50 USD and 2,000,000 tokens\n", budget.out(), budget.err());
      Called json = served.call("budget", "changed", "--cost", "8", "--json");
      assertEquals(8, json.json().path("answer").path("costUsd").asInt(), json.err());
      assertTrue(json.json().path("answer").path("tokens").isMissingNode(), json.out());

      Called refused =
          served.call("switch", "changed", "--agent", "limited", "--account", "work\t");
      assertEquals(ExitCode.FAILED, refused.exitCode(), refused.out());
      Called switched = served.call("switch", "changed", "--agent", "spare");
      assertTrue(switched.out().startsWith("changed: goes on with spare"), switched.err());
      Called followed = served.call("follow", "changed", "--wait");
      assertEquals(ExitCode.DONE, followed.exitCode(), followed.err());
      assertTrue(followed.out().contains("done by the spare one"), followed.out());
    }
  }
}
