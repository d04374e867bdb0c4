package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.AgentDefinition.Output;
import dev.outlast.activities.process.LineSplitter;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.StopReason;
import dev.outlast.limit.LimitEvidence;
import dev.outlast.limit.LimitScope;
import dev.outlast.limit.ResetTime;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every provider has to keep. A new one joins by a line in {@link Subject}. */
class ProviderContractTest {

  private static final int CASES = 10_000;

  private static final Instant NOW = Instant.parse("2026-11-21T00:00:00Z");
  private static final ZoneId ZONE = ZoneId.of("Europe/Berlin");
  private static final SessionId SESSION = new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d");

  /** Texts of real limits, as an agent may quote them. */
  private static final List<String> LIMIT_TEXTS =
      List.of(
          "Claude AI usage limit reached|1795233891",
          "5-hour limit reached ∙ resets 2am",
          "You've hit your session limit · resets 5:04am (Europe/Berlin)",
          "You've hit your usage limit. Try again in 3 days 4 hours.",
          "{\\\"type\\\":\\\"rate_limit_event\\\",\\\"status\\\":\\\"rejected\\\"}",
          "Your quota will reset after 8h44m7s. TerminalQuotaError",
          "You’ve hit your usage limit. Upgrade to Pro, or try again at Nov 25th, 2026 12:11 PM.",
          "Sorry, you've exceeded your 5 hour session limits. Please retry after 2733 seconds.",
          "5 hour usage limit reached. It will reset in 1 hour 30 minutes.",
          "402 You have no quota",
          "{\\\"error\\\":{\\\"type\\\":\\\"usage_limit_reached\\\",\\\"resets_in_seconds\\\":7200}}",
          "Error: Usage limit reached. Resets at 3pm\\nAttempt 1 failed. Retrying after 7489271ms...");

  /**
   * What an agent repeats of its user's prompt and of a file that it writes, by the name of the
   * subject.
   */
  private static final Map<String, String> ECHOES =
      Map.of(
          "CLAUDE",
              """
              {"type":"user","message":{"role":"user","content":"%s"}}
              {"type":"assistant","message":{"model":"m","content":[{"type":"tool_use","name":"Write","input":{"file_path":"limits.md","content":"%s"}}]}}
              """,
          "CODEX",
              """
              {"type":"item.completed","item":{"id":"i1","type":"command_execution","command":"cat limits.md","aggregated_output":"%s","exit_code":1,"status":"failed"}}
              {"type":"item.completed","item":{"id":"i2","type":"reasoning","text":"%s"}}
              """,
          "GEMINI",
              """
              {"type":"message","role":"user","content":"%s"}
              {"type":"tool_use","tool_name":"write_file","tool_id":"t","parameters":{"file_path":"limits.md","content":"%s"}}
              """,
          "COPILOT",
              """
              {"type":"user.message","data":{"content":"%s"},"id":"1"}
              {"type":"tool.execution_start","data":{"toolName":"create","arguments":{"path":"limits.md","file_text":"%s"}},"id":"2"}
              """,
          "OPENCODE",
              """
              {"type":"tool_use","sessionID":"ses_1","part":{"type":"tool","tool":"read","state":{"status":"completed","output":"%s"}}}
              {"type":"tool_use","sessionID":"ses_1","part":{"type":"tool","tool":"write","state":{"status":"error","input":{"content":"%s"},"error":"no"}}}
              """,
          "COMMAND_JSON",
              """
              {"role":"user","content":"%s"}
              {"type":"tool_result","output":"%s"}
              """,
          "COMMAND_TEXT",
              """
              > %s
              +    "%s",
              """);

