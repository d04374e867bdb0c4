package dev.outlast.activities.workspace;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.Deadline;
import dev.outlast.activities.secret.KnownSecrets;
import dev.outlast.agent.Worktree;
import dev.outlast.agent.WorktreeEnd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(300)
class WorktreesTest {

  private static final String PATH = System.getenv("PATH");
  private static final WorktreeEnd GONE = new WorktreeEnd(false, 0, 0);

  @TempDir Path temporary;
  private TestRepository repository;
  private Path state;
  private Worktrees worktrees;

  @BeforeEach
  void setUp() throws IOException {
    repository = TestRepository.withCommit(temporary.resolve("repository"));
    state = Files.createDirectories(temporary.resolve("state")).toRealPath();
    worktrees = new Worktrees(PATH, state, Clock.systemUTC());
  }

  private Worktree make(String run) {
    return worktrees.make(run, "execution-1", repository.folder);
  }

  private WorkspaceException refused(String said, Runnable what) {
    WorkspaceException e = assertThrows(WorkspaceException.class, what::run);
    assertTrue(e.getMessage().contains(said), e.getMessage());
    return e;
  }

  private String branches() throws IOException {
    return repository.git("for-each-ref", "--format=%(refname:short)", "refs/heads");
  }

  private Worktrees.Entry only() {
    List<Worktrees.Entry> entries = worktrees.list();
    assertEquals(1, entries.size(), entries.toString());
    return entries.get(0);
  }

  @Test
  void a_run_gets_a_worktree_of_the_commit_and_what_is_not_committed_stays_where_it_is()
      throws IOException {
    repository.write("file.txt", "not committed\n");
    Worktree made = make("run-1");
    Path path = state.resolve("worktrees/run-1");
    assertEquals(path, Path.of(made.workspace()));
    assertEquals(
        new Worktree(
            path.toString(),
            path.toString(),
            repository.folder.toString(),
            "outlast/run-1",
            repository.head()),
        made);
    assertEquals("one\n", Files.readString(path.resolve("file.txt")));
    assertEquals("outlast/run-1", TestRepository.gitIn(path, "branch", "--show-current"));
    assertEquals(Worktrees.Use.IN_USE, only().use());
    String listed = repository.git("worktree", "list", "--porcelain");
    assertTrue(listed.contains("locked in use by the run run-1"), listed);
    repository.git("worktree", "prune", "--expire=now");
    assertThrows(IOException.class, () -> repository.git("worktree", "remove", made.path()));
  }

  @Test
  void the_workspace_is_the_same_folder_inside_the_worktree() throws IOException {
    repository.commit("a b/c/x.txt", "x");
    Path inside = repository.folder.resolve("a b/c");
    Worktree made = worktrees.make("run-1", "e", inside);
    assertEquals(state.resolve("worktrees/run-1/a b/c"), Path.of(made.workspace()));
    assertEquals(made, worktrees.make("run-1", "e", inside));

    Path fresh = Files.createDirectories(repository.folder.resolve("new"));
    refused("is not in the commit", () -> worktrees.make("run-2", "e", fresh));
    assertEquals(1, worktrees.list().size());
  }

  @Test
  void a_retried_try_finds_the_worktree_that_is_there_with_all_that_is_in_it() throws IOException {
    Worktree made = make("run-1");
    Files.writeString(Path.of(made.workspace()).resolve("work"), "x");
    repository.commit("more.txt", "x");
    assertEquals(made, make("run-1"));
    assertEquals("x", Files.readString(Path.of(made.workspace()).resolve("work")));
    assertEquals(1, worktrees.list().size());
  }

  @Test
  void a_try_that_was_cut_short_at_any_moment_is_made_anew() throws IOException {
    Worktree made = make("run-1");
    Path record = state.resolve("worktree-records/run-1.json");
    String ready = Files.readString(record);
    String planned = ready.replaceAll("\"gitFolder\":\"[^\"]*\"", "\"gitFolder\":null");
    assertNotEquals(ready, planned);

    // After git had ended, before that was written down.
    Files.writeString(record, planned);
    assertEquals(made, make("run-1"));
    // In the middle of git's own work.
    Files.writeString(record, planned);
    Files.delete(Path.of(made.workspace()).resolve(".git"));
    assertEquals(made, make("run-1"));
    // Before git began: it knows nothing of the path nor of the branch.
    Files.writeString(record, planned);
    repository.git("worktree", "remove", "--force", "--force", made.path());
    repository.git("branch", "-D", "outlast/run-1");
    assertEquals(made, make("run-1"));
    assertEquals("one\n", Files.readString(Path.of(made.workspace()).resolve("file.txt")));
    assertEquals(GONE, worktrees.release(made, "run-1"));
    assertEquals("main", branches());
  }

