package dev.outlast.activities.provider.copilot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.process.OutputLine;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.Conclusion;
import dev.outlast.activities.provider.OutputReader;
import dev.outlast.activities.provider.SessionFile;
import dev.outlast.activities.provider.Surroundings;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.TokenUsage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the file of a session adds. The records are in the form of version 1.0.102. */
class SessionEventsTest {

  private static final Instant NOW = Instant.parse("2026-11-21T10:00:00Z");
  private static final SessionId SESSION = new SessionId("3f2b6c1e-0d4a-4e57-9a61-5b7f0c2d8e11");
  private static final TokenUsage ONE = new TokenUsage(120, 9, 20, 1000, 300);

  private static final String START =
      event(
          "session.start",
          "{\"sessionId\":\""
              + SESSION
              + "\",\"version\":1,\"producer\":\"copilot-agent\",\"copilotVersion\":\"1.0.102\","
              + "\"startTime\":\"2026-11-21T08:44:14.401Z\",\"selectedModel\":\"gpt-5\","
              + "\"context\":{\"cwd\":\"/home/dev/project\"},\"alreadyInUse\":false}");
  private static final String RESUME =
      event(
          "session.resume",
          "{\"resumeTime\":\"2026-11-21T08:44:15.630Z\",\"eventCount\":14,"
              + "\"eventsFileSizeBytes\":32842,\"selectedModel\":\"gpt-5\",\"sessionWasActive\":false}");
  private static final String ASKED = event("user.message", "{\"content\":\"do it\"}");
  private static final String REQUEST =
      event(
          "session.usage_record",
          "{\"usage\":{\"model\":\"gpt-5\",\"inputTokens\":1420,\"outputTokens\":29,"
              + "\"cacheReadTokens\":1000,\"cacheWriteTokens\":300,\"reasoningTokens\":20,\"cost\":0.0,"
              + "\"duration\":17,\"initiator\":\"user\",\"finishReason\":\"stop\"}}");
  private static final String ANSWER =
      event("assistant.message", "{\"content\":\"Done.\",\"toolRequests\":[],\"model\":\"gpt-5\"}");

  @TempDir private Path home;
  private Path file;

  @BeforeEach
  void folders() throws IOException {
    file = folder(home.resolve(".copilot"), SESSION.value()).resolve("events.jsonl");
  }

  private static Path folder(Path state, String session) throws IOException {
    return Files.createDirectories(state.resolve("session-state").resolve(session));
  }

  private static String event(String type, String data) {
    return "{\"type\":\""
        + type
        + "\",\"data\":"
        + data
        + ",\"id\":\"938f501c-b094-4802-a19a-9d43864058d9\","
        + "\"timestamp\":\"2026-11-21T08:44:14.421Z\",\"parentId\":null}";
  }

  /** The last record of a process that counts this many requests, each as {@link #ONE}. */
  private static String end(int requests) {
    String metrics =
        requests == 0
            ? "{}"
            : "{\"gpt-5\":{\"requests\":{\"count\":%1$d,\"cost\":0},\"usage\":{\"inputTokens\":%2$d,\"outputTokens\":%3$d,\"cacheReadTokens\":%4$d,\"cacheWriteTokens\":%5$d,\"reasoningTokens\":%6$d},\"totalNanoAiu\":0}}"
                .formatted(
                    requests,
                    1420 * requests,
                    29 * requests,
                    1000 * requests,
                    300 * requests,
                    20 * requests);
    return event(
        "session.shutdown",
        "{\"shutdownType\":\"routine\",\"totalPremiumRequests\":0,\"modelMetrics\":"
            + metrics
            + ",\"currentModel\":\"gpt-5\"}");
  }

  private static TokenUsage times(int requests) {
    TokenUsage sum = TokenUsage.NONE;
    for (int i = 0; i < requests; i++) {
      sum = sum.plus(ONE);
    }
    return sum;
  }

  private static AgentDriver driver() {
    return new CopilotProvider().driver(AgentDefinition.newBuilder("mine", "copilot").build());
  }

  private static OutputReader reader(Map<String, String> environment, String... lines) {
    OutputReader reader =
        driver()
            .reader(
                new Surroundings(ZoneOffset.UTC, environment, null),
                new AgentCall(SessionStart.RESUME, SESSION, "go on", null, "/home/dev/project"));
    for (String line : lines) {
      reader.stdout(new OutputLine(line.getBytes(StandardCharsets.UTF_8), false), NOW);
    }
    return reader;
  }

  private OutputReader killed() {
    OutputReader reader = reader(Map.of("HOME", home.toString()), ASKED);
    reader.conclude(137, NOW);
    return reader;
  }

  private TokenUsage used(String... records) throws IOException {
    Files.write(file, List.of(records));
    return killed().facts().tokens();
  }

  @Test
  void a_call_has_used_what_its_own_requests_have() throws IOException {
    assertEquals(
        times(2), used(START, ASKED, REQUEST, ANSWER, REQUEST, ANSWER, end(2)), "the first");
    assertEquals(
        times(1),
        used(START, REQUEST, ANSWER, REQUEST, ANSWER, end(2), RESUME, REQUEST, ANSWER, end(3)),
        "the second");
    assertEquals(
        TokenUsage.NONE,
        used(START, ASKED, REQUEST, ANSWER, end(1), RESUME, ASKED, end(1)),
        "refused at once");
    assertEquals(TokenUsage.NONE, used(START, ASKED, end(0)), "refused in a new session");
  }

