package dev.outlast.worker.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.operator.AgentState;
import dev.outlast.operator.Names;
import dev.outlast.run.AgentRun;
import dev.outlast.run.AgentRunRequest;
import dev.outlast.run.AgentRunResult;
import io.temporal.api.common.v1.WorkflowExecution;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionRequest;
import io.temporal.api.workflowservice.v1.DescribeWorkflowExecutionResponse;
import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowFailedException;
import io.temporal.client.WorkflowOptions;
import io.temporal.client.WorkflowStub;
import io.temporal.serviceclient.WorkflowServiceStubs;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Guarantee 10 on the real server: an agent tells every secret that it can get hold of, in each
 * place in which an agent can tell anything, and none is found outside of the worker.
 */
@Tag("server")
@Execution(ExecutionMode.CONCURRENT)
class KeptSecretsTest {

  private static final Duration PATIENCE = Duration.ofSeconds(180);

  /** By how they come to the worker. */
  private static final Map<String, String> SENTINELS =
      Map.of(
          "inherited", "SENTINEL-inherited-7f3a",
          "by env:", "SENTINEL-account-env-91bc",
          "by file:", "SENTINEL-account-file-44de",
          "configured", "SENTINEL-configured-a0a1",
          "the worker's own", "SENTINEL-worker-own-5c6d");

  @TempDir Path folder;
  @AutoClose private RealTemporal temporal;
  @AutoClose private Program worker;

  @AutoClose("shutdownNow")
  private WorkflowServiceStubs stubs;

  private WorkflowClient client;
  private Path agent;

  @BeforeEach
  void a_worker_with_secrets() throws Exception {
    temporal = RealTemporal.start(folder);
    stubs = temporal.newStubs();
    client = WorkflowClient.newInstance(stubs);
    agent = Files.createDirectories(folder.resolve("agent")).resolve("claude");
    try (InputStream script =
        Objects.requireNonNull(KeptSecretsTest.class.getResourceAsStream("telling-claude.sh"))) {
      Files.copy(script, agent);
    }
    assertTrue(agent.toFile().setExecutable(true));
    Path secret = Files.writeString(folder.resolve("secret-file"), SENTINELS.get("by file:"));
    worker =
        WorkerProcess.start(
            temporal.address(),
            folder,
            """
            [agents.claude]
            command = ["%s"]
            env = ["PATH", "HOME", "MY_AGENT_TOKEN"]
            account = "work"

            [accounts.work]
            provider = "claude"
            env = { CONFIG_PASSWORD = "%s" }
            secrets = { ACCOUNT_KEY = "env:WORK_KEY", ACCOUNT_FILE = "file:%s" }
            """
                .formatted(agent, SENTINELS.get("configured"), secret),
            Map.of(
                "MY_AGENT_TOKEN", SENTINELS.get("inherited"),
                "WORK_KEY", SENTINELS.get("by env:"),
                "OTHER_API_KEY", SENTINELS.get("the worker's own")));
  }