  @Test
  void another_execution_of_the_same_id_gets_another_worktree() throws IOException {
    Worktree first = make("run-1");
    Files.writeString(Path.of(first.workspace()).resolve("work"), "x");
    worktrees.release(first, "run-1");
    Worktree second = worktrees.make("run-1", "execution-2", repository.folder);
    assertTrue(second.branch().matches("outlast/run-1-[0-9a-f]{8}"), second.toString());
    assertFalse(Files.exists(Path.of(second.workspace()).resolve("work")));
    assertEquals(second, worktrees.make("run-1", "execution-2", repository.folder));
    // Also where the branch alone is left of an earlier one.
    repository.git("branch", "outlast/run-9");
    assertTrue(make("run-9").branch().matches("outlast/run-9-[0-9a-f]{8}"));
  }

  static List<String> names() {
    return List.of(
        "../x",
        "..",
        ".",
        "a b",
        "-x",
        "--force",
        "x.lock",
        "a..b",
        "a/b",
        "ä€🙂",
        "@{-1}",
        "x~1",
        "HEAD",
        "",
        "\n",
        "a\0b",
        "a:b?*[\\^",
        "x.",
        ".git",
        "$(touch x)",
        "x".repeat(300));
  }

  @ParameterizedTest
  @MethodSource("names")
  void any_workflow_id_has_a_worktree_in_its_place(String run) throws IOException {
    Worktree made = make(run);
    assertEquals(state.resolve("worktrees"), Path.of(made.workspace()).getParent());
    assertTrue(Files.isRegularFile(Path.of(made.workspace()).resolve("file.txt")));
    assertEquals(made, make(run));
    assertEquals(run, only().run());
    assertEquals(GONE, worktrees.release(made, run));
    assertFalse(Files.exists(Path.of(made.workspace())));
    assertEquals("main", branches());
  }

  @Test
  void ids_that_differ_only_in_what_a_name_cannot_have_do_not_meet() {
    List<String> paths = new ArrayList<>();
    for (String run : List.of("a b", "a-b", "a/b", "a\nb", "x".repeat(300), "x".repeat(301))) {
      paths.add(make(run).path());
    }
    assertEquals(paths.size(), paths.stream().distinct().count(), paths.toString());
  }

  @Test
  void without_changes_it_goes_with_its_branch() throws IOException {
    repository.commit(".gitignore", "build/\n");
    Worktree made = make("run-1");
    Files.createDirectories(Path.of(made.workspace()).resolve("build"));
    Files.writeString(Path.of(made.workspace()).resolve("build/out"), "ignored");
    assertEquals(GONE, worktrees.release(made, "run-1"));
    assertFalse(Files.exists(Path.of(made.workspace())));
    assertEquals("main", branches());
    assertEquals(List.of(), worktrees.list());
    // And once more, as a retried activity.
    assertEquals(GONE, worktrees.release(made, "run-1"));
    assertEquals(1, repository.git("worktree", "list").lines().count());
  }

  @Test
  void with_changes_it_is_kept_and_unlocked_with_its_branch() throws IOException {
    Worktree edited = make("edited");
    Files.writeString(Path.of(edited.workspace()).resolve("file.txt"), "two\n");
    Files.writeString(Path.of(edited.workspace()).resolve("new.txt"), "x\n");
    assertEquals(new WorktreeEnd(true, 0, 2), worktrees.release(edited, "edited"));
    assertEquals(new WorktreeEnd(true, 0, 2), worktrees.release(edited, "edited"));

    Worktree committed = make("committed");
    TestRepository.gitIn(Path.of(committed.workspace()), "commit", "-qm", "x", "--allow-empty");
    assertEquals(new WorktreeEnd(true, 1, 0), worktrees.release(committed, "committed"));

    Worktree detached = make("detached");
    TestRepository.gitIn(Path.of(detached.workspace()), "checkout", "-q", "--detach");
    TestRepository.gitIn(Path.of(detached.workspace()), "commit", "-qm", "x", "--allow-empty");
    assertEquals(new WorktreeEnd(true, 1, 0), worktrees.release(detached, "detached"));

    assertEquals("main\noutlast/committed\noutlast/detached\noutlast/edited", branches());
    assertFalse(repository.git("worktree", "list", "--porcelain").contains("locked"));
    assertEquals(
        List.of(Worktrees.Use.KEPT, Worktrees.Use.KEPT, Worktrees.Use.KEPT),
        worktrees.list().stream().map(Worktrees.Entry::use).toList());
    repository.git("-C", edited.path(), "reset", "-q", "--hard");
    Files.delete(Path.of(edited.workspace()).resolve("new.txt"));
    assertEquals(Worktrees.Use.CLEAN, worktrees.list().get(2).use());
  }

