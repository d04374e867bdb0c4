package dev.outlast.activities.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a worker without a free descriptor, a JVM of its own here, takes for ended. */
@Timeout(300)
class UnseenProcessTest {

  private static final int DESCRIPTORS = 128;

  /** From none at all, over the listing only, to enough. */
  private static final int MOST_FREE = 4;

  static final class Worker {
    public static void main(String[] args) throws IOException {
      Process process = new ProcessBuilder("setsid", "sleep", "600").start();
      try {
        ProcessIdentity agent = ProcessIdentity.of(process.pid()).orElseThrow();
        AgentRecord record =
            new AgentRecord(
                agent,
                ProcessIdentity.current(),
                new AgentOwner("run", "run-id", "7", 1),
                null,
                "/",
                Instant.EPOCH,
                "run-id/7/1/unseen",
                null);
        // Loads the classes that it takes, as long as that is possible.
        StringBuilder seen = new StringBuilder(seen(record));
        for (int free = 0; free <= MOST_FREE; free++) {
          seen.append(withOnly(free, record));
        }
        process.destroyForcibly().waitFor();
        System.out.println(
            seen + (AgentTree.of(record, ProcessTable.OF_THIS_SYSTEM).gone() ? "ended" : "stays"));
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      } finally {
        process.destroyForcibly();
      }
    }

    private static String withOnly(int free, AgentRecord record) throws IOException {
      Deque<FileInputStream> taken = new ArrayDeque<>();
      try {
        while (true) {
          taken.add(new FileInputStream("/dev/null"));
        }
      } catch (IOException none) {
        for (int i = 0; i < free; i++) {
          taken.remove().close();
        }
        return seen(record);
      } finally {
        for (FileInputStream file : taken) {
          file.close();
        }
      }
    }

    private static String seen(AgentRecord record) {
      String lives;
      try {
        lives = record.agent().lives() ? "" : "DEAD ";
      } catch (UncheckedIOException unseen) {
        lives = "";
      }
      return lives + (AgentTree.of(record, ProcessTable.OF_THIS_SYSTEM).gone() ? "GONE " : "");
    }
  }

  @Test
  void nothing_has_ended_because_nobody_can_look() throws Exception {
    assumeTrue(ProcessTable.HAS_PROC);
    Process worker =
        new ProcessBuilder(
                "/bin/sh",
                "-c",
                "ulimit -n " + DESCRIPTORS + "; exec \"$@\"",
                "sh",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Worker.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      assertEquals("ended", worker.inputReader().readLine());
      assertTrue(worker.waitFor(1, TimeUnit.MINUTES));
    } finally {
      worker.destroyForcibly();
    }
  }
}
