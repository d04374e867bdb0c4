package dev.outlast.worker.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AccountDefinition;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.AgentHost;
import dev.outlast.activities.gate.Hours;
import dev.outlast.agent.AccountPolicy;
import dev.outlast.agent.OverageUse;
import dev.outlast.agent.ResumeWith;
import dev.outlast.limit.GateSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class AccountConfigTest {

  /** A Saturday. */
  private static final Instant MIDNIGHT = Instant.parse("2026-11-21T00:00:00Z");

  @TempDir Path folder;

  private OutlastConfig load(String toml) throws IOException {
    return OutlastConfig.load(Files.writeString(folder.resolve("outlast.toml"), toml));
  }

  private List<ConfigProblem> problems(String toml) {
    return assertThrows(ConfigException.class, () -> load(toml)).problems();
  }

  private static Optional<Instant> end(Hours hours) {
    return hours.end(MIDNIGHT, ZoneOffset.UTC);
  }

  @Test
  void every_key_about_accounts_reaches_the_host() throws IOException {
    AgentHost host =
        load("""
            [worker]
            state-dir = "state"

            [limits]
            spread = "90s"
            pause-at = 0.9
            quiet = ["22:00-07:00", "Sat,Sun 00:00-24:00"]
            overage = "avoid"
            resume-with = "auto"
            handoff-above = "80k"

            [agents.claude]
            account = "work"

            [accounts.work]
            provider = "claude"
            max-agents = 3
            pause-at = { five_hour = 0.8, "*" = 0.95 }
            reserve = ["00:00-01:30"]
            day-cost-usd = 12.5
            day-tokens = "2M"
            spread = "10m"
            """)
            .openHost();

    assertEquals(
        new AccountPolicy(OverageUse.AVOID, ResumeWith.AUTO, 80_000), host.accountPolicy());
    assertEquals(
        new GateSettings(
            3, Map.of("five_hour", 0.8, "*", 0.95), 12.5, 2_000_000, Duration.ofMinutes(10)),
        host.gate("work"));
    assertEquals(
        new GateSettings(0, Map.of("*", 0.9), 0, 0, Duration.ofSeconds(90)),
        host.gate("an account that is not listed"));
    assertEquals(Optional.of(Instant.parse("2026-11-23T07:00:00Z")), end(host.quiet()));
    assertEquals(Optional.of(Instant.parse("2026-11-21T01:30:00Z")), end(host.reserve("work")));
  }

  @Test
  void an_account_inherits_what_it_does_not_say() throws IOException {
    OutlastConfig config =
        load(
            """
            [accounts.a]
            provider = "claude"
            env = { X = "1" }
            [accounts.b]
            provider = "claude"
            pause-at = { seven_day = 0.5 }
            [accounts.c]
            provider = "claude"
            env = { X = "2" }
            pause-at = 1
            spread = "5m"
            [limits]
            spread = "1m"
            pause-at = { "*" = 0.9, five_hour = 0.7 }
            """);
    Map<String, AccountDefinition> accounts = config.accounts();
    Duration minute = Duration.ofMinutes(1);

    assertEquals(config.gate(), accounts.get("a").gate());
    assertEquals(
        new GateSettings(0, Map.of("*", 0.9, "five_hour", 0.7, "seven_day", 0.5), 0, 0, minute),
        accounts.get("b").gate());
    assertEquals(
        new GateSettings(0, Map.of("*", 1.0), 0, 0, Duration.ofMinutes(5)),
        accounts.get("c").gate());
    assertEquals(List.of(), config.warnings());
  }

  @Test
  void nothing_is_kept_back_unless_the_file_says_so() throws IOException {
    AgentHost host = load("[worker]\nstate-dir = \"state\"\n[agents.claude]\n").openHost();
    assertEquals(AccountPolicy.DEFAULT, host.accountPolicy());
    assertEquals(GateSettings.NONE, host.gate("default"));
    assertEquals(Optional.empty(), end(host.quiet()));
    assertEquals(Optional.empty(), end(host.reserve("default")));
  }

  static Stream<Arguments> mistakes() {
    String a = "[accounts.a]\nprovider = 'claude'\n";
    return Stream.of(
        Arguments.of("[limits]\nspread = 'x'", 2, "limits.spread", "a duration"),
        Arguments.of("[limits]\nspread = '25h'", 2, "limits.spread", "got 1d 1h; expected 0 to 1d"),
        Arguments.of("[limits]\npause-at = 0", 2, "limits.pause-at", "got 0; expected a share"),
        Arguments.of("[limits]\npause-at = 95", 2, "limits.pause-at", "such as 0.95"),
        Arguments.of("[limits]\npause-at = nan", 2, "limits.pause-at", "got NaN"),
        Arguments.of("[limits]\npause-at = '0.9'", 2, "limits.pause-at", "got \"0.9\""),
        Arguments.of(
            "[limits]\npause-at = { a = 0.5, b = 1.5 }", 2, "limits.pause-at.b", "got 1.5"),
        Arguments.of("[limits]\nquiet = '22:00-07:00'", 2, "limits.quiet", "a list of texts"),
        Arguments.of(
            "[limits]\nquiet = ['22:00-07:00', '7-9']", 2, "limits.quiet[1]", "Mon-Fri 09:00"),
        Arguments.of("[limits]\noverage = 'avoi'", 2, "limits.overage", "use or avoid"),
        Arguments.of("[limits]\nresume-with = 1", 2, "limits.resume-with", "a text in quotes"),
        Arguments.of(
            "[limits]\nresume-with = 'new'", 2, "limits.resume-with", "session or handoff or auto"),
        Arguments.of("[limits]\nhandoff-above = 0", 2, "limits.handoff-above", "such as 500k"),
        Arguments.of("[limits]\nhandoff-above = 1.5", 2, "limits.handoff-above", "such as 500k"),
        Arguments.of("[limits]\npause_at = 0.5", 2, "limits.pause_at", "\"pause-at\"?"),
        Arguments.of("[limits]\nquite = []", 2, "limits.quite", "\"quiet\"?"),
        Arguments.of(a + "max-agents = 0", 3, "accounts.a.max-agents", "leave it out for no bound"),
        Arguments.of(a + "max-agents = 1001", 3, "accounts.a.max-agents", "1 to 1000"),
        Arguments.of(a + "pause-at = -1", 3, "accounts.a.pause-at", "got -1"),
        Arguments.of(a + "reserve = ['Mon']", 3, "accounts.a.reserve[0]", "got \"Mon\""),
        Arguments.of(a + "day-cost-usd = 0", 3, "accounts.a.day-cost-usd", "more than 0"),
        Arguments.of(a + "day-cost-usd = -5", 3, "accounts.a.day-cost-usd", "got -5"),
        Arguments.of(a + "day-cost-usd = inf", 3, "accounts.a.day-cost-usd", "at most 1000000"),
        Arguments.of(a + "day-cost-usd = '5'", 3, "accounts.a.day-cost-usd", "a number"),
        Arguments.of(a + "day-tokens = -1", 3, "accounts.a.day-tokens", "a number of tokens"),
        Arguments.of(a + "spread = '2d'", 3, "accounts.a.spread", "got 2d"),
        Arguments.of(a + "max_agents = 1", 3, "accounts.a.max_agents", "\"max-agents\"?"),
        Arguments.of(
            "[agents.claude]\naccount = 'x'\n[agents.codex]\naccount = 'x'",
            4,
            "agents.codex.account",
            "the agent claude of provider claude uses this one"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void each_mistake_is_named_with_its_line_and_its_remedy(
      String toml, int line, String key, String remedy) {
    List<ConfigProblem> found = problems(toml);
    assertEquals(1, found.size(), () -> "problems: " + found);
    assertEquals(key, found.get(0).key());
    assertEquals(line, found.get(0).line(), () -> "problems: " + found);
    assertTrue(found.get(0).message().contains(remedy), () -> "problems: " + found);
  }

  @Test
  void what_accounts_inherit_is_refused_once_and_where_it_was_written() {
    List<ConfigProblem> found =
        problems(
            """
            [accounts.a]
            provider = "claude"
            [accounts.b]
            provider = "codex"
            [limits]
            spread = "2d"
            """);
    assertEquals(
        List.of("limits.spread"), found.stream().map(ConfigProblem::key).toList(), found::toString);
  }

  @Test
  void the_default_account_may_be_of_every_provider() throws IOException {
    assertEquals(2, load("[agents.claude]\n[agents.codex]\n").agents().size());
  }

  @Test
  void two_accounts_with_one_login_are_warned_of() throws IOException {
    List<ConfigProblem> warnings =
        load("""
            [accounts.home]
            provider = "claude"
            secrets = { CLAUDE_CODE_OAUTH_TOKEN = "env:TOKEN" }
            [accounts.work]
            provider = "claude"
            secrets = { CLAUDE_CODE_OAUTH_TOKEN = "env:TOKEN" }
            [accounts.other]
            provider = "claude"
            secrets = { CLAUDE_CODE_OAUTH_TOKEN = "env:OTHER" }
            [accounts.codex]
            provider = "codex"
            """)
            .warnings();
    assertEquals(1, warnings.size(), warnings::toString);
    assertEquals("accounts.work", warnings.get(0).key());
    assertTrue(warnings.get(0).message().contains("the same env and secrets as home"));
  }

  @Test
  void what_is_built_in_java_is_kept_and_checked_like_a_file() {
    Hours night = Hours.of(List.of("22:00-07:00"));
    GateSettings usual = new GateSettings(0, Map.of("*", 0.9), 0, 0, Duration.ofMinutes(1));
    OutlastConfig config =
        OutlastConfig.newBuilder()
            .setStateDir(folder)
            .addAgent(OutlastConfig.defaultAgent("claude"))
            .setGate(usual)
            .setAccountPolicy(new AccountPolicy(OverageUse.AVOID, null, 1_000))
            .setQuiet(night)
            .build();
    AgentHost host = config.openHost();
    assertEquals(usual, host.gate("default"));
    assertEquals(night, host.quiet());
    assertEquals(OverageUse.AVOID, host.accountPolicy().overage());

    GateSettings wrong = new GateSettings(5_000, Map.of(" ", 0.5), 1e9, 1, Duration.ofDays(3));
    AccountDefinition account =
        new AccountDefinition("work", "claude", Map.of(), Map.of(), wrong, Hours.NONE);
    OutlastConfig.Builder builder =
        OutlastConfig.newBuilder()
            .setGate(new GateSettings(0, null, 0, 0, Duration.ofDays(2)))
            .addAgent(
                AgentDefinition.newBuilder("claude", "claude")
                    .setCommand(List.of("claude"))
                    .setAccount("work")
                    .build())
            .addAccount(account);
    assertEquals(
        List.of(
            "limits.spread",
            "accounts.work.spread",
            "accounts.work.max-agents",
            "accounts.work.day-cost-usd",
            "accounts.work.pause-at. "),
        assertThrows(ConfigException.class, builder::build).problems().stream()
            .map(ConfigProblem::key)
            .toList());
  }

  @ParameterizedTest
  @CsvSource({
    "1,1",
    "150000,150000",
    "500k,500000",
    "2M,2000000",
    "1.5 m,1500000",
    "3G,3000000000"
  })
  void tokens_are_read_as_people_write_them(String text, long tokens) {
    assertEquals(Optional.of(tokens), TokenCount.parse(text));
  }

  @ParameterizedTest
  @CsvSource({"''", "0", "0k", "-1", "1.5", "1.0001k", "2T", "9999999999999999", "k", "NaN"})
  void what_is_no_number_of_tokens_is_refused(String text) {
    assertEquals(Optional.empty(), TokenCount.parse(text));
  }
}