  @Test
  void a_killed_call_has_used_what_it_had_until_then() throws IOException {
    assertEquals(times(2), used(START, ASKED, REQUEST, ANSWER, REQUEST));
    assertEquals(times(1), used(START, REQUEST, REQUEST, RESUME, REQUEST, ANSWER, end(3)));
  }

  /** As of 1.0.80, whose totals are the session's, and 1.0.40, whose totals are the process's. */
  @Test
  void without_records_of_requests_the_totals_tell_it() throws IOException {
    assertEquals(times(1), used(START, ANSWER, end(1)));
    assertEquals(times(2), used(START, ANSWER, end(1), RESUME, ANSWER, ANSWER, end(3)));
    assertEquals(times(2), used(START, ANSWER, end(1), RESUME, ANSWER, ANSWER, end(2)));
    assertEquals(TokenUsage.NONE, used(START, ANSWER, end(1), RESUME, end(1)));
    assertEquals(TokenUsage.NONE, used(START, ANSWER, end(1), RESUME, end(0)));
    assertEquals(
        times(1), used(START, ANSWER, end(1), RESUME, ANSWER, RESUME, ANSWER, end(2)), "a kill");
  }

  @Test
  void the_version_is_known_of_a_session_that_this_call_began() throws IOException {
    Files.write(file, List.of(START, ASKED));
    assertEquals("1.0.102", killed().facts().agentVersion());
    Files.write(file, List.of(START, ASKED, RESUME, ASKED));
    assertNull(killed().facts().agentVersion(), "another version may have resumed it");
  }

  @Test
  void the_session_that_the_output_names_is_read_in_the_home_that_the_agent_has()
      throws IOException {
    String other = "9d1c7a52-6f0e-4b83-8d24-1f5e3c7b9a60";
    Path state = home.resolve("state");
    Files.write(folder(state, other).resolve("events.jsonl"), List.of(START, REQUEST, end(1)));
    OutputReader reader =
        reader(
            Map.of("HOME", home.toString(), "COPILOT_HOME", state.toString()),
            ASKED,
            ANSWER,
            "{\"type\":\"result\",\"sessionId\":\"" + other + "\",\"exitCode\":0,\"usage\":{}}");
    assertEquals(TokenUsage.NONE, reader.facts().tokens());
    assertInstanceOf(Conclusion.Completed.class, reader.conclude(0, NOW));
    assertEquals(ONE, reader.facts().tokens());
  }

  @Test
  void nothing_is_read_of_another_call_or_for_recorded_output() throws IOException {
    Files.write(file, List.of(START, ASKED, REQUEST, ANSWER, end(1)));
    OutputReader silent = reader(Map.of("HOME", home.toString()));
    silent.conclude(1, NOW);
    assertEquals(TokenUsage.NONE, silent.facts().tokens(), "it has not got as far as the session");
    OutputReader recorded = reader(Map.of(), ASKED);
    recorded.conclude(137, NOW);
    assertEquals(TokenUsage.NONE, recorded.facts().tokens());
    assertNull(recorded.facts().agentVersion());
    for (String id : List.of("..", ".", "../session-state/" + SESSION, home + "/x", "a/../..")) {
      OutputReader path =
          reader(
              Map.of("HOME", home.toString()),
              ASKED,
              "{\"type\":\"result\",\"sessionId\":\"" + id + "\",\"exitCode\":1}");
      Files.write(home.resolve(".copilot/events.jsonl"), List.of(START, REQUEST));
      Files.write(home.resolve(".copilot/session-state/events.jsonl"), List.of(START, REQUEST));
      Files.write(
          Files.createDirectories(home.resolve("x")).resolve("events.jsonl"),
          List.of(START, REQUEST));
      path.conclude(1, NOW);
      boolean sameFolder = id.endsWith("/" + SESSION);
      assertEquals(sameFolder ? ONE : TokenUsage.NONE, path.facts().tokens(), id);
    }
  }

  @Test
  void what_cannot_be_read_changes_nothing() throws IOException {
    OutputReader noFile = killed();
    assertEquals(TokenUsage.NONE, noFile.facts().tokens());
    Files.createDirectory(file);
    assertEquals(noFile.facts(), killed().facts(), "a folder");
    Files.delete(file);
    Files.createSymbolicLink(file, Path.of("/dev/zero"));
    assertEquals(noFile.facts(), killed().facts(), "a device without end");
    Files.delete(file);
    byte[] good =
        String.join("\n", START, REQUEST, ANSWER, end(1), RESUME, REQUEST, end(2))
            .getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < 500; i++) {
      SplittableRandom random = new SplittableRandom(i);
      byte[] bytes = good.clone();
      for (int k = random.nextInt(20); k >= 0; k--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      Files.write(file, bytes);
      OutputReader reader = reader(Map.of("HOME", home.toString()), ASKED);
      assertInstanceOf(Conclusion.Failed.class, reader.conclude(1, NOW), "seed " + i);
    }
  }

  @Test
  void only_the_end_of_a_long_file_is_read() throws IOException {
    Files.write(file, List.of(START, REQUEST));
    List<String> last = List.of("", REQUEST, ANSWER, REQUEST, "");
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      byte[] end = String.join("\n", last).getBytes(StandardCharsets.UTF_8);
      channel.write(ByteBuffer.wrap(end), SessionFile.MAX_TAIL + 10_000);
    }
    OutputReader reader = killed();
    assertEquals(times(2), reader.facts().tokens(), "what the end shows of it");
    assertNull(reader.facts().agentVersion(), "too far back");
  }
}
