package dev.outlast.worker.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StateFolderTest {

  private static final Map<String, String> NAMED = Map.of("HOSTNAME", "build box/7");

  @TempDir Path temp;

  @Test
  void a_host_keeps_its_id_as_long_as_its_state_folder() {
    Path folder = temp.resolve("a/b/state");
    String id = StateFolder.hostId(folder, NAMED);
    assertTrue(id.matches("build-box-7-[0-9a-f]{8}"), id);
    assertEquals(id, StateFolder.hostId(folder, Map.of("HOSTNAME", "renamed")));
    assertTrue(!id.equals(StateFolder.hostId(temp.resolve("other"), NAMED)), id);
  }

  @Test
  void only_the_owner_may_read_the_state() throws IOException {
    Path folder = temp.resolve("state");
    StateFolder.hostId(folder, NAMED);
    assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(folder)));
    assertEquals(
        "rw-------",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("host-id"))));
  }

  @Test
  void workers_that_start_at_the_same_time_are_the_same_host() throws Exception {
    int workers = 8;
    ExecutorService threads = Executors.newFixedThreadPool(workers);
    try {
      for (int round = 0; round < 20; round++) {
        Path folder = temp.resolve("round" + round);
        List<Callable<String>> all =
            IntStream.range(0, workers)
                .<Callable<String>>mapToObj(i -> () -> StateFolder.hostId(folder, NAMED))
                .toList();
        String first = null;
        for (Future<String> id : threads.invokeAll(all)) {
          first = first == null ? id.get() : first;
          assertEquals(first, id.get());
        }
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void an_id_that_is_there_is_only_read() throws IOException {
    Path folder = temp.resolve("state");
    String id = StateFolder.hostId(folder, NAMED);
    Files.delete(folder.resolve("lock"));
    assertEquals(id, StateFolder.hostId(folder, NAMED));
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(List.of(folder.resolve("host-id")), files.toList());
    }
  }

  @Test
  void an_id_that_was_never_written_out_is_chosen_again() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("state"));
    Files.createFile(folder.resolve("host-id"));
    String id = StateFolder.hostId(folder, NAMED);
    assertEquals(id, Files.readString(folder.resolve("host-id")).strip());
  }

  @Test
  void a_file_that_holds_no_id_is_named_with_the_remedy() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("state"));
    Files.writeString(folder.resolve("host-id"), "no good\u0007");
    ConfigException e =
        assertThrows(ConfigException.class, () -> StateFolder.hostId(folder, NAMED));
    assertTrue(e.getMessage().contains(folder.resolve("host-id") + ": holds no host id; delete"));
  }

  @Test
  void a_folder_that_cannot_be_made_is_named_with_the_remedy() throws IOException {
    Path file = Files.createFile(temp.resolve("file"));
    ConfigException e =
        assertThrows(ConfigException.class, () -> StateFolder.hostId(file.resolve("state"), NAMED));
    assertTrue(e.getMessage().contains("worker.state-dir: " + file.resolve("state")));
    assertTrue(e.getMessage().contains("make it writable"), e.getMessage());
  }

  @Test
  void the_folder_is_where_such_things_belong() {
    assertEquals(Path.of("/x/outlast"), StateFolder.defaultFolder(Map.of("XDG_STATE_HOME", "/x")));
    assertEquals(
        Path.of(System.getProperty("user.home"), ".local/state/outlast"),
        StateFolder.defaultFolder(Map.of("XDG_STATE_HOME", "relative")));
  }
}
