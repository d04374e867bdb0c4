package dev.outlast.run;

/** What a session is told that has not been there all the time. */
final class Handoff {

  /** The most that is handed on of the agent's last answer, in characters. */
  static final int MAX_LAST_TEXT = 4_000;

  private Handoff() {}

  /** For a fresh session, when the one before it is gone. */
  static String afterLostSession(String prompt) {
    return "An earlier session of this task is lost, so you start without its conversation. Look at"
        + " the workspace first: some of the work may be done already; do not redo it. The task:\n\n"
        + prompt;
  }

  /**
   * For a fresh session on another host.
   *
   * @param turn the present turn
   * @param lastText what was answered in the turn before; empty if nothing was
   */
  static String afterMove(String prompt, int turn, String lastText) {
    StringBuilder text =
        new StringBuilder(
            "This task was begun on another computer that is gone now, so you start without its"
                + " conversation, and files that it had not passed on are missing. Look at the"
                + " workspace and its history first: some of the work may be done already; do not"
                + " redo it.");
    if (turn > 1) {
      text.append(" It is turn ").append(turn).append(" of the conversation.");
      if (!lastText.isBlank()) {
        text.append(" The answer in the turn before was:\n\n").append(bounded(lastText));
        text.append("\n\n");
      }
    }
    return text.append(" The task:\n\n").append(prompt).toString();
  }

  /** For a session that somebody else has gone on with. */
  static String continuedElsewhere(String message) {
    return "Somebody else has gone on with this session since you were last asked something here."
        + " Look first at what was said and done since, and at the workspace; do not redo it, and"
        + " do not undo it. Then:\n\n"
        + message;
  }

  private static String bounded(String text) {
    return text.length() <= MAX_LAST_TEXT
        ? text
        : text.substring(0, text.offsetByCodePoints(0, text.codePointCount(0, MAX_LAST_TEXT) - 1))
            + "…";
  }
}
