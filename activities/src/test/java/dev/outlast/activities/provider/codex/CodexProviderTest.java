package dev.outlast.activities.provider.codex;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.outlast.activities.AgentDefinition;
import dev.outlast.activities.provider.AgentCall;
import dev.outlast.activities.provider.AgentDriver;
import dev.outlast.activities.provider.CommandLine;
import dev.outlast.agent.SessionId;
import dev.outlast.agent.SessionStart;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CodexProviderTest {

  private static final SessionId SESSION = new SessionId("01a1fd01-1fd3-7631-aa4d-57e0bee25810");

  static AgentDefinition agent(String permissionMode, String sandbox, List<String> args) {
    return AgentDefinition.newBuilder("mine", "codex")
        .setPermissionMode(permissionMode)
        .setSandbox(sandbox)
        .setArgs(args)
        .build();
  }

  private static CommandLine line(
      AgentDefinition agent, SessionStart start, String message, String model) {
    AgentDriver driver = new CodexProvider().driver(agent);
    assertFalse(driver.choosesSession());
    assertTrue(driver.continuesLast());
    SessionId session = start == SessionStart.RESUME ? SESSION : null;
    return driver.commandLine(new AgentCall(start, session, message, model, "/w"));
  }

  @Test
  void a_fresh_session_a_named_one_and_the_last_one_are_called_in_their_documented_forms() {
    AgentDefinition plain = agent(null, null, List.of());
    assertEquals(
        List.of("exec", "--json", "--skip-git-repo-check", "--", "do it"),
        line(plain, SessionStart.FRESH, "do it", null).arguments());
    assertEquals(
        List.of(
            "exec",
            "resume",
            "--json",
            "--skip-git-repo-check",
            "-m",
            "gpt-5",
            SESSION.value(),
            "go on"),
        line(plain, SessionStart.RESUME, "go on", "gpt-5").arguments());
    assertEquals(
        List.of("exec", "resume", "--json", "--skip-git-repo-check", "--last", "go on"),
        line(plain, SessionStart.CONTINUE_LAST, "go on", null).arguments());
  }

  /** For a name that it does not know the CLI begins a new session and exits with 0. */
  @ParameterizedTest
  @ValueSource(
      strings = {"my-feature", "latest", "01a1fd01", "01a1fd01-1fd3-7631-aa4d-57e0bee25810x"})
  void a_session_that_is_not_named_by_its_id_is_refused(String name) {
    AgentDriver driver = new CodexProvider().driver(agent(null, null, List.of()));
    AgentCall call = new AgentCall(SessionStart.RESUME, new SessionId(name), "go on", null, "/w");
    String message =
        assertThrows(IllegalArgumentException.class, () -> driver.commandLine(call)).getMessage();
    assertTrue(message.startsWith("session: '" + name + "' is no id of codex"), message);
  }

  /**
   * {@code codex exec resume -s …} is refused by the CLI, {@code codex exec -s … resume} is not.
   */
  @Test
  void options_reach_a_resumed_session_too() {
    AgentDefinition agent =
        agent("approve-for-me", "workspace-write", List.of("--add-dir", "/data", "-p", "ci"));
    assertEquals(
        List.of(
            "exec",
            "--approve-for-me",
            "--add-dir",
            "/data",
            "-p",
            "ci",
            "resume",
            "--json",
            "--skip-git-repo-check",
            "-c",
            "sandbox_mode=\"workspace-write\"",
            SESSION.value(),
            "go on"),
        line(agent, SessionStart.RESUME, "go on", null).arguments());
    List<String> fresh = line(agent, SessionStart.FRESH, "go on", null).arguments();
    assertTrue(fresh.contains("sandbox_mode=\"workspace-write\""), fresh.toString());
    assertFalse(fresh.contains("resume"), fresh.toString());
  }

  @Test
  void never_is_what_exec_does_without_being_told() {
    assertEquals(
        line(agent(null, null, List.of()), SessionStart.FRESH, "x", null),
        line(agent("never", null, List.of()), SessionStart.FRESH, "x", null));
    assertTrue(
        line(
                agent("dangerously-bypass-approvals-and-sandbox", null, List.of()),
                SessionStart.RESUME,
                "x",
                null)
            .arguments()
            .contains("--dangerously-bypass-approvals-and-sandbox"));
  }

  @Test
  void a_prompt_is_never_taken_for_an_option_or_a_command() {
    for (String prompt : List.of("-x", "-", "--help", " ", "y".repeat(200_000))) {
      for (SessionStart start : SessionStart.values()) {
        CommandLine line = line(agent(null, null, List.of()), start, prompt, null);
        assertEquals(prompt, line.stdin());
        assertEquals("-", line.arguments().get(line.arguments().size() - 1));
      }
    }
    for (String prompt : List.of("review", "resume", "help", "fork")) {
      CommandLine line = line(agent(null, null, List.of()), SessionStart.FRESH, prompt, null);
      List<String> last = line.arguments().subList(line.arguments().size() - 2, 5);
      assertEquals(List.of("--", prompt), last);
      assertNull(line.stdin());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "sandbox, , none, ",
    "permission-mode, untrusted, , ",
    "permission-mode, on-request, , ",
    "sandbox, dangerously-bypass-approvals-and-sandbox, read-only, ",
    "sandbox, approve-for-me, read-only, ",
    "sandbox, full-auto, danger-full-access, ",
    "args[0], , read-only, --dangerously-bypass-approvals-and-sandbox",
    "args[0], , , --yolo",
    "args[0], , , --approve-for-me",
    "args[0], , , --ephemeral",
    "args[0], , , -C",
    "args[0], , , -C/srv/other",
    "args[0], , , --cd=/srv/other",
    "args[0], , , --json",
    "args[0], , , --last",
    "args[0], , , resume",
    "args[0], , read-only, -s",
    "args[0], , read-only, --sandbox=workspace-write",
  })
  void what_the_cli_would_refuse_or_ignore_is_refused_at_start(
      String key, String permissionMode, String sandbox, String arg) {
    List<String> args = arg == null ? List.of() : List.of(arg);
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> new CodexProvider().driver(agent(permissionMode, sandbox, args)))
            .getMessage();
    assertTrue(message.startsWith("agents.mine." + key + ": "), message);
  }
}
