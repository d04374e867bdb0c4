package dev.outlast.activities.workspace;

import dev.outlast.activities.process.PlainText;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** Names for the worktrees of runs, which name a folder and the last part of a branch. */
final class WorktreeName {

  /** The longest name, in characters. */
  static final int MAX_LENGTH = 60;

  private static final int HASH = 8;

  private WorktreeName() {}

  /**
   * The names that a run's worktree may have, the best first. The first is the run's id wherever
   * that can be one; the other is the run's alone, for where the first is taken.
   *
   * @param run the workflow id
   * @param execution the workflow's run id, by which it differs from others of that id
   */
  static List<String> of(String run, String execution) {
    String safe = safe(run);
    String first = safe.equals(run) ? run : hashed(safe, run);
    return List.of(first, hashed(safe, run + "\n" + execution));
  }

  /**
   * Only characters that mean nothing to a shell, a path or git: no {@code ..}, no leading dot or
   * dash, and no {@code .lock} or dot at the end ({@code git check-ref-format}).
   */
  private static String safe(String run) {
    String safe =
        PlainText.head(run, MAX_LENGTH)
            .replaceAll("[^A-Za-z0-9._-]", "-")
            .replaceAll("\\.{2,}", ".")
            .replaceAll("^[.-]+|[.-]+$|\\.lock$", "");
    return safe.isEmpty() ? "run" : safe;
  }

  private static String hashed(String safe, String of) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(of.getBytes(StandardCharsets.UTF_8));
      return PlainText.head(safe, MAX_LENGTH - HASH - 1)
          + "-"
          + HexFormat.of().formatHex(hash).substring(0, HASH);
    } catch (NoSuchAlgorithmException everyJavaHasIt) {
      throw new IllegalStateException(everyJavaHasIt);
    }
  }
}
