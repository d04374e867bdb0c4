package dev.outlast.activities.workspace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.file.LockProbe;
import dev.outlast.activities.file.WholeFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class WorktreeRecordsTest {

  @TempDir Path temporary;
  private Path folder;
  private WorktreeRecords records;

  @BeforeEach
  void setUp() {
    folder = temporary.resolve("worktree-records");
    records = new WorktreeRecords(folder);
  }

  private Path lock() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> locks =
          files.filter(file -> file.getFileName().toString().startsWith("lock")).toList();
      assertEquals(1, locks.size(), locks.toString());
      return locks.get(0);
    }
  }

  @Test
  void a_thread_that_is_interrupted_while_it_waits_lets_no_other_process_in() throws Exception {
    records.alone(
        "run-1",
        () -> {
          CompletableFuture<String> refused = new CompletableFuture<>();
          Thread waiting = new Thread(() -> refused.complete(refusal()));
          waiting.start();
          try {
            Thread.sleep(200);
            waiting.interrupt();
            assertEquals("worktree: run-1: the worker is going away", refused.join());
            assertFalse(LockProbe.free(lock()), "another worker could work on the same name");
          } catch (InterruptedException e) {
            throw new AssertionError(e);
          }
          return null;
        });
    assertTrue(LockProbe.free(lock()));
  }

  private String refusal() {
    try {
      return records.alone("run-1", () -> "works on it too");
    } catch (IOException | WorkspaceException e) {
      return e.getMessage();
    }
  }

  @Test
  void what_killed_writers_have_left_is_taken_away_and_what_is_being_written_is_not()
      throws IOException {
    Instant now = Instant.parse("2026-11-21T12:00:00Z");
    assertEquals(List.of(), records.all(now), "before there is a folder");
    Files.createDirectories(folder);
    Path left = Files.writeString(folder.resolve("run-1.json1" + WholeFile.PART), "{");
    Path written = Files.writeString(folder.resolve("run-1.json2" + WholeFile.PART), "{");
    Files.setLastModifiedTime(
        left, FileTime.from(now.minus(WorktreeRecords.UNFINISHED).minusSeconds(1)));
    Files.setLastModifiedTime(written, FileTime.from(now.minusSeconds(60)));
    assertEquals(List.of(), records.all(now));
    assertFalse(Files.exists(left));
    assertTrue(Files.exists(written));
  }
}