  @Test
  void one_that_somebody_took_away_leaves_its_commits_and_nothing_else() throws IOException {
    Worktree empty = make("empty");
    Worktree full = make("full");
    TestRepository.gitIn(Path.of(full.workspace()), "commit", "-qm", "x", "--allow-empty");
    for (Worktree made : List.of(empty, full)) {
      Folders.deleteTree(Path.of(made.workspace()), Deadline.in(Duration.ofMinutes(1)));
    }
    assertEquals(Worktrees.Use.MISSING, worktrees.list().get(0).use());
    assertEquals(GONE, worktrees.release(empty, "empty"));
    assertEquals(new WorktreeEnd(false, 1, 0), worktrees.release(full, "full"));
    assertEquals("main\noutlast/full", branches());
    assertEquals(1, repository.git("worktree", "list").lines().count());
    assertEquals(List.of(), worktrees.list());
  }

  @Test
  void one_whose_repository_is_gone_is_kept_and_can_be_removed_by_force() throws IOException {
    Worktree made = make("run-1");
    Folders.deleteTree(repository.folder, Deadline.in(Duration.ofMinutes(1)));
    assertTrue(worktrees.release(made, "run-1").kept());
    assertEquals(Worktrees.Use.KEPT, only().use());
    assertTrue(Files.exists(Path.of(made.workspace())));
    assertEquals(0, worktrees.remove("run-1", true));
    assertFalse(Files.exists(Path.of(made.workspace())));
    assertEquals(List.of(), worktrees.list());
  }

  @Test
  void a_worktree_that_its_agent_has_replaced_is_kept_and_what_took_its_place_is_left_alone()
      throws IOException {
    TestRepository precious = TestRepository.withCommit(temporary.resolve("precious"));
    Worktree linked = make("linked");
    Folders.deleteTree(Path.of(linked.workspace()), Deadline.in(Duration.ofMinutes(1)));
    Files.createSymbolicLink(Path.of(linked.workspace()), precious.folder);
    assertTrue(worktrees.release(linked, "linked").kept());

    // One that git would take away, as the link leads to what it knows and finds clean.
    Path users = temporary.toRealPath().resolve("users");
    repository.git("worktree", "add", "--quiet", "-b", "users", users.toString());
    Worktree aimed = make("aimed");
    Folders.deleteTree(Path.of(aimed.workspace()), Deadline.in(Duration.ofMinutes(1)));
    Files.createSymbolicLink(Path.of(aimed.workspace()), users);
    assertTrue(worktrees.release(aimed, "aimed").kept());
    assertTrue(Files.exists(users.resolve("file.txt")));

    Worktree pointed = make("pointed");
    Files.writeString(
        Path.of(pointed.workspace()).resolve(".git"),
        "gitdir: " + precious.folder.resolve(".git") + "\n");
    assertTrue(worktrees.release(pointed, "pointed").kept());

    assertEquals(0, worktrees.remove("linked", true));
    assertFalse(Files.exists(Path.of(linked.workspace()), LinkOption.NOFOLLOW_LINKS));
    assertTrue(Files.exists(precious.folder.resolve("file.txt")));
  }

  @Test
  void only_its_own_run_can_give_it_back_and_only_what_is_a_worktree_here() {
    Worktree made = make("run-1");
    refused("belongs to the run run-1", () -> worktrees.release(made, "run-2"));
    for (String path : List.of(repository.folder.toString(), made.path() + "/../../x", "/")) {
      Worktree other =
          new Worktree(path, made.workspace(), made.repository(), made.branch(), made.base());
      refused("is not where this host keeps", () -> worktrees.release(other, "run-1"));
    }
    assertTrue(Files.exists(Path.of(made.workspace())));
  }

