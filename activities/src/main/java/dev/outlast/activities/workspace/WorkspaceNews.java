package dev.outlast.activities.workspace;

import dev.outlast.activities.process.PlainText;
import dev.outlast.agent.WorkspaceState;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * What an agent is told of changes that were made in its workspace while it was away.
 *
 * @param before how the workspace stood when the agent had ended
 * @param now how it stands, differently
 * @param commits how the commits differ; null if that is not known
 * @param files the names of files that differ, the most telling first
 * @param more how many files differ besides
 * @param perhapsByAgent whether the agent itself may have made changes, in work that was broken off
 */
record WorkspaceNews(
    WorkspaceState before,
    WorkspaceState now,
    Commits commits,
    List<String> files,
    int more,
    boolean perhapsByAgent) {

  /** How many files are named. */
  static final int MAX_FILES = 10;

  /** The longest name of a file or branch, in characters. */
  static final int MAX_NAME = 100;

  private static final int SHORT_COMMIT = 12;

  /**
   * Two commits compared.
   *
   * @param gained how many commits the new one has that the old one has not
   * @param lost how many the old one had that the new one has not
   */
  record Commits(int gained, int lost) {}

  /** The paragraph; names in it are quoted, and bounded, since anybody may have chosen them. */
  String text() {
    StringBuilder text =
        new StringBuilder("Note: the workspace has changed since you were stopped. ");
    boolean moved = !Objects.equals(before.head(), now.head());
    if (moved) {
      text.append("HEAD moved from ")
          .append(commit(before.head()))
          .append(" to ")
          .append(commit(now.head()))
          .append(difference())
          .append(". ");
    }
    if (!Objects.equals(before.branch(), now.branch())) {
      text.append("The branch was ")
          .append(branch(before.branch()))
          .append(" and is ")
          .append(branch(now.branch()))
          .append(". ");
    }
    if (before.changed() != now.changed()) {
      text.append("Paths with uncommitted changes: ")
          .append(now.changed())
          .append(", then ")
          .append(before.changed())
          .append(". ");
    } else if (!Objects.equals(before.digest(), now.digest())) {
      text.append("Uncommitted changes differ (")
          .append(paths(now.changed()))
          .append(", as many as then). ");
    }
    if (!files.isEmpty()) {
      text.append("Files: ")
          .append(files.stream().map(WorkspaceNews::quoted).collect(Collectors.joining(", ")));
      if (more > 0) {
        text.append(" and ").append(more).append(" more");
      }
      text.append(". ");
    }
    return text.append(
            perhapsByAgent
                ? "You may have made these changes yourself, before you were interrupted once more,"
                    + " or somebody else has"
                : "Somebody else may have made these changes")
        .append(": look at them before you go on, and do not undo them.")
        .toString();
  }

  private String difference() {
    if (commits == null) {
      return before.head() == null || now.head() == null
          ? ""
          : " (the old commit cannot be compared; it may be gone)";
    }
    StringBuilder text = new StringBuilder(" (").append(counted(commits.gained())).append(" more");
    if (commits.lost() > 0) {
      text.append(", and ").append(counted(commits.lost())).append(" no longer in it");
    }
    return text.append(')').toString();
  }

  private static String counted(int commits) {
    return commits + (commits == 1 ? " commit" : " commits");
  }

  private static String paths(int count) {
    return count + (count == 1 ? " path" : " paths");
  }

  private static String commit(String hash) {
    return hash == null ? "no commit" : PlainText.head(plain(hash), SHORT_COMMIT);
  }

  private static String branch(String name) {
    return name == null ? "none (detached)" : quoted(name);
  }

  private static String quoted(String name) {
    String plain = plain(name);
    String cut = PlainText.head(plain, MAX_NAME);
    return "\"" + cut + (cut.length() < plain.length() ? "…" : "") + "\"";
  }

  /** On one line, and without what could end the quotation. */
  private static String plain(String name) {
    return PlainText.clean(PlainText.head(name, 4 * MAX_NAME))
        .replaceAll("[\\s\\p{Z}]", " ")
        .replaceAll("[\"`\\\\]", "?");
  }
}
