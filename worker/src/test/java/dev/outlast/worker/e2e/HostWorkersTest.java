package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.operator.Names;
import dev.outlast.worker.e2e.LedgerAgent.Point;
import dev.outlast.worker.e2e.LedgerAgent.Task;
import dev.outlast.worker.plugin.HostWorkers;
import dev.outlast.worker.plugin.HostWorkers.Seen;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the real server knows of a host's workers. */
@Tag("server")
class HostWorkersTest {

  private static final Duration PATIENCE = Duration.ofSeconds(120);

  /** For the server to notice that a connection is broken: that ends, and notes, its last polls. */
  private static final Duration BROKEN_OFF = Duration.ofSeconds(8);

  @TempDir Path folder;
  @AutoClose private CrashStage stage;

  @Test
  void a_host_is_seen_while_its_only_worker_has_its_hands_full_and_not_after_its_death()
      throws Exception {
    stage = CrashStage.in(folder, 1);
    Program worker = stage.startWorker();
    String host = Files.readString(folder.resolve("state/host-id")).strip();
    Task task = stage.agent().task("busy").hold(Point.SESSION, 1);
    stage.run(task, CrashStage.AGENT);
    task.awaitHeld(Point.SESSION, 1);

    List<Seen> seen = seen(host);
    assertEquals(1, seen.size(), seen::toString);
    assertEquals(worker.pid() + "@" + host, seen.get(0).identity());
    Instant first = seen.get(0).lastSeen();
    assertTrue(Duration.between(first, Instant.now()).toSeconds() < 60, first.toString());
    // Only part of another host's name is this one's.
    assertEquals(List.of(), seen(host.substring(1)));

    stage.killWorker(worker);
    Instant dead = Instant.now().plus(BROKEN_OFF);
    Thread.sleep(BROKEN_OFF.plusSeconds(2).toMillis());
    assertFalse(
        seen(host).stream().anyMatch(one -> one.lastSeen().isAfter(dead)),
        () -> "seen after its death, before " + dead + ": " + seen(host));
    Program next = stage.startWorker();
    Await.until(
        PATIENCE,
        () -> seen(host).get(0).identity().equals(next.pid() + "@" + host),
        () -> "the new worker is not seen: " + seen(host));
  }

  private List<Seen> seen(String host) {
    return HostWorkers.of(stage.client(), Names.TASK_QUEUE, host).orElseThrow();
  }
}