  enum Subject {
    CLAUDE(
        "claude",
        List.of(),
        Output.JSON,
        "{\"type\":\"assistant\",\"message\":{\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]},\"session_id\":\""
            + SESSION
            + "\"}\n{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\",\"content\":\"%s\"}]},\"session_id\":\""
            + SESSION
            + "\"}\n",
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"%s\",\"session_id\":\""
            + SESSION
            + "\"}\n",
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"result\":\"%s\",\"session_id\":\""
            + SESSION
            + "\"}\n"),
    GEMINI(
        "gemini",
        List.of(),
        Output.JSON,
        "{\"type\":\"init\",\"session_id\":\""
            + SESSION
            + "\",\"model\":\"m\"}\n{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"%s\",\"delta\":true}\n"
            + "{\"type\":\"tool_result\",\"tool_id\":\"t\",\"status\":\"success\",\"output\":\"%s\"}\n",
        "{\"type\":\"init\",\"session_id\":\""
            + SESSION
            + "\"}\n{\"type\":\"message\",\"role\":\"assistant\",\"content\":\"%s\"}\n{\"type\":\"result\",\"status\":\"success\",\"stats\":{}}\n",
        "{\"type\":\"init\",\"session_id\":\""
            + SESSION
            + "\"}\n{\"type\":\"result\",\"status\":\"error\",\"error\":{\"type\":\"unknown\",\"message\":\"[API Error: %s]\"}}\n"),
    CODEX(
        "codex",
        List.of(),
        Output.JSON,
        "{\"type\":\"thread.started\",\"thread_id\":\""
            + SESSION
            + "\"}\n{\"type\":\"turn.started\"}\n{\"type\":\"item.completed\",\"item\":{\"id\":\"item_0\",\"type\":\"agent_message\",\"text\":\"%s\"}}\n"
            + "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_1\",\"type\":\"command_execution\",\"command\":\"cat\",\"aggregated_output\":\"%s\",\"exit_code\":1,\"status\":\"failed\"}}\n",
        "{\"type\":\"thread.started\",\"thread_id\":\""
            + SESSION
            + "\"}\n{\"type\":\"item.completed\",\"item\":{\"id\":\"item_0\",\"type\":\"agent_message\",\"text\":\"%s\"}}\n"
            + "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":1,\"cached_input_tokens\":0,\"output_tokens\":1}}\n",
        "{\"type\":\"turn.failed\",\"error\":{\"message\":\"%s\"}}\n"),
    COPILOT(
        "copilot",
        List.of(),
        Output.JSON,
        "{\"type\":\"user.message\",\"data\":{\"content\":\"%s\"}}\n"
            + "{\"type\":\"assistant.message\",\"data\":{\"content\":\"%s\",\"toolRequests\":[]}}\n",
        "{\"type\":\"assistant.message\",\"data\":{\"content\":\"%s\",\"toolRequests\":[]}}\n"
            + "{\"type\":\"result\",\"sessionId\":\""
            + SESSION
            + "\",\"exitCode\":0}\n",
        "{\"type\":\"session.error\",\"data\":{\"errorType\":\"query\",\"message\":\"%s\"}}\n"
            + "{\"type\":\"result\",\"sessionId\":\""
            + SESSION
            + "\",\"exitCode\":1}\n"),
    OPENCODE(
        "opencode",
        List.of(),
        Output.JSON,
        "{\"type\":\"text\",\"sessionID\":\""
            + SESSION
            + "\",\"part\":{\"type\":\"text\",\"text\":\"%s\"}}\n"
            + "{\"type\":\"tool_use\",\"sessionID\":\""
            + SESSION
            + "\",\"part\":{\"tool\":\"bash\",\"state\":{\"status\":\"completed\",\"output\":\"%s\"}}}\n",
        "{\"type\":\"step_start\",\"sessionID\":\""
            + SESSION
            + "\",\"part\":{}}\n{\"type\":\"text\",\"sessionID\":\""
            + SESSION
            + "\",\"part\":{\"type\":\"text\",\"text\":\"%s\"}}\n"
            + "{\"type\":\"step_finish\",\"sessionID\":\""
            + SESSION
            + "\",\"part\":{\"reason\":\"stop\"}}\n",
        "{\"type\":\"error\",\"sessionID\":\""
            + SESSION
            + "\",\"error\":{\"name\":\"APIError\",\"data\":{\"message\":\"%s\"}}}\n"),
    COMMAND_JSON(
        "command",
        List.of("{prompt}", "{resume?--session {session}}"),
        Output.JSON,
        "{\"session_id\":\"" + SESSION + "\",\"text\":\"%s\",\"tool\":\"%s\"}\n",
        "{\"session_id\":\"" + SESSION + "\",\"result\":\"%s\"}\n",
        "{\"session_id\":\"" + SESSION + "\",\"type\":\"error\",\"message\":\"%s\"}\n"),
    COMMAND_TEXT("command", List.of("{prompt}"), Output.TEXT, "I saw %s and %s\n", "%s\n", "%s\n");

