package dev.outlast.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.claim.Answer;
import dev.outlast.activities.claim.ClaimTable;
import dev.outlast.activities.claim.Claimant;
import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.agent.SessionId;
import dev.outlast.worker.cli.Cli.Called;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What needs no Temporal server. */
@Timeout(180)
class CommandLineTest {

  /** Nothing listens there, since it cannot be bound without special rights. */
  private static final String NOBODY = "127.0.0.1:1";

  @TempDir Path folder;
  private Cli cli;

  @BeforeEach
  void setUp() {
    cli = new Cli(folder);
  }

  private static void assertUsage(Called called, String said) {
    assertEquals(ExitCode.USAGE, called.exitCode(), called.err());
    assertEquals("", called.out());
    assertTrue(called.err().contains(said), called.err());
    assertFalse(called.err().contains("\tat "), called.err());
  }

  @Test
  void a_wrong_command_line_is_a_usage_error() {
    assertUsage(cli.call("rnu"), "'rnu'");
    assertUsage(cli.call("run", "--nope", "x"), "--nope");
    assertUsage(cli.call("run"), "no prompt");
    assertUsage(cli.call("run", "  "), "the prompt is empty");
    assertUsage(cli.callWithInput("", "run", "-"), "the prompt is empty");
    assertUsage(cli.call("run", "--file", "none.txt"), "none.txt cannot be read");
    assertUsage(cli.call("run", "x", "--file", "y"), "not both");
    assertUsage(cli.call("run", "x", "--max-wait", "5 parsecs"), "--max-wait: got \"5 parsecs\"");
    assertUsage(cli.call("run", "x", "--silence-timeout", "0"), "--silence-timeout: got \"0\"");
    assertUsage(cli.call("run", "x", "--max-wait", "0"), "--max-wait: got \"0\"");
    assertUsage(cli.call("run", "x", "--max-attempts", "-1"), "--max-attempts: got -1");
    assertUsage(cli.call("run", "x", "--on-limit", "panic"), "expected wait or failover or stop");
    assertUsage(cli.call("run", "x", "--on-limit", "failover"), "agents, a list of at least two");
    assertUsage(cli.call("run", "x", "--agents", "a,:work"), "--agents: got \":work\"; expected");
    assertUsage(cli.call("run", "x", "--agents", "a:w,a:w"), "the same as agents[0]");
    assertUsage(cli.call("run", "x", "--agents", "a,b", "--agent", "c"), "either this list");
    assertUsage(cli.call("run", "x", "--overage", "no"), "--overage: got \"no\"; expected use or");
    assertUsage(cli.call("run", "x", "--budget-cost", "-1"), "budget.costUsd: got -1.0");
    assertUsage(cli.call("run", "x", "--budget-cost", "NaN"), "budget.costUsd: got NaN");
    assertUsage(cli.call("run", "x", "--budget-tokens", "0"), "--budget-tokens: got \"0\"");
    assertUsage(cli.call("run", "x", "--priority", "6"), "priority: got 6; expected 1");
    assertUsage(
        cli.call("run", "x", "--priority", "urgent"),
        "'--priority': got \"urgent\"; expected a whole number");
    assertUsage(cli.call("list", "--limit", "all"), "got \"all\"; expected a whole number");
    assertUsage(
        cli.call("accounts", "pause-at", "work", "95%"),
        "(SHARE): got \"95%\"; expected a number such as 0.95");
    assertUsage(cli.call("run", "x", "--fairness-key", " "), "fairnessKey: got");
    assertUsage(cli.call("run", "x", "--start-at", "noon"), "--start-at: got \"noon\"; expected");
    assertUsage(cli.call("run", "x", "--resume-with", "x"), "expected session or handoff or auto");
    assertUsage(cli.call("switch", "x"), "give --agent, --account, or both");
    assertUsage(cli.call("budget", "x"), "give --cost, --tokens, or both");
    assertUsage(cli.call("budget", "x", "--cost", "0"), "--cost: got 0.0; expected more than 0");
    assertUsage(cli.call("budget", "x", "--tokens", "many"), "--tokens: got \"many\"; expected");
    assertUsage(cli.call("accounts", "close", "claude/work"), "--until");
    assertUsage(cli.call("accounts", "close", "claude/x", "--until", "x"), "--until: got \"x\"");
    assertUsage(
        cli.call("accounts", "close", "claude/x", "--until", "2020-01-01T00:00:00Z"),
        "expected a moment to come");
    assertUsage(cli.call("accounts", "close", "claude/x", "--until", "31d"), "at most 30d");
    assertUsage(cli.call("accounts", "pause-at", "claude/x", "0"), "SHARE: got 0.0; expected over");
    assertUsage(cli.call("accounts", "pause-at", "claude/x", "1.5"), "SHARE: got 1.5; expected");
    assertUsage(cli.call("accounts", "pause-at", "claude/x", "NaN"), "SHARE: got NaN; expected");
    assertUsage(cli.call("run", "x", "--on-credit", "buy"), "expected stop or wait");
    assertUsage(
        cli.call("run", "x", "--on-busy", "run"), "--on-busy: got \"run\"; expected wait or");
    assertUsage(cli.call("run", "x", "--on-continued", "x"), "expected pause or resume or finish");
    assertUsage(cli.call("run", "x", "--on-host-lost", "x"), "expected wait or move or stop");
    assertUsage(cli.call("run", "x", "--host-grace", "9s"), "hostGrace: got ");
    assertUsage(cli.call("run", "x", "--session", "-y"), "no session id");
    assertUsage(cli.call("run", "x", "--session", "y", "--continue"), "one of them");
    assertUsage(cli.call("run", "x", "--id", ""), "--id");
    assertUsage(cli.call("resume", "x", "--in", "soon"), "--in: got \"soon\"");
    assertUsage(cli.call("resume", "x", "--in", "1m", "--at", "y"), "mutually exclusive");
    assertUsage(cli.call("list", "--limit", "0"), "--limit");
    assertUsage(cli.call("list", "--state", "x' OR 'a'='a"), "--state");
    assertUsage(cli.call("list", "--state", "bogus"), "--state: got \"bogus\"; expected one of");
    assertUsage(cli.call("export"), "ID");
    assertUsage(cli.call("export", "x", "--format", "pdf"), "expected markdown or json");
    assertUsage(cli.call("detect"), "--agent");
    assertUsage(cli.call("detect", "--provider", "cloude"), "did you mean \"claude\"?");
    assertUsage(cli.call("detect", "--provider", "claude", "--now", "noon"), "--now");
    assertUsage(cli.call("detect", "--provider", "claude", "--zone", "Mars"), "--zone");
    assertUsage(cli.call("run", "x", "--profile", "none"), "Temporal's configuration");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "run x",
        "list",
        "show x",
        "export x",
        "follow x",
        "resume x",
        "pause x",
        "unpause x",
        "send x y",
        "switch x --agent y",
        "budget x --cost 5",
        "accounts",
        "accounts release claude/x",
        "accounts close claude/x --until 1h",
        "accounts pause-at claude/x 0.9",
        "cancel x"
      })
  void without_temporal_every_command_says_so_and_exits_with_3(String command) {
    Called called = cli.call((command + " --address " + NOBODY).split(" "));
    assertEquals(ExitCode.NO_TEMPORAL, called.exitCode(), called.err());
    assertEquals("", called.out());
    assertTrue(called.err().contains("cannot reach Temporal at " + NOBODY), called.err());
    assertEquals(1, called.err().lines().count(), called.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"foo", "127.0.0.1:99999", "host:port", ":7233", "http://x:1"})
  void an_address_that_is_none_is_a_usage_error(String address) {
    Called called = cli.call("list", "--address", address);
    assertUsage(called, "--address: got \"" + address + "\"; expected HOST:PORT");
    assertEquals(1, called.err().lines().count(), called.err());
  }

  @Test
  void what_is_wrong_with_temporals_own_configuration_is_told_in_one_line() throws IOException {
    Files.writeString(folder.resolve("temporal.toml"), "");
    Called empty = cli.call("list", "--address", NOBODY);
    assertUsage(empty, "[profile.NAME]");
    assertUsage(empty, "temporal.toml");
    assertEquals(1, empty.err().lines().count(), empty.err());
    Files.delete(folder.resolve("temporal.toml"));

    cli.with("TEMPORAL_TLS_CLIENT_CERT_PATH", "/nope");
    Called certificate = cli.call("list", "--address", NOBODY);
    assertUsage(certificate, "/nope");
    assertEquals(1, certificate.err().lines().count(), certificate.err());
  }

  @Test
  void a_broken_configuration_stops_the_worker_with_every_line_that_is_wrong() throws IOException {
    Files.writeString(
        folder.resolve("outlast.toml"), "[worker]\nmax-agents = 0\n[agents.x]\nargs = 1\n");
    Called called = cli.call("worker", "--address", NOBODY);
    assertUsage(called, "outlast.toml:2: worker.max-agents");
    assertTrue(called.err().contains("outlast.toml:4: agents.x.args"), called.err());
    assertTrue(called.err().contains("outlast.toml:3: agents.x.provider"), called.err());
    assertUsage(cli.call("worker", "--config", "none.toml"), "none.toml: no such file");
  }

  @Test
  void a_port_that_is_taken_is_named() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = String.valueOf(taken.getLocalPort());
      assertUsage(cli.call("demo", "--in-memory", "--port", port), "port " + port);
      cli.with("OUTLAST_TEMPORAL", "/bin/true");
      assertUsage(cli.call("dev", "--port", "0", "--ui-port", port), "another with --ui-port");
    }
    assertUsage(cli.call("demo", "--port", "70000"), "expected 0 to 65535");
    assertUsage(cli.call("demo", "--temporal", "/no/such"), "/no/such is not an executable");
  }

  @Test
  void detect_tells_what_recorded_output_means() throws IOException {
    String limited =
        """
        {"type":"system","subtype":"init","session_id":"s-1"}
        {"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795233500,\
        "rateLimitType":"five_hour","overageStatus":"rejected"},"session_id":"s-1"}
        {"type":"result","subtype":"success","is_error":true,"api_error":"usage_limit_reached",\
        "result":"You've hit your session limit","session_id":"s-1"}
        """;
    Called called =
        cli.callWithInput(
            limited,
            "detect",
            "--provider",
            "claude",
            "--exit-code",
            "1",
            "--now",
            "2026-11-21T00:00:00Z",
            "--json");
    assertEquals(ExitCode.DONE, called.exitCode(), called.err());
    JsonNode json = called.json();
    assertEquals("limited", json.path("outcome").asText());
    assertTrue(json.path("limited").asBoolean());
    assertEquals("session", json.path("scope").asText());
    assertEquals("2026-11-21T03:58:20Z", json.path("resetAt").asText());
    assertFalse(json.path("usingOverage").asBoolean(true));
    assertEquals("s-1", json.path("sessionId").asText());
    assertTrue(json.has("reason") && json.path("reason").isNull(), called.out());
    assertFalse(json.path("rule").asText().isEmpty(), called.out());
    assertTrue(json.path("evidence").asText().contains("session limit"), called.out());

    Files.writeString(
        folder.resolve("ok.json"),
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,"
            + "\"result\":\"You've hit your session limit, says a book\"}\n");
    assertTrue(json.path("resetPrecisionSeconds").isIntegralNumber(), called.out());
    assertTrue(json.path("channel").asText().contains("result"), called.out());
    assertTrue(json.has("agentVersion"), called.out());
    Called ok = cli.call("detect", "--provider", "claude", "ok.json");
    assertTrue(ok.out().contains("outcome                completed"), ok.out());
  }

  private void writeCase(String name, String id, String expected) throws IOException {
    Path corpus = Files.createDirectories(folder.resolve("corpus"));
    Files.writeString(
        corpus.resolve(name),
        """
        {"id": "%s", "provider": "claude", "now": "2026-11-21T00:00:00Z", "zone": "UTC",
         "exitCode": 1, "stderr": "", "stdout": ["You've hit your session limit · resets 3pm"]%s}"""
            .formatted(id, expected));
  }

  @Test
  void detect_judges_a_folder_of_cases() throws IOException {
    writeCase("1.json", "b", ", \"expected\": {\"limited\": true, \"scope\": \"session\"}");
    writeCase("2.json", "a", "");
    Files.writeString(folder.resolve("corpus/README.md"), "no case");
    Called right = cli.call("detect", "--corpus", "corpus");
    assertEquals(ExitCode.DONE, right.exitCode(), right.err());
    assertEquals("2 cases, 0 wrong\n", right.out());

    writeCase("3.json", "c", ", \"expected\": {\"limited\": true, \"scope\": \"weekly\"}");
    Called wrong = cli.call("detect", "--corpus", "corpus");
    assertEquals(ExitCode.FAILED, wrong.exitCode(), wrong.err());
    assertEquals(
        "ID  FIELD  EXPECTED  GOT\nc   scope  weekly    session\n3 cases, 1 wrong\n", wrong.out());

    Called json = cli.call("detect", "--corpus", "corpus", "--json");
    assertEquals(ExitCode.FAILED, json.exitCode(), json.err());
    List<String> ids = new ArrayList<>();
    for (JsonNode each : json.json()) {
      ids.add(each.path("id").asText());
      List<String> fields = new ArrayList<>();
      each.fieldNames().forEachRemaining(fields::add);
      assertEquals(
          List.of(
              "id",
              "outcome",
              "limited",
              "scope",
              "resetAt",
              "usingOverage",
              "sessionId",
              "reason",
              "rule"),
          fields);
      assertEquals("2026-11-21T15:00:00Z", each.path("resetAt").asText());
      assertTrue(each.path("sessionId").isNull(), json.out());
    }
    assertEquals(List.of("a", "b", "c"), ids);
  }

  @Test
  void a_folder_with_what_is_no_case_is_refused_by_the_name_of_the_file() throws IOException {
    Path corpus = Files.createDirectories(folder.resolve("corpus"));
    assertUsage(cli.call("detect", "--corpus", "nowhere"), "nowhere cannot be read");
    assertUsage(cli.call("detect", "--corpus", "corpus"), "corpus has no cases");
    assertUsage(cli.call("detect", "--corpus", "corpus", "x.json"), "leave out FILE");
    assertUsage(cli.call("detect", "--corpus", "corpus", "--now", "2026"), "leave out FILE");
    assertUsage(cli.call("detect", "--corpus", "corpus", "--provider", "claude"), "--corpus");
    writeCase("good.json", "good", "");
    writeCase("same.json", "good", "");
    writeCase("expected.json", "e", ", \"expected\": {\"resetAt\": \"soon\"}");
    Files.writeString(corpus.resolve("text.json"), "hello");
    Files.writeString(corpus.resolve("list.json"), "[]");
    String good = Files.readString(corpus.resolve("good.json"));
    Files.writeString(corpus.resolve("zone.json"), good.replace("UTC", "Mars"));
    Files.writeString(corpus.resolve("now.json"), good.replace("00:00:00Z", "noon"));
    Files.writeString(corpus.resolve("who.json"), good.replace("claude", "cloude"));
    Files.writeString(corpus.resolve("exit.json"), good.replace("\"exitCode\": 1,", ""));
    Files.writeString(corpus.resolve("out.json"), good.replace("\"stdout\"", "\"std\""));
    for (String json : List.of("", "--json")) {
      Called called =
          json.isEmpty()
              ? cli.call("detect", "--corpus", "corpus")
              : cli.call("detect", "--corpus", "corpus", json);
      // The good case is judged all the same.
      assertEquals(
          json.isEmpty() ? "1 cases, 0 wrong\n" : "good",
          json.isEmpty() ? called.out() : called.json().path(0).path("id").asText());
      assertBad(called, "same.json: id: good is also the id of good.json");
      assertBad(called, "expected.json: expected: got \"soon\"");
      assertBad(called, "text.json: not JSON");
      assertBad(called, "list.json: not an object");
      assertBad(called, "zone.json: zone: got \"Mars\"; expected a zone such as");
      assertBad(called, "now.json: now: got");
      assertBad(called, "who.json: provider: got \"cloude\"; expected one of claude");
      assertBad(called, "exit.json: exitCode: missing");
      assertBad(called, "out.json: stdout: missing");
    }
  }

  private static void assertBad(Called called, String said) {
    assertEquals(ExitCode.USAGE, called.exitCode(), called.err());
    assertTrue(called.err().contains(said), called.err());
  }

  @Test
  void a_case_may_have_lines_on_standard_error_and_a_zone_by_its_short_name() throws IOException {
    writeCase(
        "1.json",
        "a",
        ", \"expected\": {\"limited\": true, \"resetAt\": \"2026-11-21T20:00:00Z\"}");
    Path file = folder.resolve("corpus/1.json");
    Files.writeString(
        file,
        Files.readString(file)
            .replace("\"UTC\"", "\"EST\"")
            .replace("\"stderr\": \"\"", "\"stderr\": [\"a\", \"b\"]"));
    Called called = cli.call("detect", "--corpus", "corpus");
    assertEquals("1 cases, 0 wrong\n", called.out(), called.err());
  }

  @Test
  void doctor_names_what_is_wrong_and_the_remedy() throws IOException {
    Path claude = Files.writeString(folder.resolve("claude"), "#!/bin/sh\necho 'v\u001b[31m9.9'\n");
    assertTrue(claude.toFile().setExecutable(true));
    Path failing = Files.writeString(folder.resolve("failing"), "#!/bin/sh\necho no; exit 3\n");
    assertTrue(failing.toFile().setExecutable(true));
    Path toml =
        Files.writeString(
            folder.resolve("outlast.toml"),
            "[agents.claude]\ncommand = \""
                + claude
                + "\"\n"
                + "[agents.failing]\nprovider = \"claude\"\ncommand = \""
                + failing
                + "\"\n"
                + "[agents.gone]\nprovider = \"command\"\ncommand = \"/no/agent\"\n");

    Called called = cli.call("doctor", "--address", NOBODY, "--json");
    assertEquals(ExitCode.FAILED, called.exitCode(), called.err());
    assertEquals("true 9.9", check(called, "agent claude"));
    assertEquals("false exits with 3", check(called, "agent failing"));
    assertEquals("false /no/agent not found", check(called, "agent gone"));
    assertEquals("true " + folder, check(called, "workspaces"));
    assertEquals(
        "true " + Files.getFileStore(folder).type(), check(called, "state disk"), called.out());
    assertEquals("false not reached", check(called, "Temporal"));
    for (JsonNode each : called.json()) {
      assertEquals(each.path("ok").asBoolean(), each.path("remedy").isMissingNode(), called.out());
    }

    Files.writeString(toml, "[agents.claude]\ncommand = \"" + claude + "\"\n");
    Called onlyTemporal = cli.call("doctor", "--address", NOBODY);
    assertEquals(ExitCode.NO_TEMPORAL, onlyTemporal.exitCode(), onlyTemporal.out());
    assertTrue(onlyTemporal.out().contains("-> cannot reach Temporal"), onlyTemporal.out());
    assertFalse(onlyTemporal.out().contains("\u001b"), onlyTemporal.out());
  }

  @Test
  void doctor_lists_who_has_a_session_and_a_workspace_for_himself() throws IOException {
    Path state = Files.createDirectory(folder.resolve("state"));
    Files.writeString(folder.resolve("outlast.toml"), "[worker]\nstate-dir = \"" + state + "\"\n");
    Claimant who =
        new Claimant("default", new AgentOwner("nightly\u001b[31m", "execution", "7", 3), 1, 1);
    try (AgentRegistry registry = AgentRegistry.open(state)) {
      Answer.Granted granted =
          assertInstanceOf(
              Answer.Granted.class,
              ClaimTable.of(state, registry, Clock.systemUTC())
                  .take(who, "claude", List.of(new SessionId("s-1")), folder, true));

      Called called = cli.call("doctor", "--address", NOBODY, "--json");
      JsonNode claim = null;
      for (JsonNode each : called.json()) {
        claim = each.path("what").asText().equals("claim") ? each.path("claim") : claim;
      }
      assertEquals("nightly\u001b[31m", claim.path("run").asText());
      assertEquals(3, claim.path("attempt").asInt());
      assertEquals("s-1", claim.path("sessions").path(0).asText());
      assertEquals(folder.toString(), claim.path("workspace").asText());
      assertEquals(ProcessHandle.current().pid(), claim.path("worker").asLong());
      assertTrue(claim.path("workerLives").asBoolean());
      String text = cli.call("doctor", "--address", NOBODY).out();
      assertTrue(text.contains("run nightly"), text);
      assertFalse(text.contains("\u001b"), text);

      granted.claim().close();
      assertFalse(cli.call("doctor", "--address", NOBODY).out().contains("nightly"));
    }
  }

  /** Whether a check went well, and the end of what was found. */
  private static String check(Called called, String what) throws IOException {
    for (JsonNode each : called.json()) {
      if (each.path("what").asText().equals(what)) {
        String found = each.path("found").asText();
        String[] known = {"9.9", "exits with 3", "not reached", "/no/agent not found"};
        for (String text : known) {
          if (found.contains(text)) {
            return each.path("ok").asBoolean() + " " + text;
          }
        }
        return each.path("ok").asBoolean() + " " + found;
      }
    }
    return "no check of " + what + " in " + called.out();
  }

  @Test
  void nothing_that_a_terminal_would_obey_is_left_in_a_text() {
    String nasty = "a\u001b]0;title\u0007b\u009b31mc\u202ed\u2028e\r\n\tf";
    assertEquals("a]0;titleb31mcde\n\tf", Console.harmless(nasty));
    assertEquals("a]0;titleb31mcde f", Console.oneLine(nasty));
  }
}
