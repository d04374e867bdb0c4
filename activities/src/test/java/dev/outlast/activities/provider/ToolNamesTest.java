package dev.outlast.activities.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.outlast.agent.ItemKind;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ToolNamesTest {

  /** What the tools are called by Claude Code, Gemini CLI, Copilot CLI and OpenCode. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "COMMAND_EXECUTION; Bash PowerShell run_shell_command bash write_bash shell",
        "FILE_CHANGE; Edit Write MultiEdit NotebookEdit write_file replace str_replace_editor edit"
            + " create apply_patch write patch multiedit",
        "PLAN; TodoWrite TaskCreate TaskUpdate EnterPlanMode ExitPlanMode write_todos"
            + " enter_plan_mode exit_plan_mode update_todo todowrite todoread plan_exit",
        "TOOL_CALL; Read Grep Glob Task Agent WebFetch WebSearch read_file list_directory"
            + " google_web_search save_memory view report_intent task grep webfetch skill",
      })
  void the_tools_of_every_agent_have_their_kind(ItemKind kind, String names) {
    for (String name : names.split(" ")) {
      assertEquals(kind, ToolNames.kind(name), name);
    }
  }
}