  @Test
  void many_runs_at_once_in_one_repository_all_get_one_and_give_it_back() throws Exception {
    int runs = 8;
    ExecutorService pool = Executors.newFixedThreadPool(runs);
    try {
      // Two workers of one host, and every run asked for twice, as by a retry that overlaps.
      Worktrees other = new Worktrees(PATH, state, Clock.systemUTC());
      List<Future<Worktree>> made = new ArrayList<>();
      for (int i = 0; i < 2 * runs; i++) {
        String run = "run-" + i / 2;
        Worktrees worker = i % 2 == 0 ? worktrees : other;
        made.add(pool.submit(() -> worker.make(run, "e", repository.folder)));
      }
      for (int i = 0; i < 2 * runs; i += 2) {
        assertEquals(made.get(i).get(), made.get(i + 1).get());
      }
      assertEquals(runs, worktrees.list().size());
      List<Future<WorktreeEnd>> released = new ArrayList<>();
      for (int i = 0; i < runs; i++) {
        Worktree worktree = made.get(2 * i).get();
        String run = "run-" + i;
        released.add(pool.submit(() -> worktrees.release(worktree, run)));
      }
      for (Future<WorktreeEnd> end : released) {
        assertEquals(GONE, end.get());
      }
      assertEquals("main", branches());
    } finally {
      pool.shutdownNow();
    }
  }

  @Test
  void what_another_git_is_in_the_way_of_is_tried_again_for_a_while() throws IOException {
    Path lock = repository.folder.resolve(".git/refs/heads/outlast/run-1.lock");
    Files.createDirectories(lock.getParent());
    Files.writeString(lock, "");
    WorkspaceException busy = refused("run-1", () -> make("run-1"));
    assertTrue(busy.passing());
    assertEquals(List.of(), worktrees.list());
    Files.delete(lock);
    assertDoesNotThrow(() -> make("run-1"));
  }

  @Test
  void where_there_can_be_none_it_is_said_why_and_nothing_is_left() throws IOException {
    Path plain = Files.createDirectories(temporary.resolve("plain")).toRealPath();
    assertFalse(
        refused("is in no git repository", () -> worktrees.make("r", "e", plain)).passing());
    TestRepository young = new TestRepository(temporary.resolve("young"));
    refused("has no commit yet", () -> worktrees.make("r", "e", young.folder));
    Path bare = temporary.toRealPath().resolve("bare.git");
    repository.git("clone", "-q", "--bare", ".", bare.toString());
    refused("is a bare repository", () -> worktrees.make("r", "e", bare));
    Worktrees without = new Worktrees("", state, Clock.systemUTC());
    refused("no git on the worker's PATH", () -> without.make("r", "e", repository.folder));
    repository.git("branch", "outlast");
    WorkspaceException blocked = refused("rename the branch 'outlast'", () -> make("r"));
    assertFalse(blocked.passing());
    assertEquals(List.of(), worktrees.list());
    assertFalse(Files.exists(state.resolve("worktrees/r")));
    assertEquals(1, repository.git("worktree", "list").lines().count());
  }

  @Test
  void what_is_too_much_to_be_deleted_in_time_is_given_up_and_stays() throws IOException {
    Path tree = Files.createDirectories(temporary.resolve("tree/below"));
    Files.writeString(tree.resolve("file"), "x");
    GitException e =
        assertThrows(
            GitException.class,
            () -> Folders.deleteTree(tree.getParent(), Deadline.in(Duration.ZERO)));
    assertEquals(GitException.Cause.TOO_LONG, e.why());
    assertThrows(
        GitException.class,
        () -> Folders.holdRepositories(tree.getParent(), Deadline.in(Duration.ZERO)));
    assertTrue(Files.exists(tree.resolve("file")));
  }

  @Test
  void no_secret_is_in_what_git_complains_of() throws IOException {
    String secret = "sentinel-of-a-complaint-9d04";
    KnownSecrets.learn(Set.of(secret));
    repository.git("config", "core.bare", secret);
    WorkspaceException e = refused("'[secret]' for 'core.bare'", () -> make("r"));
    assertFalse(e.getMessage().contains(secret), e.getMessage());
  }

  @Test
  void a_full_disk_is_said_to_be_full_and_worth_another_try() throws IOException {
    Path bin = Files.createDirectories(temporary.resolve("bin"));
    Path fake =
        Files.writeString(
            bin.resolve("git"),
            """
            #!/bin/sh
            case " $* " in
              *" worktree add "*)
                echo "fatal: could not write: No space left on device" >&2
                exit 128 ;;
            esac
            PATH='%s' exec git "$@"
            """
                .formatted(PATH));
    assertTrue(fake.toFile().setExecutable(true));
    Worktrees full = new Worktrees(bin + ":" + PATH, state, Clock.systemUTC());
    WorkspaceException e =
        refused("No space left on device; make room", () -> full.make("r", "e", repository.folder));
    assertTrue(e.passing());
    assertEquals(List.of(), worktrees.list());
  }

