package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AgentActivitiesImpl;
import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.AgentHost;
import dev.outlast.activities.gate.OpenGates;
import dev.outlast.activities.transcript.FileTranscripts;
import dev.outlast.activities.transcript.TranscriptLimits;
import dev.outlast.agent.AgentActivities;
import dev.outlast.agent.AgentInvocation;
import dev.outlast.agent.AgentOutcome;
import dev.outlast.agent.InvocationProgress;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import io.temporal.activity.ActivityOptions;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.testing.TestActivityEnvironment;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whatever an agent prints, through the whole of an activity, in a JVM of 128 MB. */
@Timeout(2_400)
class HostileOutputTest {

  /**
   * Prints what its first line says where, then all kinds of what nobody should print, and in the
   * end what an agent prints that is done. It never reads its standard input.
   */
  private static final String AGENT =
      """
      #!/bin/sh
      case "$*" in
        *--version*) printf '1.2.3\\033[2J\\n'; exit 0 ;;
        session*) yes '[' | head -c 1000000; exit 0 ;;
      esac
      here=$(cd "$(dirname "$0")" && pwd)
      controls='\\033[2J\\033]0;owned\\007\\302\\233 1m \\342\\200\\256 \\342\\200\\213 \\000 \\001 \\177\\r'
      junk() {
        printf "plain $controls\\n"
        printf '\\377\\376\\300\\200 \\355\\240\\200 \\n'
        printf '{"type":"\\377\\300","text":"\\001"}\\n'
        head -c 100000 /dev/zero | tr '\\000' '['; echo
        yes '{"a":' | head -n 100000 | tr -d '\\n'; echo
        head -c 100000 /dev/zero; echo
      }
      cat "$here/opening"
      junk
      junk >&2
      cat "$here/hostile"
      yes x | head -n $(cat "$here/lines")
      yes '{"type":"x"}' | head -n 300000
      head -c $(cat "$here/bytes") /dev/zero | tr '\\000' 'a'; echo
      head -c 10000000 /dev/zero | tr '\\000' 'a' >&2
      junk
      cat "$here/end"
      """;

  /** As it stands within quotation marks; half a surrogate pair among it. */
  private static final String HOSTILE =
      "\\u001b[31mred\\u001b]8;;http://x\\u0007 \\u009b1m \\u202e\\u2066\\u200b \\ud83d \\u0000 end";

  @TempDir Path folder;

