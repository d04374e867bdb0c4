package dev.outlast.run;

import dev.outlast.agent.HandoffNotes;
import java.util.List;
import java.util.stream.Collectors;

/** What a session is told that has not been there all the time. */
final class Handoff {

  /** The most that is handed on of the agent's last answer, in characters. */
  static final int MAX_LAST_TEXT = 4_000;

  /** Of how many other sessions a session is told at most. */
  static final int MAX_SESSIONS = 3;

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

  /**
   * For a fresh session of a task that was begun in another, maybe by another agent.
   *
   * @param turn the present turn
   * @param lastText what was answered in the turn before; empty if nothing was
   * @param notes of what was done there; null if nothing is known
   */
  static String toFresh(String prompt, int turn, String lastText, String notes) {
    StringBuilder text =
        new StringBuilder(
            "This task was begun in another session, which you cannot see. Look at the workspace"
                + " first: some of the work may be done already; do not redo it.");
    if (turn > 1) {
      text.append(" It is turn ").append(turn).append(" of the conversation.");
      if (!lastText.isBlank()) {
        text.append(" The answer in the turn before was:\n\n").append(bounded(lastText));
        text.append("\n\n");
      }
    }
    if (notes != null) {
      text.append(" What is known of the work so far:\n\n").append(notes).append("\n\n");
    }
    return text.append(" The task:\n\n").append(prompt).toString();
  }

  /**
   * For a session that is gone on with after others have worked on its task.
   *
   * @param notes of what was done there
   * @param next what the session is to do now
   */
  static String meanwhile(String notes, String next) {
    return "Since you were last asked something here the task was gone on with in another session,"
        + " in the same workspace. Look first at what was done; do not redo it, and do not undo"
        + " it. What is known of it:\n\n"
        + notes
        + "\n\nThen:\n\n"
        + next;
  }

  /**
   * What was done in other sessions, in one text.
   *
   * @param each of them, the latest last; of more than {@value #MAX_SESSIONS} only the latest
   */
  static String notes(List<String> each) {
    return each.stream()
        .skip(Math.max(0, each.size() - MAX_SESSIONS))
        .map(text -> bounded(text, HandoffNotes.MAX_BYTES))
        .collect(Collectors.joining("\n\n"));
  }

  /** For a session that somebody else has gone on with. */
  static String continuedElsewhere(String message) {
    return "Somebody else has gone on with this session since you were last asked something here."
        + " Look first at what was said and done since, and at the workspace; do not redo it, and"
        + " do not undo it. Then:\n\n"
        + message;
  }

  private static String bounded(String text) {
    return bounded(text, MAX_LAST_TEXT);
  }

  private static String bounded(String text, int most) {
    return text.length() <= most
        ? text
        : text.substring(0, text.offsetByCodePoints(0, text.codePointCount(0, most) - 1)) + "…";
  }
}
