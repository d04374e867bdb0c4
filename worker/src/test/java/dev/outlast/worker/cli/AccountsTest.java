package dev.outlast.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.limit.AccountGate;
import dev.outlast.limit.GateReport;
import dev.outlast.limit.GateReport.Hit;
import dev.outlast.limit.GateReport.Spent;
import dev.outlast.limit.GateReport.WindowUse;
import dev.outlast.limit.GateSettings;
import dev.outlast.limit.GateWaiter;
import dev.outlast.limit.LimitScope;
import dev.outlast.operator.Names;
import dev.outlast.worker.cli.Cli.Called;
import io.temporal.client.WorkflowClient;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands about accounts, against a server in memory. */
@Timeout(300)
class AccountsTest {

  private static final int COLUMNS = 80;

  @TempDir static Path folder;
  private static Served served;
  private static WorkflowServiceStubs stubs;

  @BeforeAll
  static void start() throws IOException {
    Files.writeString(
        folder.resolve("outlast.toml"),
        """
        [worker]
        state-dir = "state"
        [agents.claude]
        account = "work"
        [agents.codex]
        [agents.copilot]
        [agents.gemini]
        account = "steered"
        [accounts.work]
        provider = "claude"
        max-agents = 4
        [accounts.steered]
        provider = "gemini"
        [agents.kept]
        provider = "command"
        command = ["echo"]
        account = "kept"
        [accounts.kept]
        provider = "command"
        reserve = ["00:00-24:00"]
        [agents.free]
        provider = "command"
        command = ["echo"]
        account = "free"
        [accounts.free]
        provider = "command"
        """);
    served = Served.start(folder, new Cli(folder));
    stubs =
        WorkflowServiceStubs.newServiceStubs(
            WorkflowServiceStubsOptions.newBuilder().setTarget(served.server().target()).build());
  }

  @AfterAll
  static void stop() {
    stubs.shutdownNow();
    served.close();
  }

  private static Called call(String... args) {
    return served.call(args);
  }

  private static void assertRefused(Called called, int exitCode, String said) {
    assertEquals(exitCode, called.exitCode(), called.err());
    assertEquals("", called.out());
    assertTrue(called.err().contains(said), called.err());
    assertFalse(called.err().contains("\tat "), called.err());
  }

  @Test
  void every_configured_account_is_shown_also_one_without_a_gate() throws IOException {
    Called called = call("accounts", "codex/default");
    assertEquals(ExitCode.DONE, called.exitCode(), called.err());
    assertEquals(
        List.of("codex/default", "open", "-", "-", "-"),
        List.of(called.out().lines().toList().get(1).split("\\s+")));

    JsonNode all = call("accounts", "--json").json();
    assertTrue(
        all.findValuesAsText("account").containsAll(List.of("default", "steered", "work")),
        all::toString);
    assertTrue(all.path(0).path("configured").asBoolean());
  }

