package dev.outlast.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.worker.cli.Cli.Called;
import dev.outlast.worker.server.LocalServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

@Timeout(600)
@Isolated("counts the processes that it leaves behind")
class DemoTest {

  @TempDir Path folder;

  @Test
  void the_same_session_goes_on_after_kill_9_and_not_before_the_reset() throws Exception {
    show("--in-memory");
  }

  @Test
  @Tag("server")
  void the_same_on_a_real_server() throws Exception {
    String temporal = System.getProperty(LocalServer.VARIABLE, System.getenv(LocalServer.VARIABLE));
    show("--temporal", String.valueOf(temporal));
  }

  private static List<String> descendants() {
    return ProcessHandle.current()
        .descendants()
        .filter(ProcessHandle::isAlive)
        .map(process -> process.pid() + " " + process.info().commandLine().orElse("?"))
        .toList();
  }

  private void show(String... server) throws IOException, InterruptedException {
    String[] args = new String[server.length + 2];
    args[0] = "demo";
    args[1] = "--json";
    System.arraycopy(server, 0, args, 2, server.length);
    Called called = new Cli(folder).call(args);
    assertEquals(ExitCode.DONE, called.exitCode(), called::toString);
    JsonNode asked = called.json().path("asked");
    assertEquals(2, asked.size(), called::out);
    assertEquals(asked.path(0).path("session"), asked.path(1).path("session"), called::out);
    assertEquals("fresh", asked.path(0).path("how").asText());
    assertEquals("resume", asked.path(1).path("how").asText());
    assertFalse(asked.path(1).path("message").asText().contains(Demo.PROMPT), called::out);
    Instant reset = Instant.parse(called.json().path("resetAt").asText());
    assertFalse(Instant.parse(asked.path(1).path("at").asText()).isBefore(reset), called::out);
    assertTrue(called.err().contains("kill -9 of worker 1"), called::err);
    // One that has ended counts as alive until this process has heard of it.
    for (int i = 0; i < 600 && !descendants().isEmpty(); i++) {
      Thread.sleep(100);
    }
    assertEquals(List.of(), descendants(), "processes are left behind");
  }
}
