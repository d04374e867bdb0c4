package dev.outlast.activities.workspace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentProcess;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.process.ProcessSpec;
import dev.outlast.agent.Worktree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class WorkspacesTest {

  @TempDir Path temporary;
  private Path top;
  private Path root;
  private Path state;
  private Worktrees worktrees;
  private Workspaces workspaces;

  @BeforeEach
  void setUp() throws IOException {
    top = temporary.toRealPath();
    root = Files.createDirectories(top.resolve("root"));
    Path standard = Files.createDirectories(top.resolve("standard"));
    state = Files.createDirectories(top.resolve("state"));
    worktrees = new Worktrees(System.getenv("PATH"), state, Clock.systemUTC());
    workspaces = new Workspaces(standard, List.of(root), worktrees);
  }

  private void assertRefused(String said, Runnable what) {
    WorkspaceException e = assertThrows(WorkspaceException.class, what::run);
    assertTrue(e.getMessage().startsWith("workspace: '"), e.getMessage());
    assertTrue(e.getMessage().contains(said), e.getMessage());
    assertFalse(e.passing());
  }

  @Test
  void a_folder_below_a_root_is_its_real_path_and_one_elsewhere_is_refused() throws IOException {
    Path inside = Files.createDirectories(root.resolve("a/b"));
    assertEquals(inside, workspaces.resolve(root.resolve("a/../a/b").toString(), "run"));
    assertEquals(top.resolve("standard"), workspaces.resolve(null, "run"));
    Path link = Files.createSymbolicLink(root.resolve("link"), inside);
    assertEquals(inside, workspaces.resolve(link.toString(), "run"));

    Path outside = Files.createDirectories(top.resolve("root-of-others"));
    Path escape = Files.createSymbolicLink(root.resolve("escape"), outside);
    for (String path : List.of("/etc", "/", outside.toString(), escape.toString(), "../..")) {
      assertRefused("outside of the worker's workspaces", () -> workspaces.resolve(path, "run"));
    }
    assertRefused("does not exist", () -> workspaces.resolve(root + "/none", "run"));
    Files.writeString(root.resolve("file"), "x");
    assertRefused("is not a folder", () -> workspaces.resolve(root + "/file", "run"));
    assertRefused("is not a path", () -> workspaces.resolve("a\0b", "run"));
  }

  @Test
  void a_root_may_be_a_link_itself() throws IOException {
    Path inside = Files.createDirectories(root.resolve("a"));
    Path linked = Files.createSymbolicLink(top.resolve("linked"), root);
    Workspaces through = new Workspaces(linked, List.of(linked), worktrees);
    assertEquals(inside, through.resolve(linked.resolve("a").toString(), "run"));
    assertEquals(inside, through.resolve("a", "run"));
    assertEquals(inside, through.again(inside.toString(), "run"));
  }

  @Test
  void a_workspace_that_has_become_a_link_since_is_refused_wherever_it_leads() throws IOException {
    Path workspace = Files.createDirectories(root.resolve("a/b"));
    Path other = Files.createDirectories(root.resolve("other/b"));
    assertEquals(workspace, workspaces.again(workspace.toString(), "run"));

    Files.delete(workspace);
    for (Path target : List.of(Path.of("/etc"), other)) {
      Files.createSymbolicLink(workspace, target);
      assertRefused("has been replaced", () -> workspaces.again(workspace.toString(), "run"));
      Files.delete(workspace);
    }
    Files.delete(root.resolve("a"));
    Files.createSymbolicLink(root.resolve("a"), root.resolve("other"));
    assertRefused("has been replaced", () -> workspaces.again(workspace.toString(), "run"));
  }

  @Test
  void what_is_missing_is_a_mistake_before_a_run_begins_and_is_waited_for_afterwards()
      throws IOException {
    Path workspace = Files.createDirectories(root.resolve("disk/a"));
    String path = workspace.toString();
    for (boolean mounted : List.of(false, true)) {
      Files.delete(workspace);
      if (!mounted) {
        Files.delete(root.resolve("disk"));
      } else {
        Files.writeString(workspace, "a file where the folder was");
      }
      String what = mounted ? "is not a folder" : "does not exist";
      assertFalse(passing(what, () -> workspaces.resolve(path, "run")), path);
      assertTrue(passing(what, () -> workspaces.again(path, "run")), path);
      Files.deleteIfExists(workspace);
      Files.createDirectories(workspace);
    }
    Files.delete(workspace);
    Files.delete(root.resolve("disk"));
    Files.createSymbolicLink(root.resolve("disk"), Path.of("disk"));
    assertTrue(passing("cannot be looked at (", () -> workspaces.again(path, "run")), "a loop");
    Files.delete(root.resolve("disk"));
    Files.createSymbolicLink(
        root.resolve("disk"), Files.createDirectories(top.resolve("out/a")).getParent());
    assertFalse(passing("has been replaced", () -> workspaces.again(path, "run")), "moved");
    assertEquals(top.resolve("out/a"), workspace.toRealPath());
    assertFalse(
        passing("outside of", () -> workspaces.again(top.resolve("out/a").toString(), "run")),
        "outside");
  }

  private static boolean passing(String part, Executable refused) {
    WorkspaceException e = assertThrows(WorkspaceException.class, refused);
    assertTrue(e.getMessage().contains(part), e::getMessage);
    return e.passing();
  }

  @Test
  void a_process_that_was_led_elsewhere_by_a_link_is_found_out() throws Exception {
    Path workspace = Files.createDirectories(root.resolve("a"));
    Path other = Files.createDirectories(root.resolve("b"));
    try (AgentRegistry registry = AgentRegistry.open(temporary.resolve("state"))) {
      Files.move(workspace, root.resolve("away"));
      Files.createSymbolicLink(workspace, other);
      AgentProcess led = held(registry, workspace);
      Files.delete(workspace);
      Files.move(root.resolve("away"), workspace);
      AgentProcess right = held(registry, workspace);
      try {
        Workspaces.verify(workspace, right);
        if (Files.exists(Path.of("/proc/self/cwd"))) {
          // The path is right again, and the process is not.
          assertRefused("leads to " + other, () -> Workspaces.verify(workspace, led));
        }
        Files.delete(workspace);
        assertTrue(passing("is gone", () -> Workspaces.verify(workspace, right)));
      } finally {
        led.end();
        right.end();
      }
    }
  }

  private static AgentProcess held(AgentRegistry registry, Path workspace) throws IOException {
    return registry.start(
        new ProcessSpec(List.of("/bin/sleep", "60"), workspace, Map.of(), null),
        new AgentOwner("run", "execution", "1", 1),
        null,
        workspace.toString(),
        line -> {},
        line -> {});
  }

  @Test
  void a_folder_that_the_worker_may_not_write_or_enter_is_refused() throws IOException {
    Assumptions.assumeFalse("root".equals(System.getProperty("user.name")), "root may everything");
    Path folder = Files.createDirectories(root.resolve("a"));
    assertTrue(folder.toFile().setWritable(false));
    assertRefused("is not writable", () -> workspaces.resolve(folder.toString(), "run"));
    assertTrue(folder.toFile().setWritable(true));
    assertTrue(folder.toFile().setExecutable(false));
    assertRefused("cannot be entered", () -> workspaces.resolve(folder.toString(), "run"));
    assertTrue(folder.toFile().setExecutable(true));
  }

  @Test
  void a_worktree_is_allowed_for_its_own_run_only_and_afterwards_like_any_other_folder()
      throws IOException {
    TestRepository repository = TestRepository.withCommit(root.resolve("repository"));
    Worktree made = worktrees.make("run-1", "e", repository.folder);
    String path = Path.of(made.workspace()).toString();
    Workspaces wide = new Workspaces(top, List.of(top), worktrees);

    assertEquals(Path.of(made.workspace()), workspaces.resolve(path, "run-1"));
    assertEquals(Path.of(made.workspace()), workspaces.again(path, "run-1"));
    assertRefused("which only that may use", () -> workspaces.resolve(path, "run-2"));
    assertRefused("worktree of the run run-1", () -> wide.resolve(path, "run-2"));
    assertRefused(
        "outside of", () -> workspaces.resolve(state.resolve("worktrees").toString(), "run-1"));

    Files.writeString(Path.of(made.workspace()).resolve("new"), "x");
    assertTrue(worktrees.release(made, "run-1").kept());
    assertEquals(Path.of(made.workspace()), wide.resolve(path, "run-2"));
    assertRefused("outside of", () -> workspaces.resolve(path, "run-2"));
  }
}