  @Test
  void a_limited_account_says_all_that_is_known_in_80_columns() throws Exception {
    Instant reset = Instant.now().plus(Duration.ofHours(2));
    WorkflowClient client = WorkflowClient.newInstance(stubs);
    GateReport report =
        new GateReport(
            new GateSettings(4, Map.of("five_hour", 0.8, "*", 0.95), 5, 2_000_000, null),
            List.of(
                new Hit(
                    new GateWaiter("agent-run-of-the-report", 3, Instant.now(), null),
                    LimitScope.SESSION,
                    Duration.ofHours(2),
                    reset,
                    Duration.ofSeconds(1))),
            List.of(),
            Map.of(
                "five_hour",
                new WindowUse(0.755, reset),
                "seven_day",
                new WindowUse(1, null),
                "begun_anew",
                new WindowUse(1, Instant.parse("2026-11-20T15:00:00Z"))),
            new Spent("2026-11-21", Instant.now().plusSeconds(3_600), 3, 1.25, 0.5, 1_234_567),
            List.of());
    // The account's gate is made by a command, so that the worker's own way is taken.
    assertEquals(ExitCode.DONE, call("accounts", "pause-at", "work").exitCode());
    client.newWorkflowStub(AccountGate.class, Names.gateId("claude", "work")).report(report);

    Called called = call("accounts", "work");
    assertEquals(ExitCode.DONE, called.exitCode(), called.err());
    List<String> lines = called.out().lines().toList();
    assertTrue(lines.get(1).matches("claude/work +closed +20\\S+Z +1 +-"), lines::toString);
    assertTrue(called.out().contains("\n  closed, session limit until 20"), called.out());
    assertTrue(called.out().contains("\n  tries first: agent-run-of-the-report\n"), called.out());
    assertTrue(called.out().contains("\n  window five_hour: 75.5 % used, resets 20"), called.out());
    assertTrue(called.out().contains("\n  window seven_day: 100 % used\n"), called.out());
    assertTrue(
        called
            .out()
            .contains("window begun_anew: 100 % used (before its reset at 2026-11-20T15:00:00Z)"),
        called.out());
    assertTrue(called.out().contains("\n  agents at work: 0 of 4\n"), called.out());
    assertTrue(
        called.out().contains("\n  pauses at 80 % of five_hour, 95 % of every other window\n"),
        called.out());
    assertTrue(
        called
            .out()
            .contains(
                "\n  spent today: 1.25 USD of 5.00 USD, 1,234,567 of 2,000,000 tokens\n"
                    + "    of it beyond the allowance: 0.50 USD\n"),
        called.out());
    lines.forEach(line -> assertTrue(line.length() <= COLUMNS, line));

    JsonNode row = call("accounts", "claude/work", "--json").json().path(0);
    assertEquals("closed", row.path("gate").path("state").asText());
    assertEquals(1_234_567, row.path("gate").path("spent").path(0).path("tokens").asLong());
  }

  @Test
  void an_account_is_closed_paused_and_released_from_the_command_line() throws IOException {
    assertRefused(
        call("accounts", "release", "steered"),
        ExitCode.FAILED,
        "gemini/steered is open: it was never limited, bounded or closed");

    Called closed = call("accounts", "close", "steered", "--until", "2h", "--reason", "a demo");
    assertEquals(ExitCode.DONE, closed.exitCode(), closed.err());
    assertTrue(
        closed
            .out()
            .matches("gemini/steered: closed until \\S+Z \\(closed by an operator: a demo\\)\n"),
        closed.out());
    String held = call("accounts", "steered").out();
    assertTrue(held.contains("\n  closed by an operator: a demo\n    until 20"), held);
    assertTrue(held.contains("(in 1h 59m"), held);

    Called released = call("accounts", "release", "gemini/steered", "--json");
    assertEquals("open", released.json().path("state").asText(), released.err());
    assertRefused(call("accounts", "release", "steered"), ExitCode.FAILED, "the account is open");

    assertEquals(
        "gemini/steered: open; pauses at 92.5 % of every window\n",
        call("accounts", "pause-at", "steered", "0.925").out());
    assertTrue(
        call("accounts", "steered").out().contains("pauses at 92.5 % of every window (an operator"),
        () -> call("accounts", "steered").out());
    assertEquals(
        "gemini/steered: open; pauses as the workers are configured\n",
        call("accounts", "pause-at", "steered").out());
  }

  @Test
  void why_a_run_waits_for_an_open_account_is_shown() throws Exception {
    assertEquals(
        ExitCode.DONE,
        call("run", "x", "--agent", "kept", "--id", "kept-back", "--detach").exitCode());
    JsonNode waiting = served.awaitState("kept-back", "waiting");
    assertTrue(
        waiting.path("status").path("waitsWhy").asText().startsWith("the account is kept for runs"),
        waiting::toString);
    String shown = call("show", "kept-back").out();
    assertTrue(
        shown.contains("  waits      for the account, which is kept for runs of priority 1"),
        shown);

    Called account = call("accounts", "kept");
    assertTrue(
        account
            .out()
            .contains(
                "\n  reserved, as configured here: only runs of priority 1 to 2 start\n    until 20"),
        account.out());
    account.out().lines().forEach(line -> assertTrue(line.length() <= COLUMNS, line));
    assertTrue(call("accounts", "kept", "--json").json().path(0).has("reservedUntil"));
    assertFalse(call("accounts", "free", "--json").json().path(0).has("reservedUntil"));
    assertEquals(ExitCode.DONE, call("cancel", "kept-back").exitCode());

    call("run", "x", "--agent", "free", "--id", "later", "--start-at", "2h", "--detach");
    served.awaitState("later", "waiting");
    shown = call("show", "later").out();
    assertTrue(shown.contains("  waits      for its start\n"), shown);
    assertEquals(ExitCode.DONE, call("cancel", "later").exitCode());
  }