    final String provider;
    final AgentDriver driver;
    final String talk;
    final String answer;
    final String error;

    Subject(
        String provider,
        List<String> args,
        Output output,
        String talk,
        String answer,
        String error) {
      this.provider = provider;
      this.driver = Providers.driver(agent(provider, args, output, List.of()));
      this.talk = talk;
      this.answer = answer;
      this.error = error;
    }
  }

  private static AgentDefinition agent(
      String provider, List<String> args, Output output, List<String> patterns) {
    return AgentDefinition.newBuilder("mine", provider)
        .setCommand(List.of("program", "always"))
        .setArgs(args)
        .setOutput(output)
        .setPatterns(patterns)
        .build();
  }

  private static void feed(OutputReader reader, byte[] stdout, int chunk) {
    LineSplitter lines = new LineSplitter(line -> reader.stdout(line, NOW));
    for (int from = 0; from < stdout.length; from += chunk) {
      byte[] part = Arrays.copyOfRange(stdout, from, Math.min(stdout.length, from + chunk));
      lines.feed(part, part.length);
    }
    lines.end();
  }

  private static OutputReader read(AgentDriver driver, String stdout) {
    OutputReader reader = driver.reader(Surroundings.recorded(ZONE));
    feed(reader, stdout.getBytes(StandardCharsets.UTF_8), 4096);
    return reader;
  }

  private static OutputLine line(String text) {
    return new OutputLine(text.getBytes(StandardCharsets.UTF_8), false);
  }

  @ParameterizedTest
  @EnumSource
  void an_answer_is_an_answer(Subject subject) {
    OutputReader reader = read(subject.driver, subject.answer.formatted("all is well"));
    Conclusion.Completed completed =
        assertInstanceOf(Conclusion.Completed.class, reader.conclude(0, NOW));
    assertEquals("all is well", completed.text());
    assertTrue(reader.facts().taken());
    if (subject != Subject.COMMAND_TEXT) {
      assertEquals(SESSION, reader.facts().session());
    }
  }

  @ParameterizedTest
  @EnumSource
  void a_limit_in_the_error_channel_is_a_limit(Subject subject) {
    OutputReader reader =
        read(subject.driver, subject.error.formatted("You've hit your weekly limit · resets 3pm"));
    Conclusion.Limited limited =
        assertInstanceOf(Conclusion.Limited.class, reader.conclude(1, NOW));
    assertEquals(LimitScope.WEEKLY, limited.scope());
    assertEquals(Instant.parse("2026-11-21T14:00:00Z"), limited.reset().earliest());
    assertFalse(limited.basis().evidence().isBlank());
    assertFalse(limited.basis().rule().isBlank());
  }

  /** Plain text may be prose, where words that no rule knows mean nothing. */
  @ParameterizedTest
  @EnumSource(names = "COMMAND_TEXT", mode = EnumSource.Mode.EXCLUDE)
  void what_looks_like_a_limit_in_unknown_words_is_reported_as_such(Subject subject) {
    OutputReader reader =
        read(subject.driver, subject.error.formatted("Plan usage paused until 3pm"));
    Conclusion.Limited limited =
        assertInstanceOf(Conclusion.Limited.class, reader.conclude(1, NOW));
    assertEquals(LimitScope.UNKNOWN, limited.scope());
    assertEquals(Conclusion.UNRECOGNISED, limited.basis().rule());
  }

  @ParameterizedTest
  @EnumSource
  void a_crash_is_a_failure_and_an_unknown_session_is_told_apart(Subject subject) {
    assertInstanceOf(
        Conclusion.Failed.class,
        read(subject.driver, subject.error.formatted("boom")).conclude(1, NOW));
    Conclusion unknown =
        read(subject.driver, subject.error.formatted("No conversation found with session ID: x"))
            .conclude(1, NOW);
    assertEquals(
        StopReason.SESSION_UNKNOWN, assertInstanceOf(Conclusion.Stopped.class, unknown).reason());
  }

