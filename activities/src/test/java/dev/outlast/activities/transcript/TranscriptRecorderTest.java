package dev.outlast.activities.transcript;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

@Timeout(600)
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
  void output_is_stored_after_a_while_though_nothing_follows_it() throws Exception {
    GatedTranscripts store = new GatedTranscripts(store(folder), entry -> false);
    TranscriptRecorder recorder = recorder(store);
    recorder.prompt("do it");
    assertEquals(1, store.begun.poll(1, TimeUnit.MINUTES));
    recorder.output(TranscriptKind.STDOUT, line("a"));
    assertEquals(1, store.begun.poll(1, TimeUnit.MINUTES));
    recorder.ended(TranscriptKind.OUTCOME, "done", null);
  }

  @Test
  void what_is_printed_while_the_store_is_at_work_is_stored_together() throws Exception {
    GatedTranscripts store =
        new GatedTranscripts(store(folder), entry -> entry.kind() == TranscriptKind.SESSION);
    TranscriptRecorder recorder = recorder(store);
    recorder.session(new SessionId("s-2"));
    assertEquals(1, store.begun.poll(1, TimeUnit.MINUTES));
    for (int i = 0; i < 100; i++) {
      recorder.output(TranscriptKind.STDOUT, line("line " + i));
    }
    store.letGo();
    recorder.ended(TranscriptKind.OUTCOME, "done", null);
    int together = store.begun.poll(1, TimeUnit.MINUTES);
    assertTrue(together >= 100, together + " at once");
  }

  private static TranscriptRecorder impatient(TranscriptStore store) {
    return impatient(store, Duration.ofMillis(50));
  }

  private static TranscriptRecorder impatient(TranscriptStore store, Duration maxWait) {
    return new TranscriptRecorder(
        store,
        CONTEXT,
        text -> text,
        Clock.systemUTC(),
        TranscriptRecorder.PERIOD,
        Duration.ofMillis(50),
        maxWait);
  }

  @Test
  void a_store_that_hangs_holds_nobody_up() throws Exception {
    GatedTranscripts store = new GatedTranscripts(store(folder), entry -> true);
    TranscriptRecorder recorder = impatient(store);
    OutputLine line = line("x".repeat(10_000));
    assertTimeoutPreemptively(
        Duration.ofMinutes(2),
        () -> {
          recorder.prompt("do it");
          for (int i = 0; i < 10_000; i++) {
            recorder.output(TranscriptKind.STDOUT, line);
            recorder.session(new SessionId("s-1"));
          }
          assertEquals("claude/s-1", recorder.reference().key());
          recorder.ended(TranscriptKind.OUTCOME, "done", null);
        });
    assertEquals(List.of(), read(store, recorder.reference()));

    store.letGo();
    store.threads.take().join(TimeUnit.MINUTES.toMillis(1));
    List<TranscriptRecord> records = read(store, recorder.reference());
    assertWithoutGap(records);
    assertEquals("do it", records.get(0).text());
    assertEquals("done", records.get(records.size() - 1).text());
    assertEquals(1, gaps(records).size());
  }

  @Test
  void a_store_that_was_behind_says_how_much_is_missing_and_where() throws Exception {
    GatedTranscripts store =
        new GatedTranscripts(store(folder), entry -> "first".equals(entry.text()));
    TranscriptRecorder recorder = impatient(store, Duration.ofMinutes(1));
    recorder.prompt("do it");
    recorder.output(TranscriptKind.STDOUT, line("first"));
    OutputLine line = line("x".repeat(10_000));
    for (int i = 0; i < 1_000; i++) {
      recorder.output(TranscriptKind.STDOUT, line);
    }
    store.letGo();
    recorder.reference();
    recorder.output(TranscriptKind.STDERR, line("well again"));
    recorder.ended(TranscriptKind.OUTCOME, "done", null);
    List<TranscriptRecord> records = read(store, recorder.reference());
    assertWithoutGap(records);
    List<TranscriptRecord> gaps = gaps(records);
    assertEquals(1, gaps.size());
    long lost = gaps.get(0).data().path("lost").asLong();
    long kept = records.stream().filter(r -> r.kind() == TranscriptKind.STDOUT).count() - 1;
    assertTrue(lost > 0 && kept > 0, lost + " lost, " + kept + " kept");
    assertEquals(1_000, lost + kept);
    assertEquals(10_000 * lost, gaps.get(0).data().path("bytes").asLong());
    assertTrue(kept * 10_000 <= TranscriptQueue.MAX_BYTES, kept + " were kept in memory");
    assertEquals("well again", records.get(records.indexOf(gaps.get(0)) + 1).text());
  }

  @Test
  void attempts_that_a_store_hangs_with_do_not_pile_up() throws Exception {
    GatedTranscripts store = new GatedTranscripts(store(folder), entry -> true);
    for (int i = 0; i < TranscriptRecorder.MAX_HANGING; i++) {
      TranscriptRecorder recorder = impatient(store);
      recorder.ended(TranscriptKind.OUTCOME, "done", null);
      assertEquals("claude/s-1", recorder.reference().key());
    }
    TranscriptRecorder one = impatient(store);
    assertNull(one.reference());
    one.prompt("do it");
    one.ended(TranscriptKind.OUTCOME, "done", null);
    assertEquals(TranscriptRecorder.MAX_HANGING, store.threads.size());

    store.letGo();
    for (Thread thread : store.threads) {
      thread.join(TimeUnit.MINUTES.toMillis(1));
    }
    TranscriptRecorder next = recorder(store);
    next.ended(TranscriptKind.OUTCOME, "recorded again", null);
    List<TranscriptRecord> records = read(store, next.reference());
    assertWithoutGap(records);
    assertEquals("recorded again", records.get(records.size() - 1).text());
  }

  @Test
  void no_thread_is_left_when_an_attempt_has_ended() throws Exception {
    GatedTranscripts store = new GatedTranscripts(store(folder), entry -> false);
    TranscriptRecorder recorder = recorder(store);
    recorder.prompt("do it");
    recorder.ended(TranscriptKind.OUTCOME, "done", null);
    Thread thread = store.threads.take();
    assertTrue(thread.isDaemon());
    assertTrue(thread != Thread.currentThread());
    thread.join(TimeUnit.MINUTES.toMillis(1));
    assertFalse(thread.isAlive());
  }

  private static List<TranscriptRecord> gaps(List<TranscriptRecord> records) {
    return records.stream().filter(r -> r.kind() == TranscriptKind.GAP).toList();
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
    try (Mount disk = Mount.tmpfs(folder.resolve("disk"), "512k")) {
      FileTranscripts store = store(disk.folder().resolve("transcripts"));
      TranscriptRecorder recorder = recorder(store);
      recorder.prompt("do it");
      recorder.output(TranscriptKind.STDOUT, line("first"));
      // Asking for it has all that was printed stored, as far as it can be.
      recorder.reference();
      for (int i = 0; i < 100; i++) {
        recorder.output(TranscriptKind.STDOUT, line("x".repeat(10_000)));
      }
      Path ballast = disk.folder().resolve("ballast");
      fill(ballast);
      for (int i = 0; i < 100; i++) {
        recorder.output(TranscriptKind.STDOUT, line("y".repeat(10_000)));
      }
      List<TranscriptRecord> full = read(store, recorder.reference());
      assertWithoutGap(full);
      assertEquals("do it", full.get(0).text());
      assertEquals("first", full.get(1).text());

      Files.delete(ballast);
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
    }
  }

  @Test
  void a_killed_worker_leaves_a_transcript_that_reads_on() throws Exception {
    Process worker = java(Flood.class, "-Xmx48m", folder.toString(), Long.toString(Long.MAX_VALUE));
    FileTranscripts store = store(folder);
    TranscriptReference claim = new TranscriptReference("file", "host-1", "claude/s-1");
    // That is more by far than may wait in memory.
    try {
      assertTrue(worker.inputReader().lines().anyMatch(Flood.WELL_UNDER_WAY::equals));
      // On a busy host the writer may be far behind.
      while (stored() < 1_000_000) {
        Thread.sleep(50);
      }
    } finally {
      worker.destroyForcibly().waitFor();
    }
    long before = read(store, claim).size();
    assertTrue(before > 1_000, before + " records");
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
    long[] lost = {0};
    store.retrieve(
        new TranscriptReference("file", "host-1", "claude/s-1"),
        record -> {
          assertEquals(next[0], record.seq());
          next[0] = record.through() + 1;
          // What says that something is missing has a number of its own.
          lost[0] +=
              record.kind() == TranscriptKind.GAP ? record.data().path("lost").asLong() - 1 : 0;
        });
    assertEquals(1_000_003, next[0] + lost[0]);
    assertTrue(stored() <= Flood.LIMITS.maxSession(), "kept " + stored());
  }

  /** In bytes. */
  private long stored() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
    }
  }

  /** Started in a JVM of its own: says how many lines a second it records. */
  static final class Flood {
    static final TranscriptLimits LIMITS =
        new TranscriptLimits(Duration.ofDays(1), 64L << 20, 64L << 20);
    static final String WELL_UNDER_WAY = "100000 lines";

    public static void main(String[] args) {
      TranscriptRecorder recorder =
          recorder(new FileTranscripts(Path.of(args[0]), "host-1", LIMITS));
      recorder.prompt("do it");
      long lines = Long.parseLong(args[1]);
      byte[] line = "x".repeat(90).getBytes(StandardCharsets.UTF_8);
      long began = System.nanoTime();
      for (long i = 0; i < lines; i++) {
        recorder.output(TranscriptKind.STDOUT, new OutputLine(line, false));
        if (i == 100_000) {
          System.out.println(WELL_UNDER_WAY);
        }
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

  private static void assertWithoutGap(List<TranscriptRecord> records) {
    long next = 1;
    for (TranscriptRecord record : records) {
      assertEquals(next, record.seq());
      next = record.through() + 1;
    }
  }
}
