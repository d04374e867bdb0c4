package dev.outlast.activities.workspace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.secret.KnownSecrets;
import dev.outlast.agent.WorkspaceState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(300)
class GitStateTest {

  private static final String PATH = System.getenv("PATH");

  @TempDir Path temporary;
  private TestRepository repository;
  private GitState git;

  @BeforeEach
  void setUp() throws IOException {
    repository = TestRepository.withCommit(temporary.resolve("repository"));
    git = new GitState(PATH, Files.createDirectories(temporary.resolve("state")));
  }

  private WorkspaceState read() {
    WorkspaceState state = git.read(repository.folder);
    assertNotNull(state);
    return state;
  }

  private String news(WorkspaceState before) {
    return git.news(repository.folder, before, false).orElseThrow();
  }

  @Test
  void what_differs_is_named_the_newest_first_and_no_more_than_asked_for() throws IOException {
    for (int i = 1; i <= 5; i++) {
      Path file = repository.write("new" + i + ".txt", "x");
      Files.setLastModifiedTime(file, FileTime.fromMillis(i * 1_000_000L));
    }
    GitState.Standing standing = git.standing(repository.folder, 3).orElseThrow();
    assertEquals(List.of("new5.txt", "new4.txt", "new3.txt"), standing.changed());
    assertEquals(read(), standing.state());
    assertEquals(Optional.empty(), git.standing(temporary, 3));
  }

  @Test
  void a_clean_workspace_is_its_commit_and_branch() throws IOException {
    assertEquals(new WorkspaceState(repository.head(), "main", 0, null), read());
    assertEquals(Optional.empty(), git.news(repository.folder, read(), false));
    repository.git("checkout", "--quiet", "--detach");
    assertNull(read().branch());
  }

  @Test
  void before_the_first_commit_there_is_a_state_too() throws IOException {
    TestRepository young = new TestRepository(temporary.resolve("young"));
    young.write("new.txt", "x");
    WorkspaceState before = git.read(young.folder);
    assertNull(before.head());
    assertEquals(1, before.changed());
    young.commit("new.txt", "y");
    String told = git.news(young.folder, before, false).orElseThrow();
    assertTrue(
        told.contains("HEAD moved from no commit to " + young.head().substring(0, 12)), told);
  }

  @Test
  void every_kind_of_change_and_a_further_edit_of_what_is_changed_already_is_seen()
      throws IOException {
    repository.commit("gone.txt", "x\n");
    repository.commit("moved.txt", "some longer content that git would find again\n");
    WorkspaceState clean = read();
    Path file = repository.write("file.txt", "two\n");
    WorkspaceState edited = read();
    assertEquals(1, edited.changed());
    assertNotEquals(clean, edited);
    assertEquals(edited, read());

    // As long as before, and at a time that is told apart.
    Files.writeString(file, "3wo\n");
    Files.setLastModifiedTime(file, FileTime.from(Instant.parse("2020-01-01T00:00:00Z")));
    WorkspaceState again = read();
    assertEquals(1, again.changed());
    assertNotEquals(edited.digest(), again.digest());

    repository.write("new folder/näw\n\"file\".txt", "x");
    Files.delete(repository.folder.resolve("gone.txt"));
    repository.git("mv", "moved.txt", "elsewhere.txt");
    WorkspaceState more = read();
    assertEquals(5, more.changed());
    repository.git("add", "--all");
    assertNotEquals(more.digest(), read().digest());
    repository.git("reset", "--quiet", "--hard");
    assertEquals(clean, read());
  }

  @Test
  void a_file_that_was_only_touched_or_is_ignored_is_no_change() throws IOException {
    repository.commit(".gitignore", "build/\n");
    WorkspaceState clean = read();
    repository.write("build/out.class", "x");
    Files.setLastModifiedTime(
        repository.folder.resolve("file.txt"), FileTime.from(Instant.now().plusSeconds(60)));
    assertEquals(clean, read());
  }

  @Test
  void only_what_is_in_the_workspace_counts_not_what_is_beside_it_in_its_repository()
      throws IOException {
    repository.commit("a/x.txt", "x");
    repository.commit("b/x.txt", "x");
    Path workspace = repository.folder.resolve("a");
    WorkspaceState before = git.read(workspace);
    repository.write("b/x.txt", "other");
    assertEquals(before, git.read(workspace));
    repository.write("a/x.txt", "other");
    assertEquals(1, git.read(workspace).changed());
    assertTrue(git.news(workspace, before, false).orElseThrow().contains("\"a/x.txt\""));
  }

  @Test
  void what_the_worker_itself_keeps_in_a_workspace_is_no_change() throws IOException {
    Path state = Files.createDirectories(repository.folder.resolve("out/state"));
    git = new GitState(PATH, state);
    WorkspaceState before = read();
    Files.writeString(state.resolve("host-id"), "x");
    assertEquals(before, read());
    repository.write("out/statement", "x");
    assertEquals(1, read().changed());
  }