  @ParameterizedTest
  @EnumSource
  void quoted_limits_never_limit(Subject subject) {
    for (int i = 0; i < CASES; i++) {
      SplittableRandom random = new SplittableRandom(i);
      StringBuilder stdout = new StringBuilder();
      for (int k = random.nextInt(3); k >= 0; k--) {
        String template =
            random.nextInt(3) == 0
                ? ECHOES.getOrDefault(subject.name(), subject.talk)
                : subject.talk;
        stdout.append(template.formatted(pick(random), pick(random)));
      }
      boolean crash = random.nextBoolean();
      stdout.append(
          crash
              ? subject.error.formatted("API Error: 500 Internal server error")
              : subject.answer.formatted(pick(random)));
      Conclusion conclusion = read(subject.driver, stdout.toString()).conclude(crash ? 1 : 0, NOW);
      assertFalse(
          conclusion instanceof Conclusion.Limited,
          "seed " + i + ": " + conclusion + " from " + stdout);
    }
  }

  @ParameterizedTest
  @EnumSource
  void an_agent_that_dies_while_it_quotes_limits_was_not_limited(Subject subject) {
    for (String text : LIMIT_TEXTS) {
      Conclusion conclusion =
          read(subject.driver, subject.talk.formatted(text, text)).conclude(137, NOW);
      assertInstanceOf(Conclusion.Failed.class, conclusion);
    }
  }

  private static String pick(SplittableRandom random) {
    return LIMIT_TEXTS.get(random.nextInt(LIMIT_TEXTS.size()));
  }

  @ParameterizedTest
  @EnumSource
  void how_the_output_is_chunked_changes_nothing(Subject subject) {
    // All subjects together have the cases.
    for (int i = subject.ordinal(); i < CASES; i += Subject.values().length) {
      SplittableRandom random = new SplittableRandom(i);
      boolean limit = random.nextBoolean();
      String stdout =
          subject.talk.formatted(pick(random), "日本語")
              + (limit ? subject.error : subject.answer)
                  .formatted("You've hit your limit · resets 3pm");
      OutputReader whole = read(subject.driver, stdout);
      OutputReader pieces = subject.driver.reader(Surroundings.recorded(ZONE));
      feed(pieces, stdout.getBytes(StandardCharsets.UTF_8), 1 + random.nextInt(60));
      int exit = limit ? 1 : 0;
      assertEquals(whole.conclude(exit, NOW), pieces.conclude(exit, NOW), "seed " + i);
      assertEquals(whole.facts(), pieces.facts(), "seed " + i);
    }
  }