  @Test
  void nothing_that_a_repository_names_is_run() throws IOException {
    repository.commit("a.bin", "binary");
    Path sprung = repository.makeHostile(temporary.resolve("traps"));
    Worktree made = make("run-1");
    assertEquals("one\n", Files.readString(Path.of(made.workspace()).resolve("file.txt")));
    worktrees.list();
    Files.writeString(Path.of(made.workspace()).resolve("file.txt"), "two\n");
    assertTrue(worktrees.release(made, "run-1").kept());
    assertEquals(0, worktrees.remove("run-1", true));
    Worktree clean = make("run-2");
    assertEquals(GONE, worktrees.release(clean, "run-2"));

    // What a partial clone does not have is fetched by a program that its configuration names.
    String blob = repository.git("rev-parse", "HEAD:a.bin");
    Files.delete(
        repository.folder.resolve(
            ".git/objects/" + blob.substring(0, 2) + "/" + blob.substring(2)));
    assertFalse(refused("check it out there", () -> make("run-3")).passing());
    try (Stream<Path> files = Files.list(sprung)) {
      assertEquals(List.of(), files.toList());
    }
  }

  @Test
  void a_repository_with_submodules_has_worktrees_that_can_go_again() throws IOException {
    TestRepository inner = TestRepository.withCommit(temporary.resolve("inner"));
    repository.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "" + inner.folder, "s");
    repository.git("commit", "--quiet", "--message=sub");
    Worktree made = make("run-1");
    assertEquals(GONE, worktrees.release(made, "run-1"));
    assertFalse(Files.exists(Path.of(made.workspace())));

    Worktree filled = make("run-2");
    TestRepository.gitIn(
        Path.of(filled.workspace()),
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "update",
        "--init");
    assertTrue(worktrees.release(filled, "run-2").kept());
    assertTrue(Files.exists(Path.of(filled.workspace()).resolve("s/file.txt")));
  }

  @Test
  void one_with_changes_is_removed_by_force_only_and_its_commits_stay() throws IOException {
    Worktree made = make("run-1");
    TestRepository.gitIn(Path.of(made.workspace()), "commit", "-qm", "x", "--allow-empty");
    Files.writeString(Path.of(made.workspace()).resolve("new.txt"), "x\n");
    worktrees.release(made, "run-1");
    refused(
        "has changes: commits 1, paths that are not committed 1",
        () -> worktrees.remove("run-1", false));
    assertTrue(Files.exists(Path.of(made.workspace()).resolve("new.txt")));
    assertEquals(1, worktrees.remove("run-1", true));
    assertFalse(Files.exists(Path.of(made.workspace())));
    assertEquals("main\noutlast/run-1", branches());
    refused("there is none named 'run-1'", () -> worktrees.remove("run-1", true));
    refused("there is none named '../x'", () -> worktrees.remove("../x", true));
  }

  @Test
  void records_are_for_their_owner_only_and_a_torn_one_hides_no_other() throws IOException {
    make("run-1");
    make("run-2");
    Path folder = state.resolve("worktree-records");
    assertEquals(
        PosixFilePermissions.fromString("rw-------"),
        Files.getPosixFilePermissions(folder.resolve("run-1.json")));
    assertEquals(
        PosixFilePermissions.fromString("rwx------"), Files.getPosixFilePermissions(folder));
    Files.writeString(folder.resolve("run-1.json"), "{\"name\":");
    assertEquals("run-2", only().name());
  }

  @Test
  void a_record_that_is_odd_in_any_way_hides_no_other() throws IOException {
    make("run-1");
    make("run-2");
    Path record = state.resolve("worktree-records/run-1.json");
    String sound = Files.readString(record);
    for (String odd :
        List.of(
            "null",
            "[]",
            "\"run-1\"",
            sound.replaceAll("\"created\":\"[^\"]*\"", "\"created\":\"yesterday\""),
            sound.replaceAll("\"path\":\"", "\"path\":\"\\\\u0000"),
            sound.replaceAll("\"common\":\"", "\"common\":\"\\\\u0000"),
            sound.replaceAll("\"repository\":\"", "\"repository\":\"\\\\u0000"),
            sound.replaceAll("\"gitFolder\":\"", "\"gitFolder\":\"\\\\u0000"))) {
      assertNotEquals(sound, odd);
      Files.writeString(record, odd);
      assertEquals("run-2", only().name(), odd);
      refused("run-1.json is no record of a worktree", () -> worktrees.find("run-1"));
    }
    Files.writeString(record, sound);
    assertEquals(2, worktrees.list().size());
  }
}
