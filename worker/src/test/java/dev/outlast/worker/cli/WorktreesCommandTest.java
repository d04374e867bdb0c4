package dev.outlast.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.outlast.activities.claim.Answer;
import dev.outlast.activities.claim.ClaimTable;
import dev.outlast.activities.claim.Claimant;
import dev.outlast.activities.claim.HeldClaim;
import dev.outlast.activities.process.AgentOwner;
import dev.outlast.activities.process.AgentRegistry;
import dev.outlast.activities.workspace.Worktrees;
import dev.outlast.agent.Worktree;
import dev.outlast.operator.Names;
import dev.outlast.worker.cli.Cli.Called;
import dev.outlast.worker.cli.ConnectionOptions.Connection;
import dev.outlast.worker.server.LocalServer;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class WorktreesCommandTest {

  private static final String NOBODY = "127.0.0.1:1";

  @TempDir Path folder;
  private Cli cli;
  private Path repository;
  private Worktrees worktrees;

  @BeforeEach
  void setUp() throws Exception {
    cli = new Cli(folder);
    repository = Files.createDirectories(folder.resolve("repository")).toRealPath();
    git(repository, "init", "--quiet");
    commit(repository);
    Path state = Files.createDirectories(folder.resolve("state/outlast"));
    worktrees = new Worktrees(System.getenv("PATH"), state, Clock.systemUTC());
  }

  private static void commit(Path directory) throws Exception {
    git(
        directory,
        "-c",
        "user.name=Ann",
        "-c",
        "user.email=ann@example.org",
        "commit",
        "--quiet",
        "--allow-empty",
        "--message=x");
  }

  private static void git(Path directory, String... arguments) throws Exception {
    List<String> line = new ArrayList<>(List.of("git"));
    line.addAll(List.of(arguments));
    ProcessBuilder builder =
        new ProcessBuilder(line)
            .directory(directory.toFile())
            .redirectInput(new File("/dev/null"))
            .inheritIO();
    builder.environment().putAll(Map.of("GIT_CONFIG_GLOBAL", "/dev/null"));
    assertEquals(0, builder.start().waitFor());
  }

  private Worktree make(String run) {
    return worktrees.make(run, "execution", repository);
  }

  private JsonNode list() throws IOException {
    Called called = cli.call("worktrees", "--json", "--address", NOBODY);
    assertEquals(ExitCode.DONE, called.exitCode(), called.err());
    return called.json();
  }

  private void assertFailed(Called called, String said) {
    assertEquals(ExitCode.FAILED, called.exitCode(), called.err());
    assertEquals("", called.out());
    assertTrue(called.err().contains(said), called.err());
    assertEquals(1, called.err().lines().count(), called.err());
  }

  @Test
  void without_any_it_says_so() throws IOException {
    Called called = cli.call("worktrees");
    assertEquals(ExitCode.DONE, called.exitCode(), called.err());
    assertEquals("", called.out());
    assertEquals("no worktrees\n", called.err());
    assertEquals(0, list().size());
  }

  @Test
  void it_lists_each_with_its_run_branch_path_and_state() throws Exception {
    Worktree used = make("b\u001b[31m run");
    Worktree kept = make("a-run");
    commit(Path.of(kept.workspace()));
    Files.writeString(Path.of(kept.workspace()).resolve("new"), "x");
    worktrees.release(kept, "a-run");

    JsonNode first = list().path(0);
    assertEquals("a-run", first.path("name").asText());
    assertEquals("kept", first.path("state").asText());
    assertEquals("a-run", first.path("run").asText());
    assertEquals("outlast/a-run", first.path("branch").asText());
    assertEquals(kept.path(), first.path("path").asText());
    assertEquals(repository.toString(), first.path("repository").asText());
    assertEquals(1, first.path("commits").asInt());
    assertEquals(1, first.path("changed").asInt());
    assertEquals("in-use", list().path(1).path("state").asText());

    assertEquals("unknown", first.path("runIs").asText());
    Called offline = cli.call("worktrees", "--address", NOBODY);
    assertTrue(offline.err().contains("cannot reach Temporal at " + NOBODY), offline.err());
    String out = offline.out();
    assertTrue(out.lines().anyMatch(l -> l.matches("a-run +kept +1 +1 +.*repository")), out);
    assertTrue(out.contains("  run     b[31m run (unknown)\n"), out);
    assertTrue(out.contains("  path    " + used.path() + "\n"), out);
    assertFalse(out.contains("\u001b"), out);
  }

  @Test
  void one_that_is_kept_is_removed_by_force_only_and_its_commits_stay() throws Exception {
    Worktree kept = make("a-run");
    commit(Path.of(kept.workspace()));
    worktrees.release(kept, "a-run");
    assertFailed(cli.call("worktrees", "--remove", "a-run"), "has changes: commits 1");
    assertTrue(Files.exists(Path.of(kept.workspace())));
    Called removed = cli.call("worktrees", "--remove", "a-run", "--force");
    assertEquals(ExitCode.DONE, removed.exitCode(), removed.err());
    assertEquals("removed a-run; commits that stay on branch outlast/a-run: 1\n", removed.out());
    assertFalse(Files.exists(Path.of(kept.workspace())));
    assertEquals(0, list().size());
    assertFailed(
        cli.call("worktrees", "--remove", "a-run"),
        "no worktree named a-run; see: outlast worktrees");
    assertFailed(cli.call("worktrees", "--remove", "../../x"), "no worktree named");
    Called usage = cli.call("worktrees", "--force");
    assertEquals(ExitCode.USAGE, usage.exitCode());
  }

  @Test
  void one_whose_run_lives_is_in_use_and_one_whose_run_was_terminated_is_not() throws Exception {
    Worktree made = make("a-run");
    Called unknown = cli.call("worktrees", "--remove", "a-run", "--force", "--address", NOBODY);
    assertEquals(ExitCode.NO_TEMPORAL, unknown.exitCode(), unknown.err());
    try (LocalServer server = LocalServer.inMemory(0)) {
      ConnectionOptions options = new ConnectionOptions();
      options.address = server.target();
      try (Connection connected = options.connect(cli.console())) {
        WorkflowStub run =
            connected
                .client()
                .newUntypedWorkflowStub(
                    Names.AGENT_RUN,
                    WorkflowOptions.newBuilder()
                        .setWorkflowId("a-run")
                        .setTaskQueue("nobody")
                        .build());
        run.start();
        assertFailed(
            cli.call("worktrees", "--remove", "a-run", "--force", "--address", server.target()),
            "a-run is in use by the run a-run");
        assertTrue(Files.exists(Path.of(made.workspace())));
        run.terminate("test");
        Called removed =
            cli.call("worktrees", "--remove", "a-run", "--json", "--address", server.target());
        assertEquals(ExitCode.DONE, removed.exitCode(), removed.err());
        assertEquals("a-run", removed.json().path("removed").asText());
        assertEquals(0, removed.json().path("commits").asInt());
        assertFalse(Files.exists(Path.of(made.workspace())));
      }
    }
  }

  @Test
  void all_that_are_clean_and_whose_run_is_closed_are_pruned_and_no_other() throws Exception {
    try (LocalServer server = LocalServer.inMemory(0)) {
      ConnectionOptions options = new ConnectionOptions();
      options.address = server.target();
      Path live = Path.of(make("live").path());
      Path terminated = Path.of(make("terminated").path());
      Path unknown = Path.of(make("unknown").path());
      Path changed = Path.of(make("changed").path());
      Files.writeString(changed.resolve("new"), "x");
      Path committed = Path.of(make("committed").path());
      commit(committed);
      Path inUse = Path.of(make("in-use").path());
      Path state = folder.resolve("state/outlast");
      // Its worker was killed before git had filled it.
      Path halfMade = Path.of(make("half-made").path());
      Path record = state.resolve("worktree-records/half-made.json");
      Files.writeString(
          record, Files.readString(record).replaceFirst("\"gitFolder\":\"[^\"]*\",?", ""));
      try (Connection connected = options.connect(cli.console());
          AgentRegistry registry = AgentRegistry.open(state)) {
        for (String run :
            List.of("live", "terminated", "changed", "committed", "half-made", "in-use")) {
          WorkflowStub stub =
              connected
                  .client()
                  .newUntypedWorkflowStub(
                      Names.AGENT_RUN,
                      WorkflowOptions.newBuilder()
                          .setWorkflowId(run)
                          .setTaskQueue("nobody")
                          .build());
          stub.start();
          if (!run.equals("live")) {
            stub.terminate("test");
          }
        }
        Called listed = cli.call("worktrees", "--json", "--address", server.target());
        assertEquals(
            "changed closed, committed closed, half-made closed, in-use closed, live running,"
                + " terminated closed, unknown unknown",
            StreamSupport.stream(listed.json().spliterator(), false)
                .map(row -> row.path("name").asText() + " " + row.path("runIs").asText())
                .collect(Collectors.joining(", ")));

        Answer answer =
            ClaimTable.of(state, registry, Clock.systemUTC())
                .take(
                    new Claimant("another", new AgentOwner("in-use", "execution", "1", 1), 1, 1),
                    "claude",
                    List.of(),
                    inUse,
                    true);
        try (HeldClaim claim = assertInstanceOf(Answer.Granted.class, answer).claim()) {
          assertTrue(claim.isOurs());
          Called pruned = cli.call("worktrees", "--prune", "--address", server.target());
          assertEquals(ExitCode.DONE, pruned.exitCode(), pruned.err());
          assertEquals("removed half-made\nremoved terminated\n", pruned.out());
          assertEquals(
              List.of(
                  "kept changed: it has changes",
                  "kept committed: it has changes",
                  "kept in-use: an agent works in it",
                  "kept live: its run has not ended",
                  "kept unknown: Temporal does not know its run"),
              pruned.err().lines().toList());
        }
      }
      assertFalse(Files.exists(terminated));
      assertFalse(Files.exists(halfMade));
      for (Path kept : List.of(live, unknown, changed, committed, inUse)) {
        assertTrue(Files.exists(kept), kept.toString());
      }
      assertEquals(
          ExitCode.NO_TEMPORAL, cli.call("worktrees", "--prune", "--address", NOBODY).exitCode());
      assertEquals(ExitCode.USAGE, cli.call("worktrees", "--prune", "--remove", "live").exitCode());
      Called again = cli.call("worktrees", "--prune", "--json", "--address", server.target());
      assertEquals("in-use", again.json().path(0).path("removed").asText(), again.out());
    }
  }

  @Test
  void one_whose_run_temporal_does_not_know_is_removed_by_force_only() throws Exception {
    Worktree made = make("a-run");
    try (LocalServer server = LocalServer.inMemory(0)) {
      assertFailed(
          cli.call("worktrees", "--remove", "a-run", "--address", server.target()),
          "which is not known in namespace default at " + server.target());
      assertTrue(Files.exists(Path.of(made.workspace())));
      Called removed =
          cli.call("worktrees", "--remove", "a-run", "--force", "--address", server.target());
      assertEquals(ExitCode.DONE, removed.exitCode(), removed.err());
      assertFalse(Files.exists(Path.of(made.workspace())));
    }
  }

  @Test
  void one_in_which_an_agent_of_this_host_works_is_in_use_whatever_temporal_says()
      throws Exception {
    Worktree made = make("a-run");
    Path inside = Files.createDirectories(Path.of(made.workspace()).resolve("module"));
    Path state = folder.resolve("state/outlast");
    try (LocalServer server = LocalServer.inMemory(0);
        AgentRegistry registry = AgentRegistry.open(state)) {
      Answer answer =
          ClaimTable.of(state, registry, Clock.systemUTC())
              .take(
                  new Claimant("another", new AgentOwner("a-run", "execution", "1", 1), 1, 1),
                  "claude",
                  List.of(),
                  inside.toRealPath(),
                  true);
      try (HeldClaim claim = assertInstanceOf(Answer.Granted.class, answer).claim()) {
        assertTrue(claim.isOurs());
        assertFailed(
            cli.call("worktrees", "--remove", "a-run", "--force", "--address", server.target()),
            "a-run is in use by the run a-run");
        assertTrue(Files.exists(inside));
      }
      Called removed =
          cli.call("worktrees", "--remove", "a-run", "--force", "--address", server.target());
      assertEquals(ExitCode.DONE, removed.exitCode(), removed.err());
      assertFalse(Files.exists(inside));
    }
  }
}