  @ParameterizedTest
  @EnumSource
  void no_bytes_whatever_make_a_reader_throw(Subject subject) {
    byte[] seedText =
        (subject.talk.formatted("a", "b")
                + subject.error.formatted("You've hit your limit · resets Nov 25, 6pm (UTC)")
                + "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":1795233500,"
                + "\"rateLimitType\":\"five_hour\",\"unifiedWindows\":{\"seven_day\":{\"status\":\"rejected\",\"resetsAt\":1e300}}}}\n"
                + "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":1e999999999}}\n"
                + "{\"type\":\"assistant\",\"message\":{\"id\":\"a\",\"usage\":{\"input_tokens\":9223372036854775807}}}\n"
                + "{\"type\":\"assistant\",\"message\":{\"id\":\"b\",\"usage\":{\"input_tokens\":9223372036854775807}}}\n")
            .getBytes(StandardCharsets.UTF_8);
    // All subjects together have the cases.
    for (int i = subject.ordinal(); i < CASES; i += Subject.values().length) {
      SplittableRandom random = new SplittableRandom(i);
      byte[] bytes = seedText.clone();
      for (int flips = random.nextInt(20); flips >= 0; flips--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      try {
        OutputReader reader = subject.driver.reader(Surroundings.recorded(ZONE));
        feed(reader, bytes, 1 + random.nextInt(100));
        reader.stderr(new OutputLine(bytes, random.nextBoolean()), NOW);
        assertNotNull(reader.facts());
        Conclusion conclusion = reader.conclude(random.nextInt(256), NOW);
        assertTrue(conclusion.basis().evidence().length() <= LimitEvidence.MAX_TEXT);
      } catch (RuntimeException e) {
        throw new AssertionError("seed " + i, e);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void a_message_is_one_argument_or_standard_input_and_never_more(Subject subject) {
    for (String message : List.of("plain", "two words; $(rm -rf /) \"'`\n*", "-x", "日本語")) {
      CommandLine line =
          subject.driver.commandLine(
              new AgentCall(SessionStart.FRESH, SESSION, message, null, "/w"));
      assertEquals("always", line.arguments().get(0));
      long asArgument = line.arguments().stream().filter(message::equals).count();
      assertEquals(1, asArgument + (message.equals(line.stdin()) ? 1 : 0), line.toString());
    }
    CommandLine resume =
        subject.driver.commandLine(
            new AgentCall(SessionStart.RESUME, SESSION, "go on", null, "/w"));
    assertEquals(subject != Subject.COMMAND_TEXT, resume.arguments().contains(SESSION.value()));
  }

  @Test
  void claude_is_called_in_its_documented_form() {
    AgentDefinition agent =
        AgentDefinition.newBuilder("c", "claude")
            .setPermissionMode("acceptEdits")
            .setArgs(List.of("--add-dir", "/x"))
            .build();
    AgentDriver driver = Providers.driver(agent);
    assertEquals(
        List.of(
            "-p",
            "do it",
            "--output-format",
            "stream-json",
            "--verbose",
            "--session-id",
            SESSION.value(),
            "--permission-mode",
            "acceptEdits",
            "--model",
            "opus",
            "--add-dir",
            "/x"),
        driver
            .commandLine(new AgentCall(SessionStart.FRESH, SESSION, "do it", "opus", "/w"))
            .arguments());
    assertTrue(
        driver
            .commandLine(new AgentCall(SessionStart.CONTINUE_LAST, null, "x", null, "/w"))
            .arguments()
            .contains("--continue"));
    CommandLine longOne =
        driver.commandLine(
            new AgentCall(SessionStart.FRESH, SESSION, "x".repeat(200_000), null, "/w"));
    assertEquals(200_000, longOne.stdin().length());
  }

  @Test
  void only_the_last_event_counts_and_only_with_a_failed_result() {
    String rejected =
        "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"rejected\",\"resetsAt\":1795233500,\"rateLimitType\":\"five_hour\"%s}}\n";
    String allowed =
        "{\"type\":\"rate_limit_event\",\"rate_limit_info\":{\"status\":\"allowed\"}}\n";
    String failed =
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":429,\"result\":\"%s\"}\n";
    AgentDriver claude = Subject.CLAUDE.driver;
    assertInstanceOf(
        Conclusion.Completed.class,
        read(claude, rejected.formatted("") + Subject.CLAUDE.answer.formatted("ok"))
            .conclude(0, NOW));
    assertInstanceOf(
        Conclusion.Throttled.class,
        read(
                claude,
                rejected.formatted("")
                    + allowed
                    + failed.formatted("API Error: Request rejected (429)"))
            .conclude(1, NOW));
    assertInstanceOf(
        Conclusion.Throttled.class,
        read(
                claude,
                rejected.formatted("")
                    + failed.formatted(
                        "API Error: Server is temporarily limiting requests (not your usage limit)"))
            .conclude(1, NOW));
    Conclusion both =
        read(
                claude,
                rejected.formatted(
                        ",\"unifiedWindows\":{\"five_hour\":{\"status\":\"rejected\",\"resetsAt\":1795233500},\"seven_day\":{\"status\":\"rejected\",\"resetsAt\":1795579100}}")
                    + failed.formatted("You've hit your limit"))
            .conclude(1, NOW);
    Conclusion.Limited limited = assertInstanceOf(Conclusion.Limited.class, both);
    assertEquals(
        ResetTime.exactly(Instant.ofEpochSecond(1_795_579_100)), limited.reset(), "the later");
    assertEquals(LimitScope.WEEKLY, limited.scope());
  }

  @Test
  void a_kind_of_error_that_is_named_like_a_limit_is_reported_as_one_that_no_rule_knows() {
    String failed =
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_error\":\"%s\",\"api_error_status\":429,\"result\":\"Not now.\"}\n";
    Conclusion.Limited limited =
        assertInstanceOf(
            Conclusion.Limited.class,
            read(Subject.CLAUDE.driver, failed.formatted("team_quota_exhausted")).conclude(1, NOW));
    assertEquals(Conclusion.UNRECOGNISED, limited.basis().rule());
    for (String known : List.of("token_limit_exceeded", "unattended_start_limit", "no_response")) {
      assertInstanceOf(
          Conclusion.Throttled.class,
          read(Subject.CLAUDE.driver, failed.formatted(known)).conclude(1, NOW),
          known);
    }
  }

  @Test
  void the_clis_own_record_of_a_limit_counts_even_when_the_result_says_success() {
    String own =
        "{\"type\":\"assistant\",\"message\":{\"model\":\"%s\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}}\n";
    String words = "Weekly limit reached ∙ resets 3pm";
    String answer = Subject.CLAUDE.answer;
    assertInstanceOf(
        Conclusion.Limited.class,
        read(Subject.CLAUDE.driver, own.formatted("<synthetic>", words) + answer.formatted(words))
            .conclude(0, NOW));
    assertInstanceOf(
        Conclusion.Completed.class,
        read(Subject.CLAUDE.driver, own.formatted("claude-x", words) + answer.formatted(words))
            .conclude(0, NOW));
    assertInstanceOf(
        Conclusion.Completed.class,
        read(
                Subject.CLAUDE.driver,
                own.formatted("<synthetic>", words) + answer.formatted("all done"))
            .conclude(0, NOW));
  }

  @ParameterizedTest
  @EnumSource
  void a_users_pattern_is_found_with_its_reset_and_scope(Subject subject) {
    Conclusion.Limited limited =
        byPattern(
            subject,
            "Fuel gone (daily), refill at 3pm; sorry",
            "nope",
            "fuel gone \\((?<scope>\\w+)\\), refill at (?<reset>.+?);");
    assertEquals("pattern/2", limited.basis().rule());
    assertEquals(LimitScope.DAILY, limited.scope());
    assertEquals(Instant.parse("2026-11-21T14:00:00Z"), limited.reset().earliest());
  }

  @ParameterizedTest
  @EnumSource
  void a_users_pattern_comes_before_the_rules_for_texts(Subject subject) {
    for (String known :
        List.of(
            "You've hit your weekly limit (daily) · resets 3pm",
            "Invalid API key (daily), see 3pm",
            "Overloaded (daily) until 3pm")) {
      Conclusion.Limited limited =
          byPattern(subject, known, "\\((?<scope>daily)\\).* (?<reset>3pm)");
      assertEquals("pattern/1", limited.basis().rule());
      assertEquals(LimitScope.DAILY, limited.scope());
      assertEquals(Instant.parse("2026-11-21T14:00:00Z"), limited.reset().earliest());
    }
  }

  private static Conclusion.Limited byPattern(Subject subject, String error, String... patterns) {
    AgentDefinition agent =
        agent(
            subject.name().startsWith("COMMAND")
                ? "command"
                : subject.name().toLowerCase(Locale.ROOT),
            List.of("{prompt}"),
            subject == Subject.COMMAND_TEXT ? Output.TEXT : Output.JSON,
            List.of(patterns));
    OutputReader reader = Providers.driver(agent).reader(Surroundings.recorded(ZONE));
    feed(reader, subject.error.formatted(error).getBytes(StandardCharsets.UTF_8), 100);
    return assertInstanceOf(Conclusion.Limited.class, reader.conclude(1, NOW));
  }

  @Test
  void a_pattern_that_takes_too_long_on_a_line_is_given_up() {
    OutputReader reader =
        Providers.driver(agent("command", List.of("{prompt}"), Output.TEXT, List.of("a*a*b")))
            .reader(Surroundings.recorded(ZONE));
    reader.stderr(line("a".repeat(8_000)), NOW);
    Conclusion conclusion =
        assertTimeoutPreemptively(Duration.ofMinutes(1), () -> reader.conclude(1, NOW));
    assertInstanceOf(Conclusion.Failed.class, conclusion);
  }

  @Test
  void wrong_definitions_are_refused_with_their_key() {
    refused("agents.mine.patterns[1]", "command", List.of("{prompt}"), List.of("ok", "(oops"));
    refused("agents.mine.patterns[0]", "command", List.of("{prompt}"), List.of("(limit)?"));
    refused("agents.mine.patterns[0]", "claude", List.of(), List.of(""));
    refused("agents.mine.patterns[0]", "claude", List.of(), List.of("\\b"));
    refused("agents.mine.patterns[0]", "claude", List.of(), List.of("(?=.)"));
    refused("agents.mine.provider", "nonesuch", List.of(), List.of());
    String key = "--api-key=" + "sk-" + "ant-api03-0123456789abcdefghij";
    refused(
        "agents.mine.args[1]: holds what looks like a key",
        "claude",
        List.of("-v", key),
        List.of());
    refused("agents.mine.args[1]", "command", List.of("a", "{promt}"), List.of());
    refused("without its '}'", "command", List.of("{prompt"), List.of());
    refused("without its '{'", "command", List.of("prompt}"), List.of());
    refused("without its '}'", "command", List.of("{resume?--session {session}"), List.of());
    refused("{again?…} is unknown", "command", List.of("{again?x}"), List.of());
    refused("within a condition", "command", List.of("{resume?{fresh?x}}"), List.of());
  }

  /** What would be left out of the command line without a word. */
  @ParameterizedTest
  @EnumSource
  void a_word_that_the_agent_does_not_know_is_refused_with_its_key(Subject subject) {
    for (String key : List.of("permission-mode", "sandbox")) {
      AgentDefinition agent =
          AgentDefinition.newBuilder("mine", subject.provider)
              .setPermissionMode(key.equals("permission-mode") ? "bananas" : null)
              .setSandbox(key.equals("sandbox") ? "bananas" : null)
              .build();
      String message =
          assertThrows(IllegalArgumentException.class, () -> Providers.driver(agent)).getMessage();
      assertTrue(message.startsWith("agents.mine." + key + ": "), message);
    }
  }

  private static void refused(
      String part, String provider, List<String> args, List<String> patterns) {
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> Providers.driver(agent(provider, args, Output.TEXT, patterns)));
    assertTrue(refused.getMessage().contains(part), refused.getMessage());
  }

  @Test
  void a_template_makes_one_argument_or_none_of_each_element() {
    AgentDriver driver =
        Providers.driver(
            agent(
                "command",
                List.of(
                    "{{json}}",
                    "{resume?--session {session} -q}",
                    "{fresh?--new}",
                    "{model?-m {model}}",
                    "--dir={workspace}",
                    "x{resume?-again}",
                    "--",
                    "{prompt}"),
                Output.TEXT,
                List.of()));
    assertFalse(driver.choosesSession());
    assertEquals(
        List.of("always", "{json}", "--new", "--dir=/w w", "x", "--", "a b"),
        driver
            .commandLine(new AgentCall(SessionStart.FRESH, null, "a b", null, "/w w"))
            .arguments());
    assertEquals(
        List.of(
            "always",
            "{json}",
            "--session",
            "s 1".replace(" ", ""),
            "-q",
            "-m",
            "big one",
            "--dir=/w",
            "x-again",
            "--",
            "{session}"),
        driver
            .commandLine(
                new AgentCall(
                    SessionStart.RESUME, new SessionId("s1"), "{session}", "big one", "/w"))
            .arguments());
    assertTrue(
        Providers.driver(agent("command", List.of("{session}", "{prompt}"), null, List.of()))
            .choosesSession());
    CommandLine stdin =
        Providers.driver(agent("command", List.of("run"), null, List.of()))
            .commandLine(new AgentCall(SessionStart.FRESH, null, "-hello", null, "/w"));
    assertEquals("-hello", stdin.stdin());
  }
}
