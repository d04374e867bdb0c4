package dev.outlast.activities.transcript;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.outlast.activities.process.OutputLine;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.TranscriptReference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class TranscriptRecorderTest {

  private static final TranscriptContext CONTEXT =
      new TranscriptContext("claude", new SessionId("s-1"), "run-1", 1, 1, 1);

  @TempDir Path folder;

  private static TranscriptRecorder recorder(TranscriptStore store) {
    return new TranscriptRecorder(
        store, CONTEXT, text -> text.replace("sk-secret", "[secret]"), Clock.systemUTC());
  }

  private static OutputLine line(String text) {
    return new OutputLine(text.getBytes(StandardCharsets.UTF_8), false);
  }

  private static List<TranscriptRecord> read(TranscriptStore store, TranscriptReference claim)
      throws IOException {
    List<TranscriptRecord> records = new ArrayList<>();
    store.retrieve(claim, records::add);
    return records;
  }

  private FileTranscripts store(Path root) {
    return new FileTranscripts(root, "host-1", TranscriptLimits.DEFAULT);
  }

  @Test
  void a_prompt_is_on_the_disk_before_anything_is_printed() throws IOException {
    FileTranscripts store = store(folder);
    TranscriptRecorder recorder = recorder(store);
    recorder.prompt("do it");
    assertEquals("do it", read(store, recorder.reference()).get(0).text());
    recorder.ended(TranscriptKind.OUTCOME, "done", null);
  }

  @Test
  void output_is_held_back_for_a_second_at_most() throws Exception {
    FileTranscripts store = store(folder);
    TranscriptRecorder recorder = recorder(store);
    recorder.prompt("do it");
    recorder.output(TranscriptKind.STDOUT, line("a"));
    assertEquals(1, read(store, recorder.reference()).size());
    Thread.sleep(TranscriptRecorder.PERIOD.toMillis() + 50);
    recorder.tick();
    assertEquals(2, read(store, recorder.reference()).size());
    recorder.ended(TranscriptKind.OUTCOME, "done", null);
  }

  @Test
  void no_secret_is_written_in_any_kind_of_record() throws IOException {
    FileTranscripts store = store(folder);
    TranscriptRecorder recorder = recorder(store);
    recorder.prompt("use sk-secret");
    recorder.output(TranscriptKind.STDOUT, line("{\"text\":\"sk-secret\"}"));
    recorder.output(TranscriptKind.STDERR, line("KEY=sk-secret"));
    recorder.ended(TranscriptKind.FAILURE, "refused sk-secret", null);
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertFalse(Files.readString(file).contains("sk-secret"), file::toString);
      }
    }
    assertEquals("use [secret]", read(store, recorder.reference()).get(0).text());
  }

  @Test
  void without_a_store_nothing_is_recorded() {
    TranscriptRecorder recorder = recorder(null);
    recorder.prompt("do it");
    recorder.output(TranscriptKind.STDOUT, line("a"));
    recorder.session(new SessionId("s-2"));
    recorder.ended(TranscriptKind.OUTCOME, "done", null);
    assertNull(recorder.reference());
  }

  @Test
  void a_text_that_is_too_long_is_cut_and_says_so() throws IOException {
    FileTranscripts store = store(folder);
    TranscriptRecorder recorder = recorder(store);
    recorder.prompt("x".repeat(TranscriptEntry.MAX_TEXT + 1));
    recorder.output(TranscriptKind.STDOUT, new OutputLine(new byte[] {'a'}, true));
    recorder.ended(TranscriptKind.OUTCOME, null, null);
    List<TranscriptRecord> records = read(store, recorder.reference());
    assertTrue(records.get(0).cut());
    assertEquals(TranscriptEntry.MAX_TEXT, records.get(0).text().length());
    assertTrue(records.get(1).cut());
  }

  @Test
  void a_store_that_cannot_be_written_at_all_harms_nothing() throws IOException {
    Path file = Files.writeString(folder.resolve("no-folder"), "");
    TranscriptRecorder recorder = recorder(store(file.resolve("transcripts")));
    recorder.prompt("do it");
    recorder.output(TranscriptKind.STDOUT, line("a"));
    recorder.session(new SessionId("s-2"));
    recorder.ended(TranscriptKind.OUTCOME, "done", null);
    assertEquals("claude/s-2", recorder.reference().key());
  }

  @Test
  void on_a_full_disk_it_goes_on_and_says_later_what_is_missing() throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    assumeTrue(
        succeeds("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk.toString()),
        "mounting takes special rights");
    try {
      FileTranscripts store = store(disk.resolve("transcripts"));
      TranscriptRecorder recorder = recorder(store);
      recorder.prompt("do it");
      recorder.output(TranscriptKind.STDOUT, line("first"));
      for (int i = 0; i < 100; i++) {
        recorder.output(TranscriptKind.STDOUT, line("x".repeat(10_000)));
      }
      Path ballast = disk.resolve("ballast");
      fill(ballast);
      for (int i = 0; i < 100; i++) {
        recorder.output(TranscriptKind.STDOUT, line("y".repeat(10_000)));
      }
      List<TranscriptRecord> full = read(store, recorder.reference());
      assertWithoutGap(full);
      assertEquals("do it", full.get(0).text());
      assertEquals("first", full.get(1).text());

      Files.delete(ballast);
      Thread.sleep(TranscriptRecorder.PERIOD.toMillis() + 50);
      recorder.output(TranscriptKind.STDOUT, line("there is room again"));
      recorder.ended(TranscriptKind.OUTCOME, "done", null);
      List<TranscriptRecord> records = read(store, recorder.reference());
      assertWithoutGap(records);
      long lost = 0;
      long printed = 0;
      for (TranscriptRecord record : records) {
        lost += record.kind() == TranscriptKind.GAP ? record.data().path("lost").asLong() : 0;
        printed += record.kind() == TranscriptKind.STDOUT ? 1 : 0;
      }
      assertTrue(lost > 0);
      assertEquals(202, lost + printed);
      assertEquals("done", records.get(records.size() - 1).text());
    } finally {
      assertTrue(succeeds("umount", disk.toString()));
    }
  }

  @Test
  void a_killed_worker_leaves_a_transcript_that_reads_on() throws Exception {
    Process worker = java(Flood.class, "-Xmx48m", folder.toString(), Long.toString(Long.MAX_VALUE));
    FileTranscripts store = store(folder);
    TranscriptReference claim = new TranscriptReference("file", "host-1", "claude/s-1");
    while (read(store, claim).size() < 1_000) {
      assertTrue(worker.isAlive());
      Thread.sleep(100);
    }
    worker.destroyForcibly().waitFor();
    long before = read(store, claim).size();
    TranscriptRecorder next = recorder(store);
    next.prompt("go on");
    next.ended(TranscriptKind.OUTCOME, "done", null);
    List<TranscriptRecord> records = read(store, claim);
    assertWithoutGap(records);
    assertEquals("do it", records.get(0).text());
    assertEquals("done", records.get(records.size() - 1).text());
    assertTrue(records.size() >= before, records.size() + " < " + before);
  }

  @Test
  void however_much_is_printed_memory_and_disk_are_bounded() throws Exception {
    Process worker = java(Flood.class, "-Xmx48m", folder.toString(), "1000000");
    assertEquals(
        0,
        worker.waitFor(),
        new String(worker.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
    FileTranscripts store = new FileTranscripts(folder, "host-1", Flood.LIMITS);
    long[] next = {1};
    store.retrieve(
        new TranscriptReference("file", "host-1", "claude/s-1"),
        record -> {
          assertEquals(next[0], record.seq());
          next[0] = record.through() + 1;
        });
    assertEquals(1_000_003, next[0]);
    try (Stream<Path> files = Files.walk(folder)) {
      long size =
          files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
      assertTrue(size <= Flood.LIMITS.maxSession(), "kept " + size);
    }
  }

  /** Started in a JVM of its own: says how many lines a second it records. */
  static final class Flood {
    static final TranscriptLimits LIMITS =
        new TranscriptLimits(Duration.ofDays(1), 64L << 20, 64L << 20);

    public static void main(String[] args) {
      TranscriptRecorder recorder =
          recorder(new FileTranscripts(Path.of(args[0]), "host-1", LIMITS));
      recorder.prompt("do it");
      long lines = Long.parseLong(args[1]);
      byte[] line = "x".repeat(90).getBytes(StandardCharsets.UTF_8);
      long began = System.nanoTime();
      for (long i = 0; i < lines; i++) {
        recorder.output(TranscriptKind.STDOUT, new OutputLine(line, false));
      }
      recorder.ended(TranscriptKind.OUTCOME, "done", null);
      System.out.println(lines * 1_000_000_000L / (System.nanoTime() - began) + " lines a second");
    }
  }

  private static Process java(Class<?> main, String... args) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add(args[0]);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(args).subList(1, args.length));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  private static void fill(Path file) throws IOException {
    try (var out = Files.newOutputStream(file)) {
      byte[] block = new byte[1024];
      while (true) {
        out.write(block);
      }
    } catch (IOException full) {
      assertTrue(Files.exists(file), full::toString);
    }
  }

  private static boolean succeeds(String... command) throws IOException, InterruptedException {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException noSuchProgram) {
      return false;
    }
  }

  private static void assertWithoutGap(List<TranscriptRecord> records) {
    long next = 1;
    for (TranscriptRecord record : records) {
      assertEquals(next, record.seq());
      next = record.through() + 1;
    }
  }
}
