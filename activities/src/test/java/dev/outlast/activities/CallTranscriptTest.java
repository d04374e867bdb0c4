package dev.outlast.activities;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.Providers;
import dev.outlast.activities.transcript.GatedTranscripts;
import dev.outlast.activities.transcript.TranscriptContext;
import dev.outlast.activities.transcript.TranscriptKind;
import dev.outlast.activities.transcript.TranscriptRecord;
import dev.outlast.activities.transcript.TranscriptStore;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import dev.outlast.agent.TranscriptReference;
import io.temporal.failure.ApplicationFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is in the transcript of a call, and when. */
@Timeout(180)
class CallTranscriptTest {

  private static final SessionId SESSION = new SessionId("s-1");

  @TempDir Path folder;
  private final ScriptedContext context = new ScriptedContext();
  private ScriptedAgent agent;
  private AgentHost host;

  private AgentOutcome make(AgentDefinition definition, SessionStart start, SessionId session) {
    Call call =
        new Call(
            context.proxy(),
            new Lifeline(context.proxy()),
            new Call.Setting(
                host,
                definition,
                "work",
                Providers.driver(definition),
                agent.script,
                agent.folder,
                ChildEnvironment.of(host, definition, host.accounts().get("work")),
                new AgentVersions(),
                AgentRegistry.open(folder),
                new TranscriptContext(definition.provider(), null, "run-1", 1, 1, 1)),
            new Call.Bounds(Duration.ofMinutes(1), Duration.ofMinutes(1), () -> false, () -> false),
            agent.claim(),
            any -> null,
            null,
            Clock.systemUTC());
    return call.make(
        new AgentCall(start, session, "the task", null, agent.folder.toString()), false);
  }

  private AgentOutcome claude(String body, AccountDefinition... accounts) throws IOException {
    agent = new ScriptedAgent(folder, body);
    host = agent.host(accounts);
    return make(agent.definition(), SessionStart.FRESH, SESSION);
  }

  private List<TranscriptRecord> read(TranscriptReference claim) throws IOException {
    TranscriptStore store = host.transcripts();
    List<TranscriptRecord> records = new ArrayList<>();
    store.retrieve(claim, records::add);
    return records;
  }

  private static List<TranscriptKind> kinds(List<TranscriptRecord> records) {
    return records.stream().map(TranscriptRecord::kind).toList();
  }

  @Test
  void the_prompt_is_in_the_transcript_before_the_agent_runs() throws IOException {
    AgentOutcome outcome =
        claude("grep -q 'the task' transcripts/claude/s-1/000001.jsonl && init && result found");
    assertEquals("found", assertInstanceOf(AgentOutcome.Completed.class, outcome).text());
  }

  @Test
  void a_call_is_recorded_from_its_beginning_to_its_outcome() throws IOException {
    AgentOutcome.Completed done =
        assertInstanceOf(
            AgentOutcome.Completed.class, claude("init; echo oops >&2; say hello; result done"));
    TranscriptReference claim = done.facts().transcript();
    assertEquals(new TranscriptReference("file", "host-1", "claude/s-1"), claim);
    List<TranscriptRecord> records = read(claim);
    assertEquals(TranscriptKind.OPENED, records.get(0).kind());
    assertEquals("work", records.get(0).data().path("account").asText());
    assertEquals(TranscriptKind.PROMPT, records.get(1).kind());
    assertEquals(
        List.of("oops"),
        records.stream()
            .filter(r -> r.kind() == TranscriptKind.STDERR)
            .map(TranscriptRecord::text)
            .toList());
    assertEquals(3, kinds(records).stream().filter(TranscriptKind.STDOUT::equals).count());
    TranscriptRecord last = records.get(records.size() - 1);
    assertEquals(TranscriptKind.OUTCOME, last.kind());
    assertEquals("completed", last.data().path("kind").asText());
    assertEquals(20, last.data().path("tokens").path("output").asInt());
    assertEquals("run-1", last.run());
  }

  @Test
  void a_limit_and_a_crash_are_in_the_transcript_before_anybody_hears_of_them() throws IOException {
    AgentOutcome.Limited limited =
        assertInstanceOf(AgentOutcome.Limited.class, claude("init; limit 1795233500"));
    List<TranscriptRecord> records = read(limited.facts().transcript());
    TranscriptRecord last = records.get(records.size() - 1);
    assertEquals("limited", last.data().path("kind").asText());
    assertEquals("2026-11-21T03:58:20Z", last.data().path("resetsAt").asText());

    assertThrows(ApplicationFailure.class, () -> claude("init; echo boom >&2; exit 3"));
    records = read(limited.facts().transcript());
    last = records.get(records.size() - 1);
    assertEquals(TranscriptKind.FAILURE, last.kind());
    assertTrue(last.text().contains("boom"), last.text());
  }

