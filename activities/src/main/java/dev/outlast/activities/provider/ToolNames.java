package dev.outlast.activities.provider;

import dev.outlast.activities.process.PlainText;
import dev.outlast.agent.ItemKind;
import java.util.Locale;
import java.util.regex.Pattern;

/** What the names of tools say, whichever agent uses them. */
public final class ToolNames {

  /** The longest name that is kept, in characters. */
  public static final int MAX_NAME = 80;

  private static final Pattern COMMAND =
      Pattern.compile("(?:.*[_-])?(?:bash|shell|sh|exec|terminal|powershell|command)(?:[_-].*)?");
  private static final Pattern FILE =
      Pattern.compile(
          "(?:multi|notebook)?(?:edit|write|create|patch|replace|str_replace.*|apply_patch"
              + "|applypatch|write_file|edit_file|create_file|delete_file|insert|file_change)");
  private static final Pattern PLAN =
      Pattern.compile(
          "(?:todo|plan|update_plan|update_todo|write_todos|task_?create|task_?update|(?:enter|exit)_?plan).*");

  private ToolNames() {}

  /** A tool's name, safe to show and bounded. */
  public static String shown(String name) {
    return PlainText.head(PlainText.clean(name), MAX_NAME);
  }

  /** What a tool of this name does. */
  public static ItemKind kind(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    if (COMMAND.matcher(lower).matches()) {
      return ItemKind.COMMAND_EXECUTION;
    }
    if (FILE.matcher(lower).matches()) {
      return ItemKind.FILE_CHANGE;
    }
    return PLAN.matcher(lower).matches() ? ItemKind.PLAN : ItemKind.TOOL_CALL;
  }
}
