package dev.outlast.activities.handoff;

import dev.outlast.activities.process.PlainText;
import dev.outlast.activities.transcript.TranscriptRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** What a session has of one turn of one run. */
final class Chapter {

  /** How many prompts of a turn are kept: those of its newest invocations. */
  static final int MAX_PROMPTS = 10;

  /** How much of a prompt, and of an answer, is kept, in characters. */
  static final int MAX_TEXT = 4_000;

  /** How much is kept of a turn that is over, in characters of its question and of its answer. */
  static final int MAX_PAST = 400;

  private static final Pattern WORD = Pattern.compile("[a-z-]{1,40}");

  private final String run;
  private final int turn;
  private final Deeds deeds = new Deeds();
  private final List<String> prompts = new ArrayList<>();
  private String asked;
  private String answer = "";
  private String ending = "it broke off";

  Chapter(TranscriptRecord first) {
    run = first.run();
    turn = first.turn();
  }

  boolean isOf(String otherRun, int otherTurn) {
    return run.equals(otherRun) && turn == otherTurn;
  }

  Deeds deeds() {
    return deeds;
  }

  void prompt(String text) {
    String kept = PlainText.head(text, MAX_TEXT);
    asked = asked == null ? kept : asked;
    // After each limit the same is said.
    prompts.remove(kept);
    prompts.add(0, kept);
    if (prompts.size() > MAX_PROMPTS) {
      prompts.remove(MAX_PROMPTS);
    }
    ending = "it broke off";
  }

  /**
   * How an invocation ended.
   *
   * @param kind the word of the outcome; empty for a failure
   * @param reason why it was stopped; empty if it was not
   * @param text the answer, of one that was completed
   */
  void ended(String kind, String reason, String text) {
    answer = kind.equals("completed") ? PlainText.head(text, MAX_TEXT) : answer;
    ending =
        switch (kind) {
          case "completed" -> "it had answered";
          case "limited" -> "a usage limit of its account stopped it";
          case "stopped" ->
              "it was stopped" + (WORD.matcher(reason).matches() ? " (" + reason + ")" : "");
          case "deferred" -> "it was not started";
          default -> "it failed";
        };
  }

  String ending() {
    return ending;
  }

  /** What the agent was asked, the newest first. */
  List<String> prompts() {
    return prompts;
  }

  /** All of it as one entry, once it is over. */
  String past() {
    String question = asked == null ? "" : PlainText.head(asked, MAX_PAST);
    return answer.isBlank() ? question : question + "\n-> " + PlainText.head(answer, MAX_PAST);
  }
}