  @Test
  void a_disk_that_hangs_keeps_neither_heartbeats_nor_output_nor_the_outcome_back()
      throws IOException {
    agent =
        new ScriptedAgent(
            folder,
            """
            init
            i=0; while [ $i -lt 700 ]; do printf '%010000d\\n' 0; i=$((i+1)); done
            touch all-read
            awaits beaten-twice
            say hello
            result done
            """);
    GatedTranscripts disk =
        new GatedTranscripts(agent.host().transcripts(), entry -> entry.kind().output());
    host = withTranscripts(agent.host(), disk);
    AtomicInteger alive = new AtomicInteger();
    context.whenHeard(
        beat -> {
          if (beat.phase() == InvocationProgress.Phase.WORKING
              && Files.exists(folder.resolve("all-read"))
              && alive.incrementAndGet() == 2) {
            agent.goOn("beaten-twice");
          }
        });
    try {
      AgentOutcome.Completed done =
          assertInstanceOf(
              AgentOutcome.Completed.class, make(agent.definition(), SessionStart.FRESH, SESSION));
      assertEquals("done", done.text());
      assertTrue(Files.exists(folder.resolve("all-read")));
      assertEquals(
          List.of(TranscriptKind.OPENED, TranscriptKind.PROMPT),
          kinds(read(done.facts().transcript())));
    } finally {
      disk.letGo();
    }
  }

  private static AgentHost withTranscripts(AgentHost host, TranscriptStore store) {
    return new AgentHost(
        host.hostId(),
        host.taskQueue(),
        host.agents(),
        host.accounts(),
        host.workspaces(),
        host.defaultWorkspace(),
        host.policy(),
        host.hostPolicy(),
        host.resumeMessage(),
        host.zone(),
        host.drainGrace(),
        host.stateFolder(),
        host.environment(),
        store,
        host.accountPolicy(),
        host.gate(),
        host.quiet());
  }

  @Test
  void no_secret_gets_into_the_transcript() throws IOException {
    AccountDefinition account =
        new AccountDefinition(
            "work", "claude", java.util.Map.of(), java.util.Map.of("KEY", "env:WORK_KEY"));
    claude("init; echo $KEY; echo $KEY >&2; say $KEY; result $KEY", account);
    try (Stream<Path> files = Files.walk(folder.resolve("transcripts"))) {
      List<Path> all = files.filter(Files::isRegularFile).toList();
      assertTrue(all.stream().anyMatch(file -> file.toString().endsWith(".jsonl")));
      for (Path file : all) {
        assertFalse(Files.readString(file).contains("sk-very-secret"), file::toString);
      }
    }
  }

  @Test
  void a_session_that_is_named_late_has_all_of_its_call() throws IOException {
    agent = new ScriptedAgent(folder, "echo thinking; echo '{\"session_id\":\"late-1\"}'");
    AgentDefinition command =
        AgentDefinition.newBuilder("mine", "command")
            .setCommand(List.of(agent.script.toString()))
            .setArgs(List.of("{prompt}", "{resume?--resume {session}}"))
            .setEnv(List.of("PATH"))
            .setAccount("work")
            .setOutput(AgentDefinition.Output.JSON)
            .build();
    host = agent.host(command, Duration.ofMillis(500));
    AgentOutcome.Completed first =
        assertInstanceOf(AgentOutcome.Completed.class, make(command, SessionStart.FRESH, null));
    assertEquals("command/late-1", first.facts().transcript().key());
    AgentOutcome.Completed second =
        assertInstanceOf(
            AgentOutcome.Completed.class,
            make(command, SessionStart.RESUME, first.facts().session()));
    assertEquals(first.facts().transcript(), second.facts().transcript());
    List<TranscriptRecord> records = read(second.facts().transcript());
    assertEquals(
        List.of("the task", "the task"),
        records.stream()
            .filter(r -> r.kind() == TranscriptKind.PROMPT)
            .map(TranscriptRecord::text)
            .toList());
    assertEquals(List.of(second.facts().transcript()), host.transcripts().ofRun("run-1"));
    long next = 1;
    for (TranscriptRecord record : records) {
      assertEquals(next, record.seq());
      next++;
    }
  }
}