  @Test
  void the_news_say_how_far_the_head_has_moved_and_which_files_differ() throws IOException {
    WorkspaceState before = read();
    String was = repository.head();
    repository.commit("a.txt", "a");
    String is = repository.commit("b.txt", "b");
    repository.write("c.txt", "c");
    String told = news(before);
    String moved = "HEAD moved from " + was.substring(0, 12) + " to " + is.substring(0, 12);
    assertTrue(told.contains(moved + " (2 commits more). "), told);
    assertTrue(told.contains("Paths with uncommitted changes: 1, then 0. "), told);
    assertTrue(told.contains("Files: \"a.txt\", \"b.txt\", \"c.txt\". "), told);
    assertFalse(told.contains("branch"), told);

    WorkspaceState far = read();
    repository.git("checkout", "--quiet", "-b", "other", was);
    repository.git("commit", "--quiet", "--allow-empty", "--message=x");
    String back = news(far);
    assertTrue(back.contains(" (1 commit more, and 2 commits no longer in it). "), back);
    assertTrue(back.contains("The branch was \"main\" and is \"other\". "), back);
  }

  @Test
  void the_news_name_ten_files_and_how_many_more() throws IOException {
    WorkspaceState before = read();
    for (int i = 100; i < 125; i++) {
      repository.write("new" + i, "x");
      Files.setLastModifiedTime(
          repository.folder.resolve("new" + i), FileTime.fromMillis(1_700_000_000_000L + i));
    }
    String told = news(before);
    assertTrue(told.contains("Files: \"new124\", \"new123\", "), told);
    assertTrue(told.contains("\"new115\" and 15 more. "), told);
    assertFalse(told.contains("new114"), told);
  }

  @Test
  void an_old_commit_that_is_gone_is_said_to_be_gone() throws IOException {
    for (String gone : List.of("0123456789".repeat(4), "--output=/tmp/x", "HEAD")) {
      WorkspaceState before = new WorkspaceState(gone, "main", 0, null);
      String told = news(before);
      assertTrue(told.contains("HEAD moved from "), told);
      assertTrue(told.contains("the old commit cannot be compared"), told);
    }
  }

  @Test
  void a_git_link_that_leads_nowhere_is_passed_over_as_git_does() throws IOException {
    repository.write("one/x.txt", "x");
    Path one = repository.folder.resolve("one");
    Files.createSymbolicLink(one.resolve(".git"), temporary.resolve("nowhere"));
    assertEquals(
        repository.folder.toString(), TestRepository.gitIn(one, "rev-parse", "--show-toplevel"));
    assertEquals("main", git.read(one).branch());
  }

  @Test
  void the_work_tree_of_another_user_is_read_too_and_a_linked_worktree() throws IOException {
    Path linked = temporary.resolve("linked");
    repository.git("worktree", "add", "--quiet", "-b", "linked", linked.toString());
    assertEquals("linked", git.read(linked.toRealPath()).branch());
    Files.writeString(linked.resolve("x"), "x");
    assertEquals(1, git.read(linked.toRealPath()).changed());
    assertEquals(0, read().changed());
  }

  @Test
  void no_secret_is_in_what_is_told_of_branches_and_files() throws IOException {
    String secret = "sentinel-in-a-repository-3e1f";
    KnownSecrets.learn(Set.of(secret));
    WorkspaceState before = read();
    repository.git("checkout", "--quiet", "-b", "fix/" + secret);
    repository.commit("committed-" + secret, "x");
    repository.write("a/" + secret + "/b", "x");
    repository.write("hidden-" + secret.replace("-in-", "-i\u200bn-"), "x");
    assertEquals("fix/[secret]", read().branch());
    String news = news(before);
    assertFalse(news.contains(secret), news);
    assertTrue(news.contains("is \"fix/[secret]\""), news);
    assertTrue(news.contains("\"committed-[secret]\""), news);
    assertTrue(news.contains("\"a/[secret]/b\""), news);
    assertTrue(news.contains("\"hidden-[secret]\""), news);
  }

  @Test
  void nothing_is_known_without_git_without_a_repository_or_with_a_broken_one() throws IOException {
    Path plain = Files.createDirectories(temporary.resolve("plain"));
    assertNull(git.read(plain.toRealPath()));
    assertEquals(Optional.empty(), git.news(plain, read(), false));
    assertNull(new GitState("", temporary).read(repository.folder));
    assertNull(new GitState(null, temporary).read(repository.folder));
    assertEquals(Optional.empty(), git.news(repository.folder, null, false));
    Files.writeString(repository.folder.resolve(".git/config"), "[broken\n");
    assertNull(git.read(repository.folder));
  }

