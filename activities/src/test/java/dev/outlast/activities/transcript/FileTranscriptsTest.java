package dev.outlast.activities.transcript;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.agent.SessionId;
import dev.outlast.agent.TranscriptReference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileTranscriptsTest {

  private static final Instant NOW = Instant.parse("2026-11-21T10:00:00Z");
  private static final TranscriptLimits SMALL =
      new TranscriptLimits(Duration.ofDays(1), TranscriptLimits.MIN_BYTES, 2L << 20);

  @TempDir Path folder;
  private FileTranscripts store;

  @BeforeEach
  void setUp() {
    store = new FileTranscripts(folder.resolve("transcripts"), "host-1", TranscriptLimits.DEFAULT);
  }

  private static TranscriptContext context(String session, String run, int invocation) {
    SessionId id = session == null ? null : new SessionId(session);
    return new TranscriptContext("claude", id, run, 1, invocation, 1);
  }

  private static TranscriptEntry entry(TranscriptKind kind, String text) {
    return new TranscriptEntry(NOW, kind, text, false, null);
  }

  private static void append(TranscriptWriter writer, TranscriptKind kind, String... texts)
      throws IOException {
    writer.append(Stream.of(texts).map(text -> entry(kind, text)).toList());
  }

  private List<TranscriptRecord> read(TranscriptReference claim) throws IOException {
    List<TranscriptRecord> records = new ArrayList<>();
    store.retrieve(claim, records::add);
    return records;
  }

  private static List<String> texts(List<TranscriptRecord> records) {
    return records.stream().map(TranscriptRecord::text).toList();
  }

  private static void assertWithoutGap(List<TranscriptRecord> records) {
    long next = 1;
    for (TranscriptRecord record : records) {
      assertEquals(next, record.seq(), () -> "in " + records);
      next = record.through() + 1;
    }
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(file -> file.toString().endsWith(".jsonl")).sorted().toList();
    }
  }

  private TranscriptReference whole(TranscriptContext context, String... lines) throws IOException {
    try (TranscriptWriter writer = store.store(context)) {
      append(writer, TranscriptKind.STDOUT, lines);
      append(writer, TranscriptKind.OUTCOME, "done");
      return writer.reference();
    }
  }

  @Test
  void one_session_reads_as_one_over_invocations_and_runs() throws IOException {
    whole(context("s-1", "run-1", 1), "a", "b");
    whole(context("s-1", "run-1", 2), "c");
    TranscriptReference claim = whole(context("s-1", "run-2", 1), "d");

    List<TranscriptRecord> records = read(claim);
    assertEquals(List.of("a", "b", "done", "c", "done", "d", "done"), texts(records));
    assertWithoutGap(records);
    assertEquals("run-2", records.get(5).run());
    assertEquals(2, records.get(3).invocation());
    assertEquals(NOW, records.get(0).time());
    assertEquals(List.of(claim), store.ofRun("run-1"));
    assertEquals(List.of(claim), store.ofRun("run-2"));
    assertEquals(List.of(), store.ofRun("run-3"));
    assertEquals(new TranscriptReference("file", "host-1", "claude/s-1"), claim);
  }

  @Test
  void only_the_owner_can_read_what_is_kept() throws IOException {
    whole(context("s-1", "run-1", 1), "a");
    try (Stream<Path> all = Files.walk(folder.resolve("transcripts"))) {
      for (Path path : all.toList()) {
        assertEquals(
            Files.isDirectory(path) ? "rwx------" : "rw-------",
            PosixFilePermissions.toString(Files.getPosixFilePermissions(path)),
            path::toString);
      }
    }
  }

  @Test
  void a_record_that_a_crash_cut_short_is_taken_out_and_the_numbers_go_on() throws IOException {
    TranscriptReference claim;
    try (TranscriptWriter writer = store.store(context("s-1", "run-1", 1))) {
      append(writer, TranscriptKind.STDOUT, "a", "bbbbbbbbbbbbbbbbbbbbbb");
      claim = writer.reference();
    }
    Path file = files().get(0);
    byte[] bytes = Files.readAllBytes(file);
    for (int cut = 1; cut < 60; cut++) {
      Files.write(file, java.util.Arrays.copyOf(bytes, bytes.length - cut));
      whole(context("s-1", "run-1", 2), "c");
      List<TranscriptRecord> records = read(claim);
      assertEquals(TranscriptKind.TORN, records.get(1).kind(), "cut by " + cut);
      assertTrue(records.get(1).data().path("bytes").asLong() > 0);
      assertEquals("c", records.get(2).text());
      assertWithoutGap(records);
      for (Path other : files().subList(1, files().size())) {
        Files.delete(other);
      }
    }
  }

  @Test
  void zeros_that_a_power_loss_left_are_no_records() throws IOException {
    TranscriptReference claim;
    try (TranscriptWriter writer = store.store(context("s-1", "run-1", 1))) {
      append(writer, TranscriptKind.STDOUT, "a");
      claim = writer.reference();
    }
    Files.write(files().get(0), new byte[4096], StandardOpenOption.APPEND);
    whole(context("s-1", "run-1", 2), "c");
    List<TranscriptRecord> records = read(claim);
    assertEquals(
        List.of(
            TranscriptKind.STDOUT,
            TranscriptKind.TORN,
            TranscriptKind.STDOUT,
            TranscriptKind.OUTCOME),
        records.stream().map(TranscriptRecord::kind).toList());
    assertWithoutGap(records);
  }

  @Test
  void a_writer_that_was_frozen_writes_no_more_once_another_has_begun() throws IOException {
    TranscriptWriter frozen = store.store(context("s-1", "run-1", 1));
    append(frozen, TranscriptKind.STDOUT, "a");
    TranscriptWriter next = store.store(context("s-1", "run-1", 1));
    append(next, TranscriptKind.STDOUT, "b");
    assertThrows(
        TranscriptOvertakenException.class,
        () -> append(frozen, TranscriptKind.STDOUT, "too late"));
    append(next, TranscriptKind.STDOUT, "c");
    List<TranscriptRecord> records = read(next.reference());
    assertEquals(List.of("a", "b", "c"), texts(records));
    assertWithoutGap(records);
    frozen.close();
    next.close();
  }

  @Test
  void what_a_frozen_writer_had_begun_to_write_gets_into_no_transcript() throws IOException {
    TranscriptWriter frozen = store.store(context("s-1", "run-1", 1));
    append(frozen, TranscriptKind.STDOUT, "a");
    // As far as it has looked, it is the only one.
    Path own = files().get(0);
    try (var channel = java.nio.channels.FileChannel.open(own, StandardOpenOption.WRITE)) {
      TranscriptWriter next = store.store(context("s-1", "run-1", 1));
      append(next, TranscriptKind.STDOUT, "b");
      channel.write(
          java.nio.ByteBuffer.wrap(
              "{\"seq\":2,\"kind\":\"stdout\",\"text\":\"late\"}\n"
                  .getBytes(StandardCharsets.UTF_8)),
          channel.size());
      List<TranscriptRecord> records = read(next.reference());
      assertEquals(List.of("a", "b"), texts(records));
      next.close();
    }
    frozen.close();
  }

  @Test
  void a_writer_that_was_frozen_before_its_first_record_gets_nothing_into_the_transcript()
      throws IOException {
    whole(context("s-1", "run-1", 1), "a");
    Path begun = Segments.file(folder.resolve("transcripts/claude/s-1"), 2);
    try (var channel =
        java.nio.channels.FileChannel.open(
            begun, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      TranscriptReference claim = whole(context("s-1", "run-1", 2), "b");
      channel.write(
          java.nio.ByteBuffer.wrap(
              "{\"seq\":3,\"kind\":\"stdout\",\"text\":\"late\"}\n"
                  .getBytes(StandardCharsets.UTF_8)));
      List<TranscriptRecord> records = read(claim);
      assertEquals(List.of("a", "done", "b", "done"), texts(records));
      assertWithoutGap(records);
    }
  }

  @Test
  void nothing_is_begun_after_a_record_that_was_cut_short_and_cannot_be_taken_out()
      throws Exception {
    try (Mount disk = Mount.tmpfs(folder.resolve("disk"), "1m")) {
      store =
          new FileTranscripts(
              disk.folder().resolve("transcripts"), "host-1", TranscriptLimits.DEFAULT);
      TranscriptWriter frozen = store.store(context("s-1", "run-1", 1));
      append(frozen, TranscriptKind.STDOUT, "x".repeat(600_000));
      TranscriptWriter next = store.store(context("s-1", "run-1", 1));
      assertThrows(IOException.class, () -> append(next, TranscriptKind.STDOUT, "b"));
      append(frozen, TranscriptKind.STDOUT, "nobody else has begun yet");

      assertTrue(disk.grow("3m"));
      append(next, TranscriptKind.STDOUT, "b");
      assertThrows(
          TranscriptOvertakenException.class,
          () -> append(frozen, TranscriptKind.STDOUT, "too late"));
      List<TranscriptRecord> records = read(next.reference());
      assertWithoutGap(records);
      assertEquals(
          List.of("nobody else has begun yet", "b"), texts(records.subList(1, records.size())));
      frozen.close();
      next.close();
    }
  }

  @Test
  void an_attempt_that_was_frozen_does_not_take_the_folder_from_the_next_one() throws IOException {
    TranscriptWriter frozen = store.store(context(null, "run-1", 1));
    append(frozen, TranscriptKind.PROMPT, "do it");
    TranscriptWriter next = store.store(new TranscriptContext("claude", null, "run-1", 1, 1, 2));
    append(next, TranscriptKind.PROMPT, "do it again");
    frozen.named(new SessionId("s-9"));
    append(next, TranscriptKind.STDOUT, "a");
    assertEquals(List.of("do it again", "a"), texts(read(next.reference())));
    next.named(new SessionId("s-9"));
    append(next, TranscriptKind.STDOUT, "b");
    assertThrows(
        TranscriptOvertakenException.class,
        () -> append(frozen, TranscriptKind.STDOUT, "too late"));
    frozen.close();
    next.close();
    List<TranscriptRecord> records = read(next.reference());
    assertEquals(List.of("do it", "do it again", "a", "b"), texts(records));
    assertWithoutGap(records);
  }

  @Test
  void an_attempt_whose_number_is_used_again_does_not_take_the_folder_along() throws IOException {
    TranscriptWriter frozen = store.store(context(null, "run-1", 1));
    append(frozen, TranscriptKind.PROMPT, "do it");
    TranscriptWriter next = store.store(context(null, "run-1", 1));
    append(next, TranscriptKind.PROMPT, "do it again");
    assertThrows(TranscriptOvertakenException.class, () -> frozen.named(new SessionId("s-9")));
    append(next, TranscriptKind.STDOUT, "a");
    assertEquals(List.of("do it", "do it again", "a"), texts(read(next.reference())));
    frozen.close();
    next.close();
  }

  @Test
  void names_of_sessions_cannot_leave_the_folder_nor_meet_each_other() throws IOException {
    List<String> hostile = new ArrayList<>();
    hostile.addAll(
        List.of(
            "..",
            ".",
            "../../etc/passwd",
            "/etc/passwd",
            "a/b",
            "a\\b",
            "ses_ABC",
            "ses_abc",
            "SES_ABC",
            "_41",
            "_A",
            "A",
            "%41",
            "+run+1",
            "~",
            "con",
            "a:b",
            "$(x)",
            "runs"));
    hostile.add("a".repeat(SessionId.MAX_LENGTH));
    hostile.add("A".repeat(SessionId.MAX_LENGTH));
    hostile.add("A".repeat(SessionId.MAX_LENGTH - 1));
    Set<String> names = new HashSet<>();
    for (String session : hostile) {
      TranscriptReference claim = whole(context(session, "run/../" + session, 1), session);
      assertEquals(List.of(session, "done"), texts(read(claim)));
      assertEquals(List.of(claim), store.ofRun("run/../" + session));
      String name = claim.key().substring(claim.key().indexOf('/') + 1);
      assertTrue(names.add(name.toLowerCase(Locale.ROOT)), () -> name + " is there twice");
      assertTrue(name.length() < 200, name);
    }
    Path inside = folder.resolve("transcripts/claude");
    assertEquals(
        Set.of(inside),
        files().stream().map(f -> f.getParent().getParent()).collect(Collectors.toSet()));
  }

  @Test
  void a_key_that_is_not_ours_leads_nowhere() {
    for (String key : List.of("../x", "claude/..", "claude/../../x", "claude", "/x/y", "a/b/c")) {
      assertThrows(
          IllegalArgumentException.class,
          () -> store.retrieve(new TranscriptReference("file", "host-1", key), r -> {}),
          key);
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> store.retrieve(new TranscriptReference("file", "host-2", "claude/x"), r -> {}));
  }

  @Test
  void what_came_before_the_session_was_named_belongs_to_it() throws IOException {
    TranscriptWriter writer = store.store(context(null, "Run 1", 3));
    append(writer, TranscriptKind.PROMPT, "do it");
    assertEquals("claude/+_%52un%201+3+1", writer.reference().key());
    writer.named(new SessionId("thread-9"));
    append(writer, TranscriptKind.STDOUT, "a");
    assertEquals("claude/thread-9", writer.reference().key());
    writer.close();
    assertEquals(List.of("do it", "a"), texts(read(writer.reference())));
    assertEquals(List.of(writer.reference()), store.ofRun("Run 1"));

    TranscriptWriter other = store.store(context(null, "run-2", 1));
    append(other, TranscriptKind.PROMPT, "more");
    other.named(new SessionId("thread-9"));
    append(other, TranscriptKind.STDOUT, "b");
    append(other, TranscriptKind.OUTCOME, "done");
    other.close();
    List<TranscriptRecord> records = read(other.reference());
    assertEquals(List.of("do it", "a", "more", "b", "done"), texts(records));
    assertWithoutGap(records);
    assertEquals("run-2", records.get(2).run());
    assertEquals(List.of(other.reference()), store.ofRun("run-2"));
  }

  @Test
  void a_session_that_turns_into_another_says_where_it_comes_from() throws IOException {
    TranscriptWriter writer = store.store(context("s-1", "run-1", 1));
    append(writer, TranscriptKind.PROMPT, "do it");
    writer.named(new SessionId("s-2"));
    append(writer, TranscriptKind.STDOUT, "a");
    writer.close();
    List<TranscriptRecord> records = read(writer.reference());
    assertEquals("claude/s-1", records.get(0).data().path("from").asText());
    assertEquals("a", records.get(1).text());
    assertWithoutGap(records);
    assertEquals(2, store.ofRun("run-1").size());
  }

  @Test
  void a_session_keeps_within_its_bound_and_says_what_it_has_dropped() throws IOException {
    store = new FileTranscripts(folder, "host-1", SMALL);
    TranscriptReference claim = null;
    for (int invocation = 1; invocation <= 3; invocation++) {
      try (TranscriptWriter writer = store.store(context("s-1", "run-1", invocation))) {
        append(writer, TranscriptKind.PROMPT, "prompt " + invocation);
        for (int i = 0; i < 300; i++) {
          append(writer, TranscriptKind.STDOUT, invocation + "-" + "x".repeat(10_000));
        }
        append(writer, TranscriptKind.OUTCOME, "outcome " + invocation);
        claim = writer.reference();
      }
      long size = 0;
      for (Path file : files()) {
        size += Files.size(file);
      }
      assertTrue(size <= SMALL.maxSession(), "kept " + size);
    }
    List<TranscriptRecord> records = read(claim);
    assertWithoutGap(records);
    assertEquals(
        List.of("prompt 1", "outcome 1", "prompt 2", "outcome 2", "prompt 3", "outcome 3"),
        texts(
            records.stream()
                .filter(
                    r -> r.kind() == TranscriptKind.PROMPT || r.kind() == TranscriptKind.OUTCOME)
                .toList()));
    assertTrue(records.stream().anyMatch(r -> r.kind() == TranscriptKind.DROPPED));
    assertTrue(records.get(records.size() - 2).text().startsWith("3-x"));
    assertTrue(files().size() < 30, () -> "too many files");
  }

  @Test
  void prompts_alone_keep_within_the_bound_too() throws IOException {
    store = new FileTranscripts(folder, "host-1", SMALL);
    try (TranscriptWriter writer = store.store(context("s-1", "run-1", 1))) {
      for (int i = 0; i < 300; i++) {
        append(writer, TranscriptKind.PROMPT, "x".repeat(20_000));
      }
      List<TranscriptRecord> records = read(writer.reference());
      assertWithoutGap(records);
      assertEquals(300, records.get(records.size() - 1).through());
    }
    long size = 0;
    for (Path file : files()) {
      size += Files.size(file);
    }
    assertTrue(size <= SMALL.maxSession(), "kept " + size);
  }

  @Test
  void what_is_older_than_the_retention_goes_but_never_what_is_being_written() throws IOException {
    whole(context("old", "run-1", 1), "a");
    whole(context("young", "run-2", 1), "b");
    TranscriptWriter silent = store.store(context("silent", "run-3", 1));
    append(silent, TranscriptKind.PROMPT, "c");
    Instant longAgo = Instant.now().minus(Duration.ofDays(31));
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.filter(p -> !p.toString().contains("young")).toList()) {
        Files.setLastModifiedTime(path, FileTime.from(longAgo));
      }
    }
    store.clean(Instant.now());
    assertEquals(
        List.of("silent", "young"),
        files().stream().map(f -> f.getParent().getFileName().toString()).toList());
    assertFalse(Files.exists(folder.resolve("transcripts/claude/old")));
    assertEquals(List.of(), store.ofRun("run-1"));
    silent.close();
    store.clean(Instant.now());
    assertEquals(1, files().size());
  }

  @Test
  void all_transcripts_of_a_host_keep_within_their_bound_the_oldest_go_first() throws IOException {
    store = new FileTranscripts(folder, "host-1", SMALL);
    for (int i = 1; i <= 5; i++) {
      String[] lines = new String[60];
      java.util.Arrays.fill(lines, "x".repeat(10_000));
      whole(context("s-" + i, "run-" + i, 1), lines);
      FileTime at = FileTime.from(Instant.now().minusSeconds(1_000 - 100 * i));
      for (Path file : Segments.of(folder.resolve("claude/s-" + i))) {
        Files.setLastModifiedTime(file, at);
      }
    }
    store.clean(Instant.now());
    long size = 0;
    for (Path file : files()) {
      size += Files.size(file);
    }
    assertTrue(size <= SMALL.maxTotal(), "kept " + size);
    assertEquals(TranscriptKind.DROPPED, read(store.reference("claude/s-1")).get(0).kind());
    assertEquals(61, read(store.reference("claude/s-5")).size());
  }

  private long kept() throws IOException {
    long size = 0;
    for (Path file : files()) {
      size += Files.size(file);
    }
    return size;
  }

  @Test
  void all_transcripts_keep_within_their_bound_while_they_are_written() throws IOException {
    store = new FileTranscripts(folder, "host-1", SMALL);
    String[] lines = new String[60];
    java.util.Arrays.fill(lines, "x".repeat(10_000));
    for (int i = 1; i <= 8; i++) {
      whole(context("s-" + i, "run-" + i, 1), lines);
      assertTrue(kept() <= SMALL.maxTotal(), "kept " + kept() + " after " + i);
    }
    try (TranscriptWriter writer = store.store(context("long", "run-9", 1))) {
      long perFile = SMALL.segment() / 10_000 + 1;
      for (int i = 0; i < 5 * perFile; i++) {
        append(writer, TranscriptKind.STDOUT, lines[0]);
        assertTrue(kept() <= SMALL.maxTotal() + SMALL.segment() + 20_000, "kept " + kept());
      }
    }
    assertEquals(61, read(store.reference("claude/s-8")).size());
  }

  @Test
  void those_who_drop_the_oldest_at_the_same_time_do_not_harm_each_other() throws Exception {
    String[] lines = new String[30];
    java.util.Arrays.fill(lines, "x".repeat(10_000));
    ExecutorService threads = Executors.newFixedThreadPool(4);
    List<Future<Object>> all = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      String session = "s-" + i;
      // As another process would: with a store of its own.
      FileTranscripts own = new FileTranscripts(folder, "host-1", SMALL);
      all.add(
          threads.submit(
              () -> {
                for (int invocation = 1; invocation <= 20; invocation++) {
                  try (TranscriptWriter writer = own.store(context(session, "run-1", invocation))) {
                    append(writer, TranscriptKind.PROMPT, "prompt " + invocation);
                    append(writer, TranscriptKind.STDOUT, lines);
                    append(writer, TranscriptKind.OUTCOME, "done");
                  }
                  own.clean(Instant.now());
                }
                return null;
              }));
    }
    for (Future<Object> one : all) {
      one.get();
    }
    threads.shutdown();
    store = new FileTranscripts(folder, "host-1", SMALL);
    store.clean(Instant.now());
    assertTrue(kept() <= SMALL.maxTotal(), "kept " + kept());
    for (int i = 0; i < 4; i++) {
      List<TranscriptRecord> records = read(store.reference("claude/s-" + i));
      assertWithoutGap(records);
      assertEquals(20 * 32, records.get(records.size() - 1).through());
      assertEquals(
          20, records.stream().filter(r -> r.kind() == TranscriptKind.PROMPT).count(), "s-" + i);
    }
    try (Stream<Path> files = Files.walk(folder)) {
      assertEquals(List.of(), files.filter(f -> f.toString().endsWith(".part")).toList());
    }
  }

  @Test
  void what_a_killed_worker_had_begun_to_rewrite_is_deleted() throws IOException {
    whole(context("s-1", "run-1", 1), "a");
    Path part = folder.resolve("transcripts/claude/s-1/000001.jsonl123.part");
    Files.writeString(part, "half");
    store.clean(Instant.now());
    assertFalse(Files.exists(part));
    assertEquals(1, files().size());
  }

  @Test
  void hostile_characters_come_back_as_they_were_and_are_not_in_the_file_as_such()
      throws IOException {
    StringBuilder all = new StringBuilder();
    for (int c = 0; c < 0x2100; c++) {
      all.appendCodePoint(c);
    }
    all.append("\ud83d\ude00 日本語 \"\\");
    TranscriptReference claim = whole(context("s", "run\n\u202e", 1), all.toString());
    assertEquals(all.toString(), read(claim).get(0).text());
    assertEquals("run\n\u202e", read(claim).get(0).run());
    String file = Files.readString(files().get(0));
    assertEquals(2, file.lines().count());
    assertTrue(
        file.codePoints()
            .allMatch(
                c ->
                    c == '\n'
                        || (c >= ' '
                            && (c < 0x7f || c >= 0xa0)
                            && !(c >= 0x2028 && c <= 0x202e)
                            && c != 0x200e
                            && c != 0x200f)));
  }

  @Test
  void reading_never_throws_whatever_stands_in_the_files() throws IOException {
    long seed = 20261121;
    Random random = new Random(seed);
    for (int round = 0; round < 200; round++) {
      String session = "s-" + round;
      whole(context(session, "run-1", 1), "a", "b", "c");
      Path file = Segments.of(folder.resolve("transcripts/claude/" + session)).get(0);
      byte[] bytes = Files.readAllBytes(file);
      for (int i = 0; i < 1 + random.nextInt(20); i++) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      Files.write(file, bytes);
      TranscriptReference claim = whole(context(session, "run-1", 2), "d");
      List<TranscriptRecord> records = read(claim);
      assertEquals("d", records.get(records.size() - 2).text(), "seed " + seed + ":" + round);
      assertNotEquals(0, records.size());
    }
  }
}
