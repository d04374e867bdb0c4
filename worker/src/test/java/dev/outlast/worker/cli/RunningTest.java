package dev.outlast.worker.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.worker.cli.Cli.Called;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** The commands against a server, with a worker and the demo's scripted agent. */
@Timeout(300)
class RunningTest {

  private static final Duration PATIENCE = Served.PATIENCE;

  @TempDir static Path folder;
  private static Served served;

  @BeforeAll
  static void start() throws IOException {
    // The script keeps its sessions and its reset next to itself. The quick one's limit lasts long
    // enough to be seen by who looks once a second on a busy machine.
    for (String agent : List.of("quick", "slow")) {
      Files.createDirectory(folder.resolve(agent));
      try (InputStream script = Demo.class.getResourceAsStream("demo-agent.sh")) {
        Files.copy(script, folder.resolve(agent).resolve("agent.sh"));
      }
    }
    Path broken = Files.writeString(folder.resolve("broken.sh"), "#!/bin/sh\nexit 3\n");
    assertTrue(broken.toFile().setExecutable(true));
    Files.writeString(
        folder.resolve("outlast.toml"),
        """
        [worker]
        state-dir = "state"
        drain-grace = "1s"
        [limits]
        margin = "1s"
        jitter = 0
        [agents.quick]
        provider = "claude"
        command = ["sh", "%1$s/quick/agent.sh", "15"]
        [agents.slow]
        provider = "claude"
        command = ["sh", "%1$s/slow/agent.sh", "3600"]
        account = "slow"
        [agents.sleepy]
        provider = "command"
        command = ["sleep"]
        args = ["600"]
        [agents.broken]
        provider = "command"
        command = ["%1$s/broken.sh"]
        [agents.odd]
        provider = "command"
        command = ["sh", "-c"]
        args = ["echo '{{\\"type\\":\\"error\\",\\"message\\":\\"Plan usage paused until 3pm for '$ODD_KEY'\\"}}'; exit 1"]
        output = "json"
        account = "odd"
        [accounts.slow]
        provider = "claude"
        [accounts.odd]
        provider = "command"
        env = { ODD = "1" }
        secrets = { ODD_KEY = "env:ODD_KEY" }
        [agents.poor]
        provider = "command"
        command = ["sh", "-c"]
        args = ["echo '{{\\"type\\":\\"error\\",\\"message\\":\\"Your workspace is out of credits. Add credits to continue.\\"}}'; exit 1"]
        output = "json"
        [agents.nasty]
        provider = "command"
        command = ["printf"]
        args = ["red \\u001b[31m text\\n"]
        """
            .formatted(folder));
    served = Served.start(folder, new Cli(folder).with("ODD_KEY", "sk-odd-secret"));
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

  @Test
  void a_run_goes_through_its_limit_and_prints_nothing_but_its_result() throws IOException {
    Called called = call("run", "write it", "--id", "through", "--label", "test");
    assertEquals(ExitCode.DONE, called.exitCode(), called.err());
    assertEquals("Both steps of the report are written.\n", called.out());
    assertTrue(called.err().contains("limited: session limit"), called.err());
    assertTrue(called.err().contains("waiting for the session limit: resumes at"), called.err());
    assertTrue(called.err().contains("resumed"), called.err());
    assertTrue(called.err().contains("  completed"), called.err());
    assertTrue(
        called.err().indexOf("limited: session") < called.err().indexOf("waiting for the session"),
        called.err());

    JsonNode shown = call("show", "through", "--json").json();
    assertEquals("completed", shown.path("state").asText());
    assertEquals("resumed", shown.path("incidents").path(0).path("end").asText());
    assertEquals("quick · default · test", shown.path("summary").asText());

    Called again = call("follow", "through", "--json", "--wait");
    assertEquals("completed", again.json().path("outcome").asText());
    assertEquals(1, again.json().path("result").path("limitsHit").asInt());
    assertEquals("", again.err());
  }

  @Test
  void a_waiting_run_is_steered_from_the_command_line() throws Exception {
    Called started = call("run", "write it", "--agent", "slow", "--id", "steered", "--detach");
    assertEquals(ExitCode.DONE, started.exitCode(), started.err());
    assertEquals("steered\n", started.out());

    JsonNode waiting = awaitState("steered", "waiting");
    String session = waiting.path("status").path("session").asText();
    assertFalse(session.isEmpty(), waiting::toString);
    Called text = call("show", "steered");
    assertTrue(text.out().contains("session limit"), text.out());
    assertTrue(text.out().contains("outlast resume steered"), text.out());

    Called moved = call("resume", "steered", "--in", "2h", "--json");
    Instant at = Instant.parse(moved.json().path("answer").asText());
    assertTrue(at.isAfter(Instant.now().plusSeconds(7_000)), moved.out());
    Called refused = call("resume", "steered", "--at", "yesterday");
    assertEquals(ExitCode.FAILED, refused.exitCode());
    assertTrue(refused.err().startsWith("outlast: refused: "), refused.err());

    Called stays = call("move", "steered");
    assertEquals(ExitCode.FAILED, stays.exitCode());
    assertTrue(stays.err().contains("does not wait for its host"), stays.err());

    assertEquals("steered: prompts queued: 1\n", call("send", "steered", "and more").out());
    assertEquals(ExitCode.DONE, call("pause", "steered", "--reason", "lunch").exitCode());
    awaitState("steered", "paused");
    assertEquals(ExitCode.DONE, call("unpause", "steered").exitCode());
    awaitState("steered", "waiting");

    Called inUse = call("run", "x", "--id", "steered");
    assertEquals(ExitCode.FAILED, inUse.exitCode());
    assertTrue(inUse.err().contains("is open already"), inUse.err());

    assertEquals(ExitCode.DONE, call("cancel", "steered").exitCode());
    Called ended = call("follow", "steered", "--json", "--wait");
    assertEquals(ExitCode.FAILED, ended.exitCode());
    assertEquals("cancelled", ended.json().path("outcome").asText());
    assertEquals(session, ended.json().path("session").asText(), ended.out());

    Called late = call("resume", "steered");
    assertEquals(ExitCode.FAILED, late.exitCode());
    assertTrue(late.err().contains("no run with the id steered, or it has ended"), late.err());
  }

  @Test
  void a_run_that_stops_says_why_and_exits_with_1() throws IOException {
    Called stopped = call("run", "x", "--agent", "slow", "--on-limit", "stop");
    assertEquals(ExitCode.FAILED, stopped.exitCode());
    assertEquals("", stopped.out());
    assertTrue(stopped.err().contains("[OUT2003]"), stopped.err());
    assertTrue(stopped.err().contains("outlast run --session "), stopped.err());

    Called unknown = call("run", "x", "--agent", "nobody", "--json", "--wait");
    assertEquals(ExitCode.FAILED, unknown.exitCode());
    assertEquals("OUT1002", unknown.json().path("code").asText());
    assertTrue(unknown.json().path("message").asText().contains("quick"), unknown.out());

    Called never = call("run", "x", "--agents", "quick,slow:nowhere", "--wait");
    assertEquals(ExitCode.FAILED, never.exitCode());
    assertFalse(never.err().contains("--session"), () -> "no agent was started: " + never.err());

    Called outside = call("run", "x", "--workspace", "/", "--wait");
    assertTrue(outside.err().contains("[OUT1004]"), outside.err());
  }

  @Test
  void what_only_looks_like_a_limit_is_waited_for_and_operators_see_the_evidence()
      throws Exception {
    Logger calls = (Logger) LoggerFactory.getLogger("dev.outlast.activities.Call");
    ListAppender<ILoggingEvent> logged = new ListAppender<>();
    logged.start();
    calls.addAppender(logged);
    try {
      call("run", "x", "--agent", "odd", "--id", "odd", "--detach");
      JsonNode waiting = awaitState("odd", "waiting");
      assertTrue(
          waiting.path("status").path("warning").asText().contains("does not know this message"),
          waiting::toString);
    } finally {
      calls.detachAppender(logged);
    }
    Called shown = call("show", "odd");
    assertTrue(shown.out().contains("unrecognised limit at "), shown.out());
    assertTrue(shown.out().contains("warning"), shown.out());
    assertTrue(shown.out().contains("Plan usage paused until 3pm for [secret]"), shown.out());
    assertEquals(ExitCode.DONE, call("cancel", "odd").exitCode());

    ILoggingEvent warning =
        logged.list.stream()
            .filter(event -> event.getLevel() == Level.WARN)
            .findFirst()
            .orElseThrow();
    String text = warning.getFormattedMessage();
    assertTrue(text.contains("Run odd: agent odd"), text);
    assertTrue(text.contains("Plan usage paused until 3pm for [secret]"), text);
    assertFalse(text.contains("sk-odd-secret"), text);
  }

  @Test
  void credit_that_is_used_up_stops_a_run_unless_it_is_told_to_wait() throws Exception {
    Called stopped = call("run", "x", "--agent", "poor", "--wait");
    assertEquals(ExitCode.FAILED, stopped.exitCode());
    assertTrue(stopped.err().contains("[OUT2001] credit: "), stopped.err());
    assertTrue(stopped.err().contains("out of credits"), stopped.err());

    call("run", "x", "--agent", "poor", "--id", "poor", "--on-credit", "wait", "--detach");
    assertEquals("credit", awaitState("poor", "waiting").path("status").path("scope").asText());
    assertEquals(ExitCode.DONE, call("cancel", "poor").exitCode());
  }

  @Test
  void what_an_agent_prints_cannot_command_the_terminal() {
    Called called = call("run", "x", "--agent", "nasty", "--wait");
    assertEquals(ExitCode.DONE, called.exitCode(), called.err());
    assertTrue(called.out().contains("text"), called.out());
    assertFalse(called.out().contains("\u001b"), called.out());
  }

  @Test
  void a_run_that_does_not_wait_cannot_be_resumed() throws Exception {
    call("run", "x", "--agent", "sleepy", "--id", "busy", "--detach", "--label", "nap");
    JsonNode running = awaitState("busy", "running");
    assertEquals("sleepy · default · nap", running.path("summary").asText());
    Called refused = call("resume", "busy");
    assertEquals(ExitCode.FAILED, refused.exitCode(), refused.out());
    assertTrue(refused.err().contains("busy is running and does not wait"), refused.err());
    assertEquals(ExitCode.DONE, call("cancel", "busy").exitCode());
    JsonNode cancelled = awaitState("busy", "cancelled");
    assertEquals("cancelled", cancelled.path("ending").path("outcome").asText());
  }

  @Test
  void an_invocation_that_keeps_failing_is_shown_with_its_failure() throws Exception {
    call("run", "x", "--agent", "broken", "--id", "broken", "--detach");
    Instant until = Instant.now().plus(PATIENCE);
    JsonNode failing;
    do {
      failing = call("show", "broken", "--json").json().path("failing");
      Thread.sleep(200);
    } while (failing.isMissingNode() && Instant.now().isBefore(until));
    assertTrue(failing.path("attempt").asInt() > 1, failing::toString);
    assertFalse(failing.path("failure").asText().isEmpty(), failing::toString);
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Thread follower =
        new Thread(
            () ->
                served
                    .cli()
                    .call(err, "", "follow", "broken", "--address", served.server().target()));
    follower.start();
    while (!err.toString(UTF_8).contains("failing: attempt") && Instant.now().isBefore(until)) {
      Thread.sleep(100);
    }
    call("cancel", "broken");
    follower.join();
    assertTrue(err.toString(UTF_8).contains("failing: attempt"), () -> err.toString(UTF_8));
  }

  @Test
  void an_unknown_run_is_an_error() {
    for (String command : List.of("show", "follow", "resume", "pause", "unpause", "cancel")) {
      Called called = call(command, "nobody");
      assertEquals(ExitCode.FAILED, called.exitCode(), command + ": " + called.err());
      assertTrue(called.err().contains("nobody"), command + ": " + called.err());
      assertFalse(called.err().contains("\tat "), called.err());
    }
  }

  @Test
  void a_server_without_an_index_says_that_it_cannot_list() {
    Called called = call("list");
    assertEquals(ExitCode.FAILED, called.exitCode());
    assertTrue(called.err().contains("cannot list runs"), called.err());
  }

  @Test
  void a_run_that_no_worker_takes_says_so() throws Exception {
    List<Called> followed = new ArrayList<>();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Thread follower =
        new Thread(
            () ->
                followed.add(
                    served
                        .cli()
                        .call(
                            err,
                            "",
                            "run",
                            "x",
                            "--id",
                            "lonely",
                            "--task-queue",
                            "elsewhere",
                            "--address",
                            served.server().target())));
    follower.start();
    Instant until = Instant.now().plus(PATIENCE);
    while (!err.toString(UTF_8).contains("no worker") && Instant.now().isBefore(until)) {
      Thread.sleep(100);
    }
    ConnectionOptions options = new ConnectionOptions();
    options.address = served.server().target();
    try (ConnectionOptions.Connection connection = options.connect(served.cli().console())) {
      connection.client().newUntypedWorkflowStub("lonely").terminate("end of test");
    }
    follower.join();
    assertTrue(followed.get(0).err().contains("no worker"), followed.get(0).err());
    assertTrue(followed.get(0).err().contains("--task-queue elsewhere"), followed.get(0).err());
    assertEquals(ExitCode.FAILED, followed.get(0).exitCode());
  }
}
