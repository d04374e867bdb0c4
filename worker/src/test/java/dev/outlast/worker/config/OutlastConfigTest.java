package dev.outlast.worker.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AccountDefinition;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.AgentHost;
import dev.outlast.agent.HostPolicy;
import dev.outlast.limit.ResumePolicy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class OutlastConfigTest {

  @TempDir Path folder;

  private OutlastConfig load(String toml) throws IOException {
    return OutlastConfig.load(Files.writeString(folder.resolve("outlast.toml"), toml));
  }

  private List<ConfigProblem> problems(String toml) {
    return assertThrows(ConfigException.class, () -> load(toml)).problems();
  }

  @Test
  void transcripts_are_kept_unless_they_are_switched_off() throws IOException {
    String agents = "[worker]\nstate-dir = \"state\"\n[agents.claude]\n";
    AgentHost host = load(agents).openHost();
    assertEquals("file", host.transcripts().name());
    assertNull(load(agents + "[transcripts]\nenabled = false\n").openHost().transcripts());
    load(
        agents
            + "[transcripts]\nretention = \"7d\"\nmax-session = \"1MiB\"\nmax-total = 2097152\n");
  }

  @Test
  void what_is_wrong_with_the_bounds_of_transcripts_is_said_with_its_line() {
    assertEquals(
        List.of(
            "transcripts.retention: got 59m; expected 1h to 3650d",
            "transcripts.max-session: got 1KiB; expected at least 1MiB",
            "transcripts.max-total: got \"many\"; expected a size such as 64MiB, 4GiB, or a number of"
                + " bytes",
            "transcripts.enabled: got \"yes\"; expected true or false"),
        problems(
                """
                [transcripts]
                retention = "59m"
                max-session = "1 KiB"
                max-total = "many"
                enabled = "yes"
                [agents.claude]
                """)
            .stream()
            .map(problem -> problem.key() + ": " + problem.message())
            .toList());
    assertTrue(
        problems("[transcripts]\nmax-total = \"2MiB\"\n[agents.claude]\n")
            .get(0)
            .message()
            .contains("at least transcripts.max-session, which is 256MiB"));
  }

  @Test
  void every_key_of_the_file_is_read() throws IOException {
    Files.createDirectory(folder.resolve("repos"));
    OutlastConfig config =
        load(
            """
            [worker]
            task-queue = "agents"
            max-agents = 7
            state-dir = "state"
            workspaces = ["repos"]
            drain-grace = "2m"
            on-busy = "stop"
            on-continued = "finish"
            on-host-lost = "move"
            host-grace = "45s"

            [limits]
            margin = "6s"
            jitter = 0
            fallback = "2h"
            max-fallback = "3h"
            max-wait = "9d"
            max-total-wait = "20d"
            max-attempts = 11
            on-credit = "wait"
            resume-message = "go on"

            [agents.zeta]
            provider = "claude"
            command = ["/opt/claude", "--x"]
            model = "opus"
            permission-mode = "acceptEdits"
            args = ["--add-dir", "/y"]
            env = ["PATH", "LC_*"]
            account = "work"
            patterns = ["out of (?<scope>\\\\w+)"]
            resume-message = "please go on"

            [agents.alpha]
            provider = "command"
            command = "my-agent"
            args = ["{prompt}"]
            output = "json"

            [accounts.work]
            provider = "claude"
            env = { CLAUDE_CONFIG_DIR = "/home/me/.claude-work" }
            secrets = { ANTHROPIC_API_KEY = "env:WORK_KEY" }
            """);

    assertEquals("agents", config.taskQueue());
    assertEquals(7, config.maxAgents());
    assertEquals(folder.resolve("state"), config.stateDir());
    assertEquals(List.of(folder.resolve("repos")), config.workspaces());
    assertEquals(Duration.ofMinutes(2), config.drainGrace());
    assertEquals(
        new ResumePolicy(
            Duration.ofSeconds(6),
            Duration.ZERO,
            Duration.ofHours(2),
            Duration.ofHours(3),
            Duration.ofDays(9),
            Duration.ofDays(20),
            11,
            ResumePolicy.OnCredit.WAIT),
        config.policy());
    assertEquals(
        new HostPolicy(
            HostPolicy.OnBusy.STOP,
            HostPolicy.OnContinued.FINISH,
            HostPolicy.OnHostLost.MOVE,
            Duration.ofSeconds(45)),
        config.hostPolicy());
    assertEquals(
        AgentDefinition.newBuilder("zeta", "claude")
            .setCommand(List.of("/opt/claude", "--x"))
            .setModel("opus")
            .setPermissionMode("acceptEdits")
            .setArgs(List.of("--add-dir", "/y"))
            .setEnv(List.of("PATH", "LC_*"))
            .setAccount("work")
            .setPatterns(List.of("out of (?<scope>\\w+)"))
            .setResumeMessage("please go on")
            .build(),
        config.agents().get("zeta"));
    AgentDefinition zeta = config.agents().get("zeta");
    assertEquals(zeta, zeta.toBuilder().build());
    AgentDefinition alpha = config.agents().get("alpha");
    assertEquals(List.of("my-agent"), alpha.command());
    assertEquals(AgentDefinition.Output.JSON, alpha.output());
    assertEquals("default", alpha.account());
    assertEquals(
        Map.of(
            "work",
            new AccountDefinition(
                "work",
                "claude",
                Map.of("CLAUDE_CONFIG_DIR", "/home/me/.claude-work"),
                Map.of("ANTHROPIC_API_KEY", "env:WORK_KEY"))),
        config.accounts());

    AgentHost host = config.openHost();
    assertEquals("go on", host.resumeMessage());
    assertEquals(folder.resolve("repos"), host.defaultWorkspace());
    assertEquals("agents", host.taskQueue());
  }

  @Test
  void the_first_agent_of_the_file_is_the_default_one() throws IOException {
    StringBuilder toml = new StringBuilder();
    List<String> names = List.of("zulu", "mike", "alpha", "yankee", "bravo", "x-ray");
    for (String name : names) {
      toml.append("[agents.").append(name).append("]\nprovider = \"claude\"\n");
    }
    assertEquals(names, List.copyOf(load(toml.toString()).agents().keySet()));
  }

  @Test
  void an_agent_named_like_a_provider_needs_nothing_else() throws IOException {
    AgentDefinition claude = load("[agents.claude]\n").agents().get("claude");
    assertEquals("claude", claude.provider());
    assertEquals(List.of("claude"), claude.command());
    assertTrue(claude.env().contains("HOME"), () -> "inherits " + claude.env());
  }

  @Test
  void without_a_file_the_agents_on_the_path_are_used() throws IOException {
    Path program = Files.writeString(folder.resolve("claude"), "#!/bin/sh\n");
    assertTrue(program.toFile().setExecutable(true));
    OutlastConfig.Builder builder = OutlastConfig.newBuilder().setCurrentDirectory(folder);

    OutlastConfig found = builder.setEnvironment(Map.of("PATH", "/nowhere:" + folder)).build();
    assertEquals(List.of("claude"), List.copyOf(found.agents().keySet()));
    assertEquals("default", found.agents().get("claude").account());
    assertEquals(List.of(folder), found.workspaces());

    OutlastConfig none =
        builder.setEnvironment(Map.of("PATH", "/nowhere")).setStateDir(folder).build();
    ConfigException e = assertThrows(ConfigException.class, none::openHost);
    assertTrue(e.getMessage().contains("none found on the PATH; install claude"), e.getMessage());
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
        Arguments.of("wroker = 1", 1, "wroker", "did you mean \"worker\"?"),
        Arguments.of("[worker]\ntask_queue = 'x'", 2, "worker.task_queue", "\"task-queue\""),
        Arguments.of("[worker]\ntask-queue = ''", 2, "worker.task-queue", "got \"\""),
        Arguments.of("[worker]\ntask-queue = 'a@b'", 2, "worker.task-queue", "no '@'"),
        Arguments.of("[worker]\ntask-queue = 5", 2, "worker.task-queue", "a text in quotes"),
        Arguments.of("[worker]\nmax-agents = 0", 2, "worker.max-agents", "from 1 to 1000"),
        Arguments.of("[worker]\nmax-agents = '4'", 2, "worker.max-agents", "a whole number"),
        Arguments.of("[worker]\nmax-agents = 99999999999", 2, "worker.max-agents", "at most"),
        Arguments.of("[worker]\nworkspaces = ['none']", 2, "worker.workspaces[0]", "that exist"),
        Arguments.of("[worker]\nworkspaces = '/tmp'", 2, "worker.workspaces", "a list of texts"),
        Arguments.of("[worker]\nworkspaces = [1]", 2, "worker.workspaces[0]", "a text"),
        Arguments.of("[worker]\nstate-dir = 1", 2, "worker.state-dir", "a text in quotes"),
        Arguments.of("[worker]\ndrain-grace = 'x'", 2, "worker.drain-grace", "a duration"),
        Arguments.of("[worker]\non-busy = 'run'", 2, "worker.on-busy", "wait or stop"),
        Arguments.of(
            "[worker]\non-continued = 'x'", 2, "worker.on-continued", "pause or resume or finish"),
        Arguments.of("[worker]\non-host-lost = 1", 2, "worker.on-host-lost", "a text in quotes"),
        Arguments.of("[worker]\nhost-grace = '9s'", 2, "worker.host-grace", "10s to 3650d"),
        Arguments.of("worker = 3", 1, "worker", "expected a section [worker]"),
        Arguments.of("[limits]\nmargin = '-5s'", 2, "limits.margin", "a duration"),
        Arguments.of("[limits]\njitter = true", 2, "limits.jitter", "a duration"),
        Arguments.of("[limits]\nfallback = 0", 2, "limits.fallback", "more than 0"),
        Arguments.of("[limits]\nmax-fallback = 0", 2, "limits.max-fallback", "more than 0"),
        Arguments.of("[limits]\nmax-wait = '0s'", 2, "limits.max-wait", "more than 0"),
        Arguments.of("[limits]\nmax-total-wait = 0", 2, "limits.max-total-wait", "more than 0"),
        Arguments.of("[limits]\nmax-attempts = -1", 2, "limits.max-attempts", "0 (no bound)"),
        Arguments.of("[limits]\non-credit = \"buy\"", 2, "limits.on-credit", "stop or wait"),
        Arguments.of("[limits]\nresume-message = ' '", 2, "limits.resume-message", "a text of 1"),
        Arguments.of("[notify.phone]\nurl = 'x'", 1, "notify", "unknown key"),
        Arguments.of("[agents.x]\nmodel = 'y'", 1, "agents.x.provider", "missing; expected one of"),
        Arguments.of("[agents.x]\nprovider = 'claud'", 2, "agents.x.provider", "\"claude\"?"),
        Arguments.of("[agents.x]\nprovider = 'command'", 1, "agents.x.command", "missing"),
        Arguments.of("[agents.claude]\ncommand = []", 2, "agents.claude.command", "an empty list"),
        Arguments.of("[agents.claude]\ncommand = ['']", 2, "agents.claude.command", "none of them"),
        Arguments.of("[agents.claude]\ncommand = 1", 2, "agents.claude.command", "a list of texts"),
        Arguments.of("[agents.claude]\nmodel = ''", 2, "agents.claude.model", "name of a model"),
        Arguments.of(
            "[agents.claude]\npermission-mode = '-x'",
            2,
            "agents.claude.permission-mode",
            "that the agent knows"),
        Arguments.of(
            "[agents.claude]\nmodel = 'opus'\nsandbox = 'read-only'",
            3,
            "agents.claude.sandbox",
            "part of its settings"),
        Arguments.of(
            "[agents.copilot]\nmodel = 'x'\npermission-mode = 'plann'",
            3,
            "agents.copilot.permission-mode",
            "allow-all-tools"),
        Arguments.of("[agents.claude]\nargs = 'x'", 2, "agents.claude.args", "a list of texts"),
        Arguments.of(
            "[agents.codex]\nargs = ['-q', '-v']\nsandbox = 'none'",
            3,
            "agents.codex.sandbox",
            "read-only"),
        Arguments.of(
            "[agents.codex]\npermission-mode = 'on-request'",
            2,
            "agents.codex.permission-mode",
            "approve-for-me"),
        Arguments.of(
            "[agents.codex]\nargs = ['-q', '--ephemeral']", 2, "agents.codex.args[1]", "resumed"),
        Arguments.of(
            "[agents.claude]\nenv = ['A=b']", 2, "agents.claude.env[0]", "[accounts.NAME]"),
        Arguments.of(
            "[agents.claude]\npatterns = ['(']", 2, "agents.claude.patterns[0]", "regular"),
        Arguments.of("[agents.claude]\noutput = 'xml'", 2, "agents.claude.output", "json"),
        Arguments.of("[agents.claude]\npatern = ['x']", 2, "agents.claude.patern", "\"patterns\"?"),
        Arguments.of(
            "[agents.claude]\nresume-message = ''", 2, "agents.claude.resume-message", "a text"),
        Arguments.of(
            "[agents.claude]\naccount = 'wrok'\n[accounts.work]\nprovider = 'claude'",
            2,
            "agents.claude.account",
            "did you mean \"work\"?"),
        Arguments.of(
            "[agents.claude]\naccount = 'c'\n[accounts.c]\nprovider = 'command'",
            2,
            "agents.claude.account",
            "belongs to provider command"),
        Arguments.of("[accounts.a]\nenv = {}", 1, "accounts.a.provider", "missing"),
        Arguments.of(
            "[accounts.a]\nprovider = 'claude'\nenv = { X = 1 }", 3, "accounts.a.env.X", "a text"),
        Arguments.of(
            "[accounts.a]\nprovider = 'claude'\nenv = { \"X Y\" = 'z' }",
            3,
            "accounts.a.env.X Y",
            "the name of an environment variable"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void each_mistake_is_named_with_its_line_and_its_remedy(
      String toml, int line, String key, String remedy) {
    List<ConfigProblem> found = problems(toml);
    assertEquals(1, found.size(), () -> "problems: " + found);
    ConfigProblem problem = found.get(0);
    assertEquals(key, problem.key());
    assertEquals(line, problem.line(), problem::toString);
    assertTrue(problem.message().contains(remedy), problem::toString);
    assertTrue(problem.toString().startsWith(folder.resolve("outlast.toml") + ":" + line + ": "));
  }

  @Test
  void all_mistakes_are_named_at_once_in_the_order_of_the_file() {
    List<ConfigProblem> found =
        problems(
            """
            x = 1
            [worker]
            max-agents = "4"
            = 5
            [agents.claude]
            args = 1
            patterns = ["("]
            """);
    assertEquals(
        List.of(1, 3, 4, 6, 7), found.stream().map(ConfigProblem::line).toList(), found::toString);
  }

  @Test
  void every_element_of_a_list_that_is_wrong_is_named_by_its_place() {
    List<ConfigProblem> found =
        problems(
            """
            [worker]
            workspaces = [5, "/nonexist"]
            [agents.x]
            provider = "command"
            command = "x"
            args = ["{promt}"]
            patterns = ["ok", "("]
            """);
    assertEquals(
        List.of(
            "worker.workspaces[0]",
            "worker.workspaces[1]",
            "agents.x.args[0]",
            "agents.x.patterns[1]"),
        found.stream().map(ConfigProblem::key).toList(),
        found::toString);
    assertEquals(List.of(2, 2, 6, 7), found.stream().map(ConfigProblem::line).toList());
  }

  @Test
  void a_secret_in_the_wrong_place_is_never_repeated() {
    List<ConfigProblem> found =
        problems(
            """
            [accounts.a]
            provider = "claude"
            secrets = { KEY = "sk-ant-sentinel", OTHER = 770_077_007 }
            """);
    assertEquals(2, found.size(), found::toString);
    assertFalse(found.toString().contains("sentinel"), found::toString);
    assertFalse(found.toString().contains("770077007"), found::toString);
    assertTrue(found.toString().contains("env:NAME"), found::toString);
  }

  @Test
  void a_missing_file_is_named() {
    Path missing = folder.resolve("missing.toml");
    ConfigException e = assertThrows(ConfigException.class, () -> OutlastConfig.load(missing));
    assertTrue(e.getMessage().contains(missing + ": no such file"), e.getMessage());
  }

  @Test
  void what_is_built_in_java_is_checked_like_a_file() {
    OutlastConfig.Builder builder =
        OutlastConfig.newBuilder().setMaxAgents(0).setTaskQueue("a@b").setResumeMessage(" ");
    ConfigException e = assertThrows(ConfigException.class, builder::build);
    assertEquals(
        List.of("worker.task-queue", "worker.max-agents", "limits.resume-message"),
        e.problems().stream().map(ConfigProblem::key).toList());
  }
}
