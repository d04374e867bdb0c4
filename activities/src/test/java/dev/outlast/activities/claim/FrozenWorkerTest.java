package dev.outlast.activities.claim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentProcess;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.process.ProcessSpec;
import dev.outlast.agent.SessionId;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A real worker process is stopped at a point, another one takes its run over, and the first one
 * goes on. The agents themselves say whether they met.
 */
@Timeout(180)
class FrozenWorkerTest {

  private static final SessionId SESSION = new SessionId("s-1");

  /** What an agent does: it says when it begins and ends, and whether another one is there. */
  private static final String AGENT =
      """
      trap 'echo "ends $0" >> ledger; rmdir lock; kill $!; exit' INT TERM
      mkdir lock || echo CLASH >> ledger
      echo "begins $0" >> ledger
      sleep 600 & wait
      """;

  /** Before what a worker is stopped. */
  enum Point {
    CLAIM,
    RECORD,
    LOOK,
    LETTING_GO,
    REPORT
  }

  @TempDir Path folder;

  private static Claimant attempt(int number) {
    return new Claimant(
        "default", new AgentOwner("run", "execution", "activity", number), 1, number);
  }

  private static Answer claim(ClaimTable claims, Path folder, int attempt) throws IOException {
    return claims.take(attempt(attempt), "claude", List.of(SESSION), folder, true);
  }

  private static AgentProcess held(AgentRegistry registry, Path folder, int attempt)
      throws IOException {
    return registry.start(
        new ProcessSpec(
            List.of("/bin/sh", "-c", AGENT, "attempt-" + attempt),
            folder,
            Map.of("PATH", System.getenv("PATH")),
            null),
        attempt(attempt).owner(),
        SESSION.value(),
        folder.toString(),
        line -> {},
        line -> {});
  }

  private List<String> ledger() throws IOException {
    Path ledger = folder.resolve("ledger");
    return Files.exists(ledger) ? Files.readAllLines(ledger) : List.of();
  }

  private void awaitInLedger(String line) throws IOException, InterruptedException {
    for (int i = 0; i < 2_400 && !ledger().contains(line); i++) {
      Thread.sleep(25);
    }
    assertTrue(ledger().contains(line), line + " is not in " + ledger());
  }

  private static void signal(String name, long pid) throws IOException, InterruptedException {
    assertEquals(0, new ProcessBuilder("kill", "-" + name, "" + pid).start().waitFor());
  }

  @ParameterizedTest
  @EnumSource(Point.class)
  void a_worker_that_was_stopped_and_goes_on_never_has_an_agent_beside_the_retrys(Point point)
      throws IOException, InterruptedException {
    Path real = folder.toRealPath();
    Process frozen =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Worker.class.getName(),
                real.toString(),
                point.name())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (BufferedReader says = frozen.inputReader();
        BufferedWriter told = frozen.outputWriter();
        AgentRegistry registry = AgentRegistry.open(real)) {
      assertEquals("stop me", Worker.line(says));
      if (point == Point.REPORT) {
        awaitInLedger("begins attempt-1");
      }
      signal("STOP", frozen.pid());

      ClaimTable claims = ClaimTable.of(real, registry, Clock.systemUTC());
      try (HeldClaim claim =
          assertInstanceOf(Answer.Granted.class, claim(claims, real, 2)).claim()) {
        AgentProcess agent = held(registry, real, 2);
        assertTrue(claim.isOurs());
        agent.release();
        awaitInLedger("begins attempt-2");

        signal("CONT", frozen.pid());
        told.write("go on\n");
        told.flush();
        assertEquals(point == Point.CLAIM ? "refused" : "claim gone", Worker.line(says));
        assertTrue(frozen.waitFor(1, TimeUnit.MINUTES));

        assertFalse(agent.awaitExit(Duration.ofMillis(200)), "the retry's agent was ended");
        assertTrue(claim.isOurs());
        agent.end();
      }
      assertEquals(
          point == Point.REPORT
              ? List.of("begins attempt-1", "ends attempt-1", "begins attempt-2", "ends attempt-2")
              : List.of("begins attempt-2", "ends attempt-2"),
          ledger());
    } finally {
      frozen.destroyForcibly().waitFor();
    }
  }

  /** Takes the steps of an invocation in their order, and waits at one point to be stopped. */
  static final class Worker {

    private static Point point;
    private static BufferedReader told;

    private Worker() {}

    /** A line of a worker's own; a JVM may print others. */
    static String line(BufferedReader says) throws IOException {
      String line = says.readLine();
      while (line != null && !line.startsWith("> ")) {
        line = says.readLine();
      }
      return line == null ? "nothing" : line.substring(2);
    }

    private static void before(Point next) throws IOException {
      if (next == point) {
        System.out.println("> stop me");
        told.readLine();
      }
    }

    public static void main(String[] args) throws Exception {
      Path folder = Path.of(args[0]);
      point = Point.valueOf(args[1]);
      told = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      try (AgentRegistry registry = AgentRegistry.open(folder)) {
        ClaimTable claims = ClaimTable.of(folder, registry, Clock.systemUTC());
        before(Point.CLAIM);
        if (!(claim(claims, folder, 1) instanceof Answer.Granted granted)) {
          System.out.println("> refused");
          return;
        }
        try (HeldClaim claim = granted.claim()) {
          before(Point.RECORD);
          AgentProcess agent = held(registry, folder, 1);
          try {
            before(Point.LOOK);
            if (claim.isOurs()) {
              before(Point.LETTING_GO);
              try {
                agent.release();
              } catch (IOException ended) {
                System.err.println("not let go: " + ended);
              }
              before(Point.REPORT);
            }
          } finally {
            agent.end();
          }
          System.out.println(claim.isOurs() ? "> still ours" : "> claim gone");
        }
      }
    }
  }
}