  @Test
  void hostile_output_is_survived_in_little_memory_and_the_answer_is_right()
      throws IOException, InterruptedException {
    Process jvm =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-XX:+ExitOnOutOfMemoryError",
                "-cp",
                System.getProperty("java.class.path"),
                Agents.class.getName(),
                folder.toRealPath().toString())
            .redirectErrorStream(true)
            .start();
    String output = new String(jvm.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, jvm.waitFor(), output);
    String expected =
        Arrays.stream(Wire.values())
            .filter(Wire::known)
            .map(wire -> wire + ": the good answer")
            .collect(Collectors.joining("\n"));
    String said =
        output.lines().filter(line -> line.contains(": the")).collect(Collectors.joining("\n"));
    assertEquals(expected, said, output);
    assertTrue(
        output.codePoints().noneMatch(HostileOutputTest::hostile),
        () -> "the log has what a terminal obeys: " + output);
  }

  private static boolean hostile(int c) {
    int type = Character.getType(c);
    return c != '\n'
        && c != '\t'
        && (type == Character.CONTROL || type == Character.FORMAT || type == Character.SURROGATE);
  }

  /** Started in a small JVM of its own. */
  static final class Agents {

    private static final SessionId SESSION = new SessionId("0b1e6a3e-8a5c-4a55-9d55-0f3a5a1c2b3d");

    public static void main(String[] args) throws IOException {
      for (Wire wire : Wire.values()) {
        if (wire.known()) {
          Path folder = Files.createDirectories(Path.of(args[0], wire.name()));
          long began = System.nanoTime();
          System.out.println(wire + ": " + answer(wire, folder));
          System.out.println((System.nanoTime() - began) / 1_000_000 + " ms");
        }
      }
      System.exit(0);
    }

    private static String answer(Wire wire, Path folder) throws IOException {
      Path agent = Files.writeString(folder.resolve("agent"), AGENT);
      if (!agent.toFile().setExecutable(true)) {
        throw new IOException("cannot make " + agent + " executable");
      }
      // The whole way is the same for all; each reader is given as much in a test of its own.
      boolean all = wire == Wire.CLAUDE || wire == Wire.COMMAND;
      write(folder.resolve("lines"), all ? "10000000" : "100000");
      write(folder.resolve("bytes"), all ? "1000000000" : "10000000");
      Files.write(folder.resolve("opening"), wire.idle(1, 0));
      write(folder.resolve("hostile"), wire.message(1, HOSTILE) + wire.tool(1, HOSTILE, HOSTILE));
      write(folder.resolve("end"), wire.end("the good answer " + HOSTILE));

      List<InvocationProgress> heartbeats = new CopyOnWriteArrayList<>();
      AgentActivitiesImpl activities =
          new AgentActivitiesImpl(
              host(wire, agent, folder), () -> true, host -> null, new OpenGates());
      TestActivityEnvironment temporal = TestActivityEnvironment.newInstance();
      temporal.registerActivitiesImplementations(activities);
      temporal.setActivityHeartbeatListener(InvocationProgress.class, heartbeats::add);
      AgentOutcome outcome =
          temporal
              .newActivityStub(
                  AgentActivities.class,
                  ActivityOptions.newBuilder()
                      .setScheduleToCloseTimeout(Duration.ofMinutes(20))
                      .setHeartbeatTimeout(Duration.ofSeconds(30))
                      .build())
              .invokeAgent(
                  AgentInvocation.newBuilder(1, 1, "agent", SessionStart.FRESH, "do it")
                      .setSession(SESSION)
                      .setResumeMessage("go on")
                      .setInvocationTimeout(Duration.ofMinutes(20))
                      .setSilenceTimeout(Duration.ofMinutes(20))
                      .build());
      temporal.close();
      if (heartbeats.stream().anyMatch(Agents::hostileProgress)) {
        return "a heartbeat is hostile: " + heartbeats;
      }
      // What the server would be sent, and a client would be given of it.
      AgentOutcome sent =
          DefaultDataConverter.newDefaultInstance()
              .fromPayload(
                  DefaultDataConverter.newDefaultInstance().toPayload(outcome).orElseThrow(),
                  AgentOutcome.class,
                  AgentOutcome.class);
      String answer = "the good answer";
      return sent instanceof AgentOutcome.Completed completed && completed.text().contains(answer)
          ? answer
          : outcome.toString();
    }

    private static boolean hostileProgress(InvocationProgress progress) {
      return progress.toString().codePoints().anyMatch(HostileOutputTest::hostile);
    }

    private static void write(Path file, String text) throws IOException {
      Files.writeString(file, text.replace("SESSION", SESSION.value()));
    }

    private static AgentHost host(Wire wire, Path agent, Path folder) {
      AgentDefinition definition =
          AgentDefinition.newBuilder("agent", wire.provider())
              .setCommand(List.of(agent.toString()))
              .setArgs(wire == Wire.COMMAND ? List.of("{prompt}") : List.of())
              .setOutput(wire == Wire.COMMAND ? AgentDefinition.Output.JSON : null)
              .setEnv(List.of("PATH", "HOME"))
              .build();
      return AgentHost.newBuilder("host-1", folder, folder)
          .setAgents(Map.of("agent", definition))
          .setZone(ZoneOffset.UTC)
          .setEnvironment(Map.of("PATH", System.getenv("PATH"), "HOME", folder.toString()))
          .setTranscripts(
              new FileTranscripts(
                  folder.resolve("transcripts"), "host-1", TranscriptLimits.DEFAULT))
          .build();
    }
  }
}
