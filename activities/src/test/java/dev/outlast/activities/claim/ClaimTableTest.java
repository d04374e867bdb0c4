package dev.outlast.activities.claim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.claim.Answer.Busy.What;
import dev.outlast.activities.claim.SimulatedHost.Attempt;
import dev.outlast.activities.claim.SimulatedHost.Worker;
import dev.outlast.agent.SessionId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Attempts that are frozen and go on, step by step; the host watches that no two agents run. */
@Timeout(180)
class ClaimTableTest {

  @TempDir Path folder;

  private SimulatedHost host;
  private Worker one;
  private Worker two;

  @BeforeEach
  void start() {
    host = new SimulatedHost(folder, Duration.ofMillis(200));
    one = host.worker();
    two = host.worker();
  }

  /** The server gives up the first attempt, and schedules this one. */
  private Attempt retry() {
    return two.attempt("run", "execution-of-run", 1, 2_000, 2);
  }

  private Attempt first() {
    return one.attempt("run", 1, 1_000);
  }

  @Test
  void a_claim_of_a_later_version_counts() throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    Path file = files(".*\\.json")[0];
    Files.writeString(file, Files.readString(file).replaceAll("\\{(?=\")", "{\"later\":[1],"));
    assertTrue(first.isOurs());
    assertEquals(What.WORKSPACE, whatIsBusy(two.attempt("other", 1, 500).claim()));
  }

  @Test
  void a_claim_of_an_earlier_version_counts() throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    Path file = files(".*\\.json")[0];
    String whole = Files.readString(file);
    String earlier = whole.replaceAll("\"territory\":\\{[^}]*},", "");
    assertTrue(earlier.length() < whole.length(), whole);
    Files.writeString(file, earlier);
    assertTrue(first.isOurs());
    assertEquals(What.WORKSPACE, whatIsBusy(two.attempt("other", 1, 500).claim()));
  }

  @Test
  void what_a_claim_has_for_itself_stays_what_it_was_when_it_was_made() throws IOException {
    Path tree = folder.toRealPath().resolve("tree");
    Path git = Files.createDirectories(tree.resolve(".git"));
    assertTrue(first().in(Files.createDirectory(tree.resolve("one"))).claims());
    Attempt other = two.attempt("other", 1, 500).in(Files.createDirectory(tree.resolve("two")));
    assertEquals(What.WORKSPACE, whatIsBusy(other.claim()));
    Files.move(git, tree.resolve("away"));
    assertEquals(What.WORKSPACE, whatIsBusy(other.claim()));
  }

  private static What whatIsBusy(Answer answer) {
    return assertInstanceOf(Answer.Busy.class, answer).what();
  }

  private static void assertGranted(Answer answer) {
    assertInstanceOf(Answer.Granted.class, answer);
  }

  private Path[] files(String glob) throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("claims"))) {
      return files.filter(file -> file.getFileName().toString().matches(glob)).toArray(Path[]::new);
    }
  }

  // Executions of one run.

  private Attempt execution(String execution, Duration ahead) {
    return one.attempt("run", execution, 1, host.now.plus(ahead).toEpochMilli(), 1);
  }

  @Test
  void an_execution_is_not_refused_since_the_servers_clock_was_ahead_before_it()
      throws IOException {
    Attempt before = execution("before", ClaimTable.AHEAD.plusMillis(1));
    assertTrue(before.claims());
    assertTrue(before.worksAfterClaim());
    assertInstanceOf(
        Answer.Outdated.class, execution("after", Duration.ZERO).claim(), "it works still");
    assertTrue(before.runs());
    before.ends();
    Attempt after = one.attempt("run", "after", 1, host.now.toEpochMilli(), 2);
    assertTrue(after.claims());
    assertTrue(after.isOurs());
    after.held().close();
    assertInstanceOf(
        Answer.Outdated.class,
        one.attempt("run", "after", 1, host.now.toEpochMilli(), 1).claim(),
        "within one execution all is as it was");
  }

  @Test
  void what_a_dead_worker_has_claimed_ahead_of_time_refuses_no_execution() throws IOException {
    Attempt before = execution("before", Duration.ofDays(3));
    assertTrue(before.claims());
    assertTrue(before.worksAfterClaim());
    one.dies();
    Attempt after = two.attempt("run", "after", 1, host.now.toEpochMilli(), 1);
    assertTrue(after.claims());
    assertFalse(before.runs());
    assertTrue(after.isOurs());
  }

  @Test
  void clocks_that_differ_a_little_or_a_host_whose_own_is_wrong_let_no_old_execution_in()
      throws IOException {
    Attempt newer = execution("newer", ClaimTable.AHEAD);
    assertTrue(newer.claims());
    newer.held().close();
    assertInstanceOf(Answer.Outdated.class, execution("older", Duration.ZERO).claim());

    host.now = host.now.minus(Duration.ofDays(1));
    assertInstanceOf(Answer.Outdated.class, execution("older", Duration.ofDays(1)).claim());
  }

  // Frozen, and gone on beside the retry.

  @Test
  void one_that_was_frozen_before_its_claim_is_refused() throws IOException {
    Attempt retry = retry();
    assertTrue(retry.claims());
    assertInstanceOf(Answer.Outdated.class, first().claim());
    assertTrue(retry.worksAfterClaim());
  }

  @Test
  void one_that_was_frozen_before_its_claim_is_refused_also_when_the_retry_has_ended()
      throws IOException {
    Attempt retry = retry();
    assertTrue(retry.claims());
    assertTrue(retry.worksAfterClaim());
    retry.ends();
    Answer.Outdated refused = assertInstanceOf(Answer.Outdated.class, first().claim());
    assertEquals(2, refused.newer().attempt());
  }

  @Test
  void one_that_was_frozen_after_its_claim_starts_nothing() throws IOException {
    Attempt frozen = first();
    assertTrue(frozen.claims());
    Attempt retry = retry();
    assertTrue(retry.claims());
    assertTrue(retry.worksAfterClaim());
    assertFalse(frozen.worksAfterClaim());
    assertTrue(retry.runs());
    assertTrue(retry.isOurs(), "the frozen one has not given back what is the retry's");
  }

  @Test
  void one_that_was_frozen_after_its_agent_was_recorded_starts_nothing() throws IOException {
    Attempt frozen = first();
    assertTrue(frozen.claims());
    frozen.starts();
    Attempt retry = retry();
    assertTrue(retry.claims());
    assertTrue(retry.worksAfterClaim());
    assertFalse(frozen.isOurs());
    assertFalse(frozen.lets_go());
  }

  @Test
  void one_that_was_frozen_after_its_look_starts_nothing() throws IOException {
    Attempt frozen = first();
    assertTrue(frozen.claims());
    frozen.starts();
    assertTrue(frozen.isOurs());
    Attempt retry = retry();
    assertTrue(retry.claims());
    assertTrue(retry.worksAfterClaim());
    assertFalse(frozen.lets_go());
  }

  @Test
  void the_agent_of_a_frozen_worker_is_ended_before_the_retry_may_start_its_own()
      throws IOException {
    Attempt frozen = first();
    assertTrue(frozen.claims());
    assertTrue(frozen.worksAfterClaim());
    Attempt retry = retry();
    assertTrue(retry.claims());
    assertFalse(frozen.runs());
    assertTrue(retry.worksAfterClaim());
    assertFalse(frozen.isOurs());
    frozen.held().close();
    assertTrue(retry.isOurs());
  }

  @Test
  void a_newcomer_that_was_frozen_before_it_lists_the_agents_does_not_end_a_newer_ones()
      throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    assertTrue(first.worksAfterClaim());
    Attempt third = one.attempt("run", "execution-of-run", 1, 3_000, 3);
    AtomicBoolean frozen = new AtomicBoolean();
    host.beforeEnding =
        () -> {
          if (frozen.compareAndSet(false, true)) {
            // The second one is about to end the first one's agent.
            assertTrue(claims(third));
          }
        };
    Attempt second = retry();
    assertGranted(second.claim());
    assertTrue(frozen.get());
    assertTrue(third.runs(), "it was ended by an older one");
    assertFalse(second.worksAfterClaim());
    assertTrue(third.runs());
  }

  private static boolean claims(Attempt attempt) {
    try {
      return attempt.claims() && attempt.worksAfterClaim();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void a_newcomer_that_finds_a_newer_ones_agent_on_record_ends_nothing() throws IOException {
    Attempt third = one.attempt("run", "execution-of-run", 1, 3_000, 3);
    AtomicBoolean claimed = new AtomicBoolean();
    host.beforeListing =
        () -> {
          // The first list is made under the lock, where nobody gets in between.
          if (files().length == 1 && claimed.compareAndSet(false, true)) {
            assertTrue(claims(third));
          }
        };
    assertInstanceOf(Answer.Outdated.class, retry().claim());
    assertTrue(claimed.get());
    assertTrue(third.runs());
  }

  private Path[] files() {
    try {
      return files(".*\\.json");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void a_retry_that_is_busy_keeps_its_frozen_attempt_from_starting_all_the_same()
      throws IOException {
    Attempt frozen = first();
    Attempt other = two.attempt("other", 1, 1_500);
    assertTrue(other.claims());
    assertEquals(What.WORKSPACE, whatIsBusy(retry().claim()));
    other.ends();
    assertInstanceOf(Answer.Outdated.class, frozen.claim());
  }

  @Test
  void a_retry_that_is_busy_elsewhere_ends_the_agent_of_its_frozen_attempt() throws IOException {
    Attempt frozen = first();
    assertTrue(frozen.claims());
    assertTrue(frozen.worksAfterClaim());
    Attempt other = two.attempt("other", 1, 1_500).in(Path.of("/srv/second"));
    assertTrue(other.claims());
    assertEquals(What.WORKSPACE, whatIsBusy(retry().in(Path.of("/srv/second")).claim()));
    assertFalse(frozen.runs());
    assertFalse(frozen.isOurs());
  }

  @Test
  void the_next_invocation_of_a_run_takes_over_from_one_that_was_given_up() throws IOException {
    Attempt frozen = one.attempt("run", "execution-of-run", 1, 9_000, 1);
    assertTrue(frozen.claims());
    // The server's clock was set back meanwhile; the number of the invocation was not.
    Attempt next = two.attempt("run", "execution-of-run", 2, 4_000, 1);
    assertTrue(next.claims());
    assertFalse(frozen.isOurs());
  }

  @Test
  void a_newer_attempt_takes_over_though_the_servers_clock_was_set_back() throws IOException {
    Attempt frozen = one.attempt("run", "execution-of-run", 1, 9_000, 1);
    assertTrue(frozen.claims());
    Attempt retry = retry();
    assertTrue(retry.claims());
    assertTrue(retry.worksAfterClaim());
    assertFalse(frozen.worksAfterClaim());
    retry.ends();
    assertInstanceOf(Answer.Outdated.class, frozen.claim());
  }

  @Test
  void after_a_reset_of_the_activity_the_attempts_count_again_when_they_are_as_many()
      throws IOException {
    Attempt before = retry();
    assertTrue(before.claims());
    before.ends();
    assertInstanceOf(
        Answer.Outdated.class, one.attempt("run", "execution-of-run", 1, 5_000, 1).claim());
    assertTrue(one.attempt("run", "execution-of-run", 1, 6_000, 2).claims());
  }

  @Test
  void after_a_reset_of_the_workflow_the_later_execution_counts() throws IOException {
    Attempt frozen = one.attempt("run", "before", 5, 1_000, 1);
    assertTrue(frozen.claims());
    Attempt next = two.attempt("run", "after", 2, 2_000, 1);
    assertTrue(next.claims());
    assertInstanceOf(Answer.Outdated.class, one.attempt("run", "before", 5, 1_100, 2).claim());
  }

  // Two runs.

  @Test
  void a_second_run_in_the_workspace_is_busy_until_the_first_ones_agent_has_ended()
      throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    assertTrue(first.worksAfterClaim());
    Attempt other = two.attempt("other", 1, 500);
    Answer.Busy busy = assertInstanceOf(Answer.Busy.class, other.claim());
    assertEquals(new Answer.Busy(What.WORKSPACE, "run"), busy);
    assertTrue(first.runs(), "somebody else's agent was ended");
    first.ends();
    assertTrue(other.claims());
  }

  @Test
  void a_second_run_on_the_session_is_busy() throws IOException {
    assertTrue(first().with("claude", "s-1").claims());
    Attempt other = two.attempt("other", 1, 500).in(Path.of("/srv/second"));
    assertEquals(What.SESSION, whatIsBusy(other.with("claude", "s-1").claim()));
    assertGranted(other.with("codex", "s-1").claim());
  }

  @Test
  void a_session_that_the_agent_names_is_claimed_too() throws IOException {
    Attempt first = first().with("codex", null);
    assertTrue(first.claims());
    SessionId named = new SessionId("named-later");
    assertFalse(first.held().covers(named));
    assertEquals(Optional.empty(), first.held().add(named));
    assertTrue(first.held().covers(named));
    assertTrue(first.isOurs());
    Attempt other = two.attempt("other", 1, 500).in(Path.of("/srv/second"));
    assertEquals(What.SESSION, whatIsBusy(other.with("codex", "named-later").claim()));
  }

  @Test
  void a_session_at_which_another_runs_agent_works_cannot_be_claimed_later() throws IOException {
    assertTrue(first().with("codex", "s-1").claims());
    Attempt other = two.attempt("other", 1, 500).in(Path.of("/srv/second")).with("codex", null);
    assertTrue(other.claims());
    assertTrue(other.worksAfterClaim());
    assertTrue(one.attempt("third", 1, 500).in(Path.of("/srv/third")).claims());
    assertEquals(
        Optional.of(new Answer.Busy(What.SESSION, "run")), other.held().add(new SessionId("s-1")));
  }

  @Test
  void an_agent_cannot_claim_more_and_more_sessions() throws IOException {
    Attempt first = first().with("codex", null);
    assertTrue(first.claims());
    for (int i = 0; i < 100; i++) {
      assertEquals(Optional.empty(), first.held().add(new SessionId("s-" + i)));
    }
    assertEquals(Claim.MAX_SESSIONS, ClaimTable.held(folder).get(0).sessions().size());
  }

  @Test
  void what_a_dead_worker_claimed_is_free_at_once_and_its_agent_is_ended() throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    assertTrue(first.worksAfterClaim());
    one.dies();
    Attempt other = two.attempt("other", 1, 500);
    assertTrue(other.claims());
    assertFalse(first.runs());
    assertTrue(other.worksAfterClaim());
    assertEquals(1, ClaimTable.held(folder).size());
    // Its run is not forgotten for that.
    assertInstanceOf(
        Answer.Outdated.class, two.attempt("run", 1, 900).in(Path.of("/srv/else")).claim());
  }

  @Test
  void an_agent_that_a_dead_worker_left_on_the_session_is_ended_wherever_it_works()
      throws IOException {
    Attempt first = first().with("claude", "s-1");
    assertTrue(first.claims());
    assertTrue(first.worksAfterClaim());
    one.dies();
    Attempt other = two.attempt("other", 1, 500).in(Path.of("/srv/second")).with("claude", "s-1");
    assertTrue(other.claims());
    assertFalse(first.runs());
    assertTrue(other.worksAfterClaim());
  }

  @Test
  void the_claim_of_a_frozen_worker_is_not_free() throws IOException {
    assertTrue(first().claims());
    assertEquals(What.WORKSPACE, whatIsBusy(two.attempt("other", 1, 9_000).claim()));
  }

  @Test
  void two_namespaces_may_have_runs_of_one_name() throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    assertTrue(first.worksAfterClaim());
    Claimant namesake =
        new Claimant(
            "other-namespace",
            two.attempt("run", "execution-2", 1, 9_000, 1).who.owner(),
            1,
            9_000);
    Answer answer = two.claims.take(namesake, "claude", List.of(), Path.of("/srv/second"), true);
    assertGranted(answer);
    assertTrue(first.runs());
    assertTrue(first.isOurs());
  }

  @Test
  void an_agent_that_outlasts_its_claim_keeps_the_workspace_busy() throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    assertTrue(first.worksAfterClaim());
    first.held().close();
    Attempt other = two.attempt("other", 1, 500);
    assertEquals(What.WORKSPACE, whatIsBusy(other.claim()));
    first.endsItsAgent();
    assertTrue(other.claims());
  }

  // The files.

  @Test
  void a_broken_claim_is_moved_aside_and_the_agent_on_record_still_counts() throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    assertTrue(first.worksAfterClaim());
    Files.writeString(files(".*\\.json")[0], "{\"claimant\":");
    Attempt other = two.attempt("other", 1, 500);
    assertEquals(What.WORKSPACE, whatIsBusy(other.claim()));
    assertEquals(1, files(".*\\.json\\.broken").length);
    assertFalse(first.isOurs());
    first.endsItsAgent();
    assertTrue(other.claims());
  }

  @Test
  void whatever_a_claims_file_holds_nobody_is_kept_from_claiming() throws IOException {
    assertTrue(first().claims());
    Path file = files(".*\\.json")[0];
    for (String content :
        new String[] {
          "",
          "null",
          "[]",
          "{}",
          "{\"claimant\":{\"owner\":{}},\"worker\":null}",
          "\0\0\0",
          "[".repeat(10_000),
          "x".repeat(100_000)
        }) {
      Files.writeString(file, content);
      Attempt again = first();
      assertTrue(again.claims(), content.length() > 50 ? "long" : content);
    }
  }

  @Test
  void a_workspace_that_can_be_no_folder_keeps_nobody_from_claiming() throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    Path file = files(".*\\.json")[0];
    String odd = Files.readString(file).replace("/srv/repo", "/srv/\\u0000");
    assertTrue(odd.contains("u0000"), odd);
    Files.writeString(file, odd);
    assertTrue(two.attempt("other", 1, 500).claims());
    assertEquals(1, files(".*\\.json\\.broken").length);

    Claim sound = ClaimTable.held(folder).get(0);
    assertFalse(sound.overlaps("/srv/repo\0"), "an agent on record has such a workspace");
  }

  @Test
  void only_the_workers_user_may_read_claims() throws IOException {
    assertTrue(first().claims());
    Path claims = folder.resolve("claims");
    assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(claims)));
    for (Path file : files(".*(json|lock)")) {
      assertEquals(
          "rw-------",
          PosixFilePermissions.toString(Files.getPosixFilePermissions(file)),
          file.toString());
    }
  }

  @Test
  void nothing_is_granted_where_nothing_can_be_written() throws IOException {
    Files.writeString(folder.resolve("claims"), "in the way");
    IOException failure = assertThrows(IOException.class, () -> first().claim());
    assertTrue(
        failure.toString().contains(folder.resolve("claims").toString()), failure.toString());
  }

  @Test
  void a_worker_that_is_frozen_with_the_lock_is_named_and_not_waited_for_for_ever()
      throws IOException, InterruptedException {
    assertTrue(first().claims());
    Path lock = folder.resolve("claims/lock");
    // Another process holds the lock, and says who it is.
    Process holder = LockHolder.start(lock);
    try {
      IOException failure = assertThrows(IOException.class, () -> retry().claim());
      assertTrue(failure.getMessage().contains(lock.toString()), failure.getMessage());
      assertTrue(failure.getMessage().contains("process " + holder.pid()), failure.getMessage());
    } finally {
      holder.destroyForcibly().waitFor();
    }
    assertTrue(retry().claims());
  }

  @Test
  void a_claim_with_which_nothing_can_be_started_is_given_back() throws IOException {
    host.beforeListing =
        () -> {
          if (files().length == 1) {
            throw new UncheckedIOException(new IOException("agents: cannot be listed"));
          }
        };
    IOException failure = assertThrows(IOException.class, () -> first().claim());
    assertEquals("agents: cannot be listed", failure.getMessage());
    assertEquals(0, ClaimTable.held(folder).size());
    host.agentsSurvive = true;
    host.beforeListing = () -> {};
    Attempt first = first();
    assertTrue(first.claims());
    assertTrue(first.worksAfterClaim());
    failure = assertThrows(IOException.class, () -> retry().claim());
    assertTrue(failure.getMessage().contains("does not end"), failure.getMessage());
    assertEquals(0, ClaimTable.held(folder).size());
    Attempt other = two.attempt("other", 1, 500);
    assertEquals(What.WORKSPACE, whatIsBusy(other.claim()), "the survivor is still there");
  }

  @Test
  void what_cannot_be_given_back_at_once_is_given_back_later()
      throws IOException, InterruptedException {
    Attempt first = first();
    assertTrue(first.claims());
    Process holder = LockHolder.start(folder.resolve("claims/lock"));
    try {
      first.held().close();
      assertEquals(1, ClaimTable.held(folder).size());
    } finally {
      holder.destroyForcibly().waitFor();
    }
    awaitAllGivenBack();
  }

  private void awaitAllGivenBack() throws IOException, InterruptedException {
    long deadline = System.nanoTime() + Duration.ofMinutes(1).toNanos();
    while (!ClaimTable.held(folder).isEmpty() && System.nanoTime() < deadline) {
      Thread.sleep(50);
    }
    assertEquals(0, ClaimTable.held(folder).size());
  }

  @Test
  void nobody_waits_for_what_others_could_not_give_back() throws IOException, InterruptedException {
    List<Attempt> attempts = new ArrayList<>();
    for (int i = 0; i <= 80; i++) {
      attempts.add(one.attempt("run-" + i, 1, 1_000).in(Path.of("/srv/" + i)));
      assertTrue(attempts.get(i).claims());
    }
    Process holder = LockHolder.start(folder.resolve("claims/lock"));
    try {
      ExecutorService threads = Executors.newFixedThreadPool(80);
      for (Attempt attempt : attempts.subList(1, 81)) {
        threads.execute(() -> attempt.held().close());
      }
      threads.shutdown();
      assertTrue(threads.awaitTermination(1, TimeUnit.MINUTES));
      // By then they are tried again, which takes 200 ms each: 16 s.
      Thread.sleep(ClaimTable.RELEASE_PAUSE.plusMillis(500).toMillis());
      long before = System.nanoTime();
      attempts.get(0).held().close();
      Duration took = Duration.ofNanos(System.nanoTime() - before);
      assertTrue(took.compareTo(Duration.ofSeconds(8)) < 0, took.toString());
    } finally {
      holder.destroyForcibly().waitFor();
    }
    awaitAllGivenBack();
  }

  @Test
  void an_interrupted_thread_gives_its_claim_back() throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    Thread.currentThread().interrupt();
    first.held().close();
    assertTrue(Thread.interrupted(), "the interrupt was swallowed");
    assertEquals(0, ClaimTable.held(folder).size());
  }

  @Test
  void a_run_is_forgotten_when_no_attempt_of_it_can_come_any_more() throws IOException {
    Attempt first = first();
    assertTrue(first.claims());
    first.ends();
    Path released = folder.resolve("claims/released");
    try (Stream<Path> files = Files.list(released)) {
      Files.setLastModifiedTime(files.findFirst().orElseThrow(), FileTime.from(host.now));
    }
    Attempt abandoned = one.attempt("abandoned", 1, 1_000).in(Path.of("/srv/second"));
    assertTrue(abandoned.claims());
    one.dies();
    host.now = host.now.plus(ClaimTable.REMEMBERED).plusSeconds(1);
    Files.setLastModifiedTime(files(".*\\.json")[0], FileTime.from(host.now));
    assertTrue(two.attempt("other", 1, 500).claims());
    try (Stream<Path> files = Files.list(released)) {
      assertEquals(1, files.count(), "the abandoned one is remembered, the old one is not");
    }
    assertEquals(1, ClaimTable.held(folder).size());
  }

  /** A process that locks a file as a worker does. */
  static final class LockHolder {

    private LockHolder() {}

    static Process start(Path lock) throws IOException {
      Process process =
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:TieredStopAtLevel=1",
                  "-cp",
                  System.getProperty("java.class.path"),
                  LockHolder.class.getName(),
                  lock.toString())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start();
      process.inputReader().readLine();
      return process;
    }

    public static void main(String[] args) throws IOException {
      try (FileChannel channel =
          FileChannel.open(Path.of(args[0]), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        channel.lock();
        // By the same channel: to close another one would end the lock.
        byte[] pid = (ProcessHandle.current().pid() + "\n").getBytes(StandardCharsets.UTF_8);
        channel.truncate(0);
        channel.write(ByteBuffer.wrap(pid));
        System.out.println("locked");
        System.in.read();
      }
    }
  }
}