  @Test
  void no_secret_that_an_agent_tells_is_found_outside_of_the_worker() throws Exception {
    Map<String, AgentRun> runs = new LinkedHashMap<>();
    for (String prompt :
        List.of(
            "limit",
            "limit in a repository",
            "a broken repository",
            "a worktree of it",
            "crash",
            "auth",
            "refused",
            "name a session",
            "talk")) {
      String id = prompt.replace(' ', '-');
      AgentRun run =
          client.newWorkflowStub(
              AgentRun.class,
              WorkflowOptions.newBuilder()
                  .setTaskQueue(Names.TASK_QUEUE)
                  .setWorkflowId(id)
                  .build());
      // Their agents are at work at the same time, which takes a workspace for each.
      Path workspace = Files.createDirectories(folder.resolve("work").resolve(id));
      if (prompt.endsWith("repository")) {
        git(workspace, "init", "--quiet");
        git(workspace, "remote", "add", "origin", "https://me:" + SENTINELS.get("by env:") + "@x");
      }
      if (prompt.equals("a broken repository")) {
        git(workspace, "config", "core.bare", SENTINELS.get("by file:"));
      }
      if (prompt.equals("a worktree of it")) {
        workspace = workspace.resolveSibling("a-broken-repository");
      }
      WorkflowClient.start(
          run::run,
          AgentRunRequest.newBuilder()
              .setPrompt(prompt)
              .setWorkspace(workspace.toString())
              .setWorktree(prompt.equals("a worktree of it"))
              .build());
      runs.put(id, run);
    }

    Map<String, String> places = new LinkedHashMap<>();
    Await.until(
        PATIENCE,
        () -> runs.keySet().stream().anyMatch(this::lastTool),
        () -> "no heartbeat tells of the tool; the worker says: " + worker.output());
    places.put("the list of processes", processes());
    for (String id : runs.keySet()) {
      places.put("the pending " + id, text(describe(id).toByteArray()));
    }
    Files.createFile(agent.resolveSibling("go"));

    AgentRun inRepository = runs.get("limit-in-a-repository");
    Await.until(
        PATIENCE,
        // Before it meets its own limit it may wait for the one of another run of its account.
        () ->
            inRepository.status().limitsHit() == 1
                && inRepository.status().state() == AgentState.WAITING,
        () -> "no limit was reported: " + inRepository.status());
    Files.createFile(
        folder.resolve("work/limit-in-a-repository").resolve("new-" + SENTINELS.get("by env:")));

    Map<String, String> ends = new LinkedHashMap<>();
    runs.forEach((id, run) -> ends.put(id, end(run)));
    for (Map.Entry<String, AgentRun> run : runs.entrySet()) {
      String id = run.getKey();
      places.put("the history of " + id, text(history(id)));
      places.put("the description of " + id, text(describe(id).toByteArray()));
      places.put("the status of " + id, String.valueOf(run.getValue().status()));
      places.put("the incidents of " + id, String.valueOf(run.getValue().incidents()));
      places.put("the events of " + id, String.valueOf(run.getValue().events(0)));
    }
    places.put("the worker's log", worker.output());
    String arguments = Files.readString(agent.resolveSibling("ledger"));
    places.put("the arguments of agents", arguments);
    state(places);

    List<String> found = new ArrayList<>();
    places.forEach((place, text) -> found.addAll(secretsIn(place, text)));
    assertEquals(List.of(), found);
    assertTrue(ends.get("limit").contains("Done with [secret]"), ends::toString);
    assertTrue(ends.get("talk").contains("Done with [secret]"), ends::toString);
    assertTrue(ends.get("name-a-session").contains("Done with [secret]"), ends::toString);
    assertTrue(ends.get("crash").contains("Done with [secret]"), ends::toString);
    assertTrue(ends.get("auth").contains("Invalid API key: [secret]"), ends::toString);
    assertTrue(
        text(history("limit-in-a-repository")).contains("\"branch-[secret]\""),
        "the history says nothing of the branch");
    assertTrue(arguments.contains("\"new-[secret]\""), arguments);
    assertTrue(ends.get("a-worktree-of-it").contains("'[secret]' for 'core.bare'"), ends::toString);
    assertTrue(worker.output().contains("'[secret]' for 'core.bare'"), worker.output());
    assertTrue(told().contains(SENTINELS.get("by env:")), "the agent knew nothing to tell");
    if (Files.exists(Path.of("/proc/self/environ"))) {
      assertTrue(told().contains(SENTINELS.get("the worker's own")), told());
    }
  }

  private static List<String> secretsIn(String place, String text) {
    List<String> found = new ArrayList<>();
    SENTINELS.forEach(
        (how, secret) -> {
          String base64 =
              Base64.getEncoder()
                  .encodeToString(("user:" + secret).getBytes(StandardCharsets.UTF_8));
          // A part is as bad as the whole.
          String part = secret.substring("SENTINEL-".length());
          if (text.contains(part) || text.contains(base64.substring(8, base64.length() - 4))) {
            found.add(how + " in " + place);
          }
        });
    if (text.contains("0123456789abcdefghijABCDEFGHIJ")) {
      found.add("a key by its shape in " + place);
    }
    return found;
  }

  private static void git(Path directory, String... arguments) throws Exception {
    List<String> line = new ArrayList<>(List.of("git"));
    line.addAll(List.of(arguments));
    assertEquals(
        0, new ProcessBuilder(line).directory(directory.toFile()).inheritIO().start().waitFor());
  }

  private boolean lastTool(String id) {
    return describe(id).getPendingActivitiesList().stream()
        .anyMatch(pending -> text(pending.getHeartbeatDetails().toByteArray()).contains("mcp__"));
  }

  private DescribeWorkflowExecutionResponse describe(String id) {
    return stubs
        .blockingStub()
        .describeWorkflowExecution(
            DescribeWorkflowExecutionRequest.newBuilder()
                .setNamespace("default")
                .setExecution(WorkflowExecution.newBuilder().setWorkflowId(id))
                .build());
  }

  private byte[] history(String id) {
    byte[] history = client.fetchHistory(id).getHistory().toByteArray();
    assertFalse(text(history).isEmpty());
    return history;
  }

  private static String processes() throws IOException, InterruptedException {
    Process ps = new ProcessBuilder("ps", "-A", "-ww", "-o", "args").start();
    String all = text(ps.getInputStream().readAllBytes());
    assertEquals(0, ps.waitFor());
    assertTrue(all.contains("--session-id"), "no agent is among the processes");
    return all;
  }

  private static String end(AgentRun run) {
    try {
      return WorkflowStub.fromTyped(run)
          .getResult(PATIENCE.toSeconds(), TimeUnit.SECONDS, AgentRunResult.class)
          .text();
    } catch (WorkflowFailedException stopped) {
      return String.valueOf(stopped.getCause());
    } catch (java.util.concurrent.TimeoutException e) {
      throw new AssertionError("a run does not end", e);
    }
  }

  private String told() throws IOException {
    return Files.readString(agent.resolveSibling("told"));
  }

  /** What the worker keeps on its host, under names that say where it is. */
  private void state(Map<String, String> places) throws IOException {
    try (Stream<Path> files = Files.walk(folder.resolve("state"))) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        places.put(folder.relativize(file).toString(), text(Files.readAllBytes(file)));
      }
    }
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }
}