  @Test
  void a_git_that_hangs_is_ended_with_its_children_at_the_bound() throws Exception {
    Path bin = Files.createDirectories(temporary.resolve("bin"));
    Path pids = temporary.resolve("pids");
    Path fake =
        Files.writeString(
            bin.resolve("git"),
            "#!/bin/sh\nsleep 300 & echo $! >> " + pids + "; echo $$ >> " + pids + "; wait\n");
    assertTrue(fake.toFile().setExecutable(true));
    GitState slow =
        new GitState(Git.find(bin + ":" + PATH), temporary.resolve("state"), Duration.ofSeconds(8));
    long began = System.nanoTime();
    assertNull(slow.read(repository.folder));
    Duration took = Duration.ofNanos(System.nanoTime() - began);
    assertTrue(took.compareTo(Duration.ofMinutes(2)) < 0, took.toString());
    List<String> started = Files.readAllLines(pids);
    assertEquals(2, started.size());
    for (String pid : started) {
      Optional<ProcessHandle> process = ProcessHandle.of(Long.parseLong(pid));
      if (process.isPresent()) {
        process.get().onExit().get(1, TimeUnit.MINUTES);
      }
    }
  }

  @Test
  void a_repository_whose_files_hang_whoever_reads_them_is_given_up_at_the_bound()
      throws Exception {
    Path pipe = repository.folder.resolve(".gitignore");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    GitState brief =
        new GitState(Git.find(PATH), temporary.resolve("state"), Duration.ofSeconds(2));
    long began = System.nanoTime();
    assertNull(brief.read(repository.folder));
    assertTrue(System.nanoTime() - began < Duration.ofMinutes(2).toNanos());
  }

  @Test
  void nothing_that_a_repository_names_is_run() throws IOException {
    repository.commit("a.bin", "binary");
    repository.commit("b.dat", "data");
    String before = repository.head();
    repository.commit("file.txt", "two\n");
    Path sprung = repository.makeHostile(temporary.resolve("traps"));
    repository.write("file.txt", "six\n");
    repository.write("a.bin", "b1nary");
    repository.write("b.dat", "d4ta");
    // As a git of the user that runs what it is told: the traps work.
    repository.git("status");
    try (Stream<Path> files = Files.list(sprung)) {
      List<String> names = files.map(f -> f.getFileName().toString().split("-")[0]).toList();
      assertTrue(names.containsAll(List.of("fsmonitor", "clean", "process")), names.toString());
    }
    clear(sprung);
    for (String name : List.of("file.txt", "a.bin", "b.dat")) {
      Path file = repository.folder.resolve(name);
      Files.setLastModifiedTime(file, FileTime.from(Instant.now().plusSeconds(5)));
    }

    WorkspaceState state = read();
    // Three files, and the four hooks.
    assertEquals(7, state.changed(), state.toString());
    String told = news(new WorkspaceState(before, "main", 0, null));
    assertTrue(told.contains("1 commit more"), told);
    // A commit that a partial clone does not have would be fetched by a program of its choice.
    assertTrue(
        news(new WorkspaceState("0123456789".repeat(4), "main", 0, null)).contains("HEAD moved"));
    assertEquals(List.of(), list(sprung));
  }

  @Test
  void a_filter_that_cannot_be_switched_off_makes_the_state_unknown() throws IOException {
    Path trap = temporary.resolve("sprung");
    repository.git("config", "filter.a=b.clean", "touch " + trap + "; cat");
    Files.writeString(repository.folder.resolve(".git/info/attributes"), "*.txt filter=a=b\n");
    repository.write("file.txt", "two\n");
    assertNull(git.read(repository.folder));
    assertFalse(Files.exists(trap));
  }

  @Test
  void a_submodule_runs_nothing_either() throws IOException {
    TestRepository inner = TestRepository.withCommit(temporary.resolve("inner"));
    repository.git(
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        "" + inner.folder,
        "sub");
    repository.git("commit", "--quiet", "--message=sub");
    Path trap = temporary.resolve("sprung");
    TestRepository.gitIn(
        repository.folder.resolve("sub"), "config", "core.fsmonitor", "touch " + trap + "; false");
    Files.writeString(repository.folder.resolve("sub/file.txt"), "two\n");
    repository.git("status");
    assertTrue(Files.deleteIfExists(trap), "the trap does not work");
    assertEquals(0, read().changed());
    assertFalse(Files.exists(trap));
  }

  @Test
  void a_work_tree_that_the_configuration_puts_elsewhere_is_not_looked_at() throws IOException {
    Path elsewhere = Files.createDirectories(temporary.resolve("elsewhere"));
    Files.writeString(elsewhere.resolve("secret-name"), "x");
    WorkspaceState before = read();
    repository.git("config", "core.worktree", elsewhere.toString());
    assertEquals(before, read());
  }

  private static void clear(Path folder) throws IOException {
    for (Path file : list(folder)) {
      Files.delete(file);
    }
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }
}
