package dev.outlast.activities.claim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentProcess;
import dev.outlast.activities.process.AgentRecord;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.process.ProcessSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A worker in a namespace of process ids of its own, as in a container, on our state folder. */
@Timeout(180)
class ContainersTest {

  /** What becomes the first process of a new namespace; the second way is for other users. */
  private static final List<List<String>> WAYS =
      List.of(
          List.of("unshare", "--pid", "--fork", "--mount-proc"),
          List.of("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"));

  /** Five seconds to end by themselves, five more, and a busy host. */
  private static final Duration SWITCH = Duration.ofSeconds(15);

  @TempDir Path temporary;

  private final List<Process> containers = new ArrayList<>();
  private Path folder;
  private AgentRegistry registry;
  private ClaimTable claims;

  @BeforeEach
  void open() throws IOException {
    folder = temporary.toRealPath();
    registry = AgentRegistry.open(folder);
    claims = ClaimTable.of(folder, registry, Clock.systemUTC());
  }

  @AfterEach
  void close() throws InterruptedException {
    for (Process container : containers) {
      kill(container);
    }
    registry.close();
  }

  private static List<String> unshare() throws IOException, InterruptedException {
    for (List<String> way : WAYS) {
      List<String> command = new ArrayList<>(way);
      command.add("true");
      try {
        if (new ProcessBuilder(command).start().waitFor() == 0) {
          return way;
        }
      } catch (IOException none) {
        assumeTrue(false, "needs unshare (util-linux): " + none.getMessage());
      }
    }
    assumeTrue(false, "this process may not make namespaces of process ids");
    return List.of();
  }

  /** Starts a worker in a namespace of its own; returns what it says at first. */
  private String container(String run) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(unshare());
    command.addAll(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            Worker.class.getName(),
            folder.toString(),
            run));
    Process container =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    containers.add(container);
    return FrozenWorkerTest.Worker.line(container.inputReader());
  }

  /** With its first process the whole namespace ends, for which {@code unshare} waits. */
  private static void kill(Process container) throws InterruptedException {
    container.children().forEach(ProcessHandle::destroyForcibly);
    container.waitFor();
  }

  private static Claimant attempt(String run) {
    return new Claimant("default", new AgentOwner(run, "execution-" + run, "1", 1), 1, 1);
  }

  private Answer claim(String run) throws IOException {
    return claims.take(attempt(run), "claude", List.of(), folder, true);
  }

  private int beats() throws IOException {
    Path beats = folder.resolve("beats");
    return Files.exists(beats) ? Files.readAllLines(beats).size() : 0;
  }

  private void assertBeats() throws IOException, InterruptedException {
    int before = beats();
    for (int i = 0; i < 2_400 && beats() == before; i++) {
      Thread.sleep(25);
    }
    assertTrue(beats() > before, "the agent has ended");
  }

  @Test
  void a_worker_of_another_container_is_not_taken_for_dead() throws Exception {
    assertEquals("works", container("run"));
    AgentRecord theirs = registry.records().get(0);
    assertFalse(theirs.worker().lives(), "by its process id it cannot be told");

    assertTrue(registry.lives(theirs.worker()));
    assertTrue(registry.runs(theirs));
    assertEquals(
        new Answer.Busy(Answer.Busy.What.WORKSPACE, "run"),
        assertInstanceOf(Answer.Busy.class, claim("other")));
    UncheckedIOException refused = assertThrows(UncheckedIOException.class, registry::reap);
    assertTrue(refused.getMessage().startsWith(folder + ": is in use by worker 1 of another"));
    assertTrue(refused.getMessage().contains("state folder of its own"), refused.getMessage());
    assertThrows(IOException.class, () -> held(registry, folder, "other"));

    assertEquals(List.of(theirs), registry.records());
    assertBeats();
  }

  @Test
  void a_container_is_refused_where_a_worker_lives_that_it_cannot_see() throws Exception {
    registry.reap();
    String said = container("run");
    assertTrue(
        said.startsWith(
            "refused " + folder + ": is in use by worker " + ProcessHandle.current().pid()),
        said);
    assertEquals(List.of(), registry.records());
  }

  @Test
  void what_a_container_that_is_gone_has_left_is_free_when_its_agents_must_have_ended()
      throws Exception {
    assertEquals("works", container("run"));
    kill(containers.get(0));
    long began = System.nanoTime();
    assertEquals(0, registry.reap());
    Duration took = Duration.ofNanos(System.nanoTime() - began);
    assertTrue(took.compareTo(SWITCH) >= 0, "nobody can see that they have ended: " + took);
    assertEquals(List.of(), registry.records());
    assertInstanceOf(Answer.Granted.class, claim("other"));
    try (Stream<Path> workers = Files.list(folder.resolve("workers"))) {
      assertEquals(2, workers.count(), "the lock of the folder, and ours");
    }
  }

  private static AgentProcess held(AgentRegistry registry, Path folder, String run)
      throws IOException {
    return registry.start(
        new ProcessSpec(
            List.of("/bin/sh", "-c", "while :; do echo >> beats; sleep 0.1; done"),
            folder,
            Map.of("PATH", System.getenv("PATH")),
            null),
        attempt(run).owner(),
        null,
        folder.toString(),
        line -> {},
        line -> {});
  }

  /** Begins as a worker does, and runs an agent for a run until it is killed. */
  static final class Worker {

    private Worker() {}

    public static void main(String[] args) throws IOException {
      Path folder = Path.of(args[0]);
      AgentRegistry registry = AgentRegistry.open(folder);
      try {
        registry.reap();
      } catch (UncheckedIOException e) {
        System.out.println("> refused " + e.getMessage());
        return;
      }
      ClaimTable claims = ClaimTable.of(folder, registry, Clock.systemUTC());
      if (claims.take(attempt(args[1]), "claude", List.of(), folder, true)
          instanceof Answer.Granted) {
        held(registry, folder, args[1]).release();
        System.out.println("> works");
      }
      System.in.read();
    }
  }
}