  @Test
  void the_agents_of_a_run_and_their_last_change_are_shown() {
    Called done =
        call(
            "run",
            "x",
            "--agents",
            "kept,free",
            "--on-limit",
            "failover",
            "--id",
            "hops",
            "--wait");
    assertEquals(ExitCode.DONE, done.exitCode(), done.err());
    String shown = call("show", "hops").out();
    assertTrue(shown.contains("\n  may use    kept/kept closed until 20"), shown);
    assertTrue(shown.contains("\n  may use    free/free (present)\n"), shown);
    assertTrue(
        shown
            .replaceAll("\\d{4}-\\S+ \\S+ UTC", "T")
            .contains(
                "\n  changed    T: from kept/kept to free/free: the former is closed until T\n"),
        shown);
  }

  @Test
  void an_agent_of_a_list_that_cannot_be_used_is_told_of_once() {
    Called called = call("run", "x", "--agents", "free:nowhere", "--wait");
    assertRefused(called, ExitCode.FAILED, "[OUT1003] agents[0]: account: ");
    assertEquals(2, called.err().split("nowhere", -1).length, called.err());
    assertEquals(2, called.err().split("OUT1003", -1).length, called.err());
  }

  @Test
  void an_account_that_is_not_known_is_refused_with_those_that_are() throws IOException {
    for (String[] command :
        List.of(
            new String[] {"accounts", "claude/wrk"},
            new String[] {"accounts", "release", "claude/wrk"},
            new String[] {"accounts", "close", "claude/wrk", "--until", "1h"},
            new String[] {"accounts", "pause-at", "claude/wrk", "0.9"})) {
      Called called = call(command);
      assertRefused(called, ExitCode.FAILED, "unknown account \"claude/wrk\"");
      assertTrue(called.err().contains("did you mean \"claude/work\"?"), called.err());
      assertTrue(called.err().contains("known: claude/work, codex/default"), called.err());
    }
    Called bare = call("accounts", "wrk");
    assertRefused(bare, ExitCode.FAILED, "unknown account \"wrk\"");
    assertTrue(bare.err().contains("did you mean \"work\"?"), bare.err());
    assertRefused(call("accounts", "cloude/work"), ExitCode.USAGE, "(did you mean \"claude\"?)");
    assertRefused(call("accounts", "claude/"), ExitCode.USAGE, "such as claude/work");

    Called made = call("accounts", "close", "claude/elsewhere", "--until", "1h", "--new");
    assertEquals(ExitCode.DONE, made.exitCode(), made.err());
    assertTrue(made.out().startsWith("claude/elsewhere: closed until "), made.out());
  }

  @Test
  void an_account_of_two_providers_must_be_named_with_its_provider() {
    assertRefused(
        call("accounts", "close", "default", "--until", "1h"),
        ExitCode.USAGE,
        "several providers have an account \"default\"; name one of them: codex/default,"
            + " copilot/default");
  }

  @Test
  void a_broken_configuration_is_told_of_and_left_out(@TempDir Path other) throws IOException {
    Files.writeString(other.resolve("outlast.toml"), "[limits]\nspread = 'x'\n");
    String address = served.server().target();
    Called empty = new Cli(other).call("accounts", "--address", address);
    assertEquals(ExitCode.DONE, empty.exitCode(), empty.err());
    assertTrue(empty.err().contains("the configuration of this folder is left out"), empty.err());
    assertTrue(empty.err().contains("limits.spread"), empty.err());
    assertTrue(empty.err().contains("no account is configured here"), empty.err());

    assertRefused(
        new Cli(other).call("accounts", "--address", address, "--config", "outlast.toml"),
        ExitCode.USAGE,
        "limits.spread");
  }
}
