package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AgentActivitiesImpl;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.AgentHost;
import dev.outlast.activities.gate.OpenGates;
import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.transcript.FileTranscripts;
import dev.outlast.activities.transcript.TranscriptLimits;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import io.temporal.activity.ActivityOptions;
import io.temporal.common.RetryOptions;
import io.temporal.failure.ActivityFailure;
import io.temporal.failure.ApplicationFailure;
import io.temporal.testing.TestActivityEnvironment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What a user says reaches each agent's program as it is, through a whole activity, and nothing
 * that it holds is obeyed on the way.
 */
@Timeout(300)
class UnalteredPromptTest {

  /** Keeps what it is called with, one file for each argument and one for standard input. */
  private static final String AGENT =
      """
      #!/bin/sh
      case "$*" in *--version*) exit 0 ;; session*) exit 0 ;; esac
      call=$(mktemp -d "$(dirname "$0")/call-XXXXXX")
      i=0
      for argument in "$@"; do
        printf '%s' "$argument" > "$call/$i"
        i=$((i + 1))
      done
      cat > "$call/stdin"
      exit 9
      """;

  private static final List<String> HOSTILE =
      List.of(
          "-x",
          "--help",
          "--",
          "-",
          "--dangerously-skip-permissions do it",
          "$(touch owned)",
          "`touch owned`",
          "; touch owned; #",
          "\"; touch owned; \"",
          "'; touch owned; '",
          "$HOME ~ * ? [a] {a,b} !! \\ \\n %s %d",
          "two\nlines\r\nand\ttabs\n",
          "\n\n-p leading line feeds",
          "   leading and trailing spaces   ",
          "   ",
          "{prompt} {session} {{}} {resume?x}",
          "review",
          "resume",
          "@file and /command and #tag",
          "\u202eright to left\u2066 zero\u200bwidth \ud83d\ude00 \u00e4\u00df\u4e2d",
          "\u001b[31mred\u0007\u0001",
          "x".repeat(256 * 1024),
          "-" + "y".repeat(99 * 1024));

  /** The models are checked with the request; what gets through there must get through here. */
  private static final String MODEL = "$(touch owned);model'\"`x`";

  @TempDir Path folder;

  private final TestActivityEnvironment temporal = TestActivityEnvironment.newInstance();
  private Path workspace;
  private Path agent;

  enum Provider {
    CLAUDE,
    CODEX,
    GEMINI,
    COPILOT,
    OPENCODE,
    COMMAND
  }

  @BeforeEach
  void anAgentThatKeepsWhatItIsCalledWith() throws IOException {
    workspace = Files.createDirectories(folder.resolve("a b;touch owned $(touch owned)"));
    agent = Files.writeString(folder.resolve("agent"), AGENT);
    assertTrue(agent.toFile().setExecutable(true));
  }

  @AfterEach
  void close() {
    temporal.close();
  }

  private AgentActivities activities(Provider provider) throws IOException {
    String name = provider.name().toLowerCase(java.util.Locale.ROOT);
    AgentDefinition definition =
        AgentDefinition.newBuilder("agent", name)
            .setCommand(List.of(agent.toString()))
            .setEnv(List.of("PATH", "HOME"))
            .build();
    AgentHost host =
        AgentHost.newBuilder("host-1", Files.createDirectories(folder.resolve("state")), workspace)
            .setAgents(Map.of("agent", definition))
            .setZone(ZoneOffset.UTC)
            .setEnvironment(Map.of("PATH", System.getenv("PATH"), "HOME", folder.toString()))
            .setTranscripts(
                new FileTranscripts(
                    folder.resolve("transcripts"), "host-1", TranscriptLimits.DEFAULT))
            .build();
    temporal.registerActivitiesImplementations(
        new AgentActivitiesImpl(host, () -> true, id -> null, new OpenGates()));
    return temporal.newActivityStub(
        AgentActivities.class,
        ActivityOptions.newBuilder()
            .setScheduleToCloseTimeout(Duration.ofMinutes(1))
            .setRetryOptions(RetryOptions.newBuilder().setMaximumAttempts(1).build())
            .build());
  }

  private static AgentInvocation invocation(SessionStart start, String message, String model) {
    return AgentInvocation.newBuilder(1, 1, "agent", start, message)
        .setModel(model)
        .setSession(new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d"))
        .setResumeMessage("go on")
        .setInvocationTimeout(Duration.ofMinutes(1))
        .setSilenceTimeout(Duration.ofMinutes(1))
        .build();
  }

  /** Each thing that the only call was given. */
  private List<String> given() throws IOException {
    List<String> given = new ArrayList<>();
    try (Stream<Path> calls = Files.list(folder)) {
      for (Path call : (Iterable<Path>) calls.filter(this::isCall)::iterator) {
        try (Stream<Path> files = Files.list(call)) {
          for (Path file : (Iterable<Path>) files.sorted()::iterator) {
            given.add(Files.readString(file, StandardCharsets.UTF_8));
            Files.delete(file);
          }
        }
        Files.delete(call);
      }
    }
    return given;
  }

  private boolean isCall(Path file) {
    return file.getFileName().toString().startsWith("call-");
  }

  private void nothingWasObeyed() throws IOException {
    try (Stream<Path> left = Files.walk(folder)) {
      assertFalse(left.anyMatch(file -> file.getFileName().toString().equals("owned")));
    }
  }

  @ParameterizedTest
  @EnumSource
  void a_message_reaches_the_program_as_it_is(Provider provider) throws IOException {
    AgentActivities activities = activities(provider);
    for (SessionStart start : List.of(SessionStart.FRESH, SessionStart.RESUME)) {
      List<String> messages =
          start == SessionStart.FRESH
              ? HOSTILE
              : List.of("-x", "$(touch owned)", "resume", "'\n\"");
      for (String message : messages) {
        assertThrows(
            ActivityFailure.class, () -> activities.invokeAgent(invocation(start, message, MODEL)));
        List<String> given = given();
        // Short ones may be the program's own words too.
        long times = given.stream().filter(message::equals).count();
        assertTrue(
            times == 1 || times > 1 && message.length() < 8,
            () -> provider + " " + start + " " + PlainText.head(message, 80) + ": " + times);
        if (message.startsWith("-") && message.length() > 1) {
          assertEquals(message, given.get(given.size() - 1), "else it could be an option");
        }
        if (provider != Provider.COMMAND) {
          assertTrue(given.contains(MODEL), given::toString);
        }
      }
    }
    nothingWasObeyed();
  }

  /** What no program can be given as it is. */
  @ParameterizedTest
  @EnumSource
  void a_text_that_cannot_be_passed_on_is_refused_with_its_reason(Provider provider)
      throws IOException {
    AgentActivities activities = activities(provider);
    Map<AgentInvocation, String> refused = new LinkedHashMap<>();
    refused.put(invocation(SessionStart.FRESH, "half \ud83d of it", null), "half a surrogate pair");
    refused.put(
        invocation(SessionStart.FRESH, "-half \ude00 of it", null), "half a surrogate pair");
    if (provider != Provider.COMMAND) {
      refused.put(invocation(SessionStart.FRESH, "do it", "a\0b"), "NUL");
    }
    refused.forEach(
        (invocation, reason) -> {
          ActivityFailure failure =
              assertThrows(ActivityFailure.class, () -> activities.invokeAgent(invocation));
          ApplicationFailure cause = assertInstanceOf(ApplicationFailure.class, failure.getCause());
          assertTrue(cause.isNonRetryable(), cause::getOriginalMessage);
          assertTrue(cause.getOriginalMessage().contains(reason), cause::getOriginalMessage);
        });
    assertEquals(List.of(), given(), "nothing was started");
  }

  @Test
  void an_argument_with_a_nul_is_refused_by_name() {
    AgentDriver driver =
        Providers.driver(
            AgentDefinition.newBuilder("mine", "command").setArgs(List.of("{prompt}")).build());
    AgentCall call = new AgentCall(SessionStart.FRESH, null, "a\0b", null, "/w");
    String message =
        assertThrows(IllegalArgumentException.class, () -> driver.commandLine(call)).getMessage();
    assertTrue(message.startsWith("prompt: ") && message.contains("NUL"), message);
  }
}
